"""Parameters of the five-pool model as land models have them, lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.allocation_block import AllocationBlock
from xflux.carbon.allocation_run import run
from xflux.carbon.driver_arrays import driver_arrays
from xflux.carbon.emulation import CLASSES, Emulation, codes_of
from xflux.carbon.fractions import SPLITS
from xflux.carbon.literature import literature
from xflux.carbon.predictors import Predictors
from xflux.carbon.reference_fractions import MEAN
from xflux.carbon.years import whole_years
from xflux.errors import InputError
from xflux.labels.blockwise import common_dtype
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["emulated_parameters"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

_TIMES = {"tau_leaf": "leaf", "tau_wood": "wood", "tau_root": "root"}
_NAMES = (*SPLITS["npp"], *_TIMES, "tau_litter", "tau_soil", "litter_to_soil")
_SAID = {
    "npp": "Share of net primary production that becomes {}",
    "tau": "Residence time of carbon in {}",
    "litter": "Share of decayed litter that becomes {}",
}


@dataclass(frozen=True)
class _Parameters:
    """Stands where fractions are made into fluxes, and makes parameters of them."""

    fitted: Emulation
    scenarios: tuple[str, ...] = (MEAN,)

    @property
    def predictors(self) -> Predictors:
        return self.fitted.predictors

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> dict[str, dict[str, Floats]]:
        held = self.fitted.fractions(values, shape, steps)[MEAN]
        codes = codes_of(values.get("igbp"), shape)
        for name in ("litter_to_soil", *SPLITS["npp"]):
            if name not in held:
                table = np.full(CLASSES, np.nan)
                known = literature(name)
                table[: len(known)] = known
                held[name] = table[codes]
        return {MEAN: held}

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        made: dict[str, Array] = {name: fractions[name] for name in SPLITS["npp"]}
        plants = fractions["turnover_veg"]
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, part in _TIMES.items():
                share, grown = fractions[f"{part}_share"], fractions[f"npp_to_{part}"]
                time = share * plants / grown
                # Of what nothing becomes there is no time.
                made[name] = np.where((grown > 0.0) & (share > 0.0), time, np.nan)
        made["tau_litter"] = fractions["turnover_litter"]
        made["litter_to_soil"] = fractions["litter_to_soil"]
        made["tau_soil"] = fractions["turnover_soil"] / made["litter_to_soil"]
        # What holds nothing takes nothing.
        absent = [np.isnan(made[name]) & np.isfinite(plants) for name in _TIMES]
        shares = [np.where(a, 0.0, made[n]) for a, n in zip(absent, SPLITS["npp"], strict=True)]
        total = sum(shares)
        made |= {n: share / total for n, share in zip(SPLITS["npp"], shares, strict=True)}
        return {name: array.astype(gpp.dtype) for name, array in made.items()}


def emulated_parameters(
    fitted: Emulation, ds: xr.Dataset, names: Mapping[str, str] | None
) -> xr.Dataset:
    """Return parameters by year; see `AllocationEmulator.pool_parameters`."""
    import xarray as xr

    needed = {"turnover_veg", "turnover_litter", "turnover_soil"}
    scenario = fitted.scenarios[MEAN]
    if fitted.form != "fraction" or not needed <= set(scenario.targets):
        raise InputError(
            "the pools need turnover of vegetation, litter and soil, and this emulator learned "
            f"{', '.join(scenario.targets)}; fit with form='fraction' to models with cVeg, cLeaf, "
            "cWood, cLitter and cSoil"
        )
    if "veg" not in scenario.splits:
        raise InputError(
            "the pools need cLeaf and cWood beside cVeg, which the reference did not hold"
        )
    known = {k: v for k, v in (names or {}).items() if k == "gpp"}
    plan = resolve(ds, {"gpp": "the pools"}, names=known, otherwise={})
    arrays = {"gpp": materialise(plan, "gpp").reset_coords(drop=True)}
    years = whole_years(arrays["gpp"], "gpp")
    wanted = [name for name in fitted.predictors.names if name != "gpp"]
    arrays |= driver_arrays(ds, wanted, names)
    block = AllocationBlock(
        _Parameters(fitted), tuple(arrays), (), years.first, years.days, (), _NAMES, False,
        common_dtype(list(arrays.values())).str,
    )  # fmt: skip
    made = run(block, arrays, years)
    result = {}
    for name, variants in made.items():
        kind, _, what = name.replace("npp_to", "npp").partition("_")
        said = _SAID[kind].format(what.removeprefix("to_"))
        units = "year" if kind == "tau" else "1"
        result[name] = variants[""].rename(name).assign_attrs(long_name=said, units=units)
    return xr.Dataset(result)
