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
# Then bridges: pixels that stand for their region, as a model cannot be run on all land at each
# step of training. They are chosen in the field of the towers-only model. Of a region in which no
# choice follows months and their anomalies well enough it would warn.

own = grid.flux.refine(towers_only, interval=None)
bridge = xflux.RegionalBridge().fit(own, regions, progress=False)

# %%
# And both, from the same first weights and with the same batches of towers. What differs between
# the two models is the atmosphere.

dual = xflux.DualConstraintNetwork(**options)
dual.fit(drivers, observed.nee, drivers=grid, inversions=inversions, bridge=bridge, progress=False)

# %%
# Each has three members, which never saw a third of the towers each. Their fields are summed over
# regions exactly, not by the bridges.

area = grid[["cell_area", "land_fraction"]]
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
# Annual sums; below 0 land takes up carbon. Towers alone give a sink several times too strong, and
# one that weakens over the years far more than in truth; their members do not agree. With the
# atmosphere it is still too strong, by less than 1 PgC a year, in the first years by more. In the
# paper it is -20.3 PgC a year with towers alone and -3.1 with both. Bands are of members and of
# inversions.

from xflux.plot.regional import plot_region_anomalies, plot_region_cycles, plot_region_years

sources = {**sums, "inversions": inversions, "truth": true}
colours = {"towers only": "#d55e00", "towers and atmosphere": "#0072b2"}
beside = {"inversions": "#009e73", "truth": "#333333"}
plot_region_years(sources, show="all", colors=colours | beside, figsize=(7.5, 4.4))

# %%
# Two years of the inversions were kept from all members. Their errors, in PgC, are about as large
# as those of years that were trained on. The sink of the last year, the strongest of all, is
# missed; the defaults do not find it either.

error = (sums["towers and atmosphere"].mean("member") - true).sum("region", skipna=False)
error = error.groupby("time.year").sum("time").sel(year=list(dual.away_years_))
print({int(year): round(float(value), 2) for year, value in zip(error.year, error, strict=True)})

# %%
# Where is it wrong? Towers alone are in the tropics most of all, where their members also differ
# most, and make Australia a source. Most of what is left with the atmosphere is in tropical South
# America. Its members differ most in temperate South America, where one of three has a source.

plot_region_years(sources, colors=colours | beside, figsize=(10.0, 6.6))

# %%
# Seasons
# -------
#
# Mean seasonal cycles, between the least and the largest of members and inversions. In the north
# towers alone know the season, of too small a range. In the tropics they have the wrong level; the
# dual model comes near to the level, and has the season roughly: too much of it in Africa, too
# little in tropical Asia.

plot_region_cycles(sources, band="range", colors=colours | beside, figsize=(10.0, 6.6))

# %%
# How well are months met? ``nnse`` is 1 at best, and 0.5 for a constant at the reference's mean.
# Left against the truth, which no model saw. Right against the inversions, as in the paper. These
# trained the dual model, which ``independent=False`` says, and then the figure: a fit, not skill.

from xflux.plot.skill_bars import plot_skill_bars

means = {name: one.mean("member", keep_attrs=True) for name, one in sums.items()}
skill = {name: xflux.regional_skill(true, one, independent=True) for name, one in means.items()}
fit = {
    name: xflux.regional_skill(inversions, one, independent=name == "towers only")
    for name, one in means.items()
}
fig, axes = plt.subplots(1, 2, figsize=(9.5, 5.2), sharey=True, layout="constrained")
plot_skill_bars(skill, "nnse", ax=axes[0], note="against the truth", colors=colours)
plot_skill_bars(fit, "nnse", ax=axes[1], note="against the inversions", colors=colours)

# %%
# RMSE of the mean seasonal cycle, and of annual sums.

fig, axes = plt.subplots(1, 2, figsize=(9.5, 5.2), sharey=True, layout="constrained")
plot_skill_bars(skill, "cycle_rmse", ax=axes[0], note="against the truth", colors=colours)
plot_skill_bars(skill, "annual_rmse", ax=axes[1], note="against the truth", colors=colours)

# %%
# Years
# -----
#
# What is left when mean and trend of annual sums are taken off. It hangs on how long one trains: at
# these quick settings neither model follows the years of the sum well. With the defaults (same
# seed) both do (R2 of about .8 and more), with the atmosphere no better than without. Quick or not,
# both vary less than the truth.

plot_region_anomalies(sources, show="all", colors=colours | beside, figsize=(7.5, 4.4))
r2 = {name: one.anomaly_r2_pearson.sel(region="all").item() for name, one in skill.items()}
print({name: round(value, 2) for name, value in r2.items()}, "R2 of the sum")

# %%
# In each region: the squared correlation of these anomalies with the truth, which the atmosphere
# lowers in most, and the standard deviation of the years. This counts trends too: hence that of the
# sum, which is far too large with towers alone.

