"""Which towers and years each member is trained on, stopped by, and scored by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.regional.dual_data import Split

__all__ = ["splits"]

#: Spans of fewer years have none held out.
FEWEST_YEARS = 5


def splits(
    site: NDArray[np.int64],
    folds: int,
    years: Sequence[int],
    held_years: int | Sequence[int],
    seed: int,
    *,
    stops: bool,
) -> list[Split]:
    """Divide towers into folds, and years into those trained on and those held out.

    Parameters
    ----------
    site : ndarray (row,)
        Number of the tower of each row.
    folds : int
        Member k is scored by fold k, and with `stops` stopped by fold k + 1.
    years : sequence of int
        Of the atmosphere.
    held_years : int or sequence of int
        How many years no member sees, or which.
    seed : int
    stops : bool
        Keep sites and years back by which training is stopped.

    Raises
    ------
    InputError
        For fewer sites than folds, and years that are not there or too many.
    """
    sites = np.unique(site)
    if sites.size < max(folds, 3):
        raise InputError(
            f"{sites.size} sites with records make no {folds} folds; give folds={sites.size} or "
            "fewer (at least 3 sites)"
        )
    random = np.random.default_rng([seed, 9])
    parts = np.array_split(random.permutation(sites), folds)
    away, rest = _held(list(years), held_years, random, times=2 if stops else 1)
    made = []
    for k in range(folds):
        if not stops:
            made.append(Split(np.sort(parts[k]), np.empty(0, np.int64), (), away))
            continue
        stop: tuple[int, ...] = ()
        if away and len(rest) > len(away) + 1:
            drawn = random.choice(rest, size=len(away), replace=False)
            stop = tuple(sorted(int(year) for year in drawn))
        held = parts[(k + 1) % folds] if folds > 2 else _third(parts[1 - k], seed)
        made.append(Split(np.sort(parts[k]), np.sort(held), stop, away))
    return made


def _third(sites: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Draw a third of the sites: with two folds the other one must also train.

    Years have a generator of their own, so that towers alone have the same sites.
    """
    random = np.random.default_rng([seed, 10])
    return random.permutation(sites)[: max(1, sites.size // 3)]


def _held(
    years: list[int], wanted: int | Sequence[int], random: np.random.Generator, *, times: int
) -> tuple[tuple[int, ...], list[int]]:
    """Return the years that no member sees, and the others."""
    if isinstance(wanted, int | np.integer):
        count = int(wanted) if len(years) >= FEWEST_YEARS else 0
        if count and len(years) - times * count < 1:
            raise InputError(f"held_years={wanted} of {len(years)} years leave none to train on")
        away = (
            sorted(int(one) for one in random.choice(years, size=count, replace=False))
            if (count and years)
            else []
        )
    else:
        away = sorted(int(one) for one in wanted) if years else []
        if unknown := sorted(set(away) - set(years)):
            raise InputError(
                f"held_years={unknown} are not among the years of the atmosphere, {years}"
            )
        if years and len(years) <= len(away):
            raise InputError(f"held_years={away} leave no year to train on")
    return tuple(away), [year for year in years if year not in away]
