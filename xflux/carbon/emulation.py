"""What fitting an emulator leaves: a model of each fraction, on plain arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.forms import LASTING, fractions_of, held_of, outputs_of, pools_of, raw_of
from xflux.carbon.fractions import SPLITS, Split
from xflux.carbon.predictors import Predictors
from xflux.carbon.stocks import stocks
from xflux.learning.learner import Learner

__all__ = ["CLASSES", "Change", "Emulation", "Scenario", "Target", "codes_of"]

Array = NDArray[Any]
Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
#: Codes of land cover, 0 to 17; what is none of them counts as 0.
CLASSES = 18
_ROWS = 24_000


@dataclass(frozen=True)
class Change:
    """How a target changes with one column, from year to year at one place.

    Attributes
    ----------
    column : int
        Of rows, that learners do not see.
    centre : float
        Of the column in training.
    slopes : ndarray (code,)
        By land cover, per unit of the column.
    """

    column: int
    centre: float
    slopes: Floats

    def of(self, rows: NDArray[np.float32], codes: NDArray[np.int64]) -> Floats:
        """Return the change of rows; 0 where the column is missing."""
        moved = rows[:, self.column].astype(np.float64) - self.centre
        return self.slopes[codes] * np.where(np.isfinite(moved), moved, 0.0)

    def hidden(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows in which the column says nothing."""
        made = rows.copy()
        made[:, self.column] = self.centre
        return made


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
    change : Change or None
        By what a place differs from year to year, where it is no matter of the learners.
    """

    learners: tuple[Learner, ...]
    means: Floats
    low: float
    high: float
    shift: float = 0.0
    change: Change | None = None

    def predict(self, rows: NDArray[np.float32], codes: NDArray[np.int64]) -> Floats:
        """Predict rows."""
        seen = rows if self.change is None else self.change.hidden(rows)
        added = self.learners[0].predict(seen)
        for learner in self.learners[1:]:
            added = added + learner.predict(seen)
        made = np.clip(self.means[codes] + added / len(self.learners), self.low, self.high)
        if self.change is not None:
            made = made + self.change.of(rows, codes)
        return made + self.shift


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

    @property
    def kept(self) -> int:
        """Length of the rows that `fractions` returns."""
        return len(self.predictors.changing) + 1

    @property
    def summed(self) -> int:
        """Length of what `sums` returns."""
        return 2 * self.predictors.plain

    def fractions(
        self,
        values: Mapping[str, Array],
        shape: tuple[int, int],
        steps: int,
        *,
        splits: Collection[str] = ("veg",),
    ) -> tuple[Rows, dict[str, dict[str, Floats]]]:
        """Predict what follows the weather of each year.

        Parameters
        ----------
        values : mapping of str to ndarray (place, year, step)
        shape : (int, int)
            Places and years.
        steps : int
            Of a year.
        splits : collection of {"npp", "veg"}
            Of what shares are wanted.

        Returns
        -------
        kept : ndarray (place * year, column)
            What changes from year to year of `over_years`, and land cover: what `of_years` needs.
            NaN where no predictor is known, and for a land cover that training did not hold;
            without any land cover it is 0, for which the mean of all classes stands in.
        fractions : dict of dict of str to ndarray
            By scenario; (place * year,), or (place * year, step) of those by step.
        """
        years, usable = self._rows(values, shape)
        codes = codes_of(values.get("igbp"), shape)
        rows, number = {False: years}, {False: codes}
        if self.by_step:
            rows[True] = self.predictors.of_steps(values, years, steps)
            number[True] = np.repeat(codes, steps)
        made: dict[str, dict[str, Floats]] = {}
        for name, scenario in self.scenarios.items():
            wanted = {of: split for of, split in scenario.splits.items() if of in splits}
            targets = {
                key: target.predict(rows[key in self.by_step], number[key in self.by_step])
                for key, target in scenario.targets.items()
                if key not in LASTING and _split(key) in (None, *wanted)
            }
            made[name] = {}
            for key, plain in fractions_of(self.form, targets, wanted).items():
                array = plain.reshape(len(usable), -1) if key in self.by_step else plain
                array[~usable] = np.nan
                made[name][key] = array
        changing = years[:, list(self.predictors.changing)]
        kept = np.concatenate([changing, codes[:, None].astype(np.float32)], axis=1)
        kept[~usable] = np.nan
        return kept, made

    def sums(self, values: Mapping[str, Array], shape: tuple[int, int]) -> Floats:
        """Return sums over years (place, column) of the predictors, which `of_years` needs."""
        rows, usable = self._rows(values, shape)
        rows[~usable] = np.nan
        return self.predictors.sums(rows.reshape(*shape, -1))

    def _rows(
        self, values: Mapping[str, Array], shape: tuple[int, int]
    ) -> tuple[Rows, NDArray[np.bool_]]:
        rows = self.predictors.of_years(values, shape)
        return rows, self.predictors.usable(values, rows)

    def lasting(
        self, kept: Rows, sums: Floats, scenarios: Collection[str]
    ) -> dict[str, dict[str, Floats]]:
        """Predict what goes by the mean over years: turnover of litter and soil.

        Parameters
        ----------
        kept : ndarray (place, year, column)
        sums : ndarray (place, column)
            As `fractions` and `sums` return them, of all years.
        scenarios : collection of str

        Returns
        -------
        dict of dict of str to ndarray (place, year)
        """
        usable = np.isfinite(kept[..., -1])
        codes = np.where(usable, kept[..., -1], 0.0).astype(np.int64)
        x = self.predictors.over_years(sums, kept[..., :-1], codes)
        # Only CO2 and land cover differ between years.
        if usable.all() and _alike(x) and _alike(codes):
            x, codes, usable = x[:, :1], codes[:, :1], usable[:, :1]
        flat, number = x[usable], codes[usable]
        made: dict[str, dict[str, Floats]] = {}
        for name in scenarios:
            scenario = self.scenarios[name]
            targets = {
                key: _in_tiles(target, flat, number)
                for key, target in scenario.targets.items()
                if key in LASTING
            }
            made[name] = {}
            for key, plain in fractions_of(self.form, targets, {}).items():
                array = np.full(usable.shape, np.nan)
                array[usable] = plain
                made[name][key] = np.broadcast_to(array, kept.shape[:2])
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
        errors = (held.ra_error, held.rh_error)
        made = outputs_of(self.form, fractions, gpp, reco, days, errors)
        return made | held_of(self.form, fractions)

    def of_years(
        self, kept: Rows, sums: Floats, raw: Mapping[str, Mapping[str, Array]]
    ) -> dict[str, dict[str, Array]]:
        """Return outputs by year (place, year), by scenario."""
        return {
            name: stocks({**raw[name], **held_of(self.form, fractions)})
            for name, fractions in self.lasting(kept, sums, self.scenarios).items()
        }


def _split(target: str) -> str | None:
    """Return of what a target is a share, ``npp`` or ``veg``; None for what is no share."""
    name = target.removesuffix("?")
    return next((of for of, names in SPLITS.items() if name in names), None)


def _alike(array: Array) -> bool:
    """Tell whether all years are the same."""
    return bool(np.array_equal(array, np.broadcast_to(array[:, :1], array.shape), equal_nan=True))


def _in_tiles(target: Target, rows: Rows, codes: NDArray[np.int64]) -> Floats:
    """Predict some rows at a time, so that they stay in the cache."""
    made = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        tile = slice(start, start + _ROWS)
        made[tile] = target.predict(rows[tile], codes[tile])
    return made


def codes_of(igbp: Array | None, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return codes of land cover (place * year,), 0 where it is none."""
    if igbp is None:
        return np.zeros(shape[0] * shape[1], np.int64)
    plain = np.broadcast_to(igbp[..., 0], shape).reshape(-1)
    known = np.isfinite(plain) & (plain >= 0) & (plain < CLASSES)
    return np.where(known, plain, 0).astype(np.int64)
