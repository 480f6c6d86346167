"""NEE learned by towers alone and with the atmosphere: fitted, written and summed by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.store import reopen, store
from xflux.errors import InputError
from xflux.labels.attach import with_history
from xflux.labels.region_labels import labels_of_both

if TYPE_CHECKING:
    import xarray as xr

    from xflux.regional.bridge import RegionalBridge
    from xflux.regional.dual_network import DualConstraintNetwork

__all__ = [
    "ALONE",
    "WITH",
    "Air",
    "Pair",
    "common_years_of",
    "fit_pair",
    "over_regions_of",
    "over_years",
]

#: What the two networks are called.
ALONE, WITH = "towers alone", "with the atmosphere"
_STORES = {ALONE: "grid_nee_towers", WITH: "grid_nee_dual"}


@dataclass(frozen=True, slots=True)
class Air:
    """What the atmosphere says of regions.

    Attributes
    ----------
    inversions : DataArray (inversion, region, time) [Pg]
        Of NEE; lazy or not.
    regions : DataArray
        On the grid of the drivers.
    facts : list of str
        What the report says of them.
    """

    inversions: xr.DataArray
    regions: xr.DataArray
    facts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks from one start, and what they say.

    Attributes
    ----------
    models : dict of str to DualConstraintNetwork
        By `ALONE` and `WITH`.
    bridge : RegionalBridge
        Of the NEE learned by towers alone, where training began.
    fields : dict of str to Path
        Stores of NEE on the grid.
    sums : dict of str to DataArray (member, region, time) [Pg]
        Exact integrals of each member; in memory, of the years in common and the regions of the
        inversions.
    inversions : DataArray (inversion, region, time) [Pg]
        In memory, of the years in common.
    years : tuple of int
        Whole years that drivers and inversions have.
    """

    models: dict[str, DualConstraintNetwork]
    bridge: RegionalBridge
    fields: dict[str, Path]
    sums: dict[str, xr.DataArray]
    inversions: xr.DataArray
    years: tuple[int, ...]

    @property
    def away(self) -> tuple[int, ...]:
        """Years whose inversions no member saw."""
        return tuple(self.models[WITH].away_years_)

    @property
    def means(self) -> dict[str, xr.DataArray]:
        """Mean of the members (region, time)."""
        return {name: one.mean("member", keep_attrs=True) for name, one in self.sums.items()}

    @property
    def mean_inversion(self) -> xr.DataArray:
        """Mean of the inversions that have all years; of all where none has."""
        whole = self.inversions.notnull().all(("region", "time"))
        kept = self.inversions.isel(inversion=np.flatnonzero(whole.values))
        return (kept if kept.sizes["inversion"] else self.inversions).mean(
            "inversion", keep_attrs=True, skipna=False
        )


def common_years_of(grid: xr.Dataset, inversions: xr.DataArray) -> tuple[int, ...]:
    """Return the whole years that drivers and inversions both have.

    Raises
    ------
    InputError
        When there are none, or the drivers have no dates.
    """
    from xflux.labels.calendar import time_steps
    from xflux.regional.dual_atmosphere import common_years

    steps = time_steps(grid)
    if steps is None or steps.clock is None:
        raise InputError(
            "the grid of --drivers is a mean year, or without time, and inversions are of the "
            "weather of their years; pass drivers with dates, of years that the inversions have"
        )
    try:
        _, years = common_years(steps, inversions)
    except InputError as error:
        spans = (f"{str(ds['time'].values[0])[:7]} to {str(ds['time'].values[-1])[:7]}"
                 for ds in (grid, inversions) if "time" in ds.coords)  # fmt: skip
        raise InputError(f"{error} (they run from {', and from '.join(spans)})") from error
    return tuple(year for year, *_ in years)


def over_years(series: xr.DataArray, years: tuple[int, ...]) -> xr.DataArray:
    """Select the months of some years."""
    return series.isel(time=np.isin(series["time"].dt.year.values, years))


def over_regions_of(series: xr.DataArray, inversions: xr.DataArray) -> xr.DataArray:
    """Select the regions that inversions tell of, in their order; by name where both have names."""
    held, wanted = labels_of_both(series, inversions)
    return series.isel(region=[held.index(name) for name in wanted])


