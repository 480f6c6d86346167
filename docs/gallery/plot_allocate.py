"""
Where the carbon goes
=====================

What plants take up they respire, or grow from: leaves, wood and roots, which become litter, which
becomes soil. Nobody measures this everywhere. Land models say it, each in its own way. An
``AllocationEmulator`` learns the fractions and turnover times of an ensemble of them, and
``ds.carbon.allocate`` applies these to any uptake and respiration, so that carbon is conserved in
every cell, month and scenario.
"""

import xflux

earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2006", seed=0)
models = earth.land_models(n=9).compute()  # as a folder of TRENDY: fluxes and pools of nine models

# One quick learner and few rows, so that this page is soon built.
emulator = xflux.AllocationEmulator(learner="kernel", folds=3, rows=1000)
emulator = emulator.fit(earth.drivers, models)

# %%
# How good is it at places that it has not seen? Blocks of 10 degrees were left out in turn. What
# counts is not only the score of a flux or pool: uptake differs so much between places that the
# mean fraction of each land cover class, times uptake, scores high for nothing (``null``).

scores = emulator.validation.sel(scenario="mean")
shown = scores[["r2_pearson", "null_r2_pearson", "nrmse", "null_nrmse"]]
shown.drop_vars("scenario").to_dataframe().round(2)

# %%
# So the fractions are scored themselves: 1 is all of what the means of classes leave, 0 nothing.

scores.fraction_skill.to_series().round(2)

# %%
# Now the uptake and respiration of this Earth is divided: fluxes by month, pools by year, each
# with the least and largest of the scenarios (the mean and two quantiles of the ensemble).

ds = earth.drivers.merge(earth.truth[["gpp", "reco"]])
carbon = ds.carbon.allocate(emulator).compute()
carbon[["npp", "ra", "rh", "nep", "cVeg", "cVeg_lower", "cVeg_upper", "cSoil"]]

# %%
# Carbon of plants, with its means by longitude and latitude; the models in grey.

ensemble = models.flux.standardize().mean("model", keep_attrs=True)  # kg m-2 become g m-2
carbon.flux.plot.profiles("cVeg", reference={"Mean of the models": ensemble})

# %%
# What a year's uptake becomes over all land, and what the pools hold, with trends. The sum of
# bounds of cells is no bound of a total; so scenarios are kept, and bands lie between their least
# and largest total.

scenarios = ds.carbon.allocate(emulator, scenarios=True)
scenarios.flux.plot.trends(["gpp", "ra", "rh", "nep", "cVeg", "cSoil"])

# %%
# Whatever was predicted, the identities hold to the rounding of the numbers. One balance does not
# close. These pools are a size, not a history: they are production times turnover, and do not take
# up what the fluxes bring. How they change is what land models say of CO2, not what was stored.

print(xflux.balance_report(xflux.mass_balance(carbon)))

# %%
# Pools that are integrated in time do not have that gap. They take the residence times of the
# emulator, and begin in balance with the first year; respiration of soils then follows from them.

parameters = emulator.pool_parameters(carbon).mean("year", keep_attrs=True)
pools = carbon[["gpp", "npp", "igbp"]].carbon.simulate_pools(parameters, spinup=1)
area = {name: carbon[name] for name in ("cell_area", "land_fraction")}
print(xflux.balance_report(xflux.mass_balance(pools.assign(area))))
