"""Allocation without an emulator: what the literature says of each land cover class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.divided import BY_YEAR
from xflux.carbon.emulation import codes_of
from xflux.carbon.forms import outputs_of, raw_of
from xflux.carbon.fractions import SHARES, SPLITS, TIMES
from xflux.carbon.literature import literature, literature_bounds
from xflux.carbon.predictors import Predictors
from xflux.carbon.reference_fractions import MEAN
from xflux.carbon.stocks import stocks

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
    provenance : mapping
    """

    form: Literal["fraction"] = "fraction"
    predictors: Predictors = field(default_factory=lambda: Predictors((), (), (1,)))
    scenarios: tuple[str, ...] = (MEAN, "low", "high")
    by_step: tuple[str, ...] = ()
    by_year: tuple[str, ...] = BY_YEAR
    raw: tuple[str, ...] = raw_of("fraction", BY_YEAR)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> dict[str, dict[str, Floats]]:
        """Return fractions (place * year,) by scenario; NaN for snow, water and no land cover."""
        codes = codes_of(values["igbp"], shape)
        made: dict[str, dict[str, Floats]] = {}
        for scenario in self.scenarios:
            table = {name: literature(name) for of in SPLITS.values() for name in of}
            for name in (*SHARES, *TIMES):
                table[name] = _bound(name, scenario)
            made[scenario] = {name: values_[codes] for name, values_ in table.items()}
        return made

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        """Return what fractions make of GPP and RECO, and `raw`."""
        return outputs_of(self.form, fractions, gpp, reco, days, (_ERROR, _ERROR))

    def of_years(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """Return outputs by year."""
        return stocks(raw)


def _bound(name: str, scenario: str) -> Floats:
    """Return values by code."""
    if scenario == MEAN:
        return literature(name)
    low, high = literature_bounds(name)
    # Where plants respire little of what is taken up, soils respire much of what is given off.
    return low if (scenario == "low") != (name == "rh_fraction") else high
