"""One file of a land model: its variable in canonical units, on months or years, lazily."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import FileFormatError, InputError, UnitsError, XfluxWarning
from xflux.files.axes import name_axes, orient_axes
from xflux.files.land_model_grids import Grid, grid_of
from xflux.files.land_model_names import NamedFile
from xflux.files.land_model_times import Counts, find_time_dim, periods
from xflux.files.opening import open_lazily
from xflux.labels.attach import generated
from xflux.labels.find import find
from xflux.labels.units import convert
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BY_YEAR", "Piece", "joined", "read_file", "yearly"]

#: What is given by year: stocks, and production by part of the plant.
BY_YEAR = (
    "cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cCwd", "cSoil",
    "npp_leaf", "npp_wood", "npp_root",
)  # fmt: skip
#: Negative stocks that are rounding, g m-2.
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Piece:
    """A variable of a model over some span.

    Attributes
    ----------
    file : NamedFile
        The first, where there are several.
    array : DataArray
        Dims (time, lat, lon), without coordinates.
    grid : Grid
    step : {"month", "year"}
    count : ndarray of int
        Months or years since year 0.
    calendar : str
    synthetic : str or None
        What says that it was generated.
    cell_methods : str
        As the file says; empty where it does not.
    """

    file: NamedFile
    array: xr.DataArray
    grid: Grid
    step: Literal["month", "year"]
    count: Counts
    calendar: str
    synthetic: str | None = None
    cell_methods: str = ""


def read_file(file: NamedFile, chunks: Any) -> Piece:
    """Open a file lazily and check what it holds.

    Raises
    ------
    FileFormatError
        When it cannot be opened.
    UnitsError
        For a missing or wrong unit, naming file and variable.
    InputError
        For a variable that is not in it, further dims, a grid that is not rectilinear, or steps
        that are neither months nor years.
    """
    opened = open_lazily(file.path, chunks=chunks, decode_times=False)[0]
    dim = find_time_dim(opened, file.path)
    told = periods(opened, dim, file.path)
    name = _variable(opened, file)
    ds = opened if dim == "time" else _renamed(opened, dim)
    try:
        ds = orient_axes(name_axes(ds))
    except InputError as error:
        raise InputError(f"{file.path!r}: {error}") from error
    grid = grid_of(ds, repr(file.path))
    array = ds[name]
    single = [axis for axis in array.dims if array.sizes[axis] == 1]
    array = array.isel(dict.fromkeys((d for d in single if d not in ("time", "lat", "lon")), 0))
    if set(array.dims) != {"time", "lat", "lon"}:
        raise InputError(
            f"{file.path!r}: {name!r} has the dims {tuple(map(str, array.dims))}, expected time, "
            "latitude and longitude; sum or select the others first"
        )
    row = variables[file.variable]
    try:
        array = convert(array, row, name)
    except UnitsError as error:
        raise UnitsError(f"{file.path!r}: {error}") from error
    array = array.transpose("time", "lat", "lon").reset_coords(drop=True)
    array = array.drop_vars(["time", "lat", "lon"], errors="ignore")
    check = _InRange(
        -_SLACK if row.valid_min == 0.0 else row.valid_min, row.valid_max, row.valid_min,
        f"{file.variable} of {file.model}", row.units,
    )  # fmt: skip
    if array.chunks is None:
        array = array.chunk()
    array = array.copy(data=array.data.map_blocks(check, dtype=array.dtype, meta=array.data._meta))
    # Files say so of the variable, or once for all that they hold.
    mark = generated([opened[name]]) or opened.attrs.get("synthetic")
    methods = str(opened[name].attrs.get("cell_methods", ""))
    return Piece(file, array, grid, told.step, told.count, told.calendar, mark, methods)


def _renamed(ds: xr.Dataset, dim: str) -> xr.Dataset:
    """Call a dimension time, whatever else bore that name."""
    return ds.drop_vars("time", errors="ignore").rename({dim: "time"})


def _variable(ds: xr.Dataset, file: NamedFile) -> str:
    for name in (file.spelling, file.variable, variables[file.variable].cmip):
        if name in ds.data_vars:
            return name
    found = find(ds, file.variable)
    if found is None:
        held = ", ".join(repr(str(name)) for name in ds.data_vars)
        raise FileFormatError(f"{file.path!r} holds no {file.spelling!r}; it holds {held}")
    return found


@dataclass(frozen=True)
class _InRange:
    """Turn what lies outside the range of a variable into NaN, and say so."""

    low: float
    high: float
    floor: float
    called: str
    units: str

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        outside = (values < self.low) | (values > self.high)
        if outside.any():
            worst = values[outside]
            warnings.warn(
                f"{self.called}: {int(outside.sum())} value(s) from {worst.min():.4g} to "
                f"{worst.max():.4g} lie outside of {self.floor:g} to {self.high:g} {self.units}, "
                "and are missing (NaN) here",
                XfluxWarning,
                stacklevel=2,
            )
            values = np.where(outside, np.asarray(np.nan, values.dtype), values)
        return np.maximum(values, np.asarray(self.floor, values.dtype))


def joined(pieces: list[Piece]) -> Piece:
    """Join the periods of one variable of one model.

    Raises
    ------
    InputError
        When two files hold the same step, leave a gap, or differ in grid or steps.
    """
    import xarray as xr

    if len(pieces) == 1:
        return pieces[0]
    pieces = sorted(pieces, key=lambda piece: int(piece.count[0]))
    first = pieces[0]
    for one, other in pairwise(pieces):
        both = f"{one.file.path!r} and {other.file.path!r}"
        if other.step != one.step:
            raise InputError(f"{both} hold {one.step}s and {other.step}s of one variable")
        if not first.grid.is_same(other.grid):
            raise InputError(f"{both} hold one variable of one model on two grids")
        gap = int(other.count[0] - one.count[-1])
        if gap != 1:
            how = f"leave a gap of {gap - 1} {one.step}s" if gap > 1 else "overlap in time"
            raise InputError(f"{both} {how}; give the files of one run, without copies")
    return replace(
        first,
        array=xr.concat([piece.array for piece in pieces], dim="time"),
        cell_methods=first.cell_methods
        if all(piece.cell_methods == first.cell_methods for piece in pieces)
        else "",
        count=np.concatenate([piece.count for piece in pieces]),
    )


def yearly(piece: Piece) -> Piece:
    """Bring a variable to years: stocks of the last month, production as the mean of months."""
    if piece.step == "year":
        return piece
    begin = int(-piece.count[0] % 12)
    end = begin + (piece.count.size - begin) // 12 * 12
    if end == begin:
        raise InputError(f"{piece.file.path!r} holds no whole year of months")
    months = piece.array.isel(time=slice(begin, end))
    years = piece.count[begin:end:12] // 12
    methods = piece.cell_methods
    if piece.file.variable.startswith("c"):
        # Of a stock, "time: mean" would be taken for that of the year, and it is of December.
        methods = methods if "time: point" in methods else ""
        array = months.isel(time=slice(11, None, 12))
    else:
        length = _days_of_months(piece.count[begin:end], piece.calendar)
        # Plain slices: a rate of a year is the mean of its months by their days.
        dtype = months.dtype.type
        total = sum(
            months.isel(time=slice(month, None, 12)).data
            * (length[month::12] / length.reshape(-1, 12).sum(axis=1)).astype(dtype)[:, None, None]
            for month in range(12)
        )
        array = months.isel(time=slice(0, None, 12)).copy(data=total)
    return replace(piece, array=array, step="year", count=years, cell_methods=methods)


def _days_of_months(months: Counts, calendar: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    import cftime

    ends = np.append(months, months[-1] + 1)
    dates = [
        cftime.datetime(int(month) // 12, int(month) % 12 + 1, 1, calendar=calendar)
        for month in ends
    ]
    return np.diff(cftime.date2num(dates, "days since 1850-01-01", calendar=calendar)).astype("f8")
