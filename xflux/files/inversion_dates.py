"""Dates that the files of inversions count in months, which xarray leaves undecoded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import FileFormatError, InputError
from xflux.files.land_model_times import month_starts
from xflux.files.opening import open_lazily
from xflux.labels.coordinates import find_bounds

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_undated", "with_dates"]

Counts = np.ndarray[Any, np.dtype[np.int64]]
_MONTHS_SINCE = re.compile(r"^\s*mon(?:th)?s?\s+since\s+(\d+)-(\d+)(?:-(\d+))?", re.IGNORECASE)
#: What a dimension of time is called that has no units of time.
_CALLED = ("time", "mtime", "date", "yyyymm", "t")
_STANDARD = ("", "standard", "gregorian", "proleptic_gregorian")
#: The first and the last month that are taken for such, as yyyymm.
_YYYYMM = (190001, 210012)


def open_undated(path: str, chunks: Any) -> xr.Dataset:
    """Open a file lazily, its dates undecoded where xarray cannot read them."""
    try:
        return open_lazily(path, chunks=chunks)[0]
    except FileFormatError:
        # Dates that xarray does not know; a file that is damaged fails again.
        return open_lazily(path, chunks=chunks, decode_times=False)[0]


def with_dates(ds: xr.Dataset, label: str) -> xr.Dataset:
    """Give dates to times that are counted in months.

    ``months since 2001-01-01``, which CF leaves undefined, counts calendar months, whole ones or
    their middles; numbers without units, such as 200101, are months as they read.

    Parameters
    ----------
    ds : Dataset
        As `open_undated` returns it.
    label : str
        Of the file, for messages.

    Returns
    -------
    Dataset
        Such times as the starts of months, without bounds.

    Raises
    ------
    InputError
        For times that are no dates.
    """
    import xarray as xr

    for dim in [str(dim) for dim in ds.dims if dim in ds.coords]:
        units = str(ds[dim].attrs.get("units", ""))
        numbers = ds[dim].dtype.kind in "iuf"
        if numbers and (since := _MONTHS_SINCE.match(units)):
            ds = _of_months(ds, dim, _counted(ds, dim, since, label))
        elif numbers and dim.lower() in _CALLED and " since " not in units:
            ds = _of_months(ds, dim, _read(ds[dim].values, dim, units, label))
    counted = [
        f"{dim!r} in {units!r}"
        for dim in ds.coords
        if " since " in (units := str(ds[dim].attrs.get("units", "")))
    ]
    if counted:
        try:
            ds = xr.decode_cf(
                ds, mask_and_scale=False, concat_characters=False, decode_timedelta=False
            )
        except ValueError as error:
            raise InputError(
                f"{label}: {', '.join(counted)} cannot be read as dates; write them as "
                "'days since ...'"
            ) from error
    return _with_dated_bounds(ds)


def _with_dated_bounds(ds: xr.Dataset) -> xr.Dataset:
    """Decode bounds that times do not name, which stay numbers in the units of their times."""
    import xarray as xr

    for dim in [str(dim) for dim in ds.dims if dim in ds.coords]:
        said = {key: v for key, v in ds[dim].encoding.items() if key in ("units", "calendar")}
        if " since " not in str(said.get("units", "")):
            continue
        bounds = find_bounds(ds, ds[dim])
        if bounds is None or bounds.dtype.kind not in "iuf" or "units" in ds[bounds.name].attrs:
            continue
        name = str(bounds.name)
        plain = ds[name].variable.copy(deep=False)
        plain.attrs = plain.attrs | said
        ds = ds.assign({name: xr.decode_cf(xr.Dataset({name: plain}))[name].variable})
    return ds


def _counted(ds: xr.Dataset, dim: str, since: re.Match[str], label: str) -> Counts:
    """Return the months that are counted since another, by bounds where there are any."""
    values = np.asarray(ds[dim].values, np.float64)
    bounds = find_bounds(ds, ds[dim])
    if bounds is not None and np.isfinite(middles := bounds.values.mean(axis=-1)).all():
        values = middles
    halves = np.round(values * 2.0)
    whole = halves % 2 == 0
    year, month, day = (int(part or 1) for part in since.groups())
    odd = ~np.isfinite(values) | (np.abs(values * 2.0 - halves) > 1e-3) | (~whole & (day != 1))
    if np.any(odd):
        raise InputError(
            f"{label}: {dim!r} holds {values[odd][0]:g} {since.group(0).strip()!r}, which tells no "
            "date, as months differ in length; expected whole months, or their middles since the "
            "first of a month. Write its dates as 'days since ...'"
        )
    return year * 12 + month - 1 + np.floor(halves / 2.0).astype(np.int64)


def _read(values: Any, dim: str, units: str, label: str) -> Counts:
    """Return the months that numbers such as 200101 are."""
    numbers = np.asarray(values, np.float64)
    inside = (numbers >= _YYYYMM[0]) & (numbers <= _YYYYMM[1]) & (numbers % 1 == 0)
    inside &= (numbers % 100 >= 1) & (numbers % 100 <= 12)
    if not np.all(inside):
        raise InputError(
            f"{label}: {dim!r} holds {numbers[~inside][0]:g} with the units {units!r}, which is no "
            "date; expected such as 'days since 2001-01-01', or months as 200101"
        )
    return (numbers // 100 * 12 + numbers % 100 - 1).astype(np.int64)


def _of_months(ds: xr.Dataset, dim: str, months: Counts) -> xr.Dataset:
    """Date steps by the months that they are."""
    import xarray as xr

    calendar = str(ds[dim].attrs.get("calendar", "")).lower()
    bounds = find_bounds(ds, ds[dim])
    ds = ds if bounds is None else ds.drop_vars(str(bounds.name))
    starts = month_starts(months)
    if calendar not in _STANDARD:
        import cftime

        starts = np.array(
            [cftime.datetime(m // 12, m % 12 + 1, 1, calendar=calendar) for m in months.tolist()]
        )
    return ds.assign_coords({dim: xr.Variable((dim,), starts)})
