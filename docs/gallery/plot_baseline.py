"""
The baseline against towers and truth
=====================================

Process models with published parameters, on towers and on a grid, scored against what towers record
and against what is true.
"""

import xflux

earth = xflux.twin.Earth(seed=0)
drivers, observed = earth.towers(n=100)
fluxes = xflux.baseline(drivers)
scores = xflux.evaluate(observed, fluxes)
scores.to_pandas()[["n", "r2_nse", "r2_pearson", "rmse", "bias"]].round(2)

# %%
# Gross production at the towers, by land cover.

fluxes.flux.plot.scatter("gpp", observed, by="igbp")

# %%
# A pooled score is mostly season and site. The parts are scored each for itself: means across
# sites, the mean seasonal cycle, and what is left of it.

xflux.evaluate(observed, fluxes, decompose=True)["r2_nse"].to_pandas().round(2)

# %%
# The mean seasonal cycle at northern forests, recorded and computed.

import xarray as xr

forests = drivers.igbp.isin([1, 4, 5]) & (drivers.lat > 40)
both = xr.concat([observed.nee, fluxes.nee], xr.Variable("source", ["towers", "baseline"]))
both = both.where(observed.nee.notnull() & forests, drop=True).assign_attrs(observed.nee.attrs)
both.to_dataset(name="nee").flux.plot.series("nee", x="month", hue="source")

# %%
# On the grid the truth is known everywhere. Where is the baseline wrong, and by how much?

grid = earth.drivers.flux.baseline()
error = (grid.gpp - earth.truth.gpp).assign_attrs(
    long_name="GPP, baseline less truth", units="g C m-2 d-1"
)
error.to_dataset(name="error").flux.plot.map("error", cmap="RdBu_r", vmin=-2, vmax=2)

# %%
# Net exchange is the small difference of two large estimates that know nothing of each other. Its
# total is far from the truth: that is what learned refinement is for.

from xflux.labels.integral import integrate

where = {"area": grid.cell_area, "land_fraction": grid.land_fraction, "freq": "YS"}
for name in ("gpp", "reco", "nee"):
    ours, true = (float(integrate(ds[name], **where).mean()) for ds in (grid, earth.truth))
    print(f"{name}: baseline {ours:6.1f}, truth {true:6.1f} PgC per year")
