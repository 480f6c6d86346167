"""
An Earth whose truth is known
=============================

``xflux.twin.Earth`` generates an idealised Earth from a seed: drivers as models get them, the
fluxes that are true, and towers that record them with errors and gaps. Nothing is computed before
it is asked for.
"""

import xflux

earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2017", seed=0)
earth.drivers

# %%
# Plants follow the climate. The map is drawn by the codes and names of IGBP.

earth.drivers.flux.plot.map("igbp")

# %%
# True gross production, and net exchange. The truth comes from laws that are richer than those of
# the baselines and of another form: soils remember months of rain, plants get used to warmth,
# stands regrow after disturbance, and pools lag carbon dioxide.

truth = earth.truth.compute()  # 17 years at 5 degrees: small enough to hold
truth.flux.plot.map("gpp")

# %%
truth.flux.plot.map("nee")

# %%
# Its carbon over the years: a sink that varies with El Nino.

truth.flux.plot.budget(["gpp", "reco", "nee"])

# %%
# Seasons are opposite in north and south.

season = truth.gpp.groupby("time.month").mean(keep_attrs=True)
season.to_dataset().flux.plot.map("gpp", col="month", col_wrap=4)

# %%
# What is known of the real Earth, beside what this one has. What does not hold is said.

from xflux.twin.plausible import plausible

for check in plausible(earth):
    span = f"{check.low:g} to {check.high:g} {check.units}"
    mark = "" if check.holds else "  <- outside"
    print(f"{check.quantity:38s} {check.value:7.2f}  {span}{mark}")
