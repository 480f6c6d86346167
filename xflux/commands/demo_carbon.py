"""Carbon on an idealised Earth: learned from its land models, held against its truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xflux.commands.allocated import Allocated
from xflux.commands.carbon import add_carbon
from xflux.commands.land_models import Divider
from xflux.commands.on_grid import GridResult
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.store import reopen
from xflux.commands.tables import Table
from xflux.plot.wording import short_name, units_text

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.emulator import AllocationEmulator
    from xflux.twin.earth import Earth

__all__ = ["add_demo_carbon"]

#: Land models run on a coarse grid, and are learned from in few years, so that all is soon done.
_DEGREES, _YEARS, _FOLDS, _ROWS = 10.0, 3, 3, 2000
#: Years whose mean NPP the simulated pools start in balance with.
_SPINUP = 5


def add_demo_carbon(
    report: Report, earth: Earth, before: GridResult, after: GridResult, folder: Path,
    format: Format, progress: Progress,
) -> str:  # fmt: skip
    """Divide the refined carbon as land models have it, and hold that against the truth.

    Parameters
    ----------
    report : Report
    earth : Earth
    before, after : GridResult
        Of the baseline and the refined fluxes.
    folder, format, progress
        As of `xflux.commands.run.add_grid`.

    Returns
    -------
    str
        What came of it, for the terminal.
    """
    models, emulator = _learned(earth, progress)
    divider = Divider.fitted(emulator, _on_grid_of(earth, models), folder)
    divider.facts.append(
        f"The land models are the {models.sizes['model']} of `Earth.land_models`, run at "
        f"{_DEGREES:g} degrees; none is the truth. The emulator is a quick one, of their mean: "
        "`xflux.AllocationEmulator()` takes more years and folds, and quantiles as scenarios"
    )
    result = add_carbon(
        report, divider, earth.drivers, after, "refined", folder, format, progress,
        label="synthetic",
    )  # fmt: skip
    if result is None:
        return "The refined carbon could not be divided; the report says why."
    scores = _scores(earth, result, before, emulator, progress)
    sinks = _sinks(earth, result, progress)
    report.sections.append(Section("Carbon against the truth", _facts(sinks), [scores, sinks]))
    return _verdict(emulator, scores, sinks)


def _learned(earth: Earth, progress: Progress) -> tuple[xr.Dataset, AllocationEmulator]:
    """Run the land models, and learn from some of their years."""
    from xflux.carbon.emulator import AllocationEmulator

    coarse = replace(earth, resolution=_DEGREES)
    lazy = coarse.land_models()
    with progress.computing(f"running {lazy.sizes['model']} land models") as compute:
        models, drivers = compute(lazy, coarse.drivers)
    years = np.asarray(models["year"].values)
    # Spread over all years, so that what changes with carbon dioxide can be learned.
    chosen = years[np.linspace(0, years.size - 1, _YEARS + 2).astype(int)[1:-1]]
    emulator = AllocationEmulator("xgboost", quantiles=(), folds=_FOLDS, rows=_ROWS)
    progress.say(f"learning where carbon goes, and {_FOLDS} times without a fold of blocks")
    emulator.fit(
        *(ds.isel(time=np.isin(ds["time"].dt.year, chosen)) for ds in (drivers, models)),
        progress=False,
    )
    return models, emulator


def _on_grid_of(earth: Earth, models: xr.Dataset) -> xr.Dataset:
    """Give each cell what the land models have in the larger cell in which it lies."""
    cells = earth.drivers[["lat", "lon"]]
    names = [name for name in models if {"model", "lat", "lon"} <= set(models[name].dims)]
    near = models[names].chunk({"model": 1}).sel(
        lat=cells["lat"], lon=cells["lon"], method="nearest"
    )  # fmt: skip
    return near.assign_coords(lat=cells["lat"], lon=cells["lon"])


def _scores(
    earth: Earth, result: Allocated, before: GridResult, emulator: AllocationEmulator,
    progress: Progress,
) -> Table:  # fmt: skip
    """Score what was divided, and tell what of its error is that of the fluxes."""
    from xflux.carbon.allocate import allocate
    from xflux.skill.evaluate import evaluate

    truth = reopen(result.path.with_name(f"grid_truth{result.path.suffix}"))
    fluxes = ["ra", "rh", "npp"]
    there = result.carbon["npp"].notnull().reset_coords(drop=True)
    baseline, drivers = reopen(before.path), earth.drivers
    plain = {name: baseline[name].variable for name in ("gpp", "reco")}
    true = {name: truth[name].variable for name in ("gpp", "reco")}
    estimates = {
        "baseline, by the literature": allocate(drivers.assign(plain)),
        "refined, by the emulator": result.carbon,
        "true GPP and RECO, by the emulator": allocate(drivers.assign(true), emulator),
    }
    weights = truth["cell_area"] * truth["land_fraction"]
    lazy = {
        which: evaluate(truth[fluxes], ds[fluxes].where(there), weights=weights)
        for which, ds in estimates.items()
    }
    with progress.computing("scoring ra, rh and npp against the truth") as compute:
        (found,) = compute(lazy)
    rows = []
    for flux in fluxes:
        for which, made in found.items():
            row: dict[str, object] = {"flux": short_name(flux), "estimate": which}
            row["units"] = units_text(truth[flux])
            for metric in ("r2_nse", "r2_pearson", "rmse", "bias", "slope"):
                row[metric] = float(made[metric].sel({"flux": flux}))
            rows.append(row)
    return Table(
        "carbon_against_truth", "Respiration and production against the truth (synthetic)",
        pd.DataFrame(rows),
        "All months, over the land that was divided, weighted by the land area of cells. bias is "
        "estimate minus truth. The third of each flux starts from the true GPP and RECO: what it "
        "misses is what land models do not know of this planet, the rest is the fluxes.",
    )  # fmt: skip


def _sinks(earth: Earth, result: Allocated, progress: Progress) -> Table:
    """Hold the sink against the truth: of fluxes, of emulated pools, of pools in time."""
    from xflux.carbon.balance import mass_balance
    from xflux.carbon.budget import budget
    from xflux.carbon.pools import simulate_pools

    carbon = result.carbon
    beside = {name: carbon[name].variable for name in ("cell_area", "land_fraction")}
    there = carbon["npp"].notnull().reset_coords(drop=True)
    truth = earth.truth[["gpp", "reco"]].where(there)
    true = (truth["gpp"] - truth["reco"]).assign_attrs(units="g m-2 d-1").to_dataset(name="nep")
    whole = (
        carbon[["npp", "igbp"]].chunk({"time": -1})
        if "igbp" in carbon.data_vars
        else (carbon[["npp"]].assign(igbp=carbon["igbp"].variable).chunk({"time": -1}))
    )
    simulated = simulate_pools(whole, spinup=_SPINUP).assign(beside)
    emulated = [n for n in ("cVeg", "cLitter", "cSoil") if n in carbon]
    balances = {
        "emulated": mass_balance(carbon[["nep", *emulated]].assign(beside)),
        "simulated": mass_balance(simulated),
    }
    lazy: dict[str, Any] = {
        "truth": budget(true.assign(beside))["nep_mean"],
        "refined": result.budget["nep_mean"],
    }
    for name, balance in balances.items():
        lazy[f"{name}, change"] = _per_year(balance["total_stock_change"])
        lazy[f"{name}, nep"] = _per_year(balance["total_accumulated_nbp"])
    with progress.computing("carrying carbon through pools") as compute:
        (found,) = compute(lazy)
    number = {name: float(np.squeeze(array.values)) for name, array in found.items()}
    nan = float("nan")
    rows = [
        ("truth", number["truth"], nan),
        ("refined fluxes", number["refined"], nan),
        ("emulated pools, of the refined fluxes", number["emulated, nep"],
         number["emulated, change"]),
        (f"pools in time (simulate_pools), in balance with the first {_SPINUP} years",
         number["simulated, nep"], number["simulated, change"]),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["carbon", "NEP", "change in stocks"])
    frame.insert(1, "units", "PgC per year")
    frame["gap"] = frame["change in stocks"] - frame["NEP"]
    return Table(
        "sinks", "The sink, four times (synthetic)", frame,
        "Means of years, over the land that was divided. gap: change in stocks less NEP; 0 where "
        "carbon is conserved. Pools in time take NPP of this run and turnover of the literature, "
        "and their sink is what they lag behind NPP; there is no sink of the time before.",
        digits=dict.fromkeys(("NEP", "change in stocks", "gap"), 2),
    )  # fmt: skip


def _per_year(total: xr.DataArray) -> xr.DataArray:
    """Average over years what lies between two states, of years or of months."""
    return total.mean("year") if "year" in total.dims else 12.0 * total.mean("time")


def _facts(sinks: Table) -> list[str]:
    gap = sinks.frame["gap"].to_numpy()[-1]
    nep = sinks.frame["NEP"].to_numpy()[-1]
    return [
        f"Carbon carried through pools in time adds up: stocks change by what NEP brings, to "
        f"{abs(gap / nep):.0e} of it"
    ]


def _verdict(emulator: AllocationEmulator, scores: Table, sinks: Table) -> str:
    """Say in words what came of it."""
    validation = emulator.validation.sel(scenario="mean")
    skill = validation["fraction_skill"].to_series()
    found = scores.frame.set_index(["flux", "estimate"])["r2_nse"]
    lines = []
    for which in found.index.unique("estimate"):
        said = ", ".join(f"{flux} {found[flux, which]:.2f}" for flux in ("Ra", "Rh", "NPP"))
        lines.append(f"  {which}: {said}")
    listed = "\n".join(lines)
    r2 = validation["r2_pearson"].to_series()
    return (
        f"Emulator of the land models, at blocks left out: r2 {r2.min():.2f} ({r2.idxmin()}) to "
        f"{r2.max():.2f} ({r2.idxmax()}); skill on the fractions over means of land cover "
        f"{skill.min():.2f} ({skill.idxmin()}) to {skill.max():.2f} ({skill.idxmax()}).\n"
        f"r2_nse against the truth:\n{listed}\n{sinks.title}:\n{sinks.plain()}"
    )