def fit_pair(
    network: DualConstraintNetwork, towers: xr.Dataset, nee: xr.DataArray, grid: xr.Dataset,
    air: Air, folder: Path, format: Format, files: dict[str, str], progress: Progress, *,
    bars: bool = False,
) -> Pair:  # fmt: skip
    """Fit by towers alone, then with the atmosphere from the same start; write both on the grid.

    Parameters
    ----------
    network : DualConstraintNetwork
        Not fitted.
    towers, nee : Dataset, DataArray (site, time)
        Drivers and records, in memory.
    grid : Dataset
        The same drivers on the grid, lazy or not.
    air : Air
    folder : Path
        Where stores, model and bridge go.
    format : {"zarr", "netcdf"}
    files : dict of str to str
        What was written, and what it is, is added here.
    progress : Progress
    bars : bool
        Show bars of members on a terminal.

    Returns
    -------
    Pair

    Raises
    ------
    InputError
        For too few sites or years, and regions that do not match.
    ImportError
        Without torch.
    """
    from sklearn.base import clone

    from xflux.learning.torch_session import require_torch
    from xflux.regional.bridge import RegionalBridge

    require_torch()
    with progress.computing("reading the inversions") as compute:
        (inversions,) = compute(air.inversions)
    years = common_years_of(grid, inversions)
    inversions = over_years(inversions, years)
    cells = _cells(grid)
    fields: dict[str, Path] = {}
    progress.say(f"training {network.folds} networks by towers alone")
    alone = clone(network).fit(towers, nee, drivers=grid, progress=bars)
    fields[ALONE] = store(
        _field(alone, grid, cells, ALONE), folder, _STORES[ALONE], format, progress
    )
    files[fields[ALONE].name] = _said(ALONE)
    progress.say("choosing pixels that stand for regions")
    bridge = RegionalBridge(seed=network.seed).fit(
        reopen(fields[ALONE]), air.regions, progress=bars
    )
    progress.say(f"training {network.folds} networks by towers and the atmosphere")
    dual = clone(network).fit(
        towers, nee, drivers=grid, inversions=inversions, bridge=bridge, progress=bars
    )
    fields[WITH] = store(_field(dual, grid, cells, WITH), folder, _STORES[WITH], format, progress)
    files[fields[WITH].name] = _said(WITH)
    dual.save(folder / "dual.safetensors")
    files["dual.safetensors"] = (
        "the networks of towers and atmosphere: `xflux.DualConstraintNetwork.load`"
    )
    dual.bridge_.save(folder / "bridge.nc")
    files["bridge.nc"] = "pixels that stand for regions in their NEE: `xflux.RegionalBridge.load`"
    models = {ALONE: alone, WITH: dual}
    sums = _sums(models, grid, cells, air.regions, progress)
    sums = {name: over_regions_of(over_years(one, years), inversions) for name, one in sums.items()}
    return Pair(models, bridge, fields, sums, inversions, years)


def _by(name: str) -> str:
    return name if name == ALONE else "towers and the atmosphere"


def _said(name: str) -> str:
    return f"NEE of the grid, learned by {_by(name)}, cell area and land fraction"


def _field(
    model: DualConstraintNetwork, grid: xr.Dataset, cells: dict[str, Any], name: str
) -> xr.Dataset:
    """Return NEE of the grid as it is written; lazy where the drivers are."""
    ds = model.apply(grid).assign(cells)
    mark = ds["nee"].attrs.get("synthetic")
    said = {"synthetic": str(mark)} if mark else {}
    ds = ds.assign_attrs(Conventions="CF-1.11", title=f"NEE learned by {_by(name)}", **said)
    return with_history(ds, f"run: NEE by {model!r}, learned by {_by(name)}")


def _cells(grid: xr.Dataset) -> dict[str, Any]:
    """Return area and land of the cells; whoever opens the results can sum them."""
    from xflux.labels.grid import cell_area, land_fraction

    land = land_fraction(grid)
    cells = {"cell_area": cell_area(grid).variable}
    return cells if land is None else cells | {"land_fraction": land.variable}


def _sums(
    models: Mapping[str, DualConstraintNetwork], grid: xr.Dataset, cells: dict[str, Any],
    regions: xr.DataArray, progress: Progress,
) -> dict[str, xr.DataArray]:  # fmt: skip
    """Sum every member of both over regions, in one pass over the drivers."""
    from xflux.regional.regional_integral import regional_integral

    lazy = {
        name: regional_integral(
            model.apply(grid, members=True).assign(cells), regions=regions
        )["nee"]
        for name, model in models.items()
    }  # fmt: skip
    with progress.computing("summing NEE of every member over regions") as compute:
        (sums,) = compute(lazy)
    made: dict[str, xr.DataArray] = sums
    return made
