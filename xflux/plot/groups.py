"""Groups for lines, colours and panels: classes, labels, parts of the date."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.skill.groups import Grouping, group_by, is_time

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SEASONS", "Groups", "make_groups", "with_part_of_date"]

SEASONS = ("DJF", "MAM", "JJA", "SON")
_PARTS = ("season", "month", "year", "dayofyear", "hour")


@dataclass(frozen=True, slots=True)
class Groups:
    """Which group each value belongs to.

    Attributes
    ----------
    name : hashable
    codes : Variable of int64
        Position of each value's label; -1 for none. May be lazy.
    labels : ndarray
    """

    name: Hashable
    codes: xr.Variable
    labels: NDArray[Any]


def make_groups(by: str | xr.DataArray, first: xr.DataArray, second: xr.DataArray) -> Groups:
    """Find groups as `xflux.evaluate` does: a coordinate, a part of the date, or labels."""
    grouping = group_by(by, first, second)
    if not isinstance(grouping, Grouping):
        raise InputError(
            f"{by!r} bins what is on the axis; groups of a figure are of something else"
        )
    return Groups(grouping.name, grouping.codes.variable, np.asarray(grouping.labels))


def with_part_of_date(
    array: xr.DataArray, row: Hashable | None, col: Hashable | None
) -> tuple[xr.DataArray, Hashable | None, Hashable | None]:
    """Average over what ``"time.season"`` and the like ask for, lazily.

    Parameters
    ----------
    array : DataArray
    row, col : hashable or None
        Dimensions, one of which may be ``"<dim>.<part>"`` with a part of the date: season,
        month, year, dayofyear, hour.

    Returns
    -------
    array, row, col
        The part is a dimension, seasons in the order of the year.
    """
    wanted = [name for name in (row, col) if _is_part(array, name)]
    if not wanted:
        return array, row, col
    if len(wanted) > 1:
        raise InputError(f"row={row!r} and col={col!r} are both parts of the date; use one of them")
    dim, part = str(wanted[0]).split(".")
    if part not in _PARTS:
        raise InputError(
            f"{wanted[0]!r} is no part of a date that panels are made of; use "
            f"{', '.join(f'{dim}.{known}' for known in _PARTS)}"
        )
    array = array.groupby(f"{dim}.{part}").mean(skipna=True, keep_attrs=True)
    if part == "season":
        array = array.sel(season=[name for name in SEASONS if name in array["season"].values])
    names = [part if name == wanted[0] else name for name in (row, col)]
    return array, names[0], names[1]


def _is_part(array: xr.DataArray, name: Hashable | None) -> bool:
    if not isinstance(name, str) or name in array.dims or name.count(".") != 1:
        return False
    return is_time(array, name.split(".")[0])
