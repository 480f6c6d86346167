"""From a Dataset to the arrays that allocation is called with: found, checked, lazy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xflux.carbon.allocation_block import AllocationBlock, Fractions
from xflux.carbon.driver_arrays import driver_arrays
from xflux.carbon.predictors import Predictors
from xflux.carbon.years import Years, whole_years
from xflux.errors import InputError
from xflux.labels.blockwise import common_dtype
from xflux.labels.find import find
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["AllocationInputs", "allocation_inputs"]

_TIME = ("time", "month", "year")
_FLUXES = ("gpp", "reco", "nee")


@dataclass(frozen=True)
class AllocationInputs:
    """What a block of allocation is called with.

    Attributes
    ----------
    arrays : mapping of str to DataArray
        ``gpp`` first, then ``reco`` where it is there, and the drivers; canonical units.
    years : Years
        Of gpp.
    months : tuple of str
        Drivers of a mean year that stand beside other time.
    """

    arrays: Mapping[str, xr.DataArray]
    years: Years
    months: tuple[str, ...]

    def block(
        self, fitted: Fractions, *, by_step: tuple[str, ...], scenarios: bool = False
    ) -> AllocationBlock:
        """Return the work on a chunk of these; see `AllocationBlock`."""
        years = self.years
        dtype = common_dtype(list(self.arrays.values())).str
        return AllocationBlock(
            fitted, tuple(self.arrays), self.months, years.first, years.days, by_step, scenarios,
            dtype,
        )  # fmt: skip


def allocation_inputs(
    ds: xr.Dataset, predictors: Predictors, names: Mapping[str, str] | None, *, needed_by: str
) -> AllocationInputs:
    """Find gpp, reco (or nee, from which it follows) and the drivers, lazily.

    Parameters
    ----------
    ds : Dataset
    predictors : Predictors
        What drivers are needed.
    names : mapping, optional
    needed_by : str
        For messages.

    Raises
    ------
    MissingVariableError, UnitsError, InputError
        For what is missing, of another unit, or on another axis of time.
    """
    arrays = _fluxes(ds, names, needed_by)
    years = whole_years(arrays["gpp"], "gpp")
    wanted = [name for name in predictors.names if name != "gpp"]
    arrays |= driver_arrays(ds, wanted, names)
    return AllocationInputs(arrays, years, _months(arrays, years, predictors))


def _fluxes(
    ds: xr.Dataset, names: Mapping[str, str] | None, needed_by: str
) -> dict[str, xr.DataArray]:
    known = {k: v for k, v in (names or {}).items() if k in _FLUXES}
    advice = {"gpp": "or compute it with ds.flux.baseline()"}
    wanted = {"gpp": needed_by}
    other = next((name for name in ("reco", "nee") if find(ds, name, known) is not None), None)
    if other is not None:
        wanted[other] = needed_by
    plan = resolve(ds, wanted, names=known, otherwise=advice)
    arrays = {name: materialise(plan, name).reset_coords(drop=True) for name in wanted}
    if other == "nee":
        arrays["reco"] = arrays.pop("nee") + arrays["gpp"]
    return arrays


def _months(
    arrays: Mapping[str, xr.DataArray], years: Years, predictors: Predictors
) -> tuple[str, ...]:
    """Return drivers of a mean year that stand beside other time, and check the rest."""
    found = []
    for name, array in arrays.items():
        own = [dim for dim in array.dims if dim in _TIME]
        if own in ([], [years.dim]):
            if name in predictors.seasonal and (not own or years.steps == 1):
                raise InputError(
                    f"{name} has one value a year, and the emulator learned from its months; give "
                    "it by months, or fit to yearly values"
                )
            continue
        if own == ["month"] and array.sizes["month"] == 12 and name not in _FLUXES:
            found.append(name)
            continue
        raise InputError(
            f"{name} has the dims {array.dims}, and gpp {tuple(arrays['gpp'].dims)}; give both on "
            "one axis of time, or drivers by the 12 months of a mean year along 'month'"
        )
    return tuple(found)
