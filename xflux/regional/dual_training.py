"""One network that towers and the atmosphere train, from its first weights to its best epoch.

Plain arrays and torch. Without the atmosphere the same start and the same batches of towers
give the network that it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.regional.dual_data import Atmosphere, Design, Member, Split, Towers
from xflux.regional.dual_losses import atmosphere_loss, limits, weighed

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["LIMIT", "forward", "train"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

Look = Callable[[dict[str, Array], int], "tuple[Floats, Atmosphere | None]"]

#: Standard deviations of the towers' rows within which features are held.
LIMIT = 4.0
#: Step of the logarithms of variances, over that of the weights.
_FASTER = 10.0
#: Rows of one loss of sites held out, which bounds the memory.
_WATCHED = 65536


@dataclass(slots=True)
class _Session:
    """Tensors of one training on one device."""

    design: Design
    device: Any
    tensors: dict[str, Tensor]
    learned: list[str]
    air: dict[str, Any] = field(default_factory=dict)

    def meet(self, atmosphere: Atmosphere) -> None:
        """Take the pixels of another bridge."""
        import torch

        for name in ("x", "weights", "level"):
            array = np.asarray(getattr(atmosphere, name), np.float32)
            self.air[name] = torch.as_tensor(array, device=self.device)

    def nee(self, x: Tensor, chance: Any = None) -> Tensor:
        return forward(self.design, self.tensors, x, chance)

    def of_year(self, k: int) -> Tensor:
        """Return the misfit to inversions in one year."""
        air = self.air
        _, steps, months, days = air["years"][k]
        made = self.nee(air["x"][:, steps]) @ days.T
        nee = air["weights"] @ made + air["level"][:, None]
        return atmosphere_loss(
            nee, air["inversions"][:, :, months], air["spread"][:, months], air["area"],
            self.design.norm,
        )  # fmt: skip


def forward(design: Design, tensors: Mapping[str, Tensor], x: Tensor, chance: Any = None) -> Tensor:
    """Return NEE of rows (..., feature), g m-2 d-1 (eqs 4 and 6).

    With a generator of chance units are left out, and the others count for them.
    """
    made = ((x - tensors["x_mean"]) * tensors["x_factor"]).clamp(-LIMIT, LIMIT)
    last = len(design.hidden)
    for j in range(last):
        made = (made @ tensors[f"weight{j}"].T + tensors[f"bias{j}"]).relu()
        if chance is not None and design.dropout > 0.0:
            made = made * _kept(made, design.dropout, chance)
    made = made @ tensors[f"weight{last}"].T + tensors[f"bias{last}"]
    return tensors["y_mean"] + tensors["y_spread"] * made[..., 0]


def _kept(made: Tensor, dropout: float, chance: Any) -> Tensor:
    import torch

    lots = torch.rand(made.shape, generator=chance, device=made.device)
    return (lots >= dropout).to(made.dtype) / (1.0 - dropout)


def train(
    design: Design,
    seed: Sequence[int],
    towers: Towers,
    atmosphere: Atmosphere | None,
    split: Split,
    *,
    look: Look | None = None,
    device: str = "cpu",
) -> Member:
    """Train one network, to the end or until sites and years kept back gain no more.

    Parameters
    ----------
    design : Design
    seed : sequence of int
        First weights, batches of towers and years are drawn each by its own, so that a network
        trained by towers alone has the same start and the same batches.
    towers : Towers
    atmosphere : Atmosphere, optional
        None: towers alone.
    split : Split
    look : callable, optional
        Gets weights and epoch every `check_every` epochs; says how well the bridge of each region
        holds (R2), and what to meet the inversions by from then on.
    device : str

    Notes
    -----
    A step takes a batch of towers and one whole year of all regions. With a patience training
    stops when ``L_EC,held / L_EC,0 + L_ATM,held / L_ATM,0`` gains no more, where 0 is before the
    first step: the weighed sum may fall by its weights alone. Where towers are biased, those held
    out stop it before the atmosphere is met. Without a patience nothing is kept back for it, and
    held losses are those of the sites and years by which the member is scored: told, and nothing
    is decided by them.

    Units are left out for towers alone. There are few, and each is recognised by what does not
    change at its site: without that the network learns sites by heart, their loss falls to little,
    and weights that are learned take it for certainty.
    """
    import torch

    apart = np.isin(towers.site, split.away)
    kept_back = np.isin(towers.site, split.held) & ~apart
    use = ~apart & ~kept_back
    watch = apart if design.patience is None else kept_back
    if not use.any() or not watch.any():
        raise InputError(
            "a fold leaves no rows to train on or to stop by; give more sites, or fewer folds"
        )
    arrays = _start(design, seed, towers, use)
    session = _session(design, arrays, atmosphere, device)
    tensors = session.tensors
    leaves = [tensors[name].requires_grad_() for name in session.learned]
    etas = [torch.zeros((), device=device, requires_grad=True) for _ in range(2)]
    groups: list[dict[str, Any]] = [{"params": leaves, "lr": design.rate}]
    learned_weights = atmosphere is not None and design.weighting is None
    if learned_weights:
        groups.append({"params": etas, "lr": _FASTER * design.rate})
    optimiser = torch.optim.Adam(groups)
    x, y = (torch.as_tensor(a[use], device=device) for a in (towers.x, towers.y))
    x_held, y_held = (torch.as_tensor(a[watch], device=device) for a in (towers.x, towers.y))
    in_years, watch_years = _years(atmosphere, split, stops=design.patience is not None)
    batches = np.random.default_rng([*seed, 1])
    chance = torch.Generator(device=device)
    chance.manual_seed(int(np.random.default_rng([*seed, 6]).integers(2**62)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda epoch: 0.05 + 0.475 * (1.0 + math.cos(math.pi * epoch / design.epochs))
    )
    draws = np.random.default_rng([*seed, 2])

    def held() -> tuple[float, float]:
        with torch.no_grad():
            ec = float(np.concatenate([
                ((session.nee(a) - b) ** 2).cpu().numpy()
                for a, b in zip(x_held.split(_WATCHED), y_held.split(_WATCHED))
            ]).mean())  # fmt: skip
            air = [session.of_year(k).item() for k in watch_years]
        return ec, float(np.mean(air)) if air else np.nan

    first = held()
    history: list[dict[str, float]] = []
    best, best_epoch = np.inf, 0
    for epoch in range(design.epochs):
        parts = {"ec": 0.0, "atm": 0.0}
        order = torch.as_tensor(batches.permutation(len(x)), device=device)
        pieces = order.split(design.batch)
        for rows in pieces:
            ec = ((session.nee(x[rows], chance) - y[rows]) ** 2).mean()
            total = ec
            if atmosphere is not None:
                air = session.of_year(int(draws.choice(in_years)))
                if design.weighting is None:
                    total = weighed([ec, air], etas)
                else:
                    total = design.weighting[0] * ec + design.weighting[1] * air
                parts["atm"] += air.item() / len(pieces)
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
            for eta in etas if learned_weights else ():
                limits(eta)
            parts["ec"] += ec.item() * len(rows) / len(x)
        ec_held, atm_held = held()
        score = ec_held / first[0] + (0.0 if atmosphere is None else atm_held / first[1])
        parts |= {"ec_held": ec_held, "atm_held": atm_held, "score": score}
        parts |= {f"eta_{name}": eta.item() for name, eta in zip(("ec", "atm"), etas)}
        if atmosphere is None:
            parts["atm"] = np.nan
        parts["bridge_r2"] = np.nan
        if look is not None and design.check_every and (epoch + 1) % design.check_every == 0:
            found, anew = look(_plain(tensors), epoch)
            parts["bridge_r2"] = float(np.min(found))
            if anew is not None:
                session.meet(anew)
        history.append(parts)
        if not np.isfinite(ec_held + parts["ec"] + np.nan_to_num(parts["atm"], posinf=np.nan)):
            raise InputError(f"diverged in epoch {epoch + 1}; take a rate below {design.rate}")
        schedule.step()
        if design.patience is None or score < best:
            best, best_epoch = score, epoch
            arrays = _plain(tensors)
        elif epoch - best_epoch >= design.patience:
            break
    losses = {name: np.array([parts[name] for parts in history]) for name in history[0]}
    return Member(arrays, losses, split, best_epoch)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def _years(
    atmosphere: Atmosphere | None, split: Split, *, stops: bool
) -> tuple[list[int], list[int]]:
    """Return the years that are trained on and those that are watched, by position."""
    if atmosphere is None:
        return [], []
    numbers = [year for year, *_ in atmosphere.years]
    apart = {*split.held_years, *split.away_years}
    seen = [k for k, year in enumerate(numbers) if year not in apart]
    watched = split.held_years if stops else split.away_years
    watch = [k for k, year in enumerate(numbers) if year in watched]
    if not seen:
        raise InputError(f"of the years {numbers} none is left to train on; hold fewer out")
    return seen, watch or (seen if stops else [])


def _session(
    design: Design, arrays: Mapping[str, Array], atmosphere: Atmosphere | None, device: str
) -> _Session:
    import torch

    def tensor(array: Any) -> torch.Tensor:
        return torch.as_tensor(np.asarray(array, np.float32).copy(), device=device)

    tensors = {name: tensor(array) for name, array in arrays.items()}
    learned = [name for name in tensors if name.startswith(("weight", "bias"))]
    session = _Session(design, device, tensors, learned)
    if atmosphere is not None:
        session.air = {
            name: tensor(getattr(atmosphere, name))
            for name in ("x", "weights", "level", "inversions", "spread", "area")
        }
        session.air["years"] = [
            (year, torch.as_tensor(steps, device=device), torch.as_tensor(months, device=device),
             tensor(days))
            for year, steps, months, days in atmosphere.years
        ]  # fmt: skip
    return session


def _start(
    design: Design, seed: Sequence[int], towers: Towers, use: NDArray[np.bool_]
) -> dict[str, Array]:
    """Take the statistics of towers' rows, and draw weights."""
    random = np.random.default_rng([*seed, 0])
    x, y = towers.x[use].astype(np.float64), towers.y[use].astype(np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > 1e-6 * np.maximum(np.abs(mean), 1e-12)
    made: dict[str, Any] = {
        "x_mean": mean,
        "x_factor": np.divide(1.0, spread, out=np.zeros_like(spread), where=varies),
        "y_mean": y.mean(),
        "y_spread": y.std() or 1.0,
    }
    sizes = [x.shape[1], *design.hidden, 1]
    for j, (inputs, units) in enumerate(pairwise(sizes)):
        # He et al. (2015); the last is small, so that training starts at the mean.
        gain = 0.1 if j == len(design.hidden) else np.sqrt(2.0)
        made[f"weight{j}"] = gain / np.sqrt(inputs) * random.standard_normal((units, inputs))
        made[f"bias{j}"] = np.zeros(units)
    return {name: np.asarray(array, np.float32) for name, array in made.items()}
