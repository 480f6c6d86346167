"""A network of fluxes that pays for breaking ecological laws, on plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, raise_together
from xflux.refinement.ecological_losses import Laws
from xflux.refinement.learner import State

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FLUXES", "Network"]

Array = NDArray[Any]

#: What a network can predict, in this order.
FLUXES: tuple[str, ...] = ("gpp", "reco", "nee", "le")
_NONNEGATIVE = ("gpp", "reco")
_NEE = "'head', or 'derived' where gpp, reco and nee are among the fluxes"
_SOME = f"some of {FLUXES}, each once"
_COUNTS = ("members", "epochs", "batch", "patience", "threads")
_LAWS = ("mass", "light", "temperature", "night", "negativity")
#: Share of the sites on which a member watches when to stop.
HELD_OUT = 0.2
#: Rows of one matrix product in prediction, whatever is asked: its rounding depends on its shape.
BLOCK = 1024
#: Rows of one loss of the sites held out, which bounds the memory.
_WATCHED = 8192


@dataclass(frozen=True, slots=True)
class Member:
    """One fitted network of the ensemble.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights and biases of the layers, and mean and spread of features and fluxes.
    history : dict of str to ndarray (epoch,)
        Losses of the rows trained on (``total``, and its parts before they are weighted) and the
        total loss of those held out (``held``).
    held : ndarray (site,)
        Groups that were held out to stop the training.
    """

    arrays: dict[str, Array]
    history: dict[str, NDArray[np.float64]]
    held: NDArray[np.int64]


@dataclass(slots=True)
class Network:
    """An ensemble of networks with one trunk and a head for each flux.

    Parameters
    ----------
    hidden : sequence of int
        Units of the layers of the trunk.
    nonnegative : {"hard", "soft"}
        GPP and RECO through a softplus, which keeps a gradient everywhere where the ReLU of eq 12
        can start dead; or linear, with a penalty (eq 13).
    mass, light, temperature, night, negativity : float
        Weights of the penalties of `ecological_losses`; 0 leaves one out. A penalty acts where the
        fluxes and drivers it needs are there. `negativity` counts with ``"soft"`` alone.
    temperature_limit : float
        Air temperature up to which RECO must not fall, degC.
    nee : {"head", "derived"}
        NEE with a head of its own, which `mass` ties to RECO - GPP (eq 11); or RECO - GPP itself.
        Then `mass` weighs its distance to the observed NEE, and predictions close exactly.
    fluxes : sequence of str
        Of `FLUXES`.
    members : int
        Networks, each with its own start and its own sites held out.
    epochs, rate, batch, patience : int, float, int, int
        Longest training, step of Adam, rows of a step, and epochs without a better loss at the
        sites held out after which training stops; the best epoch is kept.
    seed : int
    threads : int
        Of torch while fitting; put back afterwards.

    Notes
    -----
    ``L = sum_i L_data,i + sum_j lambda_j L_j`` (Zhu et al. 2026, UFLUX v2e,
    doi 10.1016/j.agrformet.2026.111197, eq 10). Features and fluxes are standardised by the rows
    that a member trains on. The trunk is of SiLU units, as eqs 14 and 15 need smooth derivatives.
    """

    hidden: Sequence[int] = (64, 64, 64)
    nonnegative: Literal["hard", "soft"] = "hard"
    mass: float = 1.0
    light: float = 0.1
    temperature: float = 0.1
    night: float = 0.0
    negativity: float = 1.0
    temperature_limit: float = 40.0
    nee: Literal["head", "derived"] = "head"
    fluxes: Sequence[str] = FLUXES
    members: int = 3
    epochs: int = 200
    rate: float = 1e-3
    batch: int = 512
    patience: int = 20
    seed: int = 0
    threads: int = 1
    fitted: tuple[Member, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        self.hidden, self.fluxes = tuple(self.hidden), tuple(self.fluxes)
        fluxes = set(self.fluxes)
        derivable = {"gpp", "reco", "nee"} <= fluxes
        checks = [
            *((name, 0.0 <= getattr(self, name) < np.inf, "0 or more") for name in _LAWS),
            *((name, getattr(self, name) >= 1, "1 or more") for name in _COUNTS),
            ("rate", 0.0 < self.rate < np.inf, "a positive number"),
            ("hidden", all(units >= 1 for units in self.hidden), "units of 1 or more"),
            ("nonnegative", self.nonnegative in ("hard", "soft"), "'hard' or 'soft'"),
            ("nee", self.nee == "head" or (self.nee == "derived" and derivable), _NEE),
            ("fluxes", 0 < len(fluxes) == len(self.fluxes) and fluxes <= set(FLUXES), _SOME),
        ]
        say = "{} is {!r}; expected {}".format
        raise_together(
            [InputError(say(n, getattr(self, n), to)) for n, good, to in checks if not good]
        )

    def fit(
        self,
        x: Array,
        y: Mapping[str, Array],
        *,
        groups: Array,
        light: int | None = None,
        temperature: int | None = None,
        weight: Array | None = None,
    ) -> Network:
        """Fit rows, of which those with a missing feature or no target at all are left out.

        Parameters
        ----------
        x : ndarray (row, feature)
            NaN where a feature is missing.
        y : mapping of str to ndarray (row,)
            Each flux, NaN where it was not observed.
        groups : ndarray (row,)
            Integer, the site of each row.
        light, temperature : int, optional
            Columns of PAR (W m-2) and of air temperature (degC); None: their laws are left out.
        weight : ndarray (row,), optional
            Of the misfit to the towers; laws hold for every row alike.

        Raises
        ------
        InputError
            For targets that are all missing, for infinite numbers, too few sites or wrong shapes.
        """
        import torch

        x = np.asarray(x, np.float32)
        if x.ndim != 2:
            raise InputError(f"x has shape {x.shape}; expected (row, feature)")
        if np.isinf(x).any():
            raise InputError("x holds infinite values; make them NaN, which leaves their rows out")
        for name, column in (("light", light), ("temperature", temperature)):
            if column is not None and not 0 <= column < x.shape[1]:
                raise InputError(f"{name}={column}, but x has columns 0 to {x.shape[1] - 1}")
        if self.night > 0.0 and light is None:
            raise InputError(f"night={self.night} needs the column of PAR: give light=")
        if unknown := sorted(set(y) - set(self.fluxes)):
            raise InputError(f"y holds {unknown}; the fluxes of this network are {self.fluxes}")
        none = np.full(len(x), np.nan)
        targets = np.stack([_per_row(f, y.get(f, none), len(x)) for f in self.fluxes], axis=1)
        weight = _per_row("weight", np.ones(len(x)) if weight is None else weight, len(x))
        if not np.all(weight >= 0.0):
            raise InputError(f"weight is {np.min(weight)} somewhere; expected 0 or more everywhere")
        sites = _per_row("groups", groups, len(x), np.int64)
        rows = ~np.isnan(x).any(axis=1) & ~np.isnan(targets).all(axis=1) & (weight > 0.0)
        for flux in self._heads:
            if np.isnan(targets[rows, self.fluxes.index(flux)]).all():
                raise InputError(f"no row has {flux} and all features; leave it out of fluxes")
        lambdas = {name: getattr(self, name) for name in _LAWS}
        lambdas["negativity"] *= self.nonnegative == "soft"
        laws = Laws(lambdas, light, temperature, self.temperature_limit, self.nee == "derived")
        data, sites = (x[rows], targets[rows], weight[rows]), sites[rows]
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.enable_grad():
                members = range(self.members)
                self.fitted = tuple(self._member(k, data, sites, laws) for k in members)
        finally:
            torch.set_num_threads(before)
        return self

    def predict(self, x: Array) -> dict[str, NDArray[np.float32]]:
        """Predict the mean of the members.

        Parameters
        ----------
        x : ndarray (row, feature)

        Returns
        -------
        dict of str to ndarray (row,)
            float32, each flux; NaN where a feature is missing.

        Notes
        -----
        Rows go through in blocks of one shape, padded, so that a row's result depends on nothing
        but the row: to the bit where the product of that shape treats all its rows alike (torch
        on x86 does), and to 1e-6 of the spread of the flux anyhow. Safe in threads.
        """
        mean = {name: made.mean(axis=0) for name, made in self.predict_members(x).items()}
        if self.nee == "derived":
            # Again from the means, as a mean of differences rounds otherwise.
            mean["nee"] = mean["reco"] - mean["gpp"]
        return mean

    def predict_members(self, x: Array) -> dict[str, NDArray[np.float32]]:
        """Predict with each member: (member, row) of each flux, otherwise as `predict`."""
        import torch

        if not self.fitted:
            raise InputError("the network is not fitted; call fit first")
        x = np.asarray(x, np.float32)
        expected = len(self.fitted[0].arrays["x_mean"])
        if x.ndim != 2 or x.shape[1] != expected:
            raise InputError(f"x has shape {x.shape}; expected (row, {expected}), as in fit")
        made = {f: np.full((self.members, len(x)), np.nan, np.float32) for f in self.fluxes}
        whole = np.flatnonzero(np.isfinite(x).all(axis=1))
        with torch.inference_mode():
            networks = [{n: torch.tensor(a) for n, a in m.arrays.items()} for m in self.fitted]
            for start in range(0, len(whole), BLOCK):
                rows = whole[start : start + BLOCK]
                block = np.zeros((BLOCK, x.shape[1]), np.float32)
                block[: len(rows)] = x[rows]
                for k, tensors in enumerate(networks):
                    flux = self._forward(tensors, torch.from_numpy(block))
                    for name in self.fluxes:
                        made[name][k, rows] = flux[name][: len(rows)].numpy()
        return made

    def state(self) -> State:
        """Return all that was fitted."""
        arrays: dict[str, Array] = {}
        for k, member in enumerate(self.fitted):
            arrays |= {f"{k}/{name}": array for name, array in member.arrays.items()}
            arrays |= {f"{k}/history/{name}": loss for name, loss in member.history.items()}
            arrays[f"{k}/sites/held"] = member.held
        meta = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return arrays, meta | {"hidden": list(self.hidden), "fluxes": list(self.fluxes)}

    @classmethod
    def from_state(cls, arrays: dict[str, Array], meta: dict[str, Any]) -> Network:
        """Rebuild from `state`."""
        made = cls(**meta)
        parts: dict[str, dict[str, Array]] = {}
        for name, array in arrays.items():
            place, _, rest = name.rpartition("/")
            parts.setdefault(place, {})[rest] = array
        made.fitted = tuple(
            Member(parts[f"{k}"], parts[f"{k}/history"], parts[f"{k}/sites"]["held"])
            for k in range(made.members if arrays else 0)
        )
        return made

    @property
    def _heads(self) -> list[str]:
        return [flux for flux in self.fluxes if flux != "nee" or self.nee == "head"]

    def _member(self, k: int, data: tuple[Array, ...], groups: Array, laws: Laws) -> Member:
        """Train one network on some of the sites until the others gain no more."""
        import torch

        # Of numpy, so that torch's own state of chance is neither read nor changed.
        random = np.random.default_rng([self.seed, k])
        held = _held_out(random, groups, ~np.isnan(data[1]))
        watch = np.isin(groups, held)
        arrays = self._start(random, data[0][~watch], data[1][~watch])
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        learned = [name for name in tensors if name.startswith(("weight", "bias"))]
        leaves = [tensors[name].requires_grad_() for name in learned]
        optimiser = torch.optim.Adam(leaves, lr=self.rate)
        train, watched = ([torch.from_numpy(part[r]) for part in data] for r in (~watch, watch))
        history: list[dict[str, float]] = []
        best, best_epoch = np.inf, 0
        for epoch in range(self.epochs):
            parts: dict[str, float] = {"held": 0.0}
            for rows in torch.from_numpy(random.permutation(len(train[0]))).split(self.batch):
                losses = self._losses(tensors, train, rows, laws)
                optimiser.zero_grad()
                losses["total"].backward()
                optimiser.step()
                for name, loss in losses.items():
                    parts[name] = parts.get(name, 0.0) + loss.item() * len(rows) / len(train[0])
            for rows in torch.arange(len(watched[0])).split(_WATCHED):
                loss = self._losses(tensors, watched, rows, laws)["total"]
                parts["held"] += loss.item() * len(rows) / len(watched[0])
            history.append(parts)
            if not np.isfinite(parts["held"]):
                raise InputError(f"diverged in epoch {epoch + 1}; take a rate below {self.rate}")
            if parts["held"] < best:
                best, best_epoch = parts["held"], epoch
                arrays |= {name: tensors[name].detach().numpy().copy() for name in learned}
            elif epoch - best_epoch >= self.patience:
                break
        return Member(arrays, {n: np.array([p[n] for p in history]) for n in history[0]}, held)

    def _start(self, random: np.random.Generator, x: Array, targets: Array) -> dict[str, Array]:
        """Take the statistics of rows, and draw weights whose outputs are the mean fluxes."""
        x_mean, x_spread = _statistics(x)
        y_mean, y_spread = _statistics(targets)
        made = {"x_mean": x_mean, "x_spread": x_spread, "y_mean": y_mean, "y_spread": y_spread}
        sizes = [x.shape[1], *self.hidden, len(self._heads)]
        for j, (inputs, outputs) in enumerate(pairwise(sizes)):
            # He et al. (2015); the last is small, so that training starts at the means.
            gain = 0.1 if j == len(self.hidden) else np.sqrt(2.0)
            made[f"weight{j}"] = gain / np.sqrt(inputs) * random.standard_normal((outputs, inputs))
            made[f"bias{j}"] = np.zeros(outputs)
        for k, flux in enumerate(self._heads):
            if self.nonnegative == "hard" and flux in _NONNEGATIVE:
                column = self.fluxes.index(flux)
                # Inverse of the softplus; a mean of 0 or less would start it flat.
                level = max(y_mean[column] / y_spread[column], 0.1)
                made[f"bias{len(self.hidden)}"][k] = level + np.log(-np.expm1(-level))
        return {name: array.astype(np.float32) for name, array in made.items()}

    def _forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
        """Compute the fluxes of rows, in physical units."""
        from torch.nn import functional

        made = (x - tensors["x_mean"]) / tensors["x_spread"]
        for j in range(len(self.hidden)):
            made = functional.silu(made @ tensors[f"weight{j}"].T + tensors[f"bias{j}"])
        made = made @ tensors[f"weight{len(self.hidden)}"].T + tensors[f"bias{len(self.hidden)}"]
        flux: dict[str, Tensor] = {}
        for k, name in enumerate(self._heads):
            column = self.fluxes.index(name)
            mean, spread = tensors["y_mean"][column], tensors["y_spread"][column]
            if self.nonnegative == "hard" and name in _NONNEGATIVE:
                flux[name] = spread * functional.softplus(made[:, k])
            else:
                flux[name] = mean + spread * made[:, k]
        return flux | ({"nee": flux["reco"] - flux["gpp"]} if self.nee == "derived" else {})

    def _losses(
        self, tensors: Mapping[str, Tensor], data: list[Tensor], rows: Tensor, laws: Laws
    ) -> dict[str, Tensor]:
        """Compute the losses of some rows of features, targets and weights."""
        x, y, weight = (part[rows] for part in data)
        x.requires_grad_()
        return laws.losses(
            self._forward(tensors, x),
            x,
            observed=dict(zip(self.fluxes, y.T)),
            spread=dict(zip(self.fluxes, tensors["y_spread"])),
            driver_spread=tensors["x_spread"],
            weight=weight,
        )


def _held_out(random: np.random.Generator, groups: Array, known: Array) -> NDArray[np.int64]:
    """Draw the sites to hold out, and leave targets of every flux to train on."""
    sites = np.unique(groups)
    count, held = max(1, round(HELD_OUT * len(sites))), np.empty(0, np.int64)
    for site in random.permutation(sites):
        tried = np.append(held, site)
        left = known[~np.isin(groups, tried)].any(axis=0)
        if len(held) < count and np.array_equal(left, known.any(axis=0)):
            held = tried
    if not len(held):
        raise InputError(f"{len(sites)} sites are too few to hold one out for stopping; give more")
    return np.sort(held)


def _statistics(values: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column; 0 and 1 of one without values."""
    # In double precision: the sum over many rows of pressure in Pa has more digits than single.
    known, values = ~np.isnan(values), values.astype(np.float64)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 0.0, spread, 1.0)


def _per_row(name: str, values: Array, count: int, kind: Any = np.float32) -> Array:
    values, kind = np.asarray(values), np.dtype(kind)
    found = f"{values.dtype} {values.shape}"
    if values.shape != (count,) or not np.can_cast(values.dtype, kind, "same_kind"):
        raise InputError(f"{name} is {found}; expected {kind} {(count,)}, one for each row")
    if np.isinf(values.astype(kind)).any():
        raise InputError(f"{name} holds infinite values; make them NaN")
    return values.astype(kind)
