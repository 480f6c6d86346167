"""What a network of towers and atmosphere is trained on, and what training leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.regional.dual_losses import Norm

__all__ = ["Atmosphere", "Design", "Member", "Split", "Towers"]

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """What members share.

    Attributes
    ----------
    hidden : tuple of int
    norm : Norm
    weighting : tuple of float, optional
        Fixed weights of towers and atmosphere; None: learned.
    epochs, rate, batch : int, float, int
        `rate` is that at the start; it falls to nearly 0 along a cosine.
    patience : int, optional
        Epochs without a gain after which training stops; None: never, and the last one is kept.
    dropout : float
        Share of the units that are left out of each step for towers.
    check_every : int
        Epochs between looks at the bridge; 0: never.
    """

    hidden: tuple[int, ...]
    norm: Norm
    weighting: tuple[float, float] | None
    epochs: int
    rate: float
    batch: int
    patience: int | None
    dropout: float
    check_every: int


@dataclass(frozen=True, slots=True)
class Towers:
    """Rows of towers, without missing values.

    Attributes
    ----------
    x : ndarray (row, feature)
        float32.
    y : ndarray (row,)
        NEE, g m-2 d-1.
    site : ndarray (row,)
        Number of the site.
    """

    x: Array
    y: Array
    site: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Atmosphere:
    """What inversions say, and the pixels by which they are met.

    Attributes
    ----------
    x : ndarray (pixel, step, feature)
        float32, without NaN.
    weights : ndarray (region, pixel)
        Pg per g m-2.
    level : ndarray (region,)
        Pg per month.
    inversions : ndarray (inversion, region, month)
        Pg per month; NaN where one has no value.
    spread : ndarray (region, month)
    area : ndarray (region,)
    years : tuple of (year, steps, months, days)
        Of each year the positions of its steps and months, and the days (month, step) by which
        steps lie in months.
    """

    x: Array
    weights: Floats
    level: Floats
    inversions: Floats
    spread: Floats
    area: Floats
    years: tuple[tuple[int, Array, Array, Floats], ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Who is seen by a member.

    Attributes
    ----------
    away : ndarray of int
        Sites that it never sees, by which it is scored.
    held : ndarray of int
        Sites that stop its training; empty where nothing does.
    held_years : tuple of int
        Years that stop its training; empty: those it is trained on.
    away_years : tuple of int
        Years whose inversions it never sees.
    """

    away: NDArray[np.int64]
    held: NDArray[np.int64]
    held_years: tuple[int, ...] = ()
    away_years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One fitted network.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights, biases, and the scaling of features and flux; float32.
    history : dict of str to ndarray (epoch,)
    split : Split
    best : int
        Epoch that is kept, from 0 on.
    """

    arrays: dict[str, Array]
    history: dict[str, Floats]
    split: Split
    best: int
