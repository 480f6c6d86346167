"""The axes of a budget: one each for gross fluxes, net fluxes and stocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.plot.panels import new_axes
from xflux.plot.years import Look

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["axes_of", "by_scale"]


def by_scale(account: xr.Dataset, look: Look) -> list[list[str]]:
    """Return the variables of each panel: gross fluxes, net ones, stocks."""
    names = [str(name) for name in account["variable"].values]
    gross = [n for n in names if n not in look.to_air and n not in look.stocks]
    groups = [gross, [n for n in names if n in look.to_air], [n for n in names if n in look.stocks]]
    return [group for group in groups if group]


def axes_of(
    ax: Any, groups: list[list[str]], look: Look, figsize: tuple[float, float], *, stacked: bool
) -> tuple[list[Any], list[list[str]], Any]:
    """Return axes, the fluxes of each, and what the caller gets back."""
    if ax is None and len(groups) == 1:
        made: Any = new_axes(figsize)
        return [made], groups, made
    if ax is None:
        import matplotlib.pyplot as plt

        count = len(groups)
        ratios = [3, *[2] * (count - 1)]
        sides: dict[str, Any] = (
            {"nrows": count, "sharex": True, "height_ratios": ratios}
            if stacked
            else {"ncols": count, "sharey": True, "width_ratios": ratios}
        )
        _, made = plt.subplots(figsize=figsize, layout="constrained", **sides)
        return list(made), groups, made
    if not isinstance(ax, (Sequence, np.ndarray)):
        if len(groups) > 1 and look.stocks.issuperset(groups[-1]):
            raise InputError(
                f"{', '.join(groups[-1])} and the fluxes have unlike units, and one ax has one "
                f"scale; give {len(groups)} axes, or leave ax out"
            )
        return [ax], [[name for group in groups for name in group]], ax
    given = list(np.ravel(np.asarray(ax, object)))
    if len(given) != len(groups):
        listed = " and ".join(f"({', '.join(group)})" for group in groups)
        raise InputError(
            f"ax holds {len(given)} axes, expected {len(groups)}, for {listed}; a single one takes "
            "all"
        )
    return given, groups, ax
