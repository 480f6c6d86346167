"""
Refined by towers, and how good that is
=======================================

A process model has a few parameters for the whole Earth. Towers record what it misses. A
``ResidualModel`` learns that difference from climate, greenness, land cover and the baseline
itself, and takes it to any grid. Whether the result is good where no tower stands is another
question than whether it fits the towers: here both are asked, and the truth answers.
"""

import pandas as pd

import xflux

earth = xflux.twin.Earth(start="2001", end="2006", seed=0)
drivers, observed = earth.towers(n=40)

# One quick learner, five members and a few features, so that this page is soon built;
# xflux.ResidualModel() takes several learners, more members and more features.
model = xflux.ResidualModel(
    learner="kernel",
    fluxes=("gpp", "reco", "nee"),
    members=5,
    features=(
        *("ta", "vpd", "swin", "p", "fapar", "elevation", "igbp"),
        *("gpp_baseline", "reco_baseline", "nee_baseline"),
        *("ta_lag1", "ta_mean3", "p_mean3", "p_mean12", "fapar_mean12"),
    ),
)

# %%
# A score at months that the model was fitted to says nothing. So every record is predicted by a
# model that was fitted without it. There are two ways to leave records out. If months are drawn at
# random, the model has seen other months of the same tower: that is skill at filling the gaps of a
# tower. If whole towers are left out, it has seen nothing of the place: that is skill on a map.

from xflux.refinement.splits import RandomRows

by_month = model.cross_validate(drivers, observed, splitter=RandomRows(5))
by_site = model.cross_validate(drivers, observed, splitter=5)

# All are scored on the same records: a tower whose land cover no other has cannot be predicted.
same = by_site.sel(estimate="refined", drop=True)[["gpp", "reco", "nee"]].notnull()
scores = {
    "baseline": by_site.sel(estimate="baseline"),
    "refined, whole towers": by_site.sel(estimate="refined"),
    "refined, random months": by_month.sel(estimate="refined"),
}
scores = {
    name: xflux.evaluate(observed, made[list(same)].where(same))["r2_nse"].to_series()
    for name, made in scores.items()
}
pd.DataFrame(scores).round(2)

# %%
# The gap between the last two columns is what the model knows of a tower from its other months. It
# is lost on the map. Only the middle column may be quoted for places without a tower.
#
# Are the gains more than chance? Months of one site are alike, so whole sites are drawn again.
# Where the interval holds 0, as for the gross fluxes of these 40 towers, no gain has been shown.

from xflux.skill.bootstrap import paired_difference

refined, baseline = (by_site.sel(estimate=name) for name in ("refined", "baseline"))
gain = paired_difference(observed, refined, baseline)
gain[["r2_nse", "r2_nse_lower", "r2_nse_upper"]].to_pandas().round(2)

# %%
# Net exchange at sites that were not seen, before and after.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(10, 4.8), sharex=True, sharey=True, layout="constrained")
for ax, (name, fluxes) in zip(axes, {"Baseline": baseline, "Refined": refined}.items()):
    there = observed.nee.notnull() & refined.nee.notnull()
    fluxes[["nee"]].where(there).flux.plot.scatter("nee", observed, ax=ax)
    ax.set_title(name, loc="left")

# %%
# Now the map: fitted to all towers, and applied lazily. Beside each flux there are the ends of its
# 90 % interval. Land whose cover no tower has, such as desert, is left empty: nothing is
# known of it.

model.fit(drivers, observed)
grid = earth.drivers.flux.baseline().flux.refine(model).compute()
grid.flux.plot.map("nee")

# %%
# On this Earth the truth is known everywhere. Monthly values of all refined cells:

import xarray as xr

known = grid.nee.notnull()
truth = earth.truth[["gpp", "reco", "nee"]].compute().where(known)
before = xr.Dataset({name: grid[f"{name}_baseline"] for name in truth}).where(known)
area = grid.cell_area * grid.land_fraction
scores = {
    name: xflux.evaluate(truth, fluxes, weights=area)["r2_nse"].to_pandas()
    for name, fluxes in {"baseline": before, "refined": grid[list(truth)]}.items()
}
for name, r2 in scores.items():
    print(f"{name:10s}", *(f"{flux} {value:5.2f}  " for flux, value in r2.items()))

# %%
# Gross fluxes score higher on the map than at the towers: towers have errors of measurement and
# histories of their own, which no model can predict, and the truth of a cell has not. Net exchange
# scores lower: many of these cells have a climate that none of the 40 towers has.
#
# The intervals are for what a tower at a new site would record, with its errors. The truth should
# lie in 90 % ones more often than that. Where it does not, the land is unlike that of any tower.

ends = grid[[f"{name}_{end}" for name in truth for end in ("lower", "upper")]]
held = xflux.evaluate_intervals(truth, ends, level=0.9, weights=area)
print(held.coverage.to_pandas().round(3).to_dict())
inside = ((truth.nee >= grid.nee_lower) & (truth.nee <= grid.nee_upper)).where(known)
share = inside.mean("time").drop_attrs()
share.attrs = {"long_name": "Share of months within the interval", "units": "1", "synthetic": "yes"}
share.to_dataset(name="share").flux.plot.map("share", vmin=0.5, vmax=1.0, cmap="viridis")

# %%
# Last the sum. Net exchange is a small difference of two large fluxes, and even a map that is right
# to a few per cent may have a wrong sink. Towers alone do not tell it.

from xflux.labels.integral import integrate

where = {"area": grid.cell_area, "land_fraction": grid.land_fraction, "freq": "YS"}
for name, ds in {"truth": truth, "baseline": before, "refined": grid}.items():
    total = float(integrate(ds.nee, **where).mean())
    print(f"{name:10s} {total:6.1f} PgC per year, over the land with a refined value")
