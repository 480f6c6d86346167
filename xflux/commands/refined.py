"""The refinement in a run: fitted or loaded, validated, and taken to the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from xflux.commands.fluxes import FLUXES, Baseline
from xflux.commands.learning import Learned
from xflux.commands.on_grid import GridResult, run_on_grid
from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.store import reopen, store
from xflux.commands.tables import Table
from xflux.errors import FileFormatError, XfluxError
from xflux.plot.wording import short_name, units_text

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.constrained_network import ConstrainedNetwork
    from xflux.refinement.residual import ResidualModel
    from xflux.reporting.report import Report as Page

__all__ = ["LEVEL", "RefinedGrid", "Validated", "keep", "load_model", "refine_grid"]

#: Share that intervals are to hold.
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Validated:
    """What the validation says.

    Attributes
    ----------
    tables : list of Table
        Scores first.
    files : dict of str to str
        What was written, and what it is.
    """

    tables: list[Table]
    files: dict[str, str]


def keep(
    learned: Learned, observed: xr.Dataset, folder: Path, format: Format, progress: Progress
) -> Validated:
    """Write the model, what it predicts of sites left out, and the page that scores this.

    Parameters
    ----------
    learned : Learned
    observed : Dataset
        Dims (site, time).
    folder : Path
    format : {"zarr", "netcdf"}
    progress : Progress

    Returns
    -------
    Validated
    """
    from xflux.reporting.report import report

    learned.model.save(folder / "model.safetensors")
    files = {
        "model.safetensors": "the refinement, fitted to all towers: "
        "`xflux.ResidualModel.load`, or --model"
    }
    if learned.validated is None:
        return Validated([], files)
    validated = learned.validated.assign_attrs(
        Conventions="CF-1.11", title="Fluxes at towers, predicted without their sites"
    )
    path = store(validated, folder, "towers_validated", format, progress)
    files[path.name] = (
        "baseline and refined fluxes at the towers (dim estimate), each by a model that did not "
        "see the site, and 90 % intervals"
    )
    progress.say("reporting the validation")
    page = report(learned.validated, observed, folder / "validation.html")
    files["validation.html"] = "how well sites that were not seen are predicted"
    return Validated(_tables(page, observed, learned), files)


def load_model(path: str) -> ResidualModel | ConstrainedNetwork:
    """Read a refinement of either kind.

    Parameters
    ----------
    path : str
        As typed.

    Returns
    -------
    ResidualModel or ConstrainedNetwork
        Fitted.

    Raises
    ------
    FileFormatError
        When the file holds neither, or cannot be read.
    """
    from xflux.refinement.constrained_network import ConstrainedNetwork
    from xflux.refinement.residual import ResidualModel

    file = Path(path).expanduser()
    try:
        return ResidualModel.load(file)
    except FileFormatError as error:
        try:
            return ConstrainedNetwork.load(file)
        except FileFormatError:
            # What is wrong with it is wrong for both.
            raise error from None


def _tables(page: Page, observed: xr.Dataset, learned: Learned) -> list[Table]:
    pooled, gain = page.tables["pooled"], page.tables["gain"]
    intervals = page.tables.get("intervals")
    rows = []
    for flux in map(str, pooled["flux"].values):
        for name in map(str, pooled["estimate"].values):
            one = pooled.sel({"flux": flux, "estimate": name})
            row: dict[str, object] = {"flux": short_name(flux), "estimate": name}
            row |= {"units": units_text(observed[flux])}
            row |= {"sites": int(one["n_sites"]), "n": int(one["n"])}
            row |= {key: float(one[key]) for key in ("r2_nse", "r2_pearson", "rmse", "bias")}
            refined = name == str(pooled["estimate"].values[-1])
            gained = gain.sel({"flux": flux})
            for end, words in (("_lower", "gain from"), ("_upper", "to")):
                row[words] = float(gained[f"r2_nse{end}"]) if refined else float("nan")
            held = intervals is not None and refined
            row["coverage"] = (
                float(intervals["coverage"].sel({"flux": flux}))  # type: ignore[index]
                if held
                else float("nan")
            )
            rows.append(row)
    return [
        Table(
            "scores_validated", "Sites that were not seen, baseline and refined",
            pd.DataFrame(rows),
            f"Each site is predicted by a model fitted without it ({learned.folds} folds of whole "
            "sites), and both estimates are scored on the same records. A site whose land cover no "
            "other has cannot be predicted, and is left out. gain: 95 % interval of the difference "
            "in r2_nse over draws of sites; where it holds 0, no gain has been shown. coverage: "
            f"share of the observations within the {100 * LEVEL:g} % interval, mean over sites. "
            "Months left out at random would score higher, and say less: their sites are known.",
        )
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefinedGrid:
    """The refinement of a grid.

    Attributes
    ----------
    result : GridResult
        Of the refined fluxes.
    tables : list of Table
        Both estimates over the same land first.
    extent : dict of str to list of float, optional
        Least and largest ``lat`` and ``lon`` of the towers that were learned from.
    """

    result: GridResult
    tables: list[Table]
    extent: dict[str, list[float]] | None = None


def refine_grid(
    model: ResidualModel | ConstrainedNetwork, drivers: xr.Dataset, baseline: Baseline,
    before: GridResult, folder: Path, format: Format, progress: Progress,
) -> RefinedGrid:  # fmt: skip
    """Write the refined fluxes of a grid chunk by chunk, and sum what was written.

    Parameters
    ----------
    model : ResidualModel or ConstrainedNetwork
        Fitted.
    drivers, baseline : Dataset, Baseline
        Canonical, lazy.
    before : GridResult
        Of the baseline.
    folder, format, progress
        As of `run_on_grid`.

    Returns
    -------
    RefinedGrid
    """
    from xflux.refinement.refine import refine

    known = all(flux in model.refinement_.spreads for flux in model.fluxes)
    refined = refine(
        drivers.assign(baseline.fluxes.data_vars), model, interval=LEVEL if known else None
    )
    result = run_on_grid(
        drivers, replace(baseline, fluxes=refined), folder, format, progress, estimate="refined"
    )
    tables = []
    if result.totals is not None:
        tables = [
            replace(table, name=f"{table.name}_refined", title=f"{table.title}, refined")
            for table in result.totals.tables
        ]
        compared = _compared(before, result, progress)
        if compared is not None:
            tables.insert(0, compared)
    return RefinedGrid(result, tables, model.refinement_.provenance.get("extent"))


def _compared(before: GridResult, after: GridResult, progress: Progress) -> Table | None:
    """Sum both over the land that has a refined value."""
    from xflux.commands.totals import totals

    if after.totals is None or after.steps is None:
        return None
    old, new = reopen(before.path), reopen(after.path)
    fluxes = [flux for flux in FLUXES if flux in new and flux in old]
    beside = {name: old[name] for name in ("cell_area", "land_fraction") if name in old}
    same = old[fluxes].where(new[fluxes].notnull()).assign(beside)
    try:
        there = totals(same, after.steps, domain=after.domain, progress=progress)
    except XfluxError:
        return None
    ours, theirs = after.totals.tables[0].frame.iloc[-1], there.tables[0].frame.iloc[-1]
    rows = []
    for name in (name for name in theirs.index if name != "year"):
        flux, unit = str(name).removesuffix("]").split(" [")
        missing = after.totals.missing[flux.lower()]
        rows.append(
            {
                "flux": flux, "units": unit, "baseline": theirs[name], "refined": ours[name],
                "land without [%]": 100.0 * missing,
            }
        )  # fmt: skip
    year = str(ours["year"])
    return Table(
        "totals_compared",
        f"{'Mean of the years' if year == 'mean' else year.capitalize()}, baseline and refined",
        pd.DataFrame(rows),
        "Both over the land that has a refined value. Land whose cover no tower has (such as "
        "desert and ice) has none, at most the share in the last column; it is left out of both.",
        digits={"baseline": 1, "refined": 1, "land without [%]": 1},
    )
