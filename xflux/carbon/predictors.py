"""What fractions are predicted from: the year of a place, and the step within it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Predictors"]

Array = NDArray[Any]
Rows = NDArray[np.float32]

#: What its mean says all of, over a year.
_SMOOTH = ("co2", "patm", "lat", "lon")


@dataclass(frozen=True, slots=True)
class Predictors:
    """Columns of rows, in an order of their own.

    Attributes
    ----------
    seasonal : tuple of str
        Variables with a value for each step of a year: mean, lowest and highest of the year,
        and for rows of steps the step and the one before it (of the first, the last).
    yearly : tuple of str
        Variables with one value a year, or a place.
    codes : tuple of int
        Classes of land cover, a column of 0 and 1 for each; empty: none.
    co2 : tuple of float
        Least and largest mean of a year in training, to which CO2 beyond is brought: what it
        does there is not known. Empty: as it is.
    """

    seasonal: tuple[str, ...]
    yearly: tuple[str, ...]
    codes: tuple[int, ...] = ()
    co2: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Variables that rows are made of."""
        return (*self.seasonal, *self.yearly, *(("igbp",) if self.codes else ()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of years."""
        made = [
            f"{name}_{how}"
            for name in self.seasonal
            for how in (("mean",) if name in _SMOOTH else ("mean", "min", "max"))
        ]
        return (*made, *self.yearly, *(f"igbp={code}" for code in self.codes))

    def of_years(self, values: Mapping[str, Array], shape: tuple[int, int]) -> Rows:
        """Return rows of years.

        Parameters
        ----------
        values : mapping of str to ndarray (place, year, step)
            Years and steps may have length 1; NaN where missing.
        shape : (int, int)
            Places and years.

        Returns
        -------
        ndarray (place * year, column)
        """
        made = []
        for name in self.seasonal:
            array = self._held(name, values[name])
            known = np.isfinite(array)
            count = known.sum(axis=-1)
            some = count > 0
            total = np.where(known, array, 0.0).sum(axis=-1, dtype=np.float64)
            made.append(np.where(some, total / np.maximum(count, 1), np.nan))
            if name not in _SMOOTH:
                lowest = np.where(known, array, np.inf).min(axis=-1)
                highest = np.where(known, array, -np.inf).max(axis=-1)
                made += [np.where(some, lowest, np.nan), np.where(some, highest, np.nan)]
        made += [self._held(name, values[name])[..., 0] for name in self.yearly]
        made += [values["igbp"][..., 0] == code for code in self.codes]
        rows = np.empty((*shape, len(made)), np.float32)
        for k, column in enumerate(made):
            rows[..., k] = column
        return rows.reshape(-1, len(made))

    @property
    def changing(self) -> tuple[int, ...]:
        """Numbers of the columns of years that `over_years` leaves as they are, but for classes."""
        return tuple(k for k, name in enumerate(self.columns) if name.startswith("co2"))

    @property
    def plain(self) -> int:
        """Number of columns of years that hold no class."""
        return len(self.columns) - len(self.codes)

    def sums(self, rows: Rows) -> NDArray[np.float64]:
        """Return sums over years, then how many years are known, of each column but classes.

        Parameters
        ----------
        rows : ndarray (place, year, column)
            As `of_years` returns them; NaN where missing.

        Returns
        -------
        ndarray (place, 2 x column)
            Those of several years may be added up.
        """
        rows = rows[..., : self.plain]
        known = np.isfinite(rows)
        total = np.where(known, rows, 0.0).sum(axis=1, dtype=np.float64)
        return np.concatenate([total, known.sum(axis=1).astype(np.float64)], axis=1)

    def over_years(
        self, sums: NDArray[np.float64], changing: Rows, codes: NDArray[np.int64]
    ) -> Rows:
        """Return rows of years with climate and vegetation as their mean over the years.

        CO2 and land cover stay those of the year. What litter and soils hold follows these, and
        not the weather of one year.

        Parameters
        ----------
        sums : ndarray (place, 2 x column)
            As `sums` returns them, of all years.
        changing : ndarray (place, year, column)
            Columns of years that stay, as `changing` has them.
        codes : ndarray (place, year)
            Land cover.
        """
        plain = self.plain
        total, count = sums[:, :plain], sums[:, plain:]
        mean = np.where(count > 0.0, total / np.maximum(count, 1.0), np.nan)
        made = np.empty((*codes.shape, len(self.columns)), np.float32)
        made[..., :plain] = mean[:, None]
        made[..., list(self.changing)] = changing
        for k, code in enumerate(self.codes, plain):
            made[..., k] = codes == code
        return made

    def of_steps(self, values: Mapping[str, Array], years: Rows, steps: int) -> Rows:
        """Return rows of steps.

        Parameters
        ----------
        values : mapping of str to ndarray (place, year, step)
        years : ndarray (place * year, column)
            As `of_years` returns them.
        steps : int
            Of a year.

        Returns
        -------
        ndarray (place * year * step, column)
        """
        own = len(self.seasonal)
        rows = np.empty((len(years), steps, 2 * own + years.shape[1]), np.float32)
        by_year = rows.reshape(*_shape(values, self.seasonal, len(years)), steps, rows.shape[-1])
        for k, name in enumerate(self.seasonal):
            array = self._held(name, values[name])
            by_year[..., k] = array
            by_year[..., own + k] = np.roll(array, 1, axis=-1)
        rows[..., 2 * own :] = years[:, None, :]
        return rows.reshape(-1, rows.shape[-1])

    def _held(self, name: str, array: Array) -> Array:
        if name != "co2" or not self.co2:
            return array
        low, high = self.co2
        return np.clip(array, low, high)

    def usable(self, values: Mapping[str, Array], rows: Rows) -> NDArray[np.bool_]:
        """Tell which rows of years have any number, and no class that training did not hold."""
        plain = rows[:, : self.plain]
        known: NDArray[np.bool_] = np.any(np.isfinite(plain), axis=1)
        known = known & ~np.any(np.isinf(plain), axis=1)
        if self.codes:
            one = np.any(rows[:, self.plain :] > 0.0, axis=1)
            plain_codes = values["igbp"][..., 0]
            shape = (plain_codes.shape[0], rows.shape[0] // plain_codes.shape[0])
            none = np.broadcast_to(np.isnan(plain_codes), shape).reshape(-1)
            known = known & (one | none)
        return known


def _shape(values: Mapping[str, Array], names: tuple[str, ...], rows: int) -> tuple[int, int]:
    places = max(values[name].shape[0] for name in names)
    return places, rows // places
