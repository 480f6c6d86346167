"""Parameters of the five-pool model as land models have them, lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.allocation_inputs import allocation_inputs
from xflux.carbon.allocation_run import run
from xflux.carbon.emulation import Emulation, codes_of
from xflux.carbon.fractions import SPLITS
from xflux.carbon.literature import literature
from xflux.carbon.pool_kernel import PARAMETERS
from xflux.carbon.pool_parameters import parameter_attributes
from xflux.carbon.predictors import Predictors
from xflux.carbon.reference_fractions import MEAN
from xflux.errors import InputError
from xflux.labels.attach import generated

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["emulated_parameters"]

Array = NDArray[Any]
Floats = NDArray[np.float64]

_TIMES = {"tau_leaf": "leaf", "tau_wood": "wood", "tau_root": "root"}


@dataclass(frozen=True)
class _Parameters:
    """Stands where fractions are made into fluxes, and makes parameters of them."""

    fitted: Emulation
    scenarios: tuple[str, ...] = (MEAN,)
    by_year: tuple[str, ...] = PARAMETERS
    raw: tuple[str, ...] = (*SPLITS["npp"], *SPLITS["veg"], "turnover_veg")

    @property
    def predictors(self) -> Predictors:
        return self.fitted.predictors

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.fitted.provenance

    @property
    def kept(self) -> int:
        return self.fitted.kept

    @property
    def summed(self) -> int:
        return self.fitted.summed

    def sums(self, values: Mapping[str, Array], shape: tuple[int, int]) -> Floats:
        return self.fitted.sums(values, shape)

    def fractions(
        self, values: Mapping[str, Array], shape: tuple[int, int], steps: int
    ) -> tuple[NDArray[np.float32], dict[str, dict[str, Floats]]]:
        kept, held = self.fitted.fractions(values, shape, steps, splits=tuple(SPLITS))
        fractions = held[MEAN]
        codes = codes_of(values.get("igbp"), shape)
        for name in SPLITS["npp"]:
            if name not in fractions:
                fractions[name] = literature(name)[codes]
        return kept, {MEAN: fractions}

    def outputs(
        self,
        fractions: Mapping[str, Floats],
        scenario: str,
        gpp: Array,
        reco: Array | None,
        days: Floats,
    ) -> dict[str, Array]:
        return {name: fractions[name].astype(gpp.dtype) for name in self.raw}

    def of_years(
        self, kept: NDArray[np.float32], sums: Floats, raw: Mapping[str, Mapping[str, Array]]
    ) -> dict[str, dict[str, Array]]:
        fractions = {**raw[MEAN], **self.fitted.lasting(kept, sums, (MEAN,))[MEAN]}
        codes = np.where(np.isfinite(kept[..., -1]), kept[..., -1], 0).astype(np.int64)
        made: dict[str, Array] = {name: fractions[name] for name in SPLITS["npp"]}
        plants = fractions["turnover_veg"]
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, part in _TIMES.items():
                share, grown = fractions[f"{part}_share"], fractions[f"npp_to_{part}"]
                time = share * plants / grown
                # Of what nothing becomes there is no time.
                made[name] = np.where((grown > 0.0) & (share > 0.0), time, np.nan)
        made["tau_litter"] = fractions["turnover_litter"]
        made["litter_to_soil"] = literature("litter_to_soil")[codes]
        made["tau_soil"] = fractions["turnover_soil"] / made["litter_to_soil"]
        # What holds nothing takes nothing.
        absent = [np.isnan(made[name]) & np.isfinite(plants) for name in _TIMES]
        shares = [np.where(a, 0.0, made[n]) for a, n in zip(absent, SPLITS["npp"], strict=True)]
        total = sum(shares)
        made |= {n: share / total for n, share in zip(SPLITS["npp"], shares, strict=True)}
        dtype = plants.dtype
        return {MEAN: {name: array.astype(dtype) for name, array in made.items()}}


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
    given = allocation_inputs(ds, fitted.predictors, names, needed_by="the pools")
    made = run(given.block(_Parameters(fitted), by_step=()), given.arrays, given.years)
    # What was learned from generated models, or made from generated fluxes, is no estimate.
    mark = generated(ds.data_vars.values()) or fitted.provenance.get("synthetic")
    extra = {"synthetic": str(mark)} if mark else {}
    return xr.Dataset(
        {
            name: variants[""].rename(name).assign_attrs(parameter_attributes(name), **extra)
            for name, variants in made.items()
        }
    )
