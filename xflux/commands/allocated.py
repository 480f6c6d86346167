"""Carbon of plants and soils on a grid: written chunk by chunk, then summed and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.store import reopen, store
from xflux.errors import InputError
from xflux.labels.attach import with_history

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.emulator import AllocationEmulator

__all__ = ["FLUXES", "POOLS", "Allocated", "allocate_grid", "over_same_land"]

#: What is summed and drawn, in this order.
FLUXES = ("gpp", "reco", "ra", "rh", "npp", "nep")
POOLS = ("cVeg", "cLeaf", "cWood", "cRoot", "cLitter", "cSoil")
#: What is taken over from the fluxes, so that the store can be checked by itself.
_GIVEN = ("gpp", "reco", "nee")
_BESIDE = ("igbp", "cell_area", "land_fraction")


@dataclass(frozen=True, slots=True)
class Allocated:
    """What came of dividing the carbon of a grid.

    Attributes
    ----------
    path : Path
        Of the store.
    carbon : Dataset
        What was written, reopened lazily.
    budget : Dataset
        Carbon of the grid by year, of a mean year of all of it, with ``_lower`` and ``_upper``,
        the least and largest total of the scenarios, where there are several; in memory.
    balance : str
        What `xflux.balance_report` says of it.
    said : str
        How it was divided.
    by_emulator : bool
        Whether land models said how, and not the literature.
    of : {"refined", "baseline"}
        Which fluxes.
    imbalance : float or None
        Ra as a share of GPP less Ra as a share of RECO, before both were brought together, PgC a
        year in the mean; None of a flux that was not there.
    mean : Dataset
        Mean of the pools over the years, and the area of cells; in memory.
    left_out : dict of str to str
    """

    path: Path
    carbon: xr.Dataset
    budget: xr.Dataset
    balance: str
    said: str
    by_emulator: bool
    of: str
    mean: xr.Dataset
    imbalance: float | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Variables that have a budget, in order."""
        return [name for name in (*FLUXES, *POOLS) if name in self.budget]

    @property
    def years(self) -> int:
        """Whole years; 0 for a mean year."""
        return int(self.budget.sizes.get("year", 0))


def allocate_grid(
    drivers: xr.Dataset, fluxes: Path, emulator: AllocationEmulator | None, folder: Path,
    format: Format, progress: Progress, *, of: str,
) -> Allocated:  # fmt: skip
    """Divide the fluxes of a store between plants and soils, write that, and check it.

    Parameters
    ----------
    drivers : Dataset
        Canonical, lazy, on the grid of the fluxes.
    fluxes : Path
        Store with gpp and reco.
    emulator : AllocationEmulator, optional
        Fitted; None: by the literature, which needs ``igbp``.
    folder, format, progress
        As of `xflux.commands.on_grid.run_on_grid`.
    of : {"refined", "baseline"}
        What the fluxes are.

    Returns
    -------
    Allocated

    Raises
    ------
    XfluxError
        For steps that are no months, no whole year, or a driver that is missing.
    """
    from xflux.carbon.allocate import allocate

    written = reopen(fluxes)
    given = {name: written[name] for name in _GIVEN if name in written}
    absent = [name for name in ("gpp", "reco") if name not in given]
    if absent:
        raise InputError(f"it takes gpp and reco, and there is no {' and no '.join(absent)}")
    if not {"time", "month"} & set(given["gpp"].dims):
        raise InputError(
            "the grid has no time dimension, and pools follow from the carbon of a whole year"
        )
    if emulator is None and "igbp" not in drivers:
        raise InputError(
            "the drivers hold no igbp, by which the literature divides carbon; add land cover to "
            "the grid, or pass --land-models or --emulator"
        )
    taken = drivers.assign({name: array.variable for name, array in given.items()})
    made = allocate(taken, emulator)
    said = str(made["ra"].attrs["allocation"])
    beside = {name: written[name].variable for name in _BESIDE if name in written.variables}
    measures = {"cell_measures": "area: cell_area"} if "cell_area" in beside else {}
    whole = made.assign({name: array.assign_attrs(measures) for name, array in made.items()})
    whole = whole.assign({name: array.variable for name, array in given.items()} | beside)
    attrs = {k: v for k, v in written.attrs.items() if k in ("history", "synthetic", "period")}
    whole = whole.assign_attrs(
        Conventions="CF-1.11", title=f"Carbon of plants and soils, of {of} fluxes", **attrs
    )
    # What was encoded for the other store need not fit the chunks of this one.
    whole = with_history(whole, f"run: allocate by {said}").drop_encoding()
    path = store(whole, folder, "grid_carbon", format, progress)
    return _summed(path, said, allocate(taken, emulator, scenarios=True), emulator is not None,
                   of, progress)  # fmt: skip


