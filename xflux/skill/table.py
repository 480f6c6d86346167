"""The table of moments behind a score: one row a flux, component, place and group."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from xflux.errors import InputError
from xflux.skill.cycle import Cycle
from xflux.skill.decompose import components
from xflux.skill.groups import By, Grouping, ObservedBins, group_by, items_of, time_dim
from xflux.skill.pairs import coordinates_of
from xflux.skill.reduction import GROUP, Pair, pair_iqr, pair_moments

__all__ = ["Dims", "Table", "tabulate"]

Data = xr.DataArray | xr.Dataset
#: What `dim` takes.
Dims = str | Iterable[Hashable] | None


@dataclass(frozen=True, slots=True)
class Table:
    """Moments of all that is scored at once.

    Attributes
    ----------
    moments : DataArray
        Dimensions: ``flux`` (of Datasets), ``component`` (when decomposed), those kept, the
        groups, and the moments.
    iqr : DataArray or None
        Interquartile range of the observations, without the last dimension.
    units : dict
        By flux; the key of two DataArrays is None.
    """

    moments: xr.DataArray
    iqr: xr.DataArray | None
    units: dict[str | None, str | None]


def tabulate(
    pairs: Mapping[str | None, Pair],
    observed: Data,
    predicted: Data,
    *,
    dim: Dims = None,
    by: By | None = None,
    decompose: bool = False,
    cycle: Cycle = "auto",
    min_years: int = 2,
    iqr: bool = False,
    binned: Mapping[str | None, xr.Variable] | None = None,
) -> Table:
    """Reduce all pairs to their moments.

    Parameters
    ----------
    pairs : mapping
        What `xflux.skill.pairs.match` found.
    observed, predicted : DataArray or Dataset
        Where coordinates and groups come from.
    dim, by, decompose, cycle, min_years
        As of `xflux.evaluate`.
    iqr : bool
        Also compute the interquartile range.
    binned : mapping, optional
        Observations by flux, for bins of them; None: those of the pairs.

    Returns
    -------
    Table
    """
    kept_by, found = _resolve(by, observed, predicted)
    wanted = _wanted(dim, pairs)
    table, spreads = [], []
    for flux, pair in pairs.items():
        values = pair.observed if binned is None else binned[flux]
        groupings = [
            group.of(values) if isinstance(group, ObservedBins) else group for group in found
        ]
        reduce = _reduced(pair, wanted, kept_by, groupings)
        if decompose:
            time = _time(observed, predicted, reduce, groupings)
            parts = components(pair, reduce, time, cycle=cycle, min_years=min_years)
        else:
            parts = {"total": (pair, reduce)}
        codes = [grouping.codes for grouping in groupings]
        states = {name: pair_moments(part, dims, codes) for name, (part, dims) in parts.items()}
        table.append(_assemble(states, groupings, observed, predicted))
        if iqr:
            spread = {name: pair_iqr(part, dims, codes) for name, (part, dims) in parts.items()}
            spreads.append(_assemble(spread, groupings, observed, predicted))
    names = list(pairs)
    return Table(
        _join(table, names),
        _join(spreads, names) if iqr else None,
        {name: pair.units for name, pair in pairs.items()},
    )


def _resolve(
    by: By | None, observed: Data, predicted: Data
) -> tuple[tuple[Hashable, ...], list[Grouping | ObservedBins]]:
    """Tell dimensions that stay (``by="site"``) from groups along dimensions that go."""
    kept: list[Hashable] = []
    groupings: list[Grouping | ObservedBins] = []
    for item in items_of(by):
        if isinstance(item, str) and any(
            _labelled_once(data, item) for data in (observed, predicted)
        ):
            kept.append(item)
        else:
            groupings.append(group_by(item, observed, predicted))
    names = [*kept, *(grouping.name for grouping in groupings)]
    if len(set(names)) < len(names):
        raise InputError(f"by names {names}: each group may be named once")
    return tuple(kept), groupings


def _labelled_once(data: Data, dim: str) -> bool:
    return dim in data.sizes and (dim not in data.indexes or data.indexes[dim].is_unique)


def _wanted(dim: Dims, pairs: Mapping[str | None, Pair]) -> tuple[Hashable, ...] | None:
    if dim is None:
        return None
    wanted = (dim,) if isinstance(dim, str) else tuple(dim)
    known = {other for pair in pairs.values() for other in pair.dims}
    unknown = [other for other in wanted if other not in known]
    if unknown:
        raise InputError(
            f"dim={unknown} are no dimensions of the pairs, which have {sorted(map(str, known))}"
        )
    return wanted


def _reduced(
    pair: Pair,
    wanted: tuple[Hashable, ...] | None,
    kept_by: tuple[Hashable, ...],
    groupings: Sequence[Grouping],
) -> tuple[Hashable, ...]:
    """Dimensions to reduce: those asked for (default: shared), and those of the groups."""
    if wanted is None:
        wanted = tuple(dim for dim in pair.observed.dims if dim in pair.predicted.dims)
    grouped = [dim for grouping in groupings for dim in grouping.codes.variable.dims]
    for grouping in groupings:
        extra = [dim for dim in grouping.codes.variable.dims if dim not in pair.dims]
        if extra:
            raise InputError(
                f"by={grouping.name!r} has the dimensions {extra}, which the pairs do not have "
                f"{list(pair.dims)}; select one of it first"
            )
    return tuple(
        dim for dim in pair.dims if (dim in wanted or dim in grouped) and dim not in kept_by
    )


def _time(
    observed: Data, predicted: Data, reduce: tuple[Hashable, ...], groupings: Sequence[Grouping]
) -> xr.DataArray:
    dim = time_dim(observed)
    if dim not in reduce:
        raise InputError(
            f"decompose=True reduces over time, but {dim!r} is kept; leave it out of by, and name "
            "it in dim"
        )
    for grouping in groupings:
        if dim in grouping.codes.variable.dims:
            raise InputError(
                f"decompose=True groups sites, but by={grouping.name!r} varies in time: a site "
                "has one mean and one cycle; select the times first, or group by what is fixed"
            )
    return observed[dim]


def _assemble(
    states: Mapping[str, xr.Variable],
    groupings: Sequence[Grouping],
    observed: Data,
    predicted: Data,
) -> xr.DataArray:
    """Label the moments: groups by name, coordinates of what was kept, components."""
    arrays = []
    for state in states.values():
        position = state.dims.index(GROUP)
        before, after = state.dims[:position], state.dims[position + 1 :]
        sizes = tuple(len(grouping.labels) for grouping in groupings)
        shape = (*state.shape[:position], *sizes, *state.shape[position + 1 :])
        dims = (*before, *(grouping.name for grouping in groupings), *after)
        coords = coordinates_of(before, predicted, observed)
        for grouping in groupings:
            coords[grouping.name] = xr.Variable(
                (grouping.name,), grouping.labels, dict(grouping.attrs)
            )
        arrays.append(xr.DataArray(state.data.reshape(shape), dims=dims, coords=coords))
    if len(arrays) == 1:
        return arrays[0]
    # A mean over time of what had more dimensions on one side comes out in another order.
    arrays = [array.transpose(*arrays[0].dims) for array in arrays]
    label = xr.Variable(("component",), list(states), {"long_name": "Component of variability"})
    return xr.concat(arrays, dim="component", join="exact").assign_coords(component=label)


def _join(arrays: Sequence[xr.DataArray], names: Sequence[str | None]) -> xr.DataArray:
    if names == [None]:
        return arrays[0]
    arrays = xr.broadcast(*arrays)
    label = xr.Variable(("flux",), list(names), {"long_name": "Variable that is scored"})
    return xr.concat(arrays, dim="flux", join="exact").assign_coords(flux=label)
