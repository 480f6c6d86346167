"""A network of fluxes that pays for breaking ecological laws, on plain rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, raise_together
from xflux.learning.learner import State
from xflux.learning.torch_session import torch_session
from xflux.refinement.blend import left_out, mean_of_members
from xflux.refinement.ecological_losses import Laws
from xflux.refinement.network_training import Design, Member, outputs, sparing, train

__all__ = ["FLUXES", "Network"]

Array = NDArray[Any]

#: What a network can predict, in this order.
FLUXES: tuple[str, ...] = ("gpp", "reco", "nee", "le")
_NEE = "'head', or 'derived' where gpp, reco and nee are among the fluxes"
_SOME = f"some of {FLUXES}, each once"
_COUNTS = ("members", "epochs", "batch", "patience", "threads")
_LAWS = ("mass", "light", "temperature", "night", "negativity")


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
    rows : float
        Share of the sites that each member may see, in a balanced design; below 1, several
        members tell by `predict_left_out` how well a site is predicted that they do not know.
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
    rows: float = 1.0
    epochs: int = 200
    rate: float = 1e-3
    batch: int = 512
    patience: int = 20
    seed: int = 0
    threads: int = 1
    fitted: tuple[Member, ...] = field(default=(), init=False, repr=False)
    needed: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        self.hidden, self.fluxes = tuple(self.hidden), tuple(self.fluxes)
        fluxes = set(self.fluxes)
        derivable = {"gpp", "reco", "nee"} <= fluxes
        checks = [
            *((name, 0.0 <= getattr(self, name) < np.inf, "0 or more") for name in _LAWS),
            *((name, getattr(self, name) >= 1, "1 or more") for name in _COUNTS),
            ("rows", 0.0 < self.rows <= 1.0, "a share above 0, up to 1"),
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
        needed: Sequence[int] | None = None,
        tell: Callable[[], None] | None = None,
    ) -> Network:
        """Fit rows, of which those without a needed feature or any target are left out.

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
        needed : sequence of int, optional
            Columns without which a row does not count; None: all. Another feature that is missing
            counts as its mean over the rows that a member trains on.
        tell : callable, optional
            Called after each member.

        Raises
        ------
        InputError
            For targets that are all missing, for infinite numbers, too few sites or wrong shapes.
        """
        x = np.asarray(x, np.float32)
        if x.ndim != 2:
            raise InputError(f"x has shape {x.shape}; expected (row, feature)")
        if np.isinf(x).any():
            raise InputError("x holds infinite values; make them NaN, which leaves their rows out")
        for name, column in (("light", light), ("temperature", temperature)):
            if column is not None and not 0 <= column < x.shape[1]:
                raise InputError(f"{name}={column}, but x has columns 0 to {x.shape[1] - 1}")
        if self.night > 0.0 and light is None and "gpp" in self.fluxes:
            raise InputError(f"night={self.night} needs the column of PAR: give light=")
        if unknown := sorted(set(y) - set(self.fluxes)):
            raise InputError(f"y holds {unknown}; the fluxes of this network are {self.fluxes}")
        none = np.full(len(x), np.nan)
        targets = np.stack([_per_row(f, y.get(f, none), len(x)) for f in self.fluxes], axis=1)
        weight = _per_row("weight", np.ones(len(x)) if weight is None else weight, len(x))
        if not np.all(weight >= 0.0):
            raise InputError(f"weight is {np.min(weight)} somewhere; expected 0 or more everywhere")
        sites = _per_row("groups", groups, len(x), np.int64)
        columns = tuple(range(x.shape[1]) if needed is None else map(int, needed))
        rows = (
            ~np.isnan(x[:, columns]).any(axis=1) & ~np.isnan(targets).all(axis=1) & (weight > 0.0)
        )
        for flux in self.design.heads:
            if np.isnan(targets[rows, self.fluxes.index(flux)]).all():
                raise InputError(
                    f"no row has {flux} and all needed features; leave it out of fluxes"
                )
        lambdas = {name: getattr(self, name) for name in _LAWS}
        lambdas["negativity"] *= self.nonnegative == "soft"
        laws = Laws(lambdas, light, temperature, self.temperature_limit, self.nee == "derived")
        data, sites = (x[rows], targets[rows], weight[rows]), sites[rows]
        away = self._away(sites, ~np.isnan(data[1]))
        with torch_session(self.threads):
            members = []
            for k, unseen in enumerate(away):
                random = np.random.default_rng([self.seed, k])
                members.append(train(self.design, random, data, sites, laws, unseen))
                if tell is not None:
                    tell()
        self.fitted, self.needed = tuple(members), columns
        return self

    def predict(self, x: Array) -> dict[str, NDArray[np.float32]]:
        """Predict the mean of the members.

        Parameters
        ----------
        x : ndarray (row, feature)

        Returns
        -------
        dict of str to ndarray (row,)
            float32, each flux; NaN where a needed feature is missing.

        Notes
        -----
        Without torch. A row has the same bits whatever other rows are predicted with it.
        """
        mean = {name: mean_of_members(made) for name, made in self.predict_members(x).items()}
        if self.nee == "derived":
            # Again from the means, as a mean of differences rounds otherwise.
            mean["nee"] = mean["reco"] - mean["gpp"]
        return mean

    def predict_members(self, x: Array) -> dict[str, NDArray[np.float32]]:
        """Predict with each member: (member, row) of each flux, otherwise as `predict`."""
        x = self._rows(x)
        rows = np.flatnonzero(self._whole(x))
        made = {f: np.full((self.members, len(x)), np.nan, np.float32) for f in self.fluxes}
        part = x if len(rows) == len(x) else x[rows]
        for k, member in enumerate(self.fitted):
            for flux, values in self._forward(member, part).items():
                made[flux][k, rows] = values
        return made

    def predict_left_out(self, x: Array, groups: Array) -> dict[str, NDArray[np.float32]]:
        """Predict rows of the fit by the mean of those members that never saw their site.

        Parameters
        ----------
        x : ndarray (row, feature)
        groups : ndarray (row,)
            As in `fit`.

        Returns
        -------
        dict of str to ndarray (row,)
            NaN where every member saw the site.
        """
        each = self.predict_members(x)
        unseen = np.stack([np.isin(groups, member.away) for member in self.fitted])
        count = unseen.sum(axis=0)
        made: dict[str, NDArray[np.float32]] = {}
        for flux, values in each.items():
            total = np.where(unseen, values, 0.0).sum(axis=0)
            made[flux] = np.divide(
                total, count, out=np.full(len(total), np.nan), where=count > 0
            ).astype(np.float32)
        return made

    def slopes(self, x: Array, flux: str, column: int) -> NDArray[np.float32]:
        """Differentiate the mean of the members by one feature, with torch.

        Parameters
        ----------
        x : ndarray (row, feature)
        flux : str
        column : int

        Returns
        -------
        ndarray (row,)
            In units of the flux per unit of the feature, all others held; NaN where a needed
            feature is missing.
        """
        from xflux.refinement.ecological_losses import slope

        x = self._rows(x)
        whole = self._whole(x)
        total = np.zeros(int(whole.sum()), np.float64)
        with torch_session(self.threads):
            import torch

            for member in self.fitted:
                tensors = {name: torch.tensor(array) for name, array in member.arrays.items()}
                known = np.where(np.isnan(x[whole]), member.arrays["x_mean"], x[whole])
                rows = torch.tensor(known, requires_grad=True)
                made = slope(outputs(self.design, tensors, rows)[flux], rows, column)
                total += made.detach().numpy()
        slopes = np.full(len(x), np.nan, np.float32)
        slopes[whole] = total / len(self.fitted)
        return slopes

    def _forward(self, member: Member, rows: Array) -> dict[str, Array]:
        from xflux.learning.network_kernel import forward

        arrays, design = member.arrays, self.design
        layers = range(len(design.hidden) + 1)
        heads = [design.fluxes.index(flux) for flux in design.heads]
        parts = [part for j in layers for part in (arrays[f"bias{j}"], arrays[f"weight{j}"].T)]
        out = np.empty((len(rows), len(heads)), np.float32)
        forward(
            np.ascontiguousarray(rows),
            arrays["x_mean"],
            arrays["x_factor"],
            arrays["x_limit"],
            np.array([rows.shape[1], *design.hidden, len(heads)]),
            np.concatenate([part.ravel() for part in parts]),
            np.array(design.positive),
            arrays["y_mean"][heads],
            arrays["y_spread"][heads],
            False,
            out,
        )
        made = {flux: out[:, k] for k, flux in enumerate(design.heads)}
        return made | ({"nee": made["reco"] - made["gpp"]} if design.derived else {})

    def state(self) -> State:
        """Return all that was fitted."""
        arrays: dict[str, Array] = {}
        for k, member in enumerate(self.fitted):
            arrays |= {f"{k}/{name}": array for name, array in member.arrays.items()}
            arrays |= {f"{k}/history/{name}": loss for name, loss in member.history.items()}
            arrays |= {f"{k}/sites/held": member.held, f"{k}/sites/away": member.away}
        meta = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        if self.fitted:
            arrays["needed"] = np.array(self.needed, np.int64)
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
            Member(parts[f"{k}"], parts[f"{k}/history"], **parts[f"{k}/sites"])
            for k in range(made.members if arrays else 0)
        )
        if arrays:
            made.needed = tuple(arrays["needed"].tolist())
        return made

    @property
    def design(self) -> Design:
        """What its members share."""
        return Design(
            tuple(self.hidden), tuple(self.fluxes), self.nonnegative == "hard",
            self.nee == "derived", self.epochs, self.rate, self.batch, self.patience,
        )  # fmt: skip

    def _away(self, groups: Array, known: Array) -> list[NDArray[np.int64]]:
        """Choose the sites that each member never sees."""
        if self.members == 1 or self.rows == 1.0:
            return [np.empty(0, np.int64)] * self.members
        chosen = left_out(groups, self.members, self.rows, self.seed)
        return [sparing(sorted(sites), len(sites), groups, known) for sites in chosen]

    def _rows(self, x: Array) -> Array:
        if not self.fitted:
            raise InputError("the network is not fitted; call fit first")
        x = np.ascontiguousarray(x, np.float32)
        expected = len(self.fitted[0].arrays["x_mean"])
        if x.ndim != 2 or x.shape[1] != expected:
            raise InputError(f"x has shape {x.shape}; expected (row, {expected}), as in fit")
        return x

    def _whole(self, x: Array) -> NDArray[np.bool_]:
        missing = np.isnan(x[:, list(self.needed)]).any(axis=1) | np.isinf(x).any(axis=1)
        return np.asarray(~missing)


def _per_row(name: str, values: Array, count: int, kind: Any = np.float32) -> Array:
    values, kind = np.asarray(values), np.dtype(kind)
    found = f"{values.dtype} {values.shape}"
    if values.shape != (count,) or not np.can_cast(values.dtype, kind, "same_kind"):
        raise InputError(f"{name} is {found}; expected {kind} {(count,)}, one for each row")
    if np.isinf(values.astype(kind)).any():
        raise InputError(f"{name} holds infinite values; make them NaN")
    return values.astype(kind)
