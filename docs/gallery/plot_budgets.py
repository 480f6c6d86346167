"""
Budgets by region
=================

Totals are weighted by the area of cells, their land, and the days of each month, computed once and
lazily. Regions are a mask of integers, fractions, or regionmask.
"""

import xflux

earth = xflux.twin.Earth(seed=0)
truth = earth.truth

# %%
# Several regions are drawn side by side: here land cover classes, which bring their names.

fluxes = truth.assign(igbp=earth.drivers.igbp.compute())
fluxes.flux.plot.budget(["gpp", "nee"], regions="igbp")

# %%
# A region in each panel: bands of latitude, by month.

import numpy as np

band = np.digitize(truth.lat, [-23.5, 23.5, 50.0]) + 1
names = "south tropics middle_north far_north"
bands = truth.lat.copy(data=band).expand_dims(lon=truth.lon).transpose("lat", "lon")
bands.attrs = {"flag_values": [1, 2, 3, 4], "flag_meanings": names}
truth.sel(time=slice("2010", "2012")).flux.plot.budget(
    "nee", regions=bands, freq="MS", col="region", col_wrap=2
)
