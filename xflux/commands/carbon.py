"""The carbon step of a run: divide the fluxes of a grid, and tell what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from xflux.commands.allocated import Allocated, allocate_grid, over_same_land
from xflux.commands.carbon_figures import draw_carbon
from xflux.commands.carbon_tables import budget_table, class_table
from xflux.commands.caveats import carbon_caveats
from xflux.commands.drawing import Figure
from xflux.commands.land_models import Divider, models_budget
from xflux.commands.on_grid import GridResult
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.tables import Table
from xflux.errors import XfluxError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TITLE", "add_carbon"]

TITLE = "Carbon of plants and soils"
#: Share of GPP beyond which NEP of all land is no plausible one.
_NEP = 0.06


def add_carbon(
    report: Report, divider: Divider, drivers: xr.Dataset, fluxes: GridResult,
    of: Literal["baseline", "refined"], folder: Path, format: Format, progress: Progress, *,
    label: str = "",
) -> Allocated | None:  # fmt: skip
    """Divide the fluxes of a grid between plants and soils, and put that into the report.

    Parameters
    ----------
    report : Report
    divider : Divider
        What says where carbon goes.
    drivers : Dataset
        Canonical, lazy.
    fluxes : GridResult
        With gpp and reco.
    of : {"baseline", "refined"}
        What these are.
    folder, format, progress, label
        As of `xflux.commands.run.add_grid`.

    Returns
    -------
    Allocated or None
        None where it cannot be done; the report says why.
    """
    try:
        result = allocate_grid(
            drivers, fluxes.path, divider.emulator, folder, format, progress, of=of
        )
    except XfluxError as error:
        report.sections.append(Section(TITLE, left_out={"allocation": str(error)}))
        return None
    models = None
    if divider.models is not None:
        models = models_budget(divider.models, result, progress)
    by_class, classes = _by_class(result, divider, progress)
    others = {}
    if divider.models is not None:
        others = {"land models": _mean_pools(divider.models, result, progress)}
    not_drawn: dict[str, str] = {}
    figures = draw_carbon(
        result, models, by_class, others, folder / "figures", not_drawn, progress, label=label
    )
    table = budget_table(result, models, domain=fluxes.domain, synthetic=bool(label))
    report.sections.append(
        _section(result, divider, models, [table, *classes, *divider.tables], figures, not_drawn)
    )
    report.warn_of(carbon_caveats(result))
    report.files[result.path.name] = (
        f"{of} gpp, reco and nee divided into ra, rh, npp, nep, and the pools of plants, litter "
        "and soil by year, with the least and the largest of the scenarios where there are some"
    )
    report.files.update(divider.files)
    return result


def _section(
    result: Allocated, divider: Divider, models: xr.Dataset | None, tables: list[Table],
    figures: list[Figure], not_drawn: Mapping[str, str],
) -> Section:  # fmt: skip
    facts = [
        f"Of the {result.of} GPP and RECO, by {result.said}", *divider.facts,
        *_imbalance(result), *_pools(result, models),
    ]  # fmt: skip
    return Section(TITLE, facts, tables, figures, {**result.left_out, **not_drawn}, result.balance)


def _imbalance(result: Allocated) -> list[str]:
    """Say how well GPP and RECO fit each other, which no identity tells."""
    values = {
        name: float(result.budget[f"{name}_mean" if result.years else name].mean())
        for name in ("gpp", "nep")
    }
    facts = []
    if (taken := result.imbalance) is not None:
        larger = "the first" if taken > 0.0 else "the second"
        facts.append(
            "Ra as a share of GPP and Ra as a share of RECO were brought together; before, they "
            f"were {abs(taken):.1f} PgC per year apart in sum ({larger} larger)"
        )
    share = values["nep"] / values["gpp"]
    if abs(share) > _NEP:
        facts.append(
            f"NEP is {values['nep']:.1f} PgC per year, {100 * share:.0f} % of GPP, where land as a "
            "whole has a few per cent: GPP and RECO of this run do not fit each other. Identities "
            "hold all the same; what is out of balance lies in Ra and Rh"
        )
    return facts


def _pools(result: Allocated, models: xr.Dataset | None) -> list[str]:
    """Say what the pools are, and what their trends are worth."""
    if not result.years:
        return [
            "Pools are turnover times x NPP of the mean year, as if all were in balance with it"
        ]
    said = (
        "Pools are turnover times of the year x NPP in the mean over the years: they do not take "
        "up what the fluxes bring. `ds.carbon.simulate_pools()` carries carbon through pools "
        "so that it adds up"
    )
    own = float(result.budget["cSoil_trend"]) if "cSoil_trend" in result.budget else float("nan")
    if models is None or "cSoil" not in models or "year" not in models["cSoil"].dims:
        return [said]
    line = models["cSoil"].mean("model").polyfit("year", 1)["polyfit_coefficients"]
    theirs = float(line.sel(degree=1))
    if np.isfinite(own) and np.isfinite(theirs):
        said += f". cSoil: {own:+.2f} PgC a year here, {theirs:+.2f} in the mean of the land models"
    return [said]


def _by_class(
    result: Allocated, divider: Divider, progress: Progress
) -> tuple[dict[str, xr.DataArray], list[Table]]:
    """Return NPP by land cover for boxes, and the table of the classes; none without classes."""
    from xflux.carbon.budget import budget
    from xflux.labels.integral import regional_sums
    from xflux.labels.named_regions import named_regions

    carbon = result.carbon
    if "igbp" not in carbon.variables:
        return {}, []
    land = over_same_land(carbon, carbon)
    mask = named_regions("igbp", carbon)
    sums = budget(land, mask, variables=[n for n in result.names if n in result.carbon])
    first = land["npp"].isel({d: 0 for d in land["npp"].dims if d in ("time", "month")}, drop=True)
    area = regional_sums(
        first, area=carbon["cell_area"], land_fraction=carbon.get("land_fraction"), regions=mask,
        days=1.0,
    )["valid_area"]  # fmt: skip
    lazy = {"here": sums[[n for n in result.names if n in sums]]}
    if divider.models is not None and "npp" in divider.models and result.years:
        beside = {n: carbon[n].variable for n in ("cell_area", "land_fraction") if n in carbon}
        models = divider.models[["npp"]].assign(beside)
        lazy["land models"] = budget(over_same_land(models, carbon), mask)[["npp"]]
    with progress.computing("summing carbon by land cover") as compute:
        found, there = compute(lazy, area)
    tables = [class_table(found["here"], there)]
    if result.years < 2:
        return {}, tables
    kept = there.values > 0.0
    called = {"here": result.of}
    return {
        called.get(name, name): ds["npp"].isel(region=kept) for name, ds in found.items()
    }, tables


def _mean_pools(models: xr.Dataset, result: Allocated, progress: Progress) -> xr.Dataset:
    """Average the pools of land models over models and years, in the units of this run."""
    from xflux.labels.standardize import standardize

    names = [name for name in result.mean if name in models]
    pools = standardize(models[names])
    over = [dim for dim in ("model", "year") if dim in pools.dims]
    with progress.computing("averaging the pools of land models") as compute:
        (mean,) = compute(pools.mean(over, keep_attrs=True))
    found: xr.Dataset = mean
    return found
