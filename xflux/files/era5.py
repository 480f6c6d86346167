"""ERA5 and ERA5-Land: time axes, accumulations, directions.

How amounts accumulate differs by product, and the numbers do not tell:

================================  =============================================
product                           amount at a stamp
================================  =============================================
ERA5-Land, hourly                 since 00 UTC; at 00 UTC, of the day before
ERA5, hourly                      of the hour that ends there
either, monthly means             per day, whatever the length of the month
================================  =============================================

References
----------
Munoz-Sabater et al. (2021), ERA5-Land, Earth Syst. Sci. Data 13, 4349-4383.
Hersbach et al. (2020), ERA5, Q. J. R. Meteorol. Soc. 146, 1999-2049.
ECMWF, "Conversion table for accumulated variables (total precipitation/fluxes)".
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from xflux.errors import InputError, XfluxWarning
from xflux.files.accumulation import (
    DAY,
    HOUR,
    is_monthly,
    rate_since_midnight,
    shift_to_start,
    step_of,
    times_of,
)
from xflux.files.era5_axes import Era5Product, era5_axes, era5_product
from xflux.files.era5_variables import (
    ACCUMULATED,
    LONG_NAMES,
    RATES,
    Accumulated,
    accumulated_in,
    unit_key,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Stamps", "normalise_era5"]

Stamps = Literal["end", "start"]

#: Standard acceleration of gravity by which ECMWF makes geopotential of height, m s-2.
GRAVITY = 9.80665
# Daily totals reach 5e7 J m-2 and 1 m; 16-bit packing keeps them to 763 J m-2 and 1.5e-5 m, and
# a difference has two such errors. Differences that are more negative are no packing noise.
_PACKING = {"W m-2": 2000.0, "mm d-1": 3e-5 * 1000.0 * 86400.0}


def normalise_era5(
    ds: xr.Dataset,
    *,
    product: Era5Product | None = None,
    stamps: Stamps = "end",
    names: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Turn accumulated amounts of ERA5 and ERA5-Land into rates, lazily.

    Radiation (J m-2) becomes W m-2 and water (m) becomes mm d-1; latent and
    sensible heat and evaporation become positive upwards; `rnet` is net
    shortwave plus net longwave radiation; geopotential becomes height. Names
    stay those of the file. What is not accumulated passes unchanged.

    Parameters
    ----------
    ds : Dataset
        As opened from NetCDF, Zarr or GRIB, with the dimensions of either
        generation of the Climate Data Store (time or valid_time, expver, number)
        or of cfgrib (time, step).
    product : {"era5-land", "era5", "era5-monthly"}, optional
        How amounts accumulate. Not needed for monthly stamps, and where the
        attributes or the forecast steps of GRIB tell. Hourly files that do not say
        are taken by their grid, ERA5 at 0.25 degree and ERA5-Land else, with an
        `XfluxWarning`.
    stamps : {"end", "start"}
        Rates are means over the step that ends at their stamp, as in the files
        ("end"); "start" moves them to the stamp at which the step starts, so that
        daily means by calendar day hold the hours of that day. Instantaneous
        variables and monthly means do not move.
    names : mapping, optional
        Canonical name to the name in the file, for accumulated variables under
        other names.

    Returns
    -------
    Dataset
        Dimensions time, lat, lon.

    Raises
    ------
    InputError
        When the product cannot be told, or contradicts the time stamps.

    Warns
    -----
    XfluxWarning
        When the product is taken by the grid.

    Notes
    -----
    With A the amount, t a stamp and s the step, ERA5-Land's rate is
    ``A(t) / s`` where a day has just begun, else ``(A(t) - A(t - s)) / s``. Rates
    that cannot be negative are raised to 0 within the precision of the packing
    (2000 J m-2 or 0.03 mm a step); further below they are NaN, since the amounts then do
    not grow from midnight and are of another product.
    """
    if product not in (None, "era5-land", "era5", "era5-monthly"):
        raise InputError(
            f"product={product!r} is unknown; expected 'era5-land', 'era5' or 'era5-monthly'"
        )
    if stamps not in ("end", "start"):
        raise InputError(f"stamps={stamps!r} is unknown; expected 'end' or 'start'")
    product = product or era5_product(ds)
    ds = era5_axes(ds)
    if "time" in ds.indexes and not ds.indexes["time"].is_monotonic_increasing:
        ds = ds.sortby("time")
    rates = {
        key: _rate(ds, key, row, product, stamps) for key, row in accumulated_in(ds, names).items()
    }
    ds = ds.assign(rates)
    return _with_height(_with_net_radiation(ds, names or {}))


