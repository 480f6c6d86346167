"""From what a Dataset holds to what a model needs: found, checked, derived.

`resolve` looks at names, units and recipes and touches no data. What comes out, a
`Plan`, says which arrays go into the blocks, by which numbers they are converted
there, and which recipes run on them. Recipes over a whole series are worked out
here, lazily, as they are no business of a single block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xflux.errors import InputError, MissingVariableError, XfluxError, raise_together
from xflux.labels.classes import to_codes
from xflux.labels.derive import Recipe, recipes_for
from xflux.labels.find import check_names, check_request, find, looked_for
from xflux.labels.pipeline import materialise
from xflux.labels.plan import Plan, Source, Step
from xflux.labels.units import dequantify, scale_to_canonical
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["resolve"]

#: What else to do about a variable that no recipe can stand in for, for models of one flux.
_ELSE = {
    "co2": "or set it with PModel(co2=400.0)",
    "rnet": "or estimate it from swin and ta with derive=('rnet',)",
    "swin_potential": "or compute it from latitude and date with derive=('swin_potential',)",
    "wai": "or run a bucket on p and pet with derive=('wai',), or derive=('wai', 'rnet') where "
    "pet is to be made of an estimate of net radiation",
}


def resolve(
    ds: xr.Dataset,
    targets: Mapping[str, str],
    *,
    names: Mapping[str, str] | None = None,
    derive: Sequence[str] = (),
    given: Mapping[str, xr.DataArray] | None = None,
    recipes: Sequence[Recipe] = (),
    naming: str = "Pass {}",
    otherwise: Mapping[str, str] = _ELSE,
) -> Plan:
    """Find every target in a Dataset, or a recipe for it.

    Parameters
    ----------
    ds : Dataset
    targets : mapping of str to str
        Canonical names, and who needs each (for the message).
    names : mapping, optional
        Explicit names, canonical to the Dataset's own.
    derive : sequence of str
        Variables that may be estimated because the user asked for it (``rnet``).
    given : mapping, optional
        Arrays that are at hand under their canonical names beside the Dataset.
    recipes : sequence of Recipe
        Of the caller's own; they go before those of the table.
    naming : str
        For messages: how a variable of another name is passed, ``names={...}`` for ``{}``.
    otherwise : mapping of str to str
        For messages: what else to do about a variable that is missing.

    Returns
    -------
    Plan

    Raises
    ------
    MissingVariableError
        For what is neither there nor derivable; all problems are raised at once.
    UnitsError
        For missing, unreadable or wrong units.
    """
    search = _Search(ds, check_names(ds, names), tuple(derive), dict(given or {}), tuple(recipes))
    errors: list[XfluxError] = []
    for target, needed_by in targets.items():
        try:
            if not search.provide(target, ()):
                errors.append(search.missing(target, needed_by, naming, otherwise))
        except XfluxError as error:
            if str(error) not in map(str, errors):
                errors.append(error)
    raise_together(errors)
    return search.plan


class _Search:
    """One walk through the recipes."""

    def __init__(
        self,
        ds: xr.Dataset,
        names: dict[str, str],
        derive: Sequence[str],
        given: dict[str, xr.DataArray],
        recipes: tuple[Recipe, ...],
    ) -> None:
        self.ds = ds
        self.names = names
        self.derive = check_request(derive)
        self.given = given
        self.own_recipes = recipes
        self.plan = Plan()

    def provide(self, target: str, above: tuple[str, ...]) -> bool:
        """Add a target to the plan; tell whether it could be done."""
        if target in self.plan.names:
            return True
        if target in above:
            return False
        if self._read(target):
            return True
        own = [recipe for recipe in self.own_recipes if recipe.target == target]
        recipes = own or [
            recipe
            for recipe in recipes_for(target)
            if not recipe.on_request or target in self.derive
        ]
        # What follows from variables that are there goes before what follows from derived ones.
        recipes.sort(key=lambda recipe: not all(map(self._is_there, recipe.needs)))
        for recipe in recipes:
            before = (dict(self.plan.sources), list(self.plan.steps), dict(self.plan.notes))
            if all(self.provide(need, (*above, target)) for need in recipe.needs):
                self._add(recipe)
                return True
            self.plan.sources, self.plan.steps, self.plan.notes = before
        return False

    def _is_there(self, name: str) -> bool:
        return (
            name in self.plan.names
            or name in self.given
            or find(self.ds, name, self.names) is not None
        )

    def _read(self, target: str) -> bool:
        row = variables[target]
        if target in self.given:
            array, found = self.given[target], target
        else:
            name = find(self.ds, target, self.names)
            if name is None:
                return False
            array, found = self.ds[name], name
        packed = [key for key in ("scale_factor", "add_offset") if key in array.attrs]
        if packed:
            raise InputError(
                f"{target!r} (from {found!r}) is packed, with {' and '.join(packed)} among its "
                "attributes; decode it first with xr.decode_cf(ds)"
            )
        if row.classes is not None:
            codes = to_codes(array, row)
            self.plan.sources[target] = Source(target, codes, 1.0, 0.0, found)
            return True
        scale, offset = scale_to_canonical(array, row, found)
        plain, registry = dequantify(array)
        self.plan.registry = self.plan.registry or registry
        self.plan.sources[target] = Source(target, plain, scale, offset, found)
        return True

    def _add(self, recipe: Recipe) -> None:
        self.plan.notes[recipe.target] = recipe.note
        if not recipe.series:
            self.plan.steps.append(Step(recipe.target, recipe.needs, recipe.resolve()))
            return
        needs = [materialise(self.plan, need) for need in recipe.needs]
        axes = [self.ds] if recipe.axes else []
        reduced = recipe.resolve()(*axes, *needs)
        self.plan.sources[recipe.target] = Source(recipe.target, reduced, 1.0, 0.0, recipe.target)

    def missing(
        self, target: str, needed_by: str, naming: str, otherwise: Mapping[str, str]
    ) -> MissingVariableError:
        """Say what was looked for, what was found and what to pass."""
        row = variables[target]
        asked = target in self.derive
        recipes = [recipe for recipe in recipes_for(target) if recipe.needs]
        derivable = " or from ".join(
            " and ".join(recipe.needs) for recipe in recipes if asked or not recipe.on_request
        )
        advice = naming.format(f"names={{{target!r}: '<your variable>'}}")
        if target in otherwise and not asked:
            advice += f", {otherwise[target]}"
        parts = [
            f"{needed_by} needs {target!r} ({row.long_name}, {row.units}), which is missing. "
            f"{advice}",
            f"looked for were {looked_for(target)}",
        ]
        if derivable:
            parts.append(f"it could be derived from {derivable}, which are not all there")
        known = [name for name in variables if self._is_there(name)]
        own = ", ".join(repr(str(key)) for key in list(self.ds.variables)[:30])
        parts.append(f"recognised were {', '.join(known) or 'none'} among {own or 'no variables'}")
        return MissingVariableError("; ".join(parts))