def _summed(
    path: Path, said: str, scenarios: xr.Dataset, by_emulator: bool, of: str, progress: Progress
) -> Allocated:
    """Sum what was written, and hold it to its identities."""
    from xflux.carbon.balance import mass_balance
    from xflux.carbon.balance_report import NUMBERS, balance_report

    carbon = reopen(path)
    names = [name for name in (*FLUXES, *POOLS) if name in carbon]
    pools = [name for name in (*POOLS, "cell_area", "land_fraction") if name in carbon.variables]
    # Over one land: GPP of deserts is no part of what was divided.
    summed = over_same_land(carbon, carbon)
    balance = mass_balance(carbon)
    totals = [name for name in balance if str(name).startswith(NUMBERS)]
    with progress.computing("summing carbon, and checking that it adds up") as compute:
        budget, numbers, mean, apart = compute(
            _with_range(summed, scenarios, names),
            balance[totals],
            _mean(carbon.reset_coords()[pools]),
            _imbalance(carbon),
        )
    report = balance_report(numbers.assign_attrs(balance.attrs))
    return Allocated(
        path, carbon, budget, report, said, by_emulator, of, mean,
        None if apart is None else float(apart.mean()),
    )  # fmt: skip


def _with_range(carbon: xr.Dataset, scenarios: xr.Dataset, names: list[str]) -> xr.Dataset:
    """Return the budget, with the least and largest total of scenarios, where there are several.

    They are divided once more: the bounds of cells that were written are none of their sum.
    """
    from xflux.carbon.budget import budget

    made = budget(carbon, variables=names).squeeze("region", drop=True)
    several = [name for name in names if "scenario" in scenarios.get(name, carbon).dims]
    if not several or scenarios.sizes["scenario"] == 1:
        return made
    # Areas and dates are those of the store.
    apart = carbon.drop_vars(names).assign({name: scenarios[name].variable for name in several})
    totals = budget(over_same_land(apart, carbon), variables=several)
    totals = totals[several].squeeze("region", drop=True)
    for name in several:
        made[f"{name}_lower"] = totals[name].min("scenario", keep_attrs=True)
        made[f"{name}_upper"] = totals[name].max("scenario", keep_attrs=True)
    return made


def _imbalance(carbon: xr.Dataset) -> xr.DataArray | None:
    """Sum what lay between the two estimates of Ra."""
    from xflux.carbon.budget import budget

    if "imbalance_ra" not in carbon:
        return None
    return budget(carbon, variables=["ra"], names={"ra": "imbalance_ra"})["ra"]


def over_same_land(ds: xr.Dataset, carbon: xr.Dataset) -> xr.Dataset:
    """Leave out the cells that have never been allocated.

    Parameters
    ----------
    ds : Dataset
        On the grid of `carbon`.
    carbon : Dataset
        As `allocate_grid` writes it.
    """
    over = [dim for dim in carbon["npp"].dims if dim in ("time", "month")]
    there = carbon["npp"].notnull().any(over).reset_coords(drop=True)
    on_grid = {
        name: array.where(there) for name, array in ds.items() if set(there.dims) <= set(array.dims)
    }
    on_grid = {name: array for name, array in on_grid.items() if name not in _BESIDE}
    return ds.assign(on_grid)


def _mean(pools: xr.Dataset) -> xr.Dataset:
    """Average pools over their years."""
    pools = pools.drop_vars("igbp", errors="ignore")
    return pools.mean("year", keep_attrs=True) if "year" in pools.dims else pools
