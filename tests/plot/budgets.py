"""Gridded fluxes for budgets, and what was drawn of them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.container import BarContainer

from xflux.labels.attach import attributes
from xflux.labels.grid import cell_area
from xflux.labels.integral import integrate

LAT, LON = np.arange(-75.0, 76.0, 30.0), np.arange(-165.0, 166.0, 30.0)


def grid(months=72, calendar="standard", seed=4, start="2001-01-01"):
    """Monthly fluxes on a coarse globe, oceans NaN, with land and four zones."""
    random = np.random.default_rng(seed)
    times = xr.date_range(
        start, periods=months, freq="MS", calendar=calendar, use_cftime=calendar != "standard"
    )
    shape = (months, LAT.size, LON.size)
    ds = xr.Dataset(coords={"time": times, "lat": LAT, "lon": LON})
    ocean = np.random.default_rng(0).random(shape[1:]) < 0.4
    level = np.linspace(1.0, 1.2, months)[:, None, None]
    gpp = np.where(ocean, np.nan, level * (4.0 + random.random(shape)))
    reco = np.where(ocean, np.nan, 4.0 + random.random(shape))
    for name, values in (("gpp", gpp), ("reco", reco), ("nee", reco - gpp)):
        ds[name] = (("time", "lat", "lon"), values, attributes(name))
    ds["land_fraction"] = (("lat", "lon"), random.random(shape[1:]), {"units": "1"})
    zones = np.repeat([1, 1, 2, 2, 3, 4], LON.size).reshape(shape[1:])
    flags = {"flag_values": [1, 2, 3, 4], "flag_meanings": "South Tropics North Far_North"}
    ds["zone"] = (("lat", "lon"), zones, flags)
    return ds


def totals(ds, name, **options):
    return integrate(
        ds[name], area=cell_area(ds), land_fraction=ds.land_fraction, freq="YS", **options
    )


def line(ax, name):
    """Years and totals of a flux that is drawn as a line."""
    (found,) = [one for one in ax.get_lines() if one.get_label().split("\n")[0] == name]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def bars(ax, which=0):
    """Bars from left to right, or from the top."""
    held = [one for one in ax.containers if isinstance(one, BarContainer)][which]
    return held.patches


def heights(ax):
    return [bar.get_height() for bar in bars(ax)]


def widths(ax, which=0):
    return [bar.get_width() for bar in bars(ax, which)]


def rows(ax):
    return [tick.get_text() for tick in ax.get_yticklabels()]


def legend(ax):
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def figure_title(ax):
    return ax.figure.get_suptitle().replace("\n", " ")


def members(count=7):
    ds = grid()
    factor = xr.DataArray(np.linspace(0.8, 1.2, count) ** 2, dims="member")
    lots = ds.assign(
        {name: (ds[name] * factor).assign_attrs(ds[name].attrs) for name in ("gpp", "nee")}
    )
    return lots.drop_vars("reco")
