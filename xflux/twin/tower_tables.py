"""The towers of the idealised Earth as Datasets, such as networks of towers deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import describe
from xflux.numerics.meteorology import pressure_from_elevation
from xflux.twin.fingerprint import drainage_fingerprint
from xflux.twin.night_drainage import drained
from xflux.twin.towers import OBSERVED, observe, place_towers
from xflux.twin.world import DRIVERS, TRUTH, at_steps

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["tower_tables"]


def tower_tables(
    earth: Earth, n: int, night_loss: float = 0.0
) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Return drivers, true fluxes and records at towers; see `xflux.twin.Earth.towers`."""
    import xarray as xr

    if not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n={n!r} is no number of towers; expected 1 or more")
    known = isinstance(night_loss, int | float | np.number) and not isinstance(night_loss, bool)
    if not known or not 0.0 <= night_loss <= 1.0:
        raise InputError(f"night_loss={night_loss!r} is no share; expected 0 to 1")
    sites = place_towers(earth.seed, int(n))
    first, last = earth._days
    made = at_steps(earth.seed, first, last, sites.lat, sites.lon, sites.land, (*DRIVERS, *TRUTH))
    left = drained(earth.seed, sites, made, first, last, night_loss) if night_loss else made
    recorded = observe(earth.seed, sites, left, first, last)
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
    observed = table(
        recorded, OBSERVED, "Fluxes recorded at towers on an idealised Earth (synthetic)"
    )
    if night_loss:
        observed.attrs |= {
            "night_loss": float(night_loss),
            "comment": "carbon that drains away at night is missing in the tropics, by a bias "
            f"that was asked for; numbers of the drainage {drainage_fingerprint()}",
        }
    return drivers, truth, observed
