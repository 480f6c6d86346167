"""`xflux demo`: an idealised Earth through the whole chain, scored against its truth."""

from __future__ import annotations

import shlex
from pathlib import Path

from xflux.commands.against_truth import planet_table, score_against_truth
from xflux.commands.caveats import BASELINE_CAVEAT
from xflux.commands.drawing import require_matplotlib
from xflux.commands.fluxes import baseline_of
from xflux.commands.folder import complete_folder
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.run import add_grid, add_towers, summary, versions
from xflux.commands.truth_figures import draw_planet, draw_truth
from xflux.commands.warned import collect_warnings

__all__ = ["demo"]

_TOWERS = 100


def demo(
    out: Path,
    *,
    seed: int = 0,
    format: Format = "zarr",
    overwrite: bool = False,
    quiet: bool = False,
    command: str = "",
) -> str:
    """Show the chain from drivers to a report, on generated data whose truth is known.

    Parameters
    ----------
    out : Path
        Folder of the results.
    seed : int
        Of the planet.
    format : {"zarr", "netcdf"}
    overwrite, quiet : bool
        Replace the folder; leave progress out.
    command : str
        As it was typed, for the report.

    Returns
    -------
    str
        Summary for the terminal.

    Raises
    ------
    InputError
        When the folder exists.
    ImportError
        When a library is missing.
    """
    from xflux.twin import Earth

    require_matplotlib()
    progress = Progress(quiet=quiet)
    with collect_warnings() as warned, complete_folder(out, overwrite=overwrite) as folder:
        (folder / "figures").mkdir()
        earth = Earth(seed=seed)
        planet = (
            f"seed {seed}, {earth.start} to {earth.end}, {earth.resolution:g} degrees, frozen "
            f"parameters {earth.parameters}"
        )
        progress.say(f"an idealised Earth (synthetic): {planet}")
        drivers, observed = earth.towers(_TOWERS)
        said = {"Command": f"`{command}`"} if command else {}
        report = Report(
            "The chain on an idealised Earth (synthetic)",
            summary=["All numbers, maps and towers below are of a generated planet. Its true "
                     "fluxes are known, so that what is computed can be scored against them."],
            run={**said, "Planet": planet, **versions()},
            label="synthetic",
        )  # fmt: skip
        report.warn_of([BASELINE_CAVEAT])
        left_out: dict[str, str] = {}
        figures = draw_planet(earth, drivers, folder / "figures", left_out, progress)
        report.sections.append(
            Section("The planet", [planet], [planet_table(earth, progress)], figures, left_out)
        )
        towers = drivers.assign(observed.data_vars)
        at_towers = baseline_of(drivers, what="towers")
        add_towers(report, towers, at_towers, folder, format, progress, label="synthetic")
        on_grid = baseline_of(earth.drivers, what="grid")
        computed = add_grid(
            report, earth.drivers, on_grid, folder, format, progress, warned, label="synthetic"
        )
        result = score_against_truth(earth, computed, folder, format, progress)
        left_out = {}
        figures = draw_truth(result, folder / "figures", left_out, progress)
        report.sections.append(Section("Against the truth", [], result.tables, figures, left_out))
        report.files[result.path.name] = "true fluxes of the grid"
        report.write(folder, warned.messages)
    again = f"xflux demo --seed {seed + 1} --out {shlex.quote(str(out))} --overwrite"
    return (
        f"AN IDEALISED EARTH (synthetic, {planet})\n\n{summary(report, out)}\n"
        "The truth has laws that the baseline does not know. NEE of the baseline is the small "
        "difference of\ntwo large estimates made apart, and far off: that is what learned "
        "refinement is for.\n"
        f"another planet in its place: {again}"
    )
