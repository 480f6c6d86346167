"""What fitting an emulator leaves: a model of each fraction, on plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.forms import fractions_of, outputs_of, pools_of, raw_of
from xflux.carbon.fractions import Split
from xflux.carbon.predictors import Predictors
from xflux.carbon.stocks import stocks
from xflux.learning.learner import Learner

__all__ = ["CLASSES", "Emulation", "Scenario", "Target", "codes_of"]

Array = NDArray[Any]
Floats = NDArray[np.float64]
#: Codes of land cover, 0 to 17; what is none of them counts as 0.
CLASSES = 18


@dataclass(frozen=True)
class Target:
    """One number that was learned: the mean of a class, and what learners add to it.

    Attributes
    ----------
    learners : tuple of Learner
        Their mean counts.
    means : ndarray (code,)
        By land cover.
    low, high : float
        Between which it was in training.
    shift : float
        Added at the end: of logarithms, so that sums are right and not the mean of logarithms.
    """

    learners: tuple[Learner, ...]
    means: Floats
    low: float
    high: float
    shift: float = 0.0

    def predict(self, rows: NDArray[np.float32], codes: NDArray[np.int64]) -> Floats:
        """Predict rows."""
        added = self.learners[0].predict(rows)
        for learner in self.learners[1:]:
            added = added + learner.predict(rows)
        made = self.means[codes] + added / len(self.learners)
        return np.clip(made, self.low, self.high) + self.shift


@dataclass(frozen=True)
class Scenario:
    """Fractions of the mean of an ensemble, or of one of its quantiles.

    Attributes
    ----------
    targets : mapping of str to Target
    splits : mapping of str to Split
    ra_error, rh_error : float
        Standard deviation on the logit scale, on what was left out.
    """

    targets: Mapping[str, Target]
    splits: Mapping[str, Split]
    ra_error: float
    rh_error: float


@dataclass(frozen=True)
class Emulation:
    """A fitted emulator.

    Attributes
    ----------
    form : {"fraction", "ratio"}
    predictors : Predictors
    scenarios : mapping of str to Scenario
        The mean first.
    by_step : tuple of str
        Targets that were learned for each step of a year.
    steps : int
        Of a year, in training: 12, or 1.
    provenance : mapping
        Of what JSON holds.
    """

    form: str
    predictors: Predictors
    scenarios: Mapping[str, Scenario]
    by_step: tuple[str, ...]
    steps: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def by_year(self) -> tuple[str, ...]:
        """What follows by year."""
        first = next(iter(self.scenarios.values()))
        return pools_of(self.form, first.targets, first.splits)

    @property
    def raw(self) -> tuple[str, ...]:
        """What `outputs` holds by year."""
        return raw_of(self.form, self.by_year)

    def targets(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> tuple[dict[str, dict[str, Floats]], NDArray[np.bool_]]:
        """Predict what was learned.

        Parameters
        ----------
        values : mapping of str to ndarray (place, year, step)
        shape : (int, int)
            Places and years.
        steps : int
            Of a year.

        Returns
        -------
        targets : dict of dict of str to ndarray
            By scenario; (place * year,), or (place * year * step,) of those by step.
        usable : ndarray (place * year,)
        """
        years = self.predictors.of_years(values, shape)
        usable = self.predictors.usable(values, years)
        codes = codes_of(values.get("igbp"), shape)
        rows = {False: years}
        number = {False: codes}
        if self.by_step:
            rows[True] = self.predictors.of_steps(values, years, steps)
            number[True] = np.repeat(codes, steps)
        made: dict[str, dict[str, Floats]] = {}
        for name, scenario in self.scenarios.items():
            made[name] = {}
            for key, target in scenario.targets.items():
                step = key in self.by_step
                made[name][key] = target.predict(rows[step], number[step])
        return made, usable

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> dict[str, dict[str, Floats]]:
        """Predict fractions (place * year,), or (place * year, step) of those by step.

        NaN where no predictor is known, and for a land cover that training did not hold; without
        any land cover the mean of all classes stands in.
        """
        targets, usable = self.targets(values, shape, steps)
        made: dict[str, dict[str, Floats]] = {}
        for name, held in targets.items():
            made[name] = {}
            plain = fractions_of(self.form, held, self.scenarios[name].splits)
            for key, values_ in plain.items():
                array = values_.reshape(len(usable), -1) if key in self.by_step else values_
                array[~usable] = np.nan
                made[name][key] = array
        return made

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        """Return what fractions of a scenario make of GPP and RECO, and `raw`."""
        held = self.scenarios[scenario]
        return outputs_of(self.form, fractions, gpp, reco, days, (held.ra_error, held.rh_error))

    def of_years(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """Return outputs by year."""
        return stocks(raw)


def codes_of(igbp: Array | None, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return codes of land cover (place * year,), 0 where it is none."""
    if igbp is None:
        return np.zeros(shape[0] * shape[1], np.int64)
    plain = np.broadcast_to(igbp[..., 0], shape).reshape(-1)
    known = np.isfinite(plain) & (plain >= 0) & (plain < CLASSES)
    return np.where(known, plain, 0).astype(np.int64)
