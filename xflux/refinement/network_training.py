"""One network, from its first weights to the epoch that sites held out like best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.network_embedder import HELD_OUT
from xflux.learning.rows import mean_and_spread
from xflux.refinement.ecological_losses import Laws

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Design", "Member", "outputs", "sparing", "train"]

Array = NDArray[Any]

#: Standard deviations within which features are held.
LIMIT = 4.0
_NONNEGATIVE = ("gpp", "reco")
#: Rows of one loss of the sites held out, which bounds the memory.
_WATCHED = 8192


@dataclass(frozen=True, slots=True)
class Design:
    """What the networks of an ensemble share.

    Attributes
    ----------
    hidden : tuple of int
        Units of the layers of the trunk.
    fluxes : tuple of str
    hard : bool
        GPP and RECO through a softplus.
    derived : bool
        NEE is RECO - GPP.
    epochs, rate, batch, patience : int, float, int, int
        As of `Network`.
    """

    hidden: tuple[int, ...]
    fluxes: tuple[str, ...]
    hard: bool
    derived: bool
    epochs: int
    rate: float
    batch: int
    patience: int

    @property
    def heads(self) -> list[str]:
        """Fluxes with a head of their own."""
        return [flux for flux in self.fluxes if flux != "nee" or not self.derived]

    @property
    def positive(self) -> list[bool]:
        """Of each head, whether it is 0 or more by construction."""
        return [self.hard and flux in _NONNEGATIVE for flux in self.heads]


@dataclass(frozen=True, slots=True)
class Member:
    """One fitted network of the ensemble.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights and biases of the layers; mean, factor and limit of features; mean and spread
        of fluxes.
    history : dict of str to ndarray (epoch,)
        Losses of the rows trained on (``total``, and its parts before they are weighted) and the
        total loss of those held out (``held``).
    held : ndarray (site,)
        Groups that were held out to stop the training.
    away : ndarray (site,)
        Groups that it never saw.
    """

    arrays: dict[str, Array]
    history: dict[str, NDArray[np.float64]]
    held: NDArray[np.int64]
    away: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def sparing(
    sites: Sequence[int] | Array, count: int, groups: Array, known: Array
) -> NDArray[np.int64]:
    """Return the first sites, up to a count, without which targets of every flux are left.

    Parameters
    ----------
    sites : sequence of int
        In the order in which they are tried.
    count : int
    groups : ndarray (row,)
    known : ndarray (row, flux)
        Where there is a target.
    """
    chosen = np.empty(0, np.int64)
    for site in sites:
        tried = np.append(chosen, site)
        left = known[~np.isin(groups, tried)].any(axis=0)
        if len(chosen) < count and np.array_equal(left, known.any(axis=0)):
            chosen = tried
    return np.sort(chosen)


def train(
    design: Design,
    random: np.random.Generator,
    data: tuple[Array, Array, Array],
    groups: Array,
    laws: Laws,
    away: NDArray[np.int64],
) -> Member:
    """Train one network on some of the sites until others gain no more.

    Parameters
    ----------
    design : Design
    random : Generator
        Of numpy, so that torch's own state of chance is neither read nor changed.
    data : tuple of ndarray
        Features (row, feature), targets (row, flux) and weights (row,); NaN is missing.
    groups : ndarray (row,)
        Site of each row.
    laws : Laws
    away : ndarray of int
        Sites that are not to be seen at all.

    Raises
    ------
    InputError
        For too few sites, or a training that diverges.
    """
    import torch

    seen = ~np.isin(groups, away)
    data, groups = (data[0][seen], data[1][seen], data[2][seen]), groups[seen]
    sites = np.unique(groups)
    count = max(1, round(HELD_OUT * len(sites)))
    held = sparing(random.permutation(sites), count, groups, ~np.isnan(data[1]))
    if not len(held):
        raise InputError(f"{len(sites)} sites are too few to hold one out for stopping; give more")
    watch = np.isin(groups, held)
    arrays = _start(design, random, data[0][~watch], data[1][~watch])
    data = (np.where(np.isnan(data[0]), arrays["x_mean"], data[0]), *data[1:])
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    learned = [name for name in tensors if name.startswith(("weight", "bias"))]
    leaves = [tensors[name].requires_grad_() for name in learned]
    optimiser = torch.optim.Adam(leaves, lr=design.rate)
    known, watched = ([torch.from_numpy(part[r]) for part in data] for r in (~watch, watch))
    history: list[dict[str, float]] = []
    best, best_epoch = np.inf, 0
    for epoch in range(design.epochs):
        parts: dict[str, float] = {"held": 0.0}
        for rows in torch.from_numpy(random.permutation(len(known[0]))).split(design.batch):
            losses = _losses(design, tensors, known, rows, laws)
            optimiser.zero_grad()
            losses["total"].backward()
            optimiser.step()
            for name, loss in losses.items():
                parts[name] = parts.get(name, 0.0) + loss.item() * len(rows) / len(known[0])
        for rows in torch.arange(len(watched[0])).split(_WATCHED):
            loss = _losses(design, tensors, watched, rows, laws)["total"]
            parts["held"] += loss.item() * len(rows) / len(watched[0])
        history.append(parts)
        if not np.isfinite(parts["held"]):
            raise InputError(f"diverged in epoch {epoch + 1}; take a rate below {design.rate}")
        if parts["held"] < best:
            best, best_epoch = parts["held"], epoch
            arrays |= {name: tensors[name].detach().numpy().copy() for name in learned}
        elif epoch - best_epoch >= design.patience:
            break
    losses_of = {name: np.array([parts[name] for parts in history]) for name in history[0]}
    return Member(arrays, losses_of, held, away)


def outputs(design: Design, tensors: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """Compute the fluxes of rows without missing features, in physical units."""
    from torch.nn import functional

    made = (x - tensors["x_mean"]) * tensors["x_factor"]
    made = made.clamp(-tensors["x_limit"], tensors["x_limit"])
    last = len(design.hidden)
    for j in range(last):
        made = functional.silu(made @ tensors[f"weight{j}"].T + tensors[f"bias{j}"])
    made = made @ tensors[f"weight{last}"].T + tensors[f"bias{last}"]
    flux: dict[str, Tensor] = {}
    for k, (name, positive) in enumerate(zip(design.heads, design.positive, strict=True)):
        column = design.fluxes.index(name)
        mean, spread = tensors["y_mean"][column], tensors["y_spread"][column]
        if positive:
            flux[name] = spread * functional.softplus(made[:, k])
        else:
            flux[name] = mean + spread * made[:, k]
    return flux | ({"nee": flux["reco"] - flux["gpp"]} if design.derived else {})


def _losses(
    design: Design, tensors: Mapping[str, Tensor], data: list[Tensor], rows: Tensor, laws: Laws
) -> dict[str, Tensor]:
    """Compute the losses of some rows of features, targets and weights."""
    import torch

    x, y, weight = (part[rows] for part in data)
    x.requires_grad_()
    factor = tensors["x_factor"]
    return laws.losses(
        outputs(design, tensors, x),
        x,
        observed=dict(zip(design.fluxes, y.T)),
        spread=dict(zip(design.fluxes, tensors["y_spread"])),
        # A driver that does not vary has no slope to punish.
        driver_spread=torch.where(factor > 0.0, 1.0 / factor, 0.0),
        weight=weight,
    )


def _start(
    design: Design, random: np.random.Generator, x: Array, targets: Array
) -> dict[str, Array]:
    """Take the statistics of rows, and draw weights whose outputs are the mean fluxes."""
    x_mean, x_spread = mean_and_spread(x)
    y_mean, y_spread = mean_and_spread(targets)
    y_spread = np.where(y_spread > 0.0, y_spread, 1.0)
    # What does not vary teaches nothing, and its weights would stay as they were drawn.
    varies = x_spread > 1e-6 * np.abs(x_mean)
    classes = np.all(np.isnan(x) | (x == 0.0) | (x == 1.0), axis=0)
    size = np.where(classes, 1.0, x_spread)
    made = {
        "x_mean": x_mean,
        "x_factor": np.divide(1.0, size, out=np.zeros_like(size), where=varies),
        "x_limit": np.full(x.shape[1], LIMIT),
        "y_mean": y_mean,
        "y_spread": y_spread,
    }
    sizes = [x.shape[1], *design.hidden, len(design.heads)]
    last = len(design.hidden)
    for j, (inputs, units) in enumerate(pairwise(sizes)):
        # He et al. (2015); the last is small, so that training starts at the means.
        gain = 0.1 if j == last else np.sqrt(2.0)
        made[f"weight{j}"] = gain / np.sqrt(inputs) * random.standard_normal((units, inputs))
        made[f"bias{j}"] = np.zeros(units)
    for k, (flux, positive) in enumerate(zip(design.heads, design.positive, strict=True)):
        if positive:
            column = design.fluxes.index(flux)
            # Inverse of the softplus; a mean of 0 or less would start it flat.
            level = max(y_mean[column] / y_spread[column], 0.1)
            made[f"bias{last}"][k] = level + np.log(-np.expm1(-level))
    return {name: array.astype(np.float32) for name, array in made.items()}
