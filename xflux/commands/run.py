"""`xflux run`: from files as downloaded to fluxes, scores and a report."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xflux.commands.at_towers import run_at_towers
from xflux.commands.carbon import TITLE, add_carbon
from xflux.commands.caveats import (
    BASELINE_CAVEAT,
    REFINED_CAVEAT,
    grid_caveats,
    model_caveats,
    tower_caveats,
)
from xflux.commands.drawing import Figure, require_matplotlib
from xflux.commands.figures import draw_grid, draw_towers
from xflux.commands.fluxes import FLUXES, Baseline, baseline_of
from xflux.commands.folder import complete_folder
from xflux.commands.input_table import input_table
from xflux.commands.inputs import (
    check_paths,
    open_grid,
    open_tower_records,
    read_co2_option,
    with_co2,
)
from xflux.commands.inversion_inputs import open_air
from xflux.commands.land_models import divider_of, open_models
from xflux.commands.learning import Grounds, grounds_of, learn
from xflux.commands.on_grid import GridResult, run_on_grid
from xflux.commands.progress import Progress
from xflux.commands.refined import keep, load_model, refine_grid
from xflux.commands.refined_figures import draw_refined, draw_validated
from xflux.commands.report import Report, Section
from xflux.commands.request import Format, RunRequest
from xflux.commands.run_atmosphere import add_atmosphere
from xflux.commands.sections import (
    grid_section,
    learned_section,
    refined_section,
    tower_section,
)
from xflux.commands.warned import Warned, collect_warnings
from xflux.errors import XfluxError

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.constrained_network import ConstrainedNetwork
    from xflux.refinement.residual import ResidualModel

__all__ = ["add_grid", "add_learned", "add_refined", "add_towers", "run", "summary", "versions"]


def run(request: RunRequest) -> str:
    """Run baseline and refinement on the user's own files, and write the folder of results.

    Parameters
    ----------
    request : RunRequest

    Returns
    -------
    str
        Summary for the terminal.

    Raises
    ------
    XfluxError, FileNotFoundError, ImportError
        When an input cannot be used, no flux can be computed, the folder exists, or a
        library is missing. Nothing is left behind then.
    """
    require_matplotlib()
    progress = Progress(quiet=request.quiet)
    with (
        collect_warnings() as warned,
        complete_folder(request.out, overwrite=request.overwrite) as folder,
    ):
        (folder / "figures").mkdir()
        # All is opened and checked before anything long begins.
        co2 = read_co2_option(request.co2)
        check_paths(request)
        opened: dict[str, tuple[xr.Dataset, Baseline]] = {}
        if request.towers:
            progress.say("reading the towers")
            towers = with_co2(open_tower_records(request), co2, what="towers")
            opened["towers"] = towers, baseline_of(towers, derive=request.derive, what="towers")
        if request.drivers:
            progress.say("opening the grid")
            grid = with_co2(open_grid(request), co2, what="grid")
            opened["grid"] = grid, baseline_of(grid, derive=request.derive, what="grid")
            models = open_models(request, grid)
            air = open_air(request, grid) if request.inversions else None
        warned.show()
        model = None if request.model is None else load_model(request.model)
        learns = request.refine and request.model is None and "towers" in opened
        title = "Baseline and refined fluxes" if learns or model else "Baseline fluxes"
        report = Report(title, run={**_said(request), **versions()})
        report.warn_of([BASELINE_CAVEAT])
        if "towers" in opened:
            add_towers(report, *opened["towers"], folder, request.format, progress)
            warned.show()
        if learns:
            model = _learned(request, report, opened, folder, progress)
            warned.show()
        if "grid" in opened:
            fluxes = add_grid(report, *opened["grid"], folder, request.format, progress, warned)
            if model is not None:
                fluxes = add_refined(
                    report, model, *opened["grid"], fluxes, folder, request.format, progress
                )
            if air is not None:
                add_atmosphere(
                    report, air, opened["towers"][0], grid, folder, request.format, progress,
                    folds=request.folds, bars=not request.quiet,
                )  # fmt: skip
                warned.show()
            if request.allocate:
                of: Literal["baseline", "refined"] = "baseline" if model is None else "refined"
                _allocated(request, report, grid, fluxes, of, models, folder, progress)
                warned.show()
        report.write(folder, warned.messages)
    return summary(report, request.out)


def _allocated(
    request: RunRequest, report: Report, grid: xr.Dataset, fluxes: GridResult,
    of: Literal["baseline", "refined"], models: xr.Dataset | None, folder: Path,
    progress: Progress,
) -> None:  # fmt: skip
    """Divide the carbon of the grid; where that cannot be done, say so and end with the fluxes."""
    try:
        divider = divider_of(request, grid, models, folder, progress)
    except XfluxError as error:
        report.sections.append(Section(TITLE, left_out={"allocation": str(error)}))
        return
    add_carbon(report, divider, grid, fluxes, of, folder, request.format, progress)


def _learned(
    request: RunRequest, report: Report, opened: dict[str, tuple[xr.Dataset, Baseline]],
    folder: Path, progress: Progress,
) -> ResidualModel | None:  # fmt: skip
    """Learn from the towers; where they are too few, say so and go on with the baseline."""
    from xflux.refinement.residual import ResidualModel

    towers, at_towers = opened["towers"]
    try:
        grounds = grounds_of(towers, at_towers, *opened.get("grid", (None, None)))
        model = ResidualModel(request.learner, grounds.fluxes, grounds.features)
        return add_learned(
            report, model, grounds, towers, at_towers, folder, request.format, progress,
            folds=request.folds,
        )  # fmt: skip
    except XfluxError as error:
        section = Section("Learned from the towers", left_out={"refinement": str(error)})
        report.sections.append(section)
        return None


def add_learned(
    report: Report, model: ResidualModel, grounds: Grounds, towers: xr.Dataset,
    baseline: Baseline, folder: Path, format: Format, progress: Progress, *, folds: int,
    label: str = "",
) -> ResidualModel:  # fmt: skip
    """Learn from the towers, validate that, and put what came of it into the report.

    Parameters
    ----------
    report : Report
    model : ResidualModel
        Not fitted.
    grounds : Grounds
        What it learns of.
    towers, baseline : Dataset, Baseline
        Canonical records, and the baseline at them.
    folder, format, progress, label
        As for `add_grid`.
    folds : int
        Of whole sites.

    Returns
    -------
    ResidualModel
        Fitted.

    Raises
    ------
    InputError
        When there is too little to learn from.
    """
    observed = towers[list(grounds.fluxes)].compute()
    drivers = towers.drop_vars([flux for flux in FLUXES if flux in towers])
    drivers = drivers.assign(baseline.fluxes.data_vars).compute()
    learned = learn(model, drivers, observed, folds=folds, progress=progress)
    validated = keep(learned, observed, folder, format, progress)
    not_drawn: dict[str, str] = {}
    figures: list[Figure] = []
    if learned.validated is not None:
        figures = draw_validated(
            learned.validated, observed, folder / "figures", not_drawn, progress, label=label
        )
    report.sections.append(
        learned_section(learned, validated, grounds.left_out, figures, not_drawn)
    )
    report.files.update(validated.files)
    return learned.model


def add_towers(
    report: Report, towers: xr.Dataset, baseline: Baseline, folder: Path, format: Format,
    progress: Progress, *, label: str = "",
) -> None:  # fmt: skip
    """Run at the towers, and put what came of it into the report.

    Parameters
    ----------
    report : Report
    towers, baseline : Dataset, Baseline
        Canonical records, and the baseline at them.
    folder, format, progress, label
        As for `add_grid`.
    """
    result = run_at_towers(towers, baseline, folder, format, progress)
    not_drawn: dict[str, str] = {}
    figures = draw_towers(result, folder / "figures", not_drawn, progress, label=label)
    report.sections.append(tower_section(towers, baseline, result, figures, not_drawn))
    report.warn_of(model_caveats(baseline) + tower_caveats(result))
    contents = ("observed fluxes, quality flags and inputs", "baseline fluxes")
    for path, said in zip(result.paths, contents, strict=True):
        report.files[path.name] = f"{said}, dims (site, time), under the same names"


def add_grid(
    report: Report, drivers: xr.Dataset, baseline: Baseline, folder: Path, format: Format,
    progress: Progress, warned: Warned, *, label: str = "",
) -> GridResult:  # fmt: skip
    """Run on a grid, and put what came of it into the report.

    Parameters
    ----------
    report : Report
    drivers, baseline : Dataset, Baseline
        Canonical drivers, and the baseline of them; lazy.
    folder : Path
        Where results go; has ``figures``.
    format : {"zarr", "netcdf"}
    progress : Progress
    warned : Warned
        Shown between steps.
    label : str
        Stands in every figure, such as ``synthetic``.

    Returns
    -------
    GridResult
    """
    result = run_on_grid(drivers, baseline, folder, format, progress)
    warned.show()
    not_drawn: dict[str, str] = {}
    figures: list[Figure] = draw_grid(result, folder / "figures", not_drawn, progress, label=label)
    inputs = input_table("grid_inputs", drivers, baseline)
    report.sections.append(grid_section(drivers, baseline, result, inputs, figures, not_drawn))
    report.warn_of(model_caveats(baseline) + grid_caveats(drivers, baseline, result))
    report.files[result.path.name] = "baseline fluxes, cell area and land fraction of the grid"
    return result


def add_refined(
    report: Report, model: ResidualModel | ConstrainedNetwork, drivers: xr.Dataset,
    baseline: Baseline, before: GridResult, folder: Path, format: Format, progress: Progress, *,
    label: str = "",
) -> GridResult:  # fmt: skip
    """Refine a grid, and put what came of it into the report.

    Parameters
    ----------
    report : Report
    model : ResidualModel or ConstrainedNetwork
        Fitted.
    drivers, baseline : Dataset, Baseline
        Canonical, lazy.
    before : GridResult
        Of the baseline.
    folder, format, progress, label
        As for `add_grid`.

    Returns
    -------
    GridResult
    """
    refined = refine_grid(model, drivers, baseline, before, folder, format, progress)
    not_drawn: dict[str, str] = {}
    figures = draw_refined(
        before, refined.result, folder / "figures", not_drawn, progress, label=label
    )
    report.sections.append(refined_section(refined, figures, not_drawn))
    report.warn_of([REFINED_CAVEAT])
    report.files[refined.result.path.name] = (
        "refined fluxes and the ends of their intervals, cell area and land fraction of the grid"
    )
    return refined.result


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    from importlib.metadata import version

    from xflux import __version__

    others = ", ".join(f"{name} {version(name)}" for name in ("xarray", "dask", "numpy", "numba"))
    return {"Version": f"xflux {__version__}; Python {platform.python_version()}, {others}"}


def _said(request: RunRequest) -> dict[str, str]:
    """Return what the user asked for, by option, as typed."""
    lists = {
        "Towers": request.towers, "Tables of sites": request.sites,
        "Joined to the towers": request.tower_extra, "Drivers": request.drivers,
        "Land models": request.land_models,
        "Inversions": request.inversions, "Regions": request.regions,
        "Taken out of the inversions": tuple(f"{t}: {p}" for t, p in request.subtract.items()),
        "Estimated on request": request.derive,
        "Names": tuple(f"{name} = {own}" for name, own in request.names.items()),
    }  # fmt: skip
    said = {"Command": f"`{request.command}`"} if request.command else {}
    said |= {words: ", ".join(given) for words, given in lists.items() if given}
    if request.model is not None:
        said["Refinement"] = request.model
    if request.emulator is not None:
        said["Allocation"] = request.emulator
    if request.co2 is not None:
        number = isinstance(request.co2, float)
        said["CO2"] = f"{request.co2:g} ppm" if number else str(request.co2)
    return said


def summary(report: Report, out: Path) -> str:
    """Return what a terminal shows: the first table of each section, and where all is."""
    parts = []
    for section in report.sections:
        lines = [section.title.upper()]
        for what, why in section.left_out.items():
            lines.append(f"left out {what}: {' '.join(why.split())}")
        if section.tables:
            lines += [section.tables[0].title, section.tables[0].plain()]
        if section.text:
            lines.append(section.text)
        parts.append("\n".join(lines))
    parts.append(f"report: {out / 'report.md'}")
    return "\n\n".join(parts)
