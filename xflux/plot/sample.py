"""The pairs of a scatter plot: all of them scored, a sample of them drawn."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.plot.groups import Groups, make_groups
from xflux.skill.evaluate import evaluate
from xflux.skill.pairs import match

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Sample", "draw_sample"]

_METRICS = ("n", "r2_nse", "r2_pearson", "rmse", "bias", "slope", "intercept")


@dataclass(frozen=True, slots=True)
class Sample:
    """Pairs in memory, and the scores of all pairs.

    Attributes
    ----------
    observed, predicted : ndarray
        One dimension, finite, in the unit `units`.
    codes : mapping
        For each role ("by", "row", "col") the position of each pair's label; -1 for none.
    groups : mapping
        For each role its groups.
    scores : Dataset
        From `xflux.evaluate`, of all pairs; along the groups of the panels.
    units : str or None
    share : float
        Share of the pairs that is in the sample.
    """

    observed: NDArray[np.float64]
    predicted: NDArray[np.float64]
    codes: Mapping[str, NDArray[np.int64]]
    groups: Mapping[str, Groups]
    scores: xr.Dataset
    units: str | None
    share: float

    def within(self, role_labels: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Tell which pairs belong to a label of each role."""
        inside = np.ones(self.observed.shape, bool)
        for role, label in role_labels.items():
            position = list(self.groups[role].labels).index(label)
            inside &= self.codes[role] == position
        return inside


def draw_sample(
    observed: xr.DataArray,
    predicted: xr.DataArray,
    roles: Mapping[str, str | xr.DataArray],
    largest: int,
) -> Sample:
    """Score all pairs and bring at most `largest` of them into memory, in one pass.

    Parameters
    ----------
    observed, predicted : DataArray
        As of `xflux.evaluate`.
    roles : mapping
        Groups by role: "by", "row", "col"; the scores are along those of "row" and "col".
    largest : int
        Places, with or without a value, that are looked at for drawing. Of more, random
        ones are taken along each dimension, the same in every call.

    Raises
    ------
    InputError
        When a dimension is in one of the two alone and no panel shows it.
    """
    import xarray as xr

    pair = match(observed, predicted)[None]
    groups = {role: make_groups(by, observed, predicted) for role, by in roles.items()}
    panels = [roles[role] for role in ("row", "col") if role in roles]
    alone = [dim for dim in pair.dims if dim not in observed.dims or dim not in predicted.dims]
    shown = {dim for role in groups for dim in groups[role].codes.dims if role in ("row", "col")}
    if set(alone) - shown:
        dim = next(dim for dim in alone if dim not in shown)
        raise InputError(
            f"only one of observed and predicted has the dimension {dim!r}; make panels of it "
            f"(col={dim!r}), or select, such as .isel({dim}=0)"
        )
    scores = evaluate(observed, predicted, by=panels or None, metrics=_METRICS)
    sizes = {**pair.observed.sizes, **pair.predicted.sizes}
    chosen = _positions(sizes, largest)
    drawn = {"observed": pair.observed, "predicted": pair.predicted} | {
        role: grouping.codes for role, grouping in groups.items()
    }
    held = xr.Dataset({f"_{name}": _at(variable, chosen) for name, variable in drawn.items()})
    # One computation: every chunk is read once for the scores and the sample together.
    computed = xr.merge([scores, held]).compute()
    template = computed["_observed"] * 0 + computed["_predicted"] * 0
    flat = {
        name: computed[f"_{name}"].broadcast_like(template).transpose(*template.dims).values.ravel()
        for name in drawn
    }
    finite = np.isfinite(flat["observed"].astype(np.float64)) & np.isfinite(flat["predicted"])
    for role in groups:
        finite &= flat[role] >= 0
    return Sample(
        flat["observed"][finite].astype(np.float64),
        flat["predicted"][finite].astype(np.float64),
        {role: flat[role][finite].astype(np.int64) for role in groups},
        groups,
        computed[list(_METRICS)],
        pair.units,
        prod(index.size for index in chosen.values()) / max(prod(sizes.values()), 1),
    )


def _positions(sizes: Mapping[Hashable, int], largest: int) -> dict[Hashable, NDArray[np.int64]]:
    """Choose places along each dimension, without a period that a season could hide in."""
    total = prod(sizes.values())
    fraction = min(1.0, largest / max(total, 1)) ** (1.0 / max(len(sizes), 1))
    chance = np.random.default_rng(0)
    chosen = {}
    for dim, size in sizes.items():
        keep = size if fraction == 1.0 else max(1, round(size * fraction))
        places = np.arange(size) if keep == size else chance.choice(size, keep, replace=False)
        chosen[dim] = np.sort(places).astype(np.int64)
    return chosen


def _at(variable: xr.Variable, chosen: Mapping[Hashable, NDArray[np.int64]]) -> xr.Variable:
    """Take places of a variable, its dimensions renamed: scores may be along the same."""
    import xarray as xr

    whole = all(chosen[dim].size == size for dim, size in variable.sizes.items())
    taken = variable if whole else variable.isel({dim: chosen[dim] for dim in variable.dims})
    return xr.Variable([f"_{dim}" for dim in variable.dims], taken.data)
