"""`ds.carbon.allocate(emulator)`: from uptake to respiration, production and pools, lazily."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.carbon.allocation_block import AllocationBlock
from xflux.carbon.allocation_outputs import labelled
from xflux.carbon.allocation_run import run
from xflux.carbon.divided import BY_STEP, BY_YEAR
from xflux.carbon.driver_arrays import driver_arrays
from xflux.carbon.emulation import Emulation
from xflux.carbon.emulator import AllocationEmulator, fitted_of
from xflux.carbon.fractions import PARTS
from xflux.carbon.literature_emulation import LiteratureEmulation
from xflux.carbon.years import Years, whole_years
from xflux.errors import InputError, MissingVariableError, XfluxWarning
from xflux.labels.blockwise import common_dtype
from xflux.labels.find import find
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["allocate"]

_TIME = ("time", "month", "year")


def allocate(
    ds: xr.Dataset,
    emulator: AllocationEmulator | None = None,
    *,
    names: Mapping[str, str] | None = None,
    scenarios: bool = False,
) -> xr.Dataset:
    """Divide uptake and respiration between plants and soils, and say what they hold.

    Parameters
    ----------
    ds : Dataset
        gpp and reco (or nee) [g m-2 d-1 of carbon or what converts], by months, and the drivers
        that the emulator was fitted to; eager or lazy, on any dims of space. Without any time, a
        mean year: then reco may be missing, and follows.
    emulator : AllocationEmulator, optional
        Fitted to land models. None: fractions and turnover times of the literature by land cover
        (`xflux.carbon.literature`), which need ``igbp`` alone and know nothing of climate.
    names : mapping, optional
        Explicit names, canonical to those of `ds`.
    scenarios : bool
        Every scenario for itself along ``scenario``, in place of the mean and its range.

    Returns
    -------
    Dataset
        Lazy where `ds` is. By months ``ra``, ``rh``, ``npp``, ``nep`` [g m-2 d-1 of carbon]; by
        `year` ``cVeg``, ``cLeaf``, ``cWood``, ``cRoot``, ``cLitter``, ``cSoil`` [g m-2], those
        that were learned, and ``imbalance_ra`` [g m-2 d-1]; of each but the last also ``_lower``
        and ``_upper``, the least and largest of the scenarios. NaN where gpp or reco is, where
        GPP of the year is at most 10 g m-2, in years that are not whole, and for land cover that
        the emulator, or the literature, does not know.

    Raises
    ------
    MissingVariableError, UnitsError
        For what is missing or of another unit.
    InputError
        For an emulator that is not fitted, steps that are no months, or no whole year.
    GridMismatchError
        When variables are not on one grid.

    Warns
    -----
    XfluxWarning
        For years that are not whole, which are NaN.

    Notes
    -----
    Whatever is predicted, in every cell, step and scenario GPP = NPP + Ra, RECO = Ra + Rh,
    NEP = GPP - RECO = NPP - Rh and cVeg = cLeaf + cWood + cRoot, to rounding, and none of Ra, Rh
    and the pools is negative. Ra of a year is known twice, as a share of GPP and of RECO: the two
    are brought together by least squares, weighted by the variances of the emulator at cells
    left out, and ``imbalance_ra`` says what was between them. Months keep their odds of Ra to Rh.
    Pools are turnover times x NPP of the year: they follow it at once, while real ones lag;
    `xflux.simulate_pools` integrates them. ``_lower`` and ``_upper`` carry no identity.

    References
    ----------
    Zhu et al. (2026), doi 10.1016/j.agrformet.2026.111197, section 2.4, whose free ratios
    (eq. 16) ``AllocationEmulator(form="ratio")`` reproduces.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=30.0, start="2001", end="2002")
    >>> carbon = xflux.allocate(earth.drivers.flux.baseline())
    >>> dict(carbon["cVeg"].sizes)
    {'year': 2, 'lat': 6, 'lon': 12}
    """
    fitted = _fitted(emulator)
    arrays = _fluxes(ds, names)
    years = whole_years(arrays["gpp"], "gpp")
    if "reco" not in arrays and years.dim is not None and years.steps > 1:
        raise MissingVariableError(
            "allocate needs 'reco' (or 'nee') beside gpp by months: Ra is a share of both; compute "
            "it with ds.flux.baseline(), or pass names={'reco': '<your variable>'}"
        )
    if years.left_out:
        warnings.warn(
            f"allocate leaves {', '.join(years.left_out)} NaN: a year without all its months has "
            "no yearly sum of NPP",
            XfluxWarning,
            stacklevel=2,
        )
    wanted = [name for name in fitted.predictors.names if name != "gpp"]
    arrays |= driver_arrays(ds, wanted, names)
    months = _months(arrays, years, fitted)
    by_step, by_year = _outputs(fitted, "reco" not in arrays)
    block = AllocationBlock(
        fitted, tuple(arrays), months, years.first, years.days, by_step, by_year, scenarios,
        common_dtype(list(arrays.values())).str,
    )  # fmt: skip
    made = run(block, arrays, years)
    return labelled(made, block, ds, arrays["gpp"], years, emulator)


def _fitted(emulator: Any) -> Emulation | LiteratureEmulation:
    if emulator is None:
        return LiteratureEmulation()
    if isinstance(emulator, type) or not isinstance(emulator, AllocationEmulator):
        raise TypeError(
            f"emulator={emulator!r} is no AllocationEmulator; fit one, or leave it out for the "
            "values of the literature"
        )
    return fitted_of(emulator)


def _fluxes(ds: xr.Dataset, names: Mapping[str, str] | None) -> dict[str, xr.DataArray]:
    """Return gpp, and reco where it is there or follows from nee, lazily in canonical units."""
    known = {k: v for k, v in (names or {}).items() if k in ("gpp", "reco", "nee")}
    advice = {"gpp": "or compute it with ds.flux.baseline()"}
    wanted = {"gpp": "allocate"}
    other = next((name for name in ("reco", "nee") if find(ds, name, known) is not None), None)
    if other is not None:
        wanted[other] = "allocate"
    plan = resolve(ds, wanted, names=known, otherwise=advice)
    arrays = {name: materialise(plan, name).reset_coords(drop=True) for name in wanted}
    if other == "nee":
        arrays["reco"] = arrays.pop("nee") + arrays["gpp"]
    return arrays


def _months(
    arrays: Mapping[str, xr.DataArray], years: Years, fitted: Emulation | LiteratureEmulation
) -> tuple[str, ...]:
    """Return drivers of a mean year that stand beside other time, and check the rest."""
    found = []
    for name, array in arrays.items():
        own = [dim for dim in array.dims if dim in _TIME]
        if own in ([], [years.dim]):
            if name in fitted.predictors.seasonal and (not own or years.steps == 1):
                raise InputError(
                    f"{name} has one value a year, and the emulator learned from its months; give "
                    "it by months, or fit to yearly values"
                )
            continue
        if own == ["month"] and array.sizes["month"] == 12 and name not in ("gpp", "reco"):
            found.append(name)
            continue
        raise InputError(
            f"{name} has the dims {array.dims}, and gpp {tuple(arrays['gpp'].dims)}; give both on "
            "one axis of time, or drivers by the 12 months of a mean year along 'month'"
        )
    return tuple(found)


def _outputs(
    fitted: Emulation | LiteratureEmulation, with_reco: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is computed by step and by year."""
    if isinstance(fitted, LiteratureEmulation):
        return BY_STEP + ("reco",) * with_reco, BY_YEAR
    scenario = next(iter(fitted.scenarios.values()))
    learned = set(scenario.targets)
    if fitted.form == "ratio":
        return BY_STEP + ("reco",) * with_reco, tuple(
            name for name in BY_YEAR if f"{name}_per_gpp" in learned
        )
    there = {"imbalance_ra"}
    if "turnover_veg" in learned:
        there |= {"cVeg"} | (set(PARTS.values()) if "veg" in scenario.splits else set())
    there |= {"cLitter"} if "turnover_litter" in learned else set()
    there |= {"cSoil"} if "turnover_soil" in learned else set()
    return BY_STEP + ("reco",) * with_reco, tuple(name for name in BY_YEAR if name in there)
