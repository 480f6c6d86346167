"""The fractions and turnover times that allocation goes by, and the scales they are learned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FRACTIONS",
    "PARTS",
    "SHARES",
    "SPLITS",
    "TIMES",
    "Split",
    "fractions_of_targets",
    "inverse",
    "logit",
    "targets_of_fractions",
]

Floats = NDArray[np.float64]

#: Shares between 0 and 1.
SHARES = ("ra_fraction", "rh_fraction")
#: Shares that add up to 1, of what.
SPLITS: dict[str, tuple[str, str, str]] = {
    "npp": ("npp_to_leaf", "npp_to_wood", "npp_to_root"),
    "veg": ("leaf_share", "wood_share", "root_share"),
}
#: Carbon that a pool holds over net primary production in the mean over years, years.
TURNOVER = {"cVeg": "turnover_veg", "cLitter": "turnover_litter", "cSoil": "turnover_soil"}
TIMES = tuple(TURNOVER.values())
#: What a pool is called whose share of cVeg each is.
PARTS = {"leaf_share": "cLeaf", "wood_share": "cWood", "root_share": "cRoot"}
POOLS = ("cVeg", *PARTS.values(), "cLitter", "cSoil")
FRACTIONS = (*SHARES, *SPLITS["npp"], *SPLITS["veg"], *TIMES)

_EDGE = 1e-4
#: Below it a part counts as absent, as wood in grassland.
_ABSENT = 1e-4
#: Share of rows without a part from which its presence is learned too.
_SOME = 1e-3


def logit(share: Floats) -> Floats:
    """Return ``ln(share / (1 - share))``, held where the share is 0 or 1."""
    held = np.clip(share, _EDGE, 1.0 - _EDGE)
    scale: Floats = np.log(held / (1.0 - held))
    return scale


def inverse(value: Floats) -> Floats:
    """Return the share whose logit a value is."""
    return 1.0 / (1.0 + np.exp(-value))


@dataclass(frozen=True, slots=True)
class Split:
    """How shares that add up to 1 are written as numbers without bounds.

    Attributes
    ----------
    of : {"npp", "veg"}
    base : str
        The share that others are compared with; it is never 0.
    sometimes : tuple of str
        Shares that are 0 in places, whose presence is a target of its own.

    Notes
    -----
    A share s is written as ``ln(s / base)`` (Aitchison 1986, additive log-ratio), and comes back
    by the softmax: shares are positive and add up to 1 by construction. What is present nowhere
    near, such as wood in grassland, is 0 where its presence is predicted below one half.
    """

    of: str
    base: str
    sometimes: tuple[str, ...]

    @classmethod
    def chosen(cls, of: str, shares: Mapping[str, Floats]) -> Split:
        """Choose base and sometimes-absent shares from what is to be learned."""
        names = SPLITS[of]
        absent = {name: float(np.mean(shares[name] <= _ABSENT)) for name in names}
        # Of those that are everywhere the largest; ties go to the first.
        base = min(names, key=lambda name: (absent[name], -float(np.mean(shares[name]))))
        sometimes = tuple(n for n in names if n != base and absent[n] > _SOME)
        return cls(of, base, sometimes)

    @property
    def others(self) -> tuple[str, ...]:
        """Shares beside the base."""
        return tuple(name for name in SPLITS[self.of] if name != self.base)

    def targets(self, shares: Mapping[str, Floats]) -> dict[str, Floats]:
        """Write shares as targets; NaN where a part is absent."""
        base = np.maximum(shares[self.base], _ABSENT)
        made: dict[str, Floats] = {}
        for name in self.others:
            share = shares[name]
            there = share > _ABSENT
            floor = share if name in self.sometimes else np.maximum(share, _ABSENT)
            with np.errstate(divide="ignore", invalid="ignore"):
                made[name] = np.where(
                    there | (name not in self.sometimes), np.log(floor / base), np.nan
                )
            if name in self.sometimes:
                made[f"{name}?"] = np.where(np.isnan(share), np.nan, there.astype(np.float64))
        return made

    def shares(self, targets: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the shares that targets stand for."""
        parts = {self.base: np.ones_like(targets[self.others[0]])}
        for name in self.others:
            part = np.exp(np.clip(targets[name], -30.0, 30.0))
            if name in self.sometimes:
                part = np.where(targets[f"{name}?"] >= 0.5, part, 0.0)
            parts[name] = part
        total = sum(parts.values())
        return {name: parts[name] / total for name in SPLITS[self.of]}


def targets_of_fractions(
    fractions: Mapping[str, Floats], splits: Mapping[str, Split]
) -> dict[str, Floats]:
    """Write fractions on the scales they are learned on: logits, log-ratios and logarithms."""
    made = {name: logit(fractions[name]) for name in SHARES if name in fractions}
    for split in splits.values():
        made |= split.targets(fractions)
    with np.errstate(divide="ignore", invalid="ignore"):
        made |= {name: np.log(fractions[name]) for name in TIMES if name in fractions}
    return {name: np.where(np.isfinite(y), y, np.nan) for name, y in made.items()}


def fractions_of_targets(
    targets: Mapping[str, Floats], splits: Mapping[str, Split]
) -> dict[str, Floats]:
    """Return the fractions that targets stand for."""
    made = {name: inverse(targets[name]) for name in SHARES if name in targets}
    for split in splits.values():
        made |= split.shares(targets)
    return made | {name: np.exp(targets[name]) for name in TIMES if name in targets}
