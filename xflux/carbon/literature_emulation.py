"""Allocation without an emulator: what the literature says of each land cover class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.divided import BY_YEAR, divided
from xflux.carbon.emulation import codes_of
from xflux.carbon.fractions import SHARES, SPLITS, TIMES
from xflux.carbon.literature import literature, literature_bounds
from xflux.carbon.predictors import Predictors
from xflux.carbon.reference_fractions import MEAN
from xflux.carbon.stocks import BASIS, held_by_fractions, stocks

__all__ = ["LiteratureEmulation"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

#: One standard deviation of the literature's Ra / GPP, 0.12, on the logit scale near 0.5.
_ERROR = 0.48


@dataclass(frozen=True)
class LiteratureEmulation:
    """Fractions by land cover, with a scenario of low and one of high plant respiration.

    Attributes
    ----------
    form : {"fraction"}
    predictors : Predictors
        Land cover alone.
    scenarios : tuple of str
        ``mean``, ``low`` and ``high``.
    by_step : tuple of str
        Empty: nothing is known of months.
    by_year : tuple of str
        What follows by year.
    raw : tuple of str
        What `outputs` holds by year.
    kept, summed : int
        Of what is known of all years: nothing, as each is like the other.
    provenance : mapping
    """

    form: Literal["fraction"] = "fraction"
    predictors: Predictors = field(default_factory=lambda: Predictors((), (), (1,)))
    scenarios: tuple[str, ...] = (MEAN, "low", "high")
    by_step: tuple[str, ...] = ()
    by_year: tuple[str, ...] = BY_YEAR
    raw: tuple[str, ...] = (BASIS, *(name for name in BY_YEAR if name != "cVeg"))
    kept: int = 0
    summed: int = 0
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> tuple[NDArray[np.float32], dict[str, dict[str, Floats]]]:
        """Return no rows, and fractions of land cover (place * year,) by scenario.

        NaN for snow, water and no land cover.
        """
        codes = codes_of(values["igbp"], shape)
        made: dict[str, dict[str, Floats]] = {}
        for scenario in self.scenarios:
            table = {name: literature(name) for name in SPLITS["veg"]}
            table |= {name: _bound(name, scenario) for name in (*SHARES, *TIMES)}
            made[scenario] = {name: values_[codes] for name, values_ in table.items()}
        return np.empty((len(codes), 0), np.float32), made

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        """Return what fractions make of GPP and RECO, and `raw`."""
        made = divided(fractions, gpp, reco, days, (_ERROR, _ERROR))
        return made | held_by_fractions(fractions)

    def sums(self, values: Mapping[str, Array], shape: tuple[int, int]) -> Floats:
        """Return nothing."""
        return np.empty((shape[0], 0))

    def of_years(
        self, kept: NDArray[np.float32], sums: Floats, raw: Mapping[str, Mapping[str, Array]]
    ) -> dict[str, dict[str, Array]]:
        """Return outputs by year (place, year), by scenario."""
        return {scenario: stocks(known) for scenario, known in raw.items()}


def _bound(name: str, scenario: str) -> Floats:
    """Return values by code."""
    if scenario == MEAN:
        return literature(name)
    low, high = literature_bounds(name)
    # Where plants respire little of what is taken up, soils respire much of what is given off.
    return low if (scenario == "low") != (name == "rh_fraction") else high
