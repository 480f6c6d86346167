"""From a Dataset to the series of each node: found, dated, averaged over regions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.carbon.causal_graph import CausalGraph, missing_nodes
from xflux.errors import (
    InputError,
    MissingVariableError,
    XfluxError,
    XfluxWarning,
    raise_together,
)
from xflux.labels.blockwise import check_axes, check_same_grid, require_whole
from xflux.labels.calendar import find_time, time_steps
from xflux.labels.coordinates import find_bounds, find_lat_lon
from xflux.labels.find import find, looked_for
from xflux.labels.grid import cell_area, land_fraction
from xflux.labels.integral import regional_mean
from xflux.labels.named_regions import named_regions
from xflux.labels.standardize import canonical
from xflux.labels.units import dequantify
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PIXELS", "find_nodes", "months_of", "series_of"]

#: What `regions` is, where every cell is a place of its own.
PIXELS = "pixels"
#: Fewest years between the first and the last month.
_YEARS = 3


def find_nodes(
    ds: xr.Dataset, graph: CausalGraph, names: Mapping[str, str] | None, *, own: bool
) -> tuple[dict[str, xr.DataArray], CausalGraph]:
    """Find the variable of every node, in canonical units, lazily.

    Parameters
    ----------
    ds : Dataset
    graph : CausalGraph
    names : mapping, optional
        As for `xflux.standardize`.
    own : bool
        The graph is the user's, so that a missing node is an error; of a preset, climate that
        is missing is left out, with an `XfluxWarning`.

    Returns
    -------
    arrays : dict of str to DataArray
    graph : CausalGraph
        Of the nodes that are there.

    Raises
    ------
    InputError
        For a node that is no canonical name and no variable of the Dataset.
    MissingVariableError
        For nodes that the Dataset lacks.
    UnitsError
        As for `xflux.standardize`.
    """
    arrays: dict[str, xr.DataArray] = {}
    missing: dict[str, str] = {}
    errors: list[XfluxError] = []
    for node in graph.nodes:
        try:
            arrays[node] = _find(ds, node, names)
        except MissingVariableError:
            missing[node] = f"{node} is looked for as {looked_for(node)}"
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    fluxes = [node for node in missing if node in ("gpp", "reco", "nee")]
    if missing and (own or fluxes or not set(arrays) - {"gpp", "reco", "nee"}):
        raise missing_nodes([*missing], "; ".join(missing.values()))
    if missing:
        graph = graph.without(*missing)
        warnings.warn(
            f"{', '.join(missing)} of the graph {'is' if len(missing) == 1 else 'are'} not in the "
            "Dataset and left out: what acts through such a node counts as direct, and what it "
            "does itself may be taken for the doing of others",
            XfluxWarning,
            stacklevel=3,
        )
    return {node: arrays[node] for node in graph.nodes}, graph


def _find(ds: xr.Dataset, node: str, names: Mapping[str, str] | None) -> xr.DataArray:
    if node in variables:
        if variables[node].classes is not None:
            raise InputError(f"the node {node!r} of the graph is of classes; nodes are amounts")
        return canonical(ds, [node], names=names, needed_by="attribute")[node]
    if node not in ds.data_vars:
        known = dict.fromkeys([*variables, *map(str, ds.data_vars)])
        near = get_close_matches(node, known, n=3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(
            f"the node {node!r} of the graph is no canonical name and no variable of the "
            f"Dataset{hint}"
        )
    array = dequantify(ds[node])[0]
    check_axes(array, repr(node))
    return array


def months_of(arrays: Mapping[str, xr.DataArray]) -> tuple[str, tuple[int, ...]]:
    """Tell the months of the steps that all series share.

    Returns
    -------
    dim : str
        The time dimension.
    months : tuple of int
        Counted from any January.

    Raises
    ------
    InputError
        Where a series has no time, steps are no months, or they span too few years.
    GridMismatchError
        Where series have unlike times.
    """
    check_same_grid([*arrays.values()], [repr(name) for name in arrays])
    dims = {name: find_time(array) for name, array in arrays.items()}
    timeless = [name for name, dim in dims.items() if dim is None]
    if timeless:
        raise InputError(
            f"{', '.join(map(repr, timeless))} {'has' if len(timeless) == 1 else 'have'} no time "
            "dimension; what does not change explains no change: take it out of the graph"
        )
    dim = next(iter(dims.values()))
    assert dim is not None
    longest = max(arrays.values(), key=lambda array: array.sizes[dim])
    steps = time_steps(longest)
    assert steps is not None
    if steps.clock is None:
        raise InputError("'month' numbers the months of a mean year, which has no anomalies")
    length = np.median(steps.days)
    if not 27.0 < length < 32.0:
        raise InputError(
            f"the steps of {dim} are {length:.3g} days, expected months; "
            + (f"take means with .resample({dim}='MS').mean()" if length < 27.0 else "years of "
               "which there are few tell no effects apart")
        )  # fmt: skip
    # The middle of a step, as bounds may begin some hours before the month.
    months = steps.clock.months(steps.edges.mean(axis=1).astype(np.int64))
    span = int(np.ptp(months)) + 1
    if span < 12 * _YEARS:
        raise InputError(
            f"the series span {span} months, fewer than {_YEARS} years: mean seasonal cycle and "
            "anomalies cannot be told apart"
        )
    # xarray counts months from year 0, a January.
    return dim, tuple(int(month) for month in months)


def series_of(
    ds: xr.Dataset, arrays: Mapping[str, xr.DataArray], dim: str, regions: Any
) -> dict[str, xr.DataArray]:
    """Average the nodes over regions, each over the cells and months where all nodes are there.

    Parameters
    ----------
    ds : Dataset
        Says where cells are and how large.
    arrays : mapping of str to DataArray
    dim : str
        Time.
    regions
        As for `xflux.attribute`.

    Returns
    -------
    dict of str to DataArray
        With time in one chunk.

    Raises
    ------
    ChunkError
        Where cells stay places of their own, and lie in several chunks along time.
    """
    if isinstance(regions, str) and regions != PIXELS:
        try:
            regions = named_regions(regions, ds)
        except MissingVariableError as error:
            raise MissingVariableError(
                f"{error}. Use {PIXELS!r} for every cell by itself, a mask of integers, shares "
                "(region, lat, lon), or regionmask.Regions"
            ) from None
    cells = _cells(ds, arrays, dim)
    if isinstance(regions, str) or not cells:
        if regions is not None and not isinstance(regions, str):
            raise InputError(
                "regions were given, but the Dataset has no cells with an area; leave regions out, "
                "and every series is a place of its own"
            )
        for name, array in arrays.items():
            require_whole(array, dim, repr(name))
        return dict(arrays)
    on_cells = {k: array for k, array in arrays.items() if set(cells) <= set(array.dims)}
    there = None
    for array in on_cells.values():
        there = array.notnull() if there is None else there & array.notnull()
    assert there is not None
    area, land = cell_area(ds), land_fraction(ds)
    series = {}
    for name, array in arrays.items():
        if name in on_cells:
            array = regional_mean(
                array.where(there), area=area, land_fraction=land, regions=regions
            ).transpose(..., dim)
        if array.chunks is not None:
            # Of the array alone: names of regions stay in memory.
            array = array.copy(data=array.variable.chunk({dim: -1}).data)
        series[name] = array
    return series


def _cells(ds: xr.Dataset, arrays: Mapping[str, xr.DataArray], dim: str) -> tuple[Any, ...]:
    """Return the dims of cells that have an area; none where places are points."""
    held = {other for array in arrays.values() for other in array.dims} - {dim}
    if not held:
        return ()
    if find(ds, "cell_area") is not None:
        return tuple(d for d in cell_area(ds).dims if d in held)
    try:
        lat, lon = find_lat_lon(ds)
    except (MissingVariableError, InputError):
        return ()
    if lat.dims == lon.dims and lat.ndim == 1 and find_bounds(ds, lat) is None:
        return ()
    return tuple(d for d in dict.fromkeys([*lat.dims, *lon.dims]) if d in held)