def _rate(
    ds: xr.Dataset, key: str, row: Accumulated, product: Era5Product | None, stamps: Stamps
) -> xr.DataArray:
    amount = ds[key]
    if amount.dtype.kind != "f":
        amount = amount.astype("f8")
    rate, step, meaning = _per_second(amount, product)
    if stamps == "start" and step is not None:
        rate = shift_to_start(rate, step)
        meaning = meaning.replace("ends", "starts")
    factor, units = RATES[unit_key(amount)]
    rate = rate * (row.sign * factor)
    if row.nonnegative:
        seconds = (step or DAY).total_seconds()
        rate = rate.where(~(rate < -_PACKING[units] / seconds)).clip(min=0)
    rate.attrs = {
        "standard_name": row.standard_name,
        "long_name": row.long_name,
        "units": units,
        "cell_methods": "time: mean",
        "comment": meaning,
    }
    return rate.rename(key)


def _per_second(
    amount: xr.DataArray, product: Era5Product | None
) -> tuple[xr.DataArray, pd.Timedelta | None, str]:
    """Return the rate, the step that it is a mean over (None: the month), and words for it."""
    times = times_of(amount)
    step = step_of(times)
    if product is None and step is not None and step <= DAY and amount.name in ACCUMULATED:
        product = _guess_product(amount)
    monthly = is_monthly(times) or (product == "era5-monthly" and step is None)
    # Copies under other names hold sums of the month as well as ECMWF's means: these must be told.
    if monthly and (product is not None or amount.name in ACCUMULATED):
        return amount / DAY.total_seconds(), None, "monthly mean, from a mean amount per day"
    if product == "era5-land":
        rate, step = rate_since_midnight(amount)
        meaning = (
            f"mean over the {_words(step)} that ends at the stamp, from the amount since 00 UTC"
        )
        return rate, step, meaning
    if product == "era5":
        if step is not None and step != HOUR:
            raise InputError(
                f"{amount.name!r} is an amount every {_words(step)}, but hourly ERA5 holds the "
                "amount of one hour; whether these are hours left out, sums or an ensemble's 3 h "
                "cannot be told. Divide by the period and set the units to 'W m-2' or 'mm d-1'"
            )
        meaning = "mean over the hour that ends at the stamp, from the amount of that hour"
        return amount / HOUR.total_seconds(), HOUR, meaning
    spacing = "one time stamp" if step is None else f"time stamps every {_words(step)}"
    if product == "era5-monthly":
        raise InputError(
            f"{amount.name!r} is said to be a monthly mean but has {spacing}; pass "
            "product='era5-land' or 'era5' for hourly files"
        )
    raise InputError(
        f"{amount.name!r} is an amount in {amount.attrs.get('units')!r} with {spacing}, and the "
        "file does not say over which period it accumulates: pass product='era5-land' (since "
        "00 UTC), product='era5' (over the last hour) or product='era5-monthly' (mean per day); if "
        "it is none of these, divide by the period and set the units to those of a rate"
    )


def _guess_product(amount: xr.DataArray) -> Era5Product:
    """Take an hourly file that does not say what it is by its grid, and say so."""
    product: Era5Product = "era5-land"
    if "lat" in amount.indexes and amount.sizes["lat"] > 1:
        spacing = abs(float(amount["lat"][1] - amount["lat"][0]))
        product = "era5" if abs(spacing - 0.25) < 1e-3 else "era5-land"
    held = {"era5": "the last hour", "era5-land": "the time since 00 UTC"}[product]
    warnings.warn(
        f"the file does not say whether it is ERA5-Land or ERA5; by its grid {amount.name!r} is "
        f"taken as {product}, an amount of {held}. Pass product='era5-land' or product='era5' to "
        "be sure",
        XfluxWarning,
        stacklevel=4,
    )
    return product


def _words(step: pd.Timedelta) -> str:
    hours = step / HOUR
    return "hour" if hours == 1 else f"{hours:g} h"


def _with_net_radiation(ds: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    """Add net radiation where both of its parts were read."""
    if "rnet" in ds.variables or "rnet" in names:
        return ds
    parts = {
        array.attrs.get("standard_name"): array
        for key, array in ds.data_vars.items()
        if (key in ACCUMULATED or key in LONG_NAMES) and array.attrs.get("units") == "W m-2"
    }
    shortwave = parts.get(ACCUMULATED["ssr"].standard_name)
    longwave = parts.get(ACCUMULATED["str"].standard_name)
    if shortwave is None or longwave is None:
        return ds
    net = shortwave + longwave
    net.attrs = {
        **shortwave.attrs,
        "standard_name": "surface_net_downward_radiative_flux",
        "long_name": "Net radiation, net shortwave plus net longwave radiation",
    }
    return ds.assign(rnet=net)


def _with_height(ds: xr.Dataset) -> xr.Dataset:
    """Turn the geopotential of the surface into its height above sea level."""
    heights = {}
    for key in ("z", "geopotential"):
        if key not in ds.data_vars or "elevation" in ds.variables:
            continue
        array = ds[key]
        if unit_key(array) in ("m2s-2", "m2/s2") and set(array.dims) <= {"time", "lat", "lon"}:
            height = array / GRAVITY
            height.attrs = {
                "standard_name": "surface_altitude",
                "long_name": "Height of the surface above sea level, from geopotential",
                "units": "m",
            }
            heights[key] = height
    return ds.assign(heights)
