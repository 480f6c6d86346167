"""The towers of the idealised Earth as Datasets, such as networks of towers deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import describe
from xflux.numerics.meteorology import pressure_from_elevation
from xflux.twin.towers import OBSERVED, observe, place_towers
from xflux.twin.world import DRIVERS, TRUTH, at_steps

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["tower_tables"]


def tower_tables(earth: Earth, n: int) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Return drivers, true fluxes and records at towers; see `xflux.twin.Earth.towers`."""
    import xarray as xr

    if not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n={n!r} is no number of towers; expected 1 or more")
    sites = place_towers(earth.seed, int(n))
    first, last = earth._days
    made = at_steps(earth.seed, first, last, sites.lat, sites.lon, sites.land, (*DRIVERS, *TRUTH))
    recorded = observe(earth.seed, sites, made, first, last)
    degrees = {"lat": ("latitude", "degrees_north"), "lon": ("longitude", "degrees_east")}
    coords: dict[str, Any] = {
        "site": ("site", [f"TW-{k + 1:03d}" for k in range(n)], {"cf_role": "timeseries_id"}),
        "time": earth._time,
    }
    for name, (standard_name, units) in degrees.items():
        attrs = {"standard_name": standard_name, "units": units}
        coords[name] = ("site", getattr(sites, name), attrs)
    for name, values in (
        ("elevation", sites.land.elevation),
        ("igbp", sites.land.igbp.astype("i1")),
    ):
        coords[name] = describe(xr.DataArray(values, dims="site"), name)

    def table(arrays: Mapping[str, Any], names: tuple[str, ...], title: str) -> xr.Dataset:
        ds = xr.Dataset(
            {
                name: earth._label(
                    xr.DataArray(arrays[name].T.astype(np.float32), dims=("site", "time")), name
                )
                for name in names
            },
            coords=coords,
        )
        resolution = {"MS": "MM", "D": "DD"}[earth.freq]
        return earth._said(ds, title).assign_attrs(featureType="timeSeries", resolution=resolution)

    drivers = table(made, DRIVERS, "Drivers at towers on an idealised Earth (synthetic)")
    drivers["co2"] = earth._co2
    plain = {
        "c4_fraction": sites.land.c4_fraction,
        "patm": pressure_from_elevation(sites.land.elevation),
    }
    for name, values in plain.items():
        array = xr.DataArray(values.astype(np.float32), dims="site")
        drivers[name] = earth._label(array, name)
    truth = table(made, TRUTH, "True fluxes at towers on an idealised Earth (synthetic)")
    return (
        drivers,
        truth,
        table(recorded, OBSERVED, "Fluxes recorded at towers on an idealised Earth (synthetic)"),
    )
