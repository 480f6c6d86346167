"""`xflux demo`: a made-up world through baseline, totals, maps and report."""

from __future__ import annotations

import shlex
from pathlib import Path

from xflux.commands.demo_world import demo_world
from xflux.commands.figures import require_matplotlib
from xflux.commands.fluxes import baseline_of
from xflux.commands.folder import complete_folder
from xflux.commands.progress import Progress
from xflux.commands.report import Report
from xflux.commands.request import Format
from xflux.commands.run import add_grid, summary, versions
from xflux.commands.warned import collect_warnings

__all__ = ["demo"]

_DERIVE = ("rnet",)


def demo(
    out: Path,
    *,
    seed: int = 0,
    format: Format = "zarr",
    overwrite: bool = False,
    quiet: bool = False,
    command: str = "",
) -> str:
    """Show the way from drivers to a report, on generated data.

    Parameters
    ----------
    out : Path
        Folder of the results.
    seed : int
        Of the world.
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
    from xflux.labels.standardize import standardize

    require_matplotlib()
    progress = Progress(quiet=quiet)
    with collect_warnings() as warned, complete_folder(out, overwrite=overwrite) as folder:
        (folder / "figures").mkdir()
        progress.say("generating a world (synthetic)")
        drivers = standardize(demo_world(seed=seed), derive=_DERIVE)
        baseline = baseline_of(drivers, derive=_DERIVE, what="grid")
        said = {"Command": f"`{command}`"} if command else {}
        report = Report(
            "Baseline fluxes of a made-up world (synthetic)",
            summary=["All numbers and maps below are of a generated planet, not of the Earth."],
            run={**said, "World": f"seed {seed}", **versions()},
        )
        add_grid(report, drivers, baseline, folder, format, progress, warned, label="synthetic")
        report.write(folder, warned.messages)
    again = f"xflux demo --seed {seed + 1} --out {shlex.quote(str(out))} --overwrite"
    return (
        f"A MADE-UP WORLD (synthetic, seed {seed})\n\n{summary(report, out)}\n"
        f"another world in its place: {again}"
    )
