"""
Which climate drives the fluxes
===============================

Warm months are bright, bright months are dry, and all of them are summer. So a correlation between
dry air and uptake tells of the season, not of what dry air does. ``ds.carbon.attribute`` is told
who may act on whom, takes the seasons off, and estimates what each driver does by itself and
through the others, with intervals that count how few months are independent.
"""

import xflux

earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2016", seed=0)
ds = earth.drivers.merge(earth.truth[["gpp", "reco"]]).compute()

# Regions are classes of land cover; three of them are shown.
found = ds.carbon.attribute(regions=ds.igbp).sel(region=[4, 10, 12])
found.names.values.tolist()

# %%
# The graph of causes is an assumption, and all that follows rests on it. Here with direct effects
# in grassland: an arrow is as wide as its effect, and broken where the 90 % interval holds 0.

found.sel(region=10).flux.plot.graph()

# %%
# Total effects, along all paths: change of the flux, in its standard deviations, for one of the
# driver, of anomalies from the mean season. A filled mark has a 90 % interval without 0. Effects
# on NEP are those on GPP less those on RECO, draw by draw.

found.flux.plot.effects()

# %%
# The rank correlations of raw months, as they are often shown: they are association, and mostly
# that of the season. Of dry air and uptake they have the wrong sign.

ranks = ds.carbon.attribute(regions=ds.igbp, method="rank").sel(region=[4, 10, 12])
ranks.flux.plot.effects()

# %%
# Does the graph hold? It implies that some variables tell nothing of each other given others. A
# small p-value (by Holm, as there are several) speaks against it. On this Earth rain comes with
# cloud, and the graph has no arrow from one to the other.

tests = found.dag_tests.sel(region=10).to_pandas().round(2)
tests[tests.p_holm < 0.05]

# %%
# So a graph of one's own, with that arrow. Few effects change by it: the answer does not hang on
# it.

from xflux.carbon.causal_graph import PRESETS

cloud = {"swin": ("p",), **PRESETS["default"]}
again = ds.carbon.attribute(cloud, regions=ds.igbp).sel(region=[4, 10, 12])
on_uptake = {"effect": "total", "child": "gpp", "quantile": 0.5, "region": 10}
both = {"default": found, "with cloud": again}
{
    name: one.effects.sel(on_uptake).to_series().dropna().round(2).to_dict()
    for name, one in both.items()
}

# %%
# Last, what is known by its trend alone takes the credit of all else that has one.

flagged = found.confounded_with_trend.sel(region=10)
flagged.parent[flagged].values.tolist()
