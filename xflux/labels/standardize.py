"""`ds.flux.standardize()`: canonical names and units, derived where possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xflux.errors import XfluxError, raise_together
from xflux.labels.attach import describe, with_history
from xflux.labels.derive import RECIPES, recipes_for
from xflux.labels.find import check_names, check_request, find
from xflux.labels.pipeline import materialise
from xflux.labels.plan import Plan
from xflux.labels.resolve import resolve
from xflux.labels.units import plain_indexes, quantify
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["canonical", "standardize"]


def standardize(
    ds: xr.Dataset,
    names: Mapping[str, str] | None = None,
    derive: Sequence[str] = (),
) -> xr.Dataset:
    """Bring a Dataset into canonical names and units, lazily.

    Every variable of the table `xflux.variables` that is found (by `names`, its
    canonical name, its CF standard name or an alias) is renamed and converted;
    what is missing is derived where that needs no guess: vpd from dewpoint or
    humidity, patm from elevation, ppfd from par or swin, ndvi and nirv from red
    and nir. What lies outside the valid range of the table becomes NaN, with an
    `XfluxWarning` when it is computed.

    Parameters
    ----------
    ds : Dataset
        Any dims, eager or lazy.
    names : mapping of str to str, optional
        Your own names, such as ``{"ta": "t2m"}``.
    derive : sequence of str
        Further variables to derive: any that a recipe exists for, such as
        ``("rnet",)``, which is an estimate from swin and ta.

    Returns
    -------
    Dataset
        Everything of `ds`; recognised variables under canonical names, with CF
        attributes, ``source_name`` where the name changed and ``derivation``
        where a variable was derived.

    Raises
    ------
    UnitsError
        For a missing or wrong unit; all problems are named at once.
    MissingVariableError
        For a variable in `derive` or `names` that cannot be had.
    AmbiguousVariableError
        For two variables that answer to one name.
    """
    ds = plain_indexes(ds)
    names, derive = check_names(ds, names), check_request(derive)
    errors: list[XfluxError] = []
    found: dict[str, str] = {}
    for name in variables:
        try:
            own = find(ds, name, names)
        except XfluxError as error:
            errors.append(error)
            continue
        if own is not None and own not in found.values():
            found[name] = own
    plan = Plan()
    for name in found:
        try:
            part = resolve(ds, {name: "standardize"}, names={**names, name: found[name]})
            plan.sources.update(part.sources)
            plan.registry = plan.registry or part.registry
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)

    result = ds.drop_vars([own for name, own in found.items() if own not in ds.indexes])
    made = {name: _finish(plan, name, ds[own]) for name, own in found.items()}
    for name, array in _derived(ds, names, derive, set(found)).items():
        made[name] = array
    coordinates = [name for name, own in found.items() if own in ds.coords]
    result = result.assign({name: _bare(array, result) for name, array in made.items()})
    result = result.set_coords([name for name in coordinates if name not in result.indexes])
    return with_history(result, "standardize()")


def _finish(plan: Plan, name: str, own: xr.DataArray) -> xr.DataArray:
    row = variables[name]
    source = plan.sources[name]
    if row.classes is not None:
        array = source.array
    else:
        array = materialise(plan, name)
    extra: dict[str, object] = {}
    if source.found != name:
        extra["source_name"] = source.found
    for kept in ("ancillary_variables", "comment", "derivation", "source", "synthetic"):
        if kept in own.attrs:
            extra[kept] = own.attrs[kept]
    if row.classes is None and str(own.attrs.get("cell_methods", "")):
        extra["cell_methods"] = own.attrs["cell_methods"]
    described = describe(array, name, **extra)
    return quantify(described, plan.registry) if _is_quantified(own) else described


def _is_quantified(array: xr.DataArray) -> bool:
    return hasattr(array.variable._data, "_REGISTRY")


def _derived(
    ds: xr.Dataset, names: Mapping[str, str], derive: Sequence[str], have: set[str]
) -> dict[str, xr.DataArray]:
    """Derive what is missing: asked for, or without a guess."""
    made = {}
    asked = [name for name in derive if name not in have]
    unasked = dict.fromkeys(
        recipe.target for recipe in RECIPES if recipe.standard and recipe.target not in have
    )
    for name in dict.fromkeys([*asked, *unasked]):
        try:
            plan = resolve(ds, {name: "standardize"}, names=names, derive=derive)
        except XfluxError:
            if name in asked:
                raise
            continue
        by_standard = {recipe.note for recipe in recipes_for(name) if recipe.standard}
        if name not in asked and plan.notes[name] not in by_standard:
            continue
        array = describe(materialise(plan, name), name, derivation=plan.describe())
        made[name] = quantify(array, plan.registry)
    return made


def _bare(array: xr.DataArray, like: xr.Dataset) -> xr.DataArray:
    """Drop coordinates that the Dataset does not have any more under their old names."""
    return array.drop_vars([key for key in array.coords if key not in like.coords])


def canonical(
    ds: xr.Dataset,
    wanted: Sequence[str],
    *,
    names: Mapping[str, str] | None = None,
    derive: Sequence[str] = (),
    needed_by: str = "this calculation",
) -> xr.Dataset:
    """Return some variables of a Dataset in canonical names and units, lazily.

    Parameters
    ----------
    ds : Dataset
    wanted : sequence of str
        Canonical names.
    names, derive
        As for `standardize`.
    needed_by : str
        Who asks, for the message when something is missing.

    Returns
    -------
    Dataset
        With these variables alone, described by the table.

    Raises
    ------
    MissingVariableError, UnitsError, AmbiguousVariableError
        As for `standardize`.
    """
    import xarray as xr

    ds = plain_indexes(ds)
    plan = resolve(ds, dict.fromkeys(wanted, needed_by), names=names, derive=derive)
    arrays = {}
    for name in wanted:
        notes = plan.for_targets([name]).describe()
        extra = {"derivation": notes} if notes else {}
        arrays[name] = describe(materialise(plan, name), name, **extra).drop_vars(
            [key for key in wanted if key in ds.coords and key not in ds.indexes], errors="ignore"
        )
    return xr.Dataset(arrays)
