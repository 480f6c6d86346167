"""Join inversions into one ensemble: definitions, regions and months that agree."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import InputError, XfluxWarning
from xflux.files.inversion_months import listed, require_successive
from xflux.files.land_model_times import month_starts
from xflux.labels.calendar import Clock
from xflux.labels.flux_definition import require_alike
from xflux.labels.region_labels import labels_of_both

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Identical",
    "distinct",
    "in_sequence",
    "joined",
    "months_of",
    "named_apart",
    "require_common_months",
    "require_whole",
]

Identical = Literal["keep", "first"]


def months_of(array: xr.DataArray) -> Any:
    """Return the months of a series that is dated by their starts, since year 0."""
    clock = Clock("proleptic_gregorian")
    return clock.months(clock.count(array["time"].values, "time"))


def in_sequence(parts: Sequence[xr.DataArray], name: str) -> xr.DataArray:
    """Join files that hold one inversion month after month.

    Raises
    ------
    InputError
        When they overlap, or leave a gap.
    """
    import xarray as xr

    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda part: int(months_of(part)[0]))
    for part in ordered[1:]:
        require_alike(ordered[0], part, what=(_file(ordered[0]), _file(part)))
        for what in ("region", "inversion"):
            if not part[what].variable.equals(ordered[0][what].variable):
                raise InputError(
                    f"{_file(ordered[0])} and {_file(part)} differ in their {what}s: "
                    f"{_listed(ordered[0][what])}; {_listed(part[what])}"
                )
    require_successive(np.concatenate([months_of(part) for part in ordered]), f"files of {name!r}")
    whole = xr.concat(ordered, dim="time", coords="minimal", compat="override", join="override")
    files = ", ".join(dict.fromkeys(map(_file, ordered)))
    return whole.assign_coords(file=("inversion", np.full(whole.sizes["inversion"], files)))


def require_whole(array: xr.DataArray, label: str) -> None:
    """Refuse gaps within the span of an inversion that is in memory.

    Raises
    ------
    InputError
        Naming inversion, region and months.
    """
    valid = np.isfinite(array.transpose("inversion", "region", "time").values)
    months = months_of(array)
    regions = (array["names"] if "names" in array.coords else array["region"]).values
    for k, name in enumerate(array["inversion"].values):
        somewhere = np.flatnonzero(valid[k].any(axis=0))
        if somewhere.size == 0:
            raise InputError(f"{label}: {name} has no values")
        span = slice(somewhere[0], somewhere[-1] + 1)
        for region, there in zip(regions, valid[k, :, span], strict=True):
            if not there.all():
                raise InputError(
                    f"{label}: {name} lacks {listed(months[span][~there])} of {region}; an "
                    "ensemble has every month of the span of each inversion: fill them, or leave "
                    "the region or the inversion out"
                )


def require_common_months(arrays: Sequence[xr.DataArray]) -> None:
    """Refuse files of which no two have a month in common: they are parts of one inversion.

    Raises
    ------
    InputError
        Saying how to join them.
    """
    months = np.concatenate([months_of(array) for array in arrays])
    if len(arrays) > 1 and np.unique(months).size == months.size:
        raise InputError(
            f"{len(arrays)} files, such as {_file(arrays[0])} and {_file(arrays[1])}, have no "
            "month in common, and each would be an inversion of its own; for one inversion whose "
            "files follow each other give its name: {'CT': pattern}"
        )


def named_apart(arrays: Sequence[xr.DataArray], names: Sequence[str]) -> list[xr.DataArray]:
    """Put the name of its files before that of an inversion that others have too.

    Parameters
    ----------
    arrays : sequence of DataArray (inversion, region, time)
    names : sequence of str
        By which the caller gave the files of each.

    Returns
    -------
    list of DataArray
        ``GCB2024 CAMS`` and ``GCB2023 CAMS`` of two files with a CAMS each.
    """
    held = [[str(one) for one in array["inversion"].values] for array in arrays]
    flat = [one for members in held for one in members]
    apart = []
    for array, name, members in zip(arrays, names, held, strict=True):
        own = [one if flat.count(one) == 1 or one == name else f"{name} {one}" for one in members]
        apart.append(array.assign_coords(inversion=own))
    return apart


def joined(arrays: Sequence[xr.DataArray]) -> xr.DataArray:
    """Join the inversions of several files.

    Parameters
    ----------
    arrays : sequence of DataArray (inversion, region, time)
        Each with its file in the coordinate `file`.

    Returns
    -------
    DataArray (inversion, region, time)
        All months that any has; NaN outside of the span of each. Regions in the order of the
        first.

    Raises
    ------
    InputError
        For unlike definitions, regions that not all have, and names that are double.
    """
    import xarray as xr

    first = arrays[0]
    for other in arrays[1:]:
        require_alike(first, other, what=(_file(first), _file(other)))
    names = [str(name) for array in arrays for name in array["inversion"].values]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise InputError(
            f"two inversions are called {', '.join(double)}; give paths as a mapping of names to "
            "files, which tells them apart: {'first': one, 'second': other}"
        )
    begin = min(int(months_of(array)[0]) for array in arrays)
    end = max(int(months_of(array)[-1]) for array in arrays)
    time = month_starts(np.arange(begin, end + 1))
    fitted = [_in_regions_of(first, array).reindex(time=time) for array in arrays]
    ensemble = xr.concat(fitted, dim="inversion", coords="minimal", compat="override", join="exact")
    return ensemble.transpose("inversion", "region", "time")


def _in_regions_of(first: xr.DataArray, array: xr.DataArray) -> xr.DataArray:
    """Bring the regions of an array into the order and numbers of another."""
    wanted, there = labels_of_both(first, array)
    if set(wanted) != set(there):
        lacking, more = sorted(set(wanted) - set(there)), sorted(set(there) - set(wanted))
        raise InputError(
            f"{_file(first)} and {_file(array)} are of unlike regions:"
            + (f" {', '.join(lacking)} only in the first" if lacking else "")
            + (";" if lacking and more else "")
            + (f" {', '.join(more)} only in the second" if more else "")
            + "; choose regions= or bands= that all have"
        )
    array = array.isel(region=[there.index(one) for one in wanted])
    beside = {name: c for name, c in first.coords.items() if c.dims == ("region",)}
    gone = [name for name, c in array.coords.items() if c.dims == ("region",)]
    return array.drop_vars(gone).assign_coords(beside)


def _listed(labels: xr.DataArray) -> str:
    return ", ".join(map(str, labels.values))


def _file(array: xr.DataArray) -> str:
    return ", ".join(dict.fromkeys(map(str, np.ravel(array["file"].values))))


def distinct(ensemble: xr.DataArray, identical: Identical, *, stacklevel: int) -> xr.DataArray:
    """Notice inversions of one land flux, which would count several times in mean and spread.

    Parameters
    ----------
    ensemble : DataArray (inversion, region, time)
        In memory; a lazy one is returned as it is.
    identical : {"keep", "first"}
        Keep all and warn, or keep the first of each.
    stacklevel : int
        Of the caller, as of `warnings.warn`.
    """
    if identical not in ("keep", "first"):
        raise InputError(f"identical={identical!r} is not known; expected 'keep' or 'first'")
    if ensemble.chunks is not None or ensemble.sizes["inversion"] < 2:
        return ensemble
    values = ensemble.values
    alike: dict[int, list[int]] = {}
    for k, series in enumerate(values):
        same = (j for j in alike if np.array_equal(values[j], series, equal_nan=True))
        alike.setdefault(next(same, k), []).append(k)
    if len(alike) == len(values):
        return ensemble
    names = ensemble["inversion"].values
    sets = [", ".join(names[k] for k in found) for found in alike.values() if len(found) > 1]
    if identical == "first":
        return ensemble.isel(inversion=sorted(alike)).assign_attrs(
            comment=f"one land flux, of which the first is kept: {'; '.join(sets)}"
        )
    warnings.warn(
        f"these inversions share one land flux: {'; '.join(sets)}; mean and spread of the ensemble "
        "count it several times. Keep one of them with identical='first'",
        XfluxWarning,
        stacklevel=stacklevel + 1,
    )
    return ensemble