fig, axes = plt.subplots(1, 2, figsize=(9.5, 5.2), sharey=True, layout="constrained")
plot_skill_bars(skill, "anomaly_r2_pearson", ax=axes[0], note="against the truth", colors=colours)
known = skill["towers only"][["iav_reference"]].rename(iav_reference="iav_predicted")
years = {**skill, "truth": known}
shown = colours | {"truth": beside["truth"]}
plot_skill_bars(years, "iav_predicted", ax=axes[1], note="of annual sums", colors=shown)

# %%
# The standard deviation of each cell of 5 degrees, where the paper maps cells of 1 degree. The
# atmosphere, which tells of sums, mends little of it. Beyond the tropics both models have about its
# size, within them far too much, and both misplace it: in strips of latitude, as savannas of one
# latitude are alike to them, and in deserts, where no tower stands.

from xflux.regional.pixel_variability import pixel_variability

mean_fields = {name: field.mean("member", keep_attrs=True) for name, field in fields.items()}
source = xr.Variable("source", [*mean_fields, "truth"])
varies = [pixel_variability(field) for field in (*mean_fields.values(), truth)]
varies = xr.concat(varies, source, coords="minimal", compat="override", combine_attrs="override")
print(varies.mean(["lat", "lon"]).to_series().round(1).to_dict(), "TgC a year")
varies.to_dataset().flux.plot.map("iav", col="source", col_wrap=1, figsize=(6.6, 7.6))

# %%
# Within regions
# --------------
#
# The atmosphere tells sums of regions. Does it teach more than a constant for each? Correlation of
# the months of each cell with the truth, and what is gained. Deserts, where nothing is exchanged,
# are left out. Outside the tropics both know the months; in the tropics the dual model does better.
# It does worse in some dry places, as at the Horn of Africa and in the north of Australia.

alive = truth.nee.std("time") > 0.05
r = {
    name: xflux.evaluate(truth.nee, field.nee, dim="time", metrics=["pearson_r"]).pearson_r
    for name, field in mean_fields.items()
}
r = {name: one.where(alive) for name, one in r.items()}
weights = (grid.cell_area * grid.land_fraction).where(abs(grid.lat) < 20.0, 0.0)
print(
    {name: round(float(one.weighted(weights).mean()), 2) for name, one in r.items()},
    "in the tropics",
)

from xflux.plot.correlations import plot_correlations

fig, axes = plt.subplots(3, 1, figsize=(6.5, 9.8), layout="constrained")
plot_correlations(r, axes=axes)

# %%
# At the towers
# -------------
#
# Each tower is predicted by the member that did not see it. By land cover, against what towers
# recorded, and against what is true there. Evergreen broadleaved forest and woody savanna are
# tropical: there the atmosphere contradicts the records, and the dual model departs from them and
# comes nearer to what is true. Elsewhere it changes little; open shrubland is met worse.

there = observed.nee.notnull()
right = earth.tower_truth(100).nee.where(there)
unseen = {name: model.out_of_fold_.where(there) for name, model in models.items()}
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.6), sharey=True, layout="constrained")
for ax, (note, nee) in zip(axes, {"records": observed.nee, "truth": right}.items(), strict=True):
    by_cover = {name: xflux.evaluate(nee, one, by=drivers.igbp) for name, one in unseen.items()}
    plot_skill_bars(by_cover, "rmse", along="igbp", ax=ax, note=f"against {note}", colors=colours)

# %%
# The bridges
# -----------
#
# Where the pixels lie through which the dual model first met the atmosphere (while it trains,
# bridges are made anew of other pixels), and how much land each stands for.

from xflux.plot.bridges import plot_bridge

plot_bridge(bridge)

# %%
# A bridge that stands on crops alone says of a forest what crops do. Do the pixels have the land
# cover of their regions? In tropical South America roughly. In Europe barren land counts for
# several times its share, crops and deciduous forest for nothing.

mix = xflux.pft_mix(bridge.to_dataset(), grid.igbp, regions, land_fraction=grid.land_fraction)
mix = mix.where(mix.contributing + mix.region_share > 0.01).drop_attrs().assign_attrs(mix.attrs)
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for ax, region in zip(axes, (3, 11), strict=True):
    shares = {
        "pixels of the bridge": mix[["contributing"]].rename(contributing="share of land cover"),
        "their region": mix[["region_share"]].rename(region_share="share of land cover"),
    }
    shares = {name: one.sel(region=region) for name, one in shares.items()}
    plot_skill_bars(
        shares, "share of land cover", along="class", ax=ax, colors=["#56b4e9", "#8c6bb1"],
        note=mix.names.sel(region=region).item().replace("_", " "),
    )  # fmt: skip

# %%
# So the atmosphere mends the sink and where it lies, and to some part the months within regions. It
# does not replace towers, by which a model learns what differs within a region and between years.
# How this goes with real towers is in :doc:`what skill means </skill>`, how to do it with your own
# data in :doc:`the how-to </howto/regional>`.
