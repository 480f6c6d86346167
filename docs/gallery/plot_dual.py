"""
Towers and the atmosphere
=========================

Towers see a flux where they stand, the atmosphere sees it summed over continents. A model that is
trained on towers alone puts the sink of the land far off, because few towers stand where most
carbon is exchanged. Upton et al. (2024, doi:10.5194/acp-24-2555-2024) train one model by both, and
call it EC-ATM. Here is their experiment on an idealised Earth, with the figures of their results
(2 to 9) drawn for it. What they could only compare with inversions, which had trained the model,
can here be compared with the truth.
"""

import matplotlib.pyplot as plt
import xarray as xr

import xflux

earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2017", seed=0)
grid, truth = earth.drivers.compute(), earth.truth.compute()

# Towers lose carbon at calm nights. In the tropics these lose so much that they err as the paper's.
drivers, observed = earth.towers(100, night_loss=1.0)

# %%
# Five inversions of 11 regions. Each errs in its own way, by season and between neighbours, so that
# what one region has too much another has too little: their sum is known better than any region.

regions = xflux.transcom_regions(grid)
inversions = earth.inversions(regions, n=5).compute()
inversions

# %%
# First towers alone. Three folds and 80 epochs, so that this page is soon built; the defaults are
# ten and 160, and more models make a steadier mean (:doc:`figures of these </skill>`).

options = {"folds": 3, "epochs": 80, "seed": 0}
towers_only = xflux.DualConstraintNetwork(**options)
towers_only.fit(drivers, observed.nee, drivers=grid, progress=False)

# %%
# Then bridges: pixels that stand for their region, as a model cannot be run on all land at each step
# of training. They are chosen in the field of the towers-only model. In one region no choice
# follows the years well enough, of which it would warn: the season of that field hides them.

import warnings

area = grid[["cell_area", "land_fraction"]]
own = towers_only.apply(grid).assign(area)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", xflux.XfluxWarning)
    bridge = xflux.RegionalBridge().fit(own, regions, progress=False)

# %%
# And both, from the same first weights and with the same batches of towers. What differs between
# the two models is the atmosphere.

dual = xflux.DualConstraintNetwork(**options)
dual.fit(
    drivers, observed.nee, drivers=grid, inversions=inversions, bridge=bridge, progress=False
)

# %%
# Each has three members, which never saw a third of the towers each. Their fields are summed over
# regions exactly, not by the bridges.

models = {"towers only": towers_only, "towers and atmosphere": dual}
fields = {
    name: model.apply(grid, members=True).assign(area).compute() for name, model in models.items()
}
sums = {name: xflux.regional_integral(field, regions=regions).nee for name, field in fields.items()}
true = xflux.regional_integral(truth, regions=regions).nee

# %%
# The sink of the land
# --------------------
#
# Annual sums; below 0 land takes up carbon. Towers alone give a sink four times too strong, and their
# members do not agree. In the paper it is -20.3 PgC a year with towers alone and -3.1 with both.

from xflux.plot.regional import plot_region_cycles, plot_region_years

sources = {**sums, "inversions": inversions, "truth": true}
colours = {
    "towers only": "#d55e00",
    "towers and atmosphere": "#0072b2",
    "inversions": "#009e73",
    "truth": "#333333",
}
plot_region_years(sources, show="all", colors=colours, figsize=(7.5, 4.4))

# %%
# Two years of the inversions were kept from all members. Their errors:

error = (sums["towers and atmosphere"].mean("member") - true).sum("region", skipna=False)
error = error.groupby("time.year").sum("time").sel(year=list(dual.away_years_))
print({int(year): round(float(value), 2) for year, value in zip(error.year, error, strict=True)})

# %%
# Where is it wrong? In the tropics. There the members of both models differ most, and one of three
# has a source in temperate South America.

plot_region_years(sources, colors=colours, figsize=(10.0, 6.6))

# %%
# Seasons
# -------
#
# Mean seasonal cycles, between the least and the largest of members and inversions. In the north
# towers alone know the season, and take up too little in summer. In the tropics they have the wrong
# level; the dual model has the level, and less season than there is.

plot_region_cycles(sources, band="range", colors=colours, figsize=(10.0, 6.6))

# %%
# How well are months met? ``nnse`` is 1 at best, and 0.5 for a constant at the mean of the reference.
# Against the truth, which no model saw, and against the inversions. Those trained the dual model:
# ``independent=False``, and the figure says that this is a fit.

skill = {name: xflux.regional_skill(true, one, independent=True) for name, one in sums.items()}
fit = {
    name: xflux.regional_skill(inversions, one, independent=name == "towers only")
    for name, one in sums.items()
}
fig, axes = plt.subplots(1, 2, figsize=(9.5, 5.6), sharey=True, layout="constrained")
bars = {"colors": list(colours.values())[:2]}
xflux.plot.skill_bars.plot_skill_bars(skill, "nnse", ax=axes[0], note="against the truth", **bars)
