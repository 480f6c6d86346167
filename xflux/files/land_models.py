"""Open folders of land models, as TRENDY and CMIP deliver them, as one ensemble."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import (
    InputError,
    MissingVariableError,
    XfluxError,
    XfluxWarning,
    raise_together,
)
from xflux.files.land_model_file import BY_YEAR, Piece, joined, read_file, yearly
from xflux.files.land_model_grids import LEAST_COVERED, Grid, carried_over, coarsest, grid_of, onto
from xflux.files.land_model_names import canonical_name, of_scenario, read_names
from xflux.files.land_model_times import Counts, month_starts
from xflux.files.opening import Paths, expand_paths
from xflux.labels.attach import describe, generated, with_history
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_land_models"]

_AXES = {
    "lat": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "lon": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
}


def open_land_models(
    paths: Paths,
    *,
    variables: Sequence[str] | None = None,
    models: Iterable[str] | None = None,
    grid: xr.Dataset | xr.DataArray | None = None,
    scenario: str | None = None,
    chunks: Any = "auto",
) -> xr.Dataset:
    """Open the files of land models as one lazy ensemble, on one grid and one axis of time.

    Parameters
    ----------
    paths : str, path, or list of these
        A folder, files or patterns. Names are ``MODEL_S3_gpp.nc`` (TRENDY) or
        ``gpp_Lmon_MODEL_historical_r1i1p1f1_gn_185001-194912.nc`` (CMIP, several periods of one
        variable are joined); each file holds one variable of one model.
    variables : sequence of str, optional
        Canonical or CMIP names; all that are found by default.
    models : iterable of str, optional
        Names of models; all by default.
    grid : Dataset or DataArray, optional
        Grid to bring all to, by its latitude and longitude (and their bounds, where it has them).
        Its ``land_fraction`` and ``cell_area`` are kept, where it has them: without the former,
        coasts count whole in totals.
        By default that of the model with the largest cells, of equals the first.
    scenario : str, optional
        Such as ``"S3"``; needed where files are of several.
    chunks : default "auto"
        As in `xarray.open_dataset`.

    Returns
    -------
    Dataset
        Canonical names and units, lazy, in the dtype of the files. Fluxes have the dims (model,
        time, lat, lon) [g m-2 d-1], `time` holding the starts of months; stocks [g m-2] and
        ``npp_leaf npp_wood npp_root`` [g m-2 d-1] have (model, year, lat, lon). NaN where a model
        lacks a variable, which ``attrs["missing_models"]`` of the variable names. What files say
        of being generated (attribute ``synthetic``) is kept, and their ``cell_methods`` where
        those of all models are the same. The coordinates
        `native_grid`, `calendar` and `regridded` tell of each model what it was.

    Raises
    ------
    FileNotFoundError
        When a path is not there or a folder is empty.
    FileFormatError
        For a file that cannot be read, or holds another variable than it says.
    UnitsError
        For missing or wrong units, naming file and variable.
    MissingVariableError
        For a variable that no model has.
    InputError
        For names that cannot be read, several scenarios or members, grids that are not
        rectilinear, times that are neither months nor years, and models with no time in common.
        All problems of all files are told at once.
    TypeError
        For a grid that is neither Dataset nor DataArray.

    Warns
    -----
    XfluxWarning
        Of files whose names cannot be read, which are left out; of those that hold fewer steps
        than most, by which all models are cut; and, when computed, of values
        outside of the range of the variable (negative stocks, fill values that no attribute
        tells of), which become NaN.

    Notes
    -----
    Regridding is conservative of first order: the mean over what a cell shares with cells that
    have values, weighted by area, where these cover half of it or more, else NaN. On the same grid
    values stay as they are. A model's month is the month that its calendar says, and rates stay
    rates: 30 days of ``360_day`` are a month of the axis. Times are those that all models have.
    Monthly stocks give that of December, monthly production by part its mean over the year.

    Examples
    --------
    >>> ds = xflux.open_land_models("trendy/", scenario="S3")  # doctest: +SKIP
    >>> dict(ds.sizes)  # doctest: +SKIP
    {'model': 21, 'time': 240, 'year': 20, 'lat': 180, 'lon': 360}
    """
    import xarray as xr

    asked = _asked(variables)
    given = None if grid is None else grid_of(grid, "grid")
    files = of_scenario(read_names(expand_paths(paths)), scenario, models)
    if asked is not None:
        files = [file for file in files if file.variable in asked]
    _check_there(asked, {file.variable for file in files})
    pieces: dict[tuple[str, str], list[Piece]] = {}
    errors: list[XfluxError] = []
    for file in files:
        try:
            pieces.setdefault((file.variable, file.model), []).append(read_file(file, chunks))
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    whole = _on_periods(pieces)
    names = sorted({model for _, model in whole})
    own = _native_grids(whole, names)
    target, told = _target(given, own)
    spans = {step: _common(whole, step) for step in ("month", "year")}
    _warn_of_short(whole, spans)
    ds = xr.Dataset(coords=_coordinates(spans, target, names, own, whole))
    for variable in [name for name in _order() if any(name == key for key, _ in whole)]:
        ds[variable] = _ensemble(variable, names, whole, spans, target)
    mark = generated(ds.data_vars.values())
    used = ", ".join(sorted(os.path.basename(file.path.rstrip("/")) for file in files))
    ds = ds.assign_attrs(
        Conventions="CF-1.11",
        title="Land models",
        scenario=files[0].scenario,
        grid=told,
        regridding=f"conservative, first order, by area; NaN where less than {LEAST_COVERED:g} of "
        "a cell has values; none where the grid is the same",
        files=used,
        **({"synthetic": mark} if mark else {}),
    )
    if grid is not None:
        ds = ds.assign(carried_over(grid, target))
    return with_history(ds, f"open_land_models(scenario={scenario!r})")


def _asked(names: Sequence[str] | None) -> list[str] | None:
    if names is None:
        return None
    given = [names] if isinstance(names, str) else list(names)
    read = {name: canonical_name(name) for name in given}
    unknown = [name for name, canonical in read.items() if canonical is None]
    if unknown or not given:
        raise InputError(
            f"variables={given!r}: {', '.join(map(repr, unknown)) or 'nothing'} is no carbon "
            f"variable of the land; known are {', '.join(_order())}"
        )
    return [canonical for canonical in read.values() if canonical is not None]


def _check_there(asked: list[str] | None, there: set[str]) -> None:
    lacking = [name for name in asked or () if name not in there]
    if lacking:
        raise MissingVariableError(
            f"no model has {', '.join(map(repr, lacking))}; leave it out of variables=, or check "
            "the names of the files"
        )


def _order() -> list[str]:
    return [row.name for row in variables.values() if row.species == "carbon" and row.cmip]


def _on_periods(pieces: dict[tuple[str, str], list[Piece]]) -> dict[tuple[str, str], Piece]:
    """Join the files of each variable and model, and bring each to months or years."""
    whole: dict[tuple[str, str], Piece] = {}
    errors: list[XfluxError] = []
    for key, parts in pieces.items():
        try:
            piece = joined(parts)
            if key[0] in BY_YEAR:
                piece = yearly(piece)
            elif piece.step != "month":
                raise InputError(
                    f"{piece.file.path!r}: {key[0]} is by year, expected months; leave {key[1]} or "
                    f"{key[0]} out with models= or variables="
                )
            whole[key] = piece
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    return whole


def _native_grids(whole: dict[tuple[str, str], Piece], names: list[str]) -> dict[str, Grid]:
    """Return the grid of each model, that of its first variable."""
    return {
        name: next(piece.grid for (_, model), piece in whole.items() if model == name)
        for name in names
    }


def _target(given: Grid | None, own: dict[str, Grid]) -> tuple[Grid, str]:
    if given is not None:
        return given, f"{given.said}, as given"
    name = coarsest(own)
    return own[name], f"{own[name].said}, that of {name}, the coarsest"


def _common(whole: dict[tuple[str, str], Piece], step: str) -> Counts | None:
    """Return the months or years that all variables of all models have."""
    of_step = [piece for piece in whole.values() if piece.step == step]
    if not of_step:
        return None
    last_begin = max(of_step, key=lambda piece: int(piece.count[0]))
    first_end = min(of_step, key=lambda piece: int(piece.count[-1]))
    begin, end = int(last_begin.count[0]), int(first_end.count[-1])
    if begin > end:
        raise InputError(
            f"{first_end.file.path!r} ends before {last_begin.file.path!r} begins: the models have "
            f"no {step} in common; leave one out with models="
        )
    return np.arange(begin, end + 1)


def _warn_of_short(whole: dict[tuple[str, str], Piece], spans: dict[str, Counts | None]) -> None:
    """Warn of files that cut away what half of all files or more have."""
    said = []
    for step, span in spans.items():
        pieces = [piece for piece in whole.values() if piece.step == step]
        if span is None:
            continue
        # Of an even number of files the longer of the two in the middle.
        usual = (
            sorted(int(piece.count[0]) for piece in pieces)[(len(pieces) - 1) // 2],
            sorted(int(piece.count[-1]) for piece in pieces)[len(pieces) // 2],
        )
        first, last = int(span[0]), int(span[-1])
        cut = {
            0: _span(usual[0], first - 1, step) if usual[0] < first else "",
            -1: _span(last + 1, usual[1], step) if usual[1] > last else "",
        }
        of_model: dict[str, list[Piece]] = {}
        for piece in pieces:
            if any(cut[end] and piece.count[end] == span[end] for end in cut):
                of_model.setdefault(piece.file.model, []).append(piece)
        for model, short in of_model.items():
            names = [os.path.basename(piece.file.path.rstrip("/")) for piece in short]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            one = short[0].count
            gone = [
                cut[end] for end in cut
                if cut[end] and any(piece.count[end] == span[end] for piece in short)
            ]  # fmt: skip
            said.append(
                f"{model} ({', '.join(names[:3])}{more}; "
                f"{_span(int(one[0]), int(one[-1]), step)}) cuts {' and '.join(gone)} from all"
            )
    if said:
        warnings.warn(
            "times are those that all variables of all models have, and some have less than most: "
            f"{'; '.join(said)}. Leave models or variables out with models= or variables= to keep "
            "these times",
            XfluxWarning,
            stacklevel=3,
        )


def _span(first: int, last: int, step: str) -> str:
    """Say from when to when, such as ``2001-01 to 2004-12``."""
    if step == "year":
        return f"{first} to {last}" if first != last else str(first)
    one, other = (f"{count // 12}-{count % 12 + 1:02d}" for count in (first, last))
    return f"{one} to {other}" if one != other else one


def _coordinates(
    spans: dict[str, Counts | None], target: Grid, names: list[str], own: dict[str, Grid],
    whole: dict[tuple[str, str], Piece],
) -> dict[str, Any]:  # fmt: skip
    calendars = [
        next(piece.calendar for (_, model), piece in whole.items() if model == name)
        for name in names
    ]
    coords: dict[str, Any] = {
        "model": ("model", names, {"long_name": "land model"}),
        "native_grid": ("model", [own[name].said for name in names],
                        {"long_name": "grid of the files"}),
        "calendar": ("model", calendars, {"long_name": "calendar of the files"}),
        "regridded": ("model", [not own[name].is_same(target) for name in names],
                      {"long_name": "whether values were brought to another grid"}),
        "lat": ("lat", target.lat, _AXES["lat"]),
        "lon": ("lon", target.lon, _AXES["lon"]),
    }  # fmt: skip
    if spans["month"] is not None:
        attrs = {"standard_name": "time", "axis": "T"}
        coords["time"] = ("time", month_starts(spans["month"]), attrs)
    if spans["year"] is not None:
        coords["year"] = ("year", spans["year"], {"long_name": "calendar year"})
    return coords


def _ensemble(
    variable: str, names: list[str], whole: dict[tuple[str, str], Piece],
    spans: dict[str, Counts | None], target: Grid,
) -> xr.DataArray:  # fmt: skip
    """Stack one variable of all models."""
    import dask.array
    import xarray as xr

    step = "year" if variable in BY_YEAR else "month"
    span = spans[step]
    assert span is not None  # as a piece of this step is there
    arrays: dict[str, Any] = {}
    for name in names:
        piece = whole.get((variable, name))
        if piece is not None:
            skip = int(span[0] - piece.count[0])
            part = piece.array.isel(time=slice(skip, skip + span.size))
            arrays[name] = onto(part, piece.grid, target).data
    dtype = np.result_type(*(array.dtype for array in arrays.values()))
    like = next(iter(arrays.values()))
    empty = dask.array.full(like.shape, np.nan, dtype=dtype, chunks=like.chunks)
    stacked = dask.array.stack([arrays.get(name, empty).astype(dtype) for name in names])
    dims = ("model", "time" if step == "month" else "year", "lat", "lon")
    lacking = " ".join(name for name in names if name not in arrays)
    extra = {"missing_models": lacking} if lacking else {}
    marks = {whole[variable, name].synthetic for name in arrays} - {None}
    if marks:
        extra["synthetic"] = "; ".join(sorted(map(str, marks)))
    if variable in BY_YEAR:
        extra["comment"] = "by year"
    said = {whole[variable, name].cell_methods for name in arrays}
    if len(said) == 1 and said != {""}:
        extra["cell_methods"] = said.pop()
    return describe(xr.DataArray(stacked, dims=dims), variable, **extra)
