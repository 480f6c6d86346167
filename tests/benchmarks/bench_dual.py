"""The atmosphere in training: through bridges, and by all pixels of the land."""

from __future__ import annotations

from functools import partial

import numpy as np
from standalone import standalone
from tables import Table, number
from timing import interleave

from xflux.regional.dual_data import Atmosphere, Design
from xflux.regional.dual_losses import Norm
from xflux.regional.dual_training import _Session, _session

REGIONS, YEARS, FEATURES, CONTRIBUTING = 11, 17, 18, 8
#: Land of a map of 1 degree.
LAND = 15_000
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], float)


def session(pixels: int) -> _Session:
    """Return a network of 64, 64, 64 units, and an atmosphere met at some pixels."""
    random = np.random.default_rng(0)
    design = Design((64, 64, 64), Norm(), None, 1, 1e-3, 1024, None, 0.2, 0)
    sizes = [FEATURES, 64, 64, 64, 1]
    arrays = {
        "x_mean": np.zeros(FEATURES), "x_factor": np.ones(FEATURES),
        "y_mean": np.zeros(()), "y_spread": np.ones(()),
    }  # fmt: skip
    for j in range(4):
        arrays[f"weight{j}"] = random.normal(size=(sizes[j + 1], sizes[j])) / np.sqrt(sizes[j])
        arrays[f"bias{j}"] = np.zeros(sizes[j + 1])
    months = 12 * YEARS
    weights = np.zeros((REGIONS, pixels))
    weights[np.arange(pixels) % REGIONS, np.arange(pixels)] = 1e-3
    years = tuple(
        (2001 + k, np.arange(12 * k, 12 * k + 12), np.arange(12 * k, 12 * k + 12), np.diag(_DAYS))
        for k in range(YEARS)
    )
    x = random.standard_normal((pixels, months, FEATURES)).astype(np.float32)
    inversions = random.normal(size=(5, REGIONS, months))
    air = Atmosphere(
        x, weights, np.zeros(REGIONS), inversions, np.ones((REGIONS, months)), np.ones(REGIONS),
        years,
    )  # fmt: skip
    made = _session(design, arrays, air, "cpu")
    for name in made.learned:
        made.tensors[name].requires_grad_()
    return made


def step(made: _Session) -> None:
    """Take the gradient of the misfit in one year."""
    made.of_year(3).backward()


def forward_run(made: _Session) -> None:
    """Predict every pixel in every month, as an evaluation by all of the land does."""
    import torch

    with torch.no_grad():
        for part in made.air["x"].split(500):
            made.nee(part)


def run(quick: bool = False) -> list[Table]:
    """Time one step of the atmosphere, and what it stands for."""
    import torch

    torch.set_num_threads(1)
    land = 1_000 if quick else LAND
    bridged, whole = session(CONTRIBUTING * REGIONS), session(land)
    runs = {
        "step through bridges: a year of the contributing pixels": partial(step, bridged),
        "step by all pixels: a year of the land": partial(step, whole),
        "full forward run: all years of the land": partial(forward_run, whole),
    }
    for one in runs.values():
        one()
    timings = interleave(runs, 2 if quick else 5)
    base = next(iter(timings.values())).best
    rows = [(name, number(t.best), t.spread, number(t.best / base)) for name, t in timings.items()]
    note = (
        f"{REGIONS} regions of {CONTRIBUTING} pixels that contribute, of {land:,} pixels of land "
        f"(1 degree: {LAND:,}), {YEARS} years of months, {FEATURES} features, 3 x 64 units, one "
        "thread. Steps include gradients, the forward run does not. The goal for the last line is "
        "100 or more."
    )
    columns = ("", "s", "spread", "of a step through bridges")
    return [Table("The atmosphere in training", columns, tuple(rows), note)]


if __name__ == "__main__":
    standalone(run, __doc__)
