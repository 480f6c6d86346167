"""What is learned in either form of an emulator: bounded fractions, or the paper's free ratios."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.divided import BY_YEAR, divided
from xflux.carbon.fractions import (
    PARTS,
    SPLITS,
    TURNOVER,
    Split,
    fractions_of_targets,
    targets_of_fractions,
)
from xflux.carbon.ratios import from_ratios, held_by_ratios, ratios_of_fractions
from xflux.carbon.stocks import BASIS, held_by_fractions

__all__ = ["LASTING", "fractions_of", "held_of", "outputs_of", "pools_of", "raw_of", "targets_of"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: What goes by the mean over years, as the weather of one moves it little.
LASTING = ("turnover_litter", "turnover_soil", "cLitter_per_gpp", "cSoil_per_gpp")


def targets_of(
    form: str, fractions: Mapping[str, Floats]
) -> tuple[dict[str, Floats], dict[str, Split]]:
    """Return what is learned, as rows, and how shares are written in it."""
    if form == "ratio":
        ratios = ratios_of_fractions(fractions)
        return {name: np.log(ratio).reshape(-1) for name, ratio in ratios.items()}, {}
    plain = {name: array.reshape(-1) for name, array in fractions.items()}
    splits = {
        of: Split.chosen(of, {n: plain[n][np.isfinite(plain[n])] for n in names})
        for of, names in SPLITS.items()
        if names[0] in plain
    }
    return targets_of_fractions(plain, splits), splits


def fractions_of(
    form: str, targets: Mapping[str, Floats], splits: Mapping[str, Split]
) -> dict[str, Floats]:
    """Return the fractions, or ratios, that targets stand for."""
    if form == "ratio":
        return {name: np.exp(value) for name, value in targets.items()}
    return fractions_of_targets(targets, splits)


def outputs_of(
    form: str,
    fractions: Mapping[str, Floats],
    gpp: Array,
    reco: Array | None,
    days: Floats,
    errors: tuple[float, float],
) -> dict[str, Array]:
    """Return what fractions, or ratios, make of GPP and RECO; see `divided`."""
    if form == "ratio":
        return from_ratios(fractions, gpp, reco, days)
    return divided(fractions, gpp, reco, days, errors)


def held_of(form: str, fractions: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return what pools hold per unit of their basis, years."""
    return held_by_ratios(fractions) if form == "ratio" else held_by_fractions(fractions)


def pools_of(form: str, learned: Collection[str], splits: Collection[str]) -> tuple[str, ...]:
    """Return the outputs by year that follow from what was learned."""
    if form == "ratio":
        there = {name for name in BY_YEAR if f"{name}_per_gpp" in learned}
    else:
        there = {"imbalance_ra"} | {pool for pool, time in TURNOVER.items() if time in learned}
        if "cVeg" in there and "veg" in splits:
            there |= set(PARTS.values())
    return tuple(name for name in BY_YEAR if name in there)


def raw_of(form: str, by_year: Collection[str]) -> tuple[str, ...]:
    """Return what is known of a year by itself, for the outputs by year."""
    raw = [BASIS, *(name for name in by_year if name not in ("cLitter", "cSoil"))]
    if form != "ratio" and all(pool in raw for pool in PARTS.values()):
        # It is the sum of its parts.
        raw.remove("cVeg")
    return tuple(raw)
