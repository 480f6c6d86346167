"""`ds.carbon.allocate(emulator)`: from uptake to respiration, production and pools, lazily."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.carbon.allocation_inputs import allocation_inputs
from xflux.carbon.allocation_outputs import labelled
from xflux.carbon.allocation_run import run
from xflux.carbon.divided import BY_STEP
from xflux.carbon.emulation import Emulation
from xflux.carbon.emulator import AllocationEmulator, fitted_of
from xflux.carbon.literature_emulation import LiteratureEmulation
from xflux.errors import MissingVariableError, XfluxWarning

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["allocate"]


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
    Pools are turnover times of the year x NPP in the mean over all years of `ds`: they change as
    turnover does, by an emulator, and never by the literature, and so need all chunks of time.
    `xflux.simulate_pools` carries NPP through them. ``_lower`` and ``_upper`` carry no identity.

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
    given = allocation_inputs(ds, fitted.predictors, names, needed_by="allocate")
    years = given.years
    with_reco = "reco" in given.arrays
    if not with_reco and years.dim is not None and years.steps > 1:
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
    by_step = BY_STEP if with_reco else (*BY_STEP, "reco")
    block = given.block(fitted, by_step=by_step, scenarios=scenarios)
    return labelled(run(block, given.arrays, years), block, ds, years)


def _fitted(emulator: Any) -> Emulation | LiteratureEmulation:
    if emulator is None:
        return LiteratureEmulation()
    if isinstance(emulator, type) or not isinstance(emulator, AllocationEmulator):
        raise TypeError(
            f"emulator={emulator!r} is no AllocationEmulator; fit one, or leave it out for the "
            "values of the literature"
        )
    return fitted_of(emulator)
