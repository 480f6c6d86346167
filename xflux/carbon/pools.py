"""`ds.carbon.simulate_pools()`: leaf, wood, root, litter and soil carbon through time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.pool_block import PoolBlock
from xflux.carbon.pool_kernel import LOSSES, PARAMETERS, POOLS
from xflux.carbon.pool_parameters import Given, pool_parameters
from xflux.errors import InputError, MissingVariableError, XfluxWarning
from xflux.labels.attach import (
    describe,
    generated,
    with_coordinate_attributes,
    with_history,
)
from xflux.labels.blockwise import check_axes, check_same_grid, common_dtype, require_whole
from xflux.labels.calendar import Step, TimeSteps, time_steps
from xflux.labels.find import find
from xflux.labels.standardize import canonical
from xflux.labels.units import plain_indexes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["simulate_pools"]

_YEAR_DAYS = {
    "360_day": 360.0, "noleap": 365.0, "365_day": 365.0, "all_leap": 366.0, "366_day": 366.0,
}  # fmt: skip
_LIVING = ("cLeaf", "cWood", "cRoot")


def simulate_pools(
    ds: xr.Dataset,
    parameters: Given = None,
    *,
    initial: xr.Dataset | Literal["steady"] = "steady",
    spinup: int | None = None,
    losses: bool | Sequence[str] = True,
    names: Mapping[str, str] | None = None,
    freq: Step | None = None,
) -> xr.Dataset:
    """Carry carbon through leaf, wood, root, litter and soil, conserving it.

    Parameters
    ----------
    ds : Dataset
        With ``npp``, or ``gpp`` and ``ra``, along time [g m-2 d-1 of carbon, or what
        converts to it]; with ``igbp`` where parameters are by class; and with the losses
        ``f_fire``, ``f_luc``, ``f_harvest``, ``f_grazing`` where there are any. Steps of
        any length on any calendar, without gaps. Eager, or lazy and chunked along space.
    parameters : mapping, Dataset or PlantParameters, optional
        ``npp_to_leaf``, ``npp_to_wood``, ``npp_to_root`` [1, sum 1], ``tau_leaf``,
        ``tau_wood``, ``tau_root``, ``tau_litter``, ``tau_soil`` [year, above 0] and
        ``litter_to_soil`` [1]: each a number, a mapping by IGBP class, or a DataArray
        with units on the dims of `ds` without time, and along ``year`` where it changes by
        calendar year. What is left out comes from the literature, by class
        (`xflux.carbon.literature`). Cells of a class that a mapping does not name are NaN.
    initial : "steady" or Dataset
        Pools at the start of the first step: in balance with mean NPP, or given as
        ``cLeaf``, ``cWood``, ``cRoot``, ``cLitter``, ``cSoil`` without time.
    spinup : int, optional
        Number of the first years whose mean NPP the pools start in balance with; as many
        whole years as there are by default. Losses do not count there.
    losses : bool or sequence of str, default True
        Take those that `ds` has, none, or these, which must be there.
    names : mapping of str to str, optional
        Your own names, such as ``{"npp": "NPP_total"}``.
    freq : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where it cannot be told.

    Returns
    -------
    Dataset
        On time: ``cLeaf``, ``cWood``, ``cRoot``, ``cVeg`` (their sum), ``cLitter``,
        ``cSoil`` at the end of each step [g m-2 of carbon]; ``npp``, ``rh`` and ``nep``
        (npp - rh), means over the step [g m-2 d-1 of carbon]; ``nbp`` (nep less the losses)
        and the losses where there are some; ``gpp``, ``ra`` and ``reco`` (ra + rh) where they
        can be formed. Without time: each pool at the start, ``cLeaf_initial`` and so on.
        Computed in float64; dtype of the fluxes.

    Raises
    ------
    MissingVariableError, UnitsError, GridMismatchError
        For inputs that are not there, not readable or not on one grid.
    ChunkError
        For time in several chunks: rechunk with ``ds.chunk({"time": -1})``.
    InputError
        For parameters out of range, gaps in time, a spin-up longer than the data.

    Warns
    -----
    XfluxWarning
        For classes on the map that a mapping of parameters does not name. Of a lazy map it is
        not known which it holds: attribute ``parameters`` names the classes without a value.
        For steps of fluxes in memory that no cell has a value of: all pools are NaN after them.
        Of lazy fluxes that is not looked for; fill such steps first.
        When computed: for cells that became NaN as more carbon was lost than was there, as
        NPP is negative on average over the spin-up, or as parameters are out of range.

    Notes
    -----
    ``dC_i/dt = f_i NPP - C_i/tau_i - loss_i`` (i leaf, wood, root);
    ``dLitter/dt = sum C_i/tau_i - Litter/tau_litter - loss``;
    ``dSoil/dt = litter_to_soil Litter/tau_litter - Soil/tau_soil``;
    ``Rh = (1 - litter_to_soil) Litter/tau_litter + Soil/tau_soil``.

    The fluxes are constant within a step; for these the solution is exact whatever the
    length of the step (Bateman 1910; divided differences of the exponential), and ``rh`` is
    its exact mean, so that the change of all pools is the sum of nbp times days to
    round-off. A year is that of the calendar, 365.25 days on the standard one.

    Where NPP is negative it is drawn from leaf, wood and root in proportion to what they
    hold at the start of the step. Grazing is taken from leaves; harvest from leaves and wood,
    fire and land use from leaves, wood, roots and litter, in proportion to what they hold.
    When a pool would fall below 0, the cell is NaN from there on; so it is once an input is
    missing, and in all steps where one is missing in the spin-up.

    At steady state each pool is its input times its residence time: cLitter = tau_litter NPP,
    cSoil = litter_to_soil tau_soil NPP.

    References
    ----------
    Bateman (1910), Proc. Cambridge Philos. Soc. 15, 423-427.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = xr.date_range("2001-01-01", periods=24, freq="MS")
    >>> ds = xr.Dataset({"npp": ("time", np.full(24, 1.5), {"units": "g m-2 d-1"})}, {"time": time})
    >>> pools = simulate_pools(ds.assign(igbp=xr.DataArray("DBF")))
    >>> stock = sum(pools[name] for name in ("cVeg", "cLitter", "cSoil"))
    >>> bool(abs(stock[-1] / stock[0] - 1) < 1e-12)
    True
    """
    import xarray as xr

    ds = plain_indexes(ds)
    steps = _contiguous(time_steps(ds, freq=freq))
    dim = steps.dim
    fluxes = _fluxes(ds, losses, names)
    npp, lost = fluxes["npp"], [name for name in LOSSES if name in fluxes]
    years, year = _years(steps)
    values, source = pool_parameters(ds, parameters, years, names=names)
    yearly = tuple("year" in values[name].dims for name in PARAMETERS)
    start = _initial(initial, names, dim)
    arrays = {name: fluxes[name] for name in ("npp", *lost)} | values | start
    for name in ("npp", *lost):
        if dim not in arrays[name].dims:
            raise InputError(f"{name!r} has no dimension {dim!r}; it must be along time")
        require_whole(arrays[name], dim, repr(name))
    for name, array in arrays.items():
        check_axes(array, repr(name))
    check_same_grid(list(arrays.values()), list(map(repr, arrays)))
    _warn_of_steps({name: arrays[name] for name in ("npp", *lost)}, steps)

    dtype = common_dtype([fluxes[name] for name in ("npp", *lost)] + list(start.values()))
    year_days = _YEAR_DAYS.get(steps.clock.calendar if steps.clock else "", 365.25)
    lengths, length = np.unique(steps.days, return_inverse=True)
    block = PoolBlock(
        tuple(length.tolist()), tuple((lengths / year_days).tolist()),
        tuple(year.tolist()) if any(yearly) else (0,) * length.size, year_days,
        0 if start else _spinup(spinup, steps.days, year_days),
        tuple(LOSSES.index(name) for name in lost), yearly, bool(start), dtype.str,
    )  # fmt: skip
    over_time: list[list[str]] = [[dim]] * (1 + len(lost))
    results = xr.apply_ufunc(
        block,
        *arrays.values(),
        input_core_dims=[
            *over_time,
            *(["year"] if y else [] for y in yearly),
            *([[]] * len(start)),
        ],
        output_core_dims=[[dim]] * (len(POOLS) + 1) + [[]] * len(POOLS),
        dask="parallelized",
        join="exact",
        keep_attrs=False,
        output_dtypes=[dtype] * (2 * len(POOLS) + 1),
    )
    begun = "given" if start else f"in balance with mean npp of the first {block.spinup} steps"
    said = {"parameters": source, "initial": begun}
    made = _describe(results, fluxes, lost, npp.dims, said)
    mark = generated([*arrays.values(), *fluxes.values()])
    if mark:
        made = {name: array.assign_attrs(synthetic=mark) for name, array in made.items()}
    whole = with_coordinate_attributes(xr.Dataset(made), [ds])
    return with_history(whole, f"simulate_pools: parameters {source}; pools {begun}")


def _contiguous(steps: TimeSteps | None) -> TimeSteps:
    if steps is None:
        raise InputError("there is no time dimension; pools are simulated through time")
    gaps = np.flatnonzero(steps.edges[1:, 0] - steps.edges[:-1, 1] > 1_000_000)
    if gaps.size and steps.clock is not None:
        stamp = str(steps.clock.dates(steps.edges[gaps[:1], 1])[0])[:19]
        raise InputError(
            f"{steps.dim} has {gaps.size} gaps, the first at {stamp}: carbon would stand still "
            "there; fill them, for example with .resample(...).interpolate()"
        )
    return steps


def _warn_of_steps(fluxes: Mapping[str, xr.DataArray], steps: TimeSteps) -> None:
    """Warn of steps that have a value nowhere, as nothing comes after them."""
    for name, array in fluxes.items():
        if array.chunks is not None:
            continue
        missing = array.isnull().transpose(steps.dim, ...).values
        gone = np.flatnonzero(missing.reshape(missing.shape[0], -1).all(axis=1))
        if not gone.size:
            continue
        where = f"number {gone[0] + 1}"
        if steps.clock is not None:
            where = str(steps.clock.dates(steps.edges[gone[:1], 0])[0])[:10]
        warnings.warn(
            f"{name!r} is missing everywhere in {gone.size} of {missing.shape[0]} steps, the first "
            f"at {where}: pools are NaN from there on, and in all steps if it lies in the spin-up; "
            "fill these steps, for example with .interpolate_na('time'), or select others",
            XfluxWarning,
            stacklevel=3,
        )


def _years(steps: TimeSteps) -> tuple[NDArray[np.int64] | None, NDArray[np.intp]]:
    """Return the calendar years of the steps, and in which of them each begins."""
    if steps.clock is None:
        return None, np.zeros(steps.edges.shape[0], np.intp)
    return np.unique(steps.clock.months(steps.edges[:, 0]) // 12, return_inverse=True)


def _spinup(asked: int | None, days: NDArray[np.float64], year_days: float) -> int:
    """Return the number of steps in the first whole years."""
    passed = np.cumsum(days) / year_days
    years = int(passed[-1] + 0.02) if asked is None else asked
    if asked is not None and (isinstance(asked, bool) or not isinstance(asked, int) or asked < 1):
        raise InputError(f"spinup is {asked!r}; expected a number of years, 1 or more")
    near = np.flatnonzero(np.abs(passed - years) < 0.02) if years else np.array([], int)
    if not near.size:
        raise InputError(
            f"spinup needs {'a whole year' if years < 1 else f'{years} whole years'}, but the "
            f"{days.size} steps last {passed[-1]:.2f} years; give initial pools"
        )
    return int(near[np.argmin(np.abs(passed[near] - years))]) + 1


def _fluxes(
    ds: xr.Dataset, losses: bool | Sequence[str], names: Mapping[str, str] | None
) -> dict[str, xr.DataArray]:
    """Return npp, what it is formed of, and the losses, in canonical units."""
    own = dict(names or {})
    there = {name for name in ("npp", "gpp", "ra", *LOSSES) if find(ds, name, own) is not None}
    if "npp" not in there and not {"gpp", "ra"} <= there:
        raise MissingVariableError(
            "simulate_pools needs 'npp', or 'gpp' and 'ra', which are not there; compute them "
            "first, with ds.carbon.allocate(), or name them with names={'npp': ...}"
        )
    if isinstance(losses, str):
        losses = (losses,)
    wanted = [] if losses is False else list(LOSSES if losses is True else losses)
    unknown = [name for name in wanted if name not in LOSSES]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no loss; expected some of {', '.join(LOSSES)}")
    if losses is True:
        wanted = [name for name in wanted if name in there]
    chosen = [name for name in ("npp", "gpp", "ra") if name in there] + wanted
    found = canonical(ds, chosen, names=names, needed_by="simulate_pools")
    fluxes = {name: found[name] for name in chosen}
    if "npp" not in fluxes:
        fluxes["npp"] = fluxes["gpp"] - fluxes["ra"]
    elif "gpp" in fluxes and "ra" not in fluxes:
        fluxes["ra"] = fluxes["gpp"] - fluxes["npp"]
    elif "ra" in fluxes and "gpp" not in fluxes:
        fluxes["gpp"] = fluxes["npp"] + fluxes["ra"]
    return fluxes


def _initial(
    initial: xr.Dataset | str, names: Mapping[str, str] | None, dim: str
) -> dict[str, xr.DataArray]:
    import xarray as xr

    if isinstance(initial, str) and initial == "steady":
        return {}
    if not isinstance(initial, xr.Dataset):
        raise InputError(f"initial is {initial!r}; expected 'steady' or a Dataset of pools")
    own = {name: called for name, called in (names or {}).items() if name in POOLS}
    found = canonical(plain_indexes(initial), POOLS, names=own, needed_by="initial")
    for along in (dim, "year"):
        if along in found.dims:
            raise InputError(
                f"the initial pools have a dimension {along!r}; select one moment, for example "
                f"with initial.isel({along}=0, drop=True)"
            )
    return {name: found[name] for name in POOLS}


def _describe(
    results: Sequence[xr.DataArray],
    fluxes: Mapping[str, xr.DataArray],
    lost: Sequence[str],
    order: tuple[Any, ...],
    said: Mapping[str, str],
) -> dict[str, xr.DataArray]:
    """Name what the block returned, and form what follows from it."""
    raw = dict(zip((*POOLS, "rh"), results, strict=False))
    begin = dict(zip(POOLS, results[len(POOLS) + 1 :], strict=True))
    raw = {
        name: array.transpose(*(d for d in order if d in array.dims), ...)
        for name, array in raw.items()
    }
    for pools in (raw, begin):
        pools["cVeg"] = pools["cLeaf"] + pools["cWood"] + pools["cRoot"]
    raw["npp"] = fluxes["npp"]
    raw["nep"] = raw["npp"] - raw["rh"]
    if lost:
        raw["nbp"] = raw["nep"]
        for name in lost:
            raw[name] = fluxes[name]
            raw["nbp"] = raw["nbp"] - raw[name]
    if "ra" in fluxes:
        raw |= {name: fluxes[name] for name in ("gpp", "ra")}
        raw["reco"] = raw["ra"] + raw["rh"]
    model = "five pools, xflux.simulate_pools"
    named = ("cVeg", *_LIVING, "cLitter", "cSoil")
    made = {}
    for name in named:
        made[name] = describe(
            raw[name], name, cell_methods="area: mean where land time: point", model=model,
            comment="at the end of each time step", **said,
        )  # fmt: skip
    for name in ("npp", "rh", "nep", "nbp", *lost, "gpp", "ra", "reco"):
        if name in raw:
            extra = {"model": model, **said} if name in ("rh", "nep", "nbp", "reco") else {}
            made[name] = describe(raw[name], name, **extra)
    for name in named:
        long_name = describe(begin[name], name).attrs["long_name"]
        made[f"{name}_initial"] = describe(
            begin[name], name, model=model, comment="at the start of the first time step",
            long_name=f"{long_name}, at the start", **said,
        ).rename(f"{name}_initial")  # fmt: skip
    return made
