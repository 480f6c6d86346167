"""What an emulator is fitted to: drivers and land models at some of their cells, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.driver_arrays import driver_arrays, features_of
from xflux.carbon.predictors import Predictors
from xflux.carbon.reference import Reference, reference_arrays
from xflux.carbon.reference_checks import leave_out_impossible_shares
from xflux.carbon.years import Years, whole_years
from xflux.errors import GridMismatchError, InputError, MissingVariableError
from xflux.labels.attach import generated
from xflux.labels.blockwise import check_same_grid
from xflux.labels.coordinates import find_lat_lon

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Training", "training"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Training:
    """Values at the cells that are learned from.

    Attributes
    ----------
    predictors : Predictors
    values : mapping of str to ndarray (place, year, step)
        Drivers, and gpp as the mean of the models; years and steps may have length 1.
    held : mapping of str to ndarray
        What the models hold, as `scenario_fractions` takes it.
    days : ndarray (year, step)
    labels : ndarray (year,) or None
    place : mapping of str to ndarray (place,)
        Positions along each dim; ``latitude``, ``longitude`` in degrees, where they are known.
    dims : mapping of str to DataArray
        Coordinates of the grid, by dim.
    models : tuple of str
    synthetic : str or None
        What says that any of it was generated.
    """

    predictors: Predictors
    values: Mapping[str, Array]
    held: Mapping[str, Array]
    days: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    place: Mapping[str, Array]
    dims: Mapping[str, xr.DataArray]
    models: tuple[str, ...]
    synthetic: str | None

    @property
    def shape(self) -> tuple[int, int]:
        """Places and years."""
        return len(next(iter(self.place.values()))), len(self.days)

    @property
    def steps(self) -> int:
        """Steps of a year."""
        return int(self.days.shape[1])


def training(
    drivers: xr.Dataset,
    reference: xr.Dataset,
    *,
    features: Sequence[str] | None,
    names: Mapping[str, str] | None,
    cells: int,
    seed: int,
) -> Training:
    """Read drivers and land models at some cells, drawn at random where there are more.

    Parameters
    ----------
    drivers, reference : Dataset
        On one grid.
    features : sequence of str, optional
        None: what `drivers` hold of the default.
    names : mapping, optional
        Of the drivers.
    cells : int
        Most cells.
    seed : int

    Raises
    ------
    MissingVariableError, UnitsError, InputError, GridMismatchError
    """
    models = reference_arrays(reference)
    used = features_of(drivers, features, names)
    sources = driver_arrays(drivers, used, names)
    space = _space(models)
    _check_grid(sources, models, space)
    chosen = _choose(models, space, cells, seed)
    own = whole_years(models.fluxes, "the reference")
    theirs = _driver_years(sources, drivers)
    labels, rows, mean_year = _common(own, theirs, models)
    held = models.at(chosen, own, rows)
    leave_out_impossible_shares(held, own.days[rows], models.names)
    values: dict[str, Array] = {}
    for name, array in sources.items():
        values[name] = _values(array, chosen, theirs, labels, mean_year)
    values["gpp"] = np.nanmean(held["gpp"], axis=0) if len(held["gpp"]) > 1 else held["gpp"][0]
    # Months of a driver say nothing of a year that has one step, but their range does.
    seasonal = tuple(name for name in values if values[name].shape[-1] > 1 and name != "igbp")
    yearly = tuple(name for name in values if name not in seasonal and name != "igbp")
    codes: tuple[int, ...] = ()
    if "igbp" in values:
        present = np.unique(values["igbp"][np.isfinite(values["igbp"])])
        codes = tuple(int(code) for code in present)
    place = {str(dim): index.values for dim, index in chosen.items()}
    place |= _positions(reference, chosen)
    return Training(
        Predictors(seasonal, yearly, codes, _co2(values)),
        values,
        held,
        own.days[rows],
        labels,
        place,
        {str(dim): reference[dim] for dim in space},
        models.names,
        generated([*drivers.data_vars.values(), *reference.data_vars.values()]),
    )


def _co2(values: Mapping[str, Array]) -> tuple[float, ...]:
    """Return the least and the largest mean of a year."""
    if "co2" not in values:
        return ()
    of_years = values["co2"].mean(axis=-1)
    known = of_years[np.isfinite(of_years)]
    return (float(known.min()), float(known.max())) if known.size else ()


def _space(models: Reference) -> tuple[Any, ...]:
    space = tuple(dim for dim in models.fluxes.dims if dim not in ("model", models.time, "year"))
    if not space:
        raise InputError(
            "the reference has no dims of space; an emulator learns from a map, such as dims "
            "(model, time, lat, lon)"
        )
    return space


def _check_grid(
    sources: Mapping[str, xr.DataArray], models: Reference, space: tuple[Any, ...]
) -> None:
    like = models.fluxes["gpp"]
    like = like.isel({dim: 0 for dim in like.dims if dim not in space}, drop=True)
    for name, array in sources.items():
        odd = [dim for dim in array.dims if dim not in (*space, "time", "month", "year")]
        if odd:
            raise GridMismatchError(
                f"{name} of the drivers has the dims {array.dims}, and the reference lies on "
                f"{space}; bring both to one grid first"
            )
        plain = array.isel({dim: 0 for dim in array.dims if dim not in space}, drop=True)
        check_same_grid([like, plain], ["gpp of the reference", f"{name} of the drivers"])


def _choose(
    models: Reference, space: tuple[Any, ...], cells: int, seed: int
) -> dict[Any, xr.DataArray]:
    """Draw cells where anything is taken up, by the first steps of the reference."""
    import xarray as xr

    gpp = models.fluxes["gpp"]
    if models.time is not None:
        gpp = gpp.isel({models.time: slice(0, 12)})
    alive = (gpp > 0.0).any([dim for dim in gpp.dims if dim not in space]).transpose(*space)
    where = np.argwhere(np.asarray(alive.values))
    if not len(where):
        raise InputError("gpp of the reference is nowhere above 0; nothing can be learned")
    if len(where) > cells:
        drawn = np.random.default_rng(seed).choice(len(where), cells, replace=False)
        where = where[np.sort(drawn)]
    return {dim: xr.DataArray(where[:, k], dims="cell") for k, dim in enumerate(space)}


def _driver_years(sources: Mapping[str, xr.DataArray], drivers: xr.Dataset) -> Years:
    timed = [array for array in sources.values() if {"time", "month"} & set(array.dims)]
    if not timed:
        return whole_years(drivers[[]].drop_dims(["time", "month"], errors="ignore"), "drivers")
    dim = "time" if "time" in timed[0].dims else "month"
    return whole_years(drivers[[]].assign_coords({dim: drivers[dim]}), "the drivers")


def _common(
    own: Years, theirs: Years, models: Reference
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64], bool]:
    """Return years that are learned from, their numbers, and whether drivers are averaged."""
    if own.labels is None:
        return None, np.zeros(1, np.int64), theirs.labels is not None
    labels = own.labels
    if models.years is not None:
        labels = np.intersect1d(labels, models.years)
    if theirs.labels is not None:
        labels = np.intersect1d(labels, theirs.labels)
    if not labels.size:
        spans = [
            f"{years.labels.min()} to {years.labels.max()}"
            for years in (own, theirs)
            if years.labels is not None
        ]
        raise InputError(
            f"reference and drivers have no whole year in common: {' and '.join(spans)}"
        )
    return labels, np.flatnonzero(np.isin(own.labels, labels)), False


def _values(
    array: xr.DataArray,
    chosen: Mapping[Any, xr.DataArray],
    years: Years,
    labels: NDArray[np.int64] | None,
    mean_year: bool,
) -> Array:
    """Return a driver at the chosen cells (place, year, step)."""
    at = array.isel({dim: index for dim, index in chosen.items() if dim in array.dims})
    count = len(next(iter(chosen.values())))
    if "cell" not in at.dims:
        at = at.expand_dims(cell=count)
    if years.dim not in at.dims:
        return np.asarray(at.transpose("cell").values)[:, None, None]
    plain = np.asarray(at.transpose("cell", years.dim).values)
    cut = plain[:, years.places]
    if mean_year:
        return np.asarray(np.nanmean(cut, axis=1, keepdims=True))
    if labels is not None and years.labels is not None:
        cut = cut[:, np.searchsorted(years.labels, labels)]
    return cut


def _positions(reference: xr.Dataset, chosen: Mapping[Any, xr.DataArray]) -> dict[str, Array]:
    """Return latitude and longitude of the chosen cells, where there are any."""
    try:
        lat, lon = find_lat_lon(reference)
    except MissingVariableError:
        return {}
    place = {}
    for name, axis in (("latitude", lat), ("longitude", lon)):
        here = axis.isel({dim: index for dim, index in chosen.items() if dim in axis.dims})
        place[name] = np.asarray(here.values, np.float64)
    return place
