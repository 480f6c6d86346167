"""The command line: arguments in, exit code out."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xflux.errors import XfluxError

__all__ = ["main"]

_RUN_EXAMPLES = """\
examples:
  xflux run --towers icos/ --tower-extra fapar.csv.gz --co2 400 --out at_towers
  xflux run --drivers 'era5land_*.nc' modis.zarr --co2 co2_mm_mlo.csv --out on_grid
  xflux run --towers icos/ --drivers drivers.nc --co2 400 --out both
  xflux run --drivers other.nc --model both/model.safetensors --co2 400 --out other
  xflux run --drivers drivers.nc --co2 400 --land-models trendy/ --land-scenario S3 --out pools
  xflux run --towers towers.csv --drivers drivers.nc --co2 400 --inversions GCP2024_inversions.nc \\
      --subtract fire=gfed.nc lateral=rivers.nc --out dual
"""
_DEMO_EXAMPLES = """\
examples:
  xflux demo
  xflux demo --seed 3 --overwrite      again, with other weather, in place of the first
  xflux demo --seed 3 --out demo-3     again, beside the first
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0; 2 for a wrong input or usage, said on stderr; 130 when interrupted.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(given)
    if "matplotlib" not in sys.modules:
        # Figures go to files; a display that is set up badly must not stop them.
        os.environ["MPLBACKEND"] = "Agg"
    before = _terminate_as_interrupt()
    try:
        print_unless_quiet(arguments, _RUNNERS[arguments.command](arguments, given))
    except KeyboardInterrupt:
        print("xflux: interrupted; nothing was written", file=sys.stderr)
        return 130
    except (XfluxError, OSError, ImportError) as error:
        from xflux.commands.advice import in_options

        # The library advises callers from Python; here its keywords are options.
        advice = in_options(str(error)) if arguments.command == "run" else ""
        print(f"xflux: error: {error}" + (f"\n{advice}" if advice else ""), file=sys.stderr)
        return 2
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return 0


def print_unless_quiet(arguments: argparse.Namespace, text: str) -> None:
    """Write a summary to stdout."""
    if not arguments.quiet:
        print(text)


def _terminate_as_interrupt() -> Any:
    """Let a batch system that ends the job be cleaned up after, as Ctrl-C is."""
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # signals belong to the main thread
        return None


def _run(arguments: argparse.Namespace, given: Sequence[str]) -> str:
    from xflux.commands.request import RunRequest
    from xflux.commands.run import run

    options = {name: value for name, value in vars(arguments).items() if name != "command"}
    many = (
        "towers", "sites", "tower_extra", "drivers", "derive", "land_models", "inversions",
        "regions", "bands",
    )  # fmt: skip
    options |= {name: tuple(options[name]) for name in many}
    options |= {name: dict(options[name]) for name in ("names", "units", "subtract")}
    return run(RunRequest(**options, command=shlex.join(["xflux", *given])))


def _demo(arguments: argparse.Namespace, given: Sequence[str]) -> str:
    from xflux.commands.demo import demo

    return demo(
        arguments.out,
        seed=arguments.seed,
        format=arguments.format,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
        command=shlex.join(["xflux", *given]),
    )


_RUNNERS = {"run": _run, "demo": _demo}


def _parser() -> argparse.ArgumentParser:
    from xflux import __version__

    parser = argparse.ArgumentParser(
        prog="xflux", description="Terrestrial carbon and water fluxes from your own files."
    )
    parser.add_argument("--version", action="version", version=f"xflux {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_demo(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="fluxes, refined by towers, scores and a report from your files",
        description=(
            "Compute the baseline fluxes (GPP, RECO, NEE, LE) at towers, on a grid, or both; score "
            "them against the towers; learn from the towers what the baseline misses, validate "
            "that on sites left out, and refine the grid by it; learn NEE from towers and from "
            "atmospheric inversions together; divide the carbon of the grid between plants and "
            "soils; write results, tables, figures and report.md into a folder."
        ),
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    towers = run.add_argument_group("towers")
    towers.add_argument(
        "--towers", nargs="+", default=[], metavar="PATH", action="extend",
        help="folder, files or patterns of FLUXNET2015, ICOS or AmeriFlux CSV, or a tidy table",
    )  # fmt: skip
    towers.add_argument(
        "--sites", nargs="+", default=[], metavar="FILE", action="extend",
        help="tables of lat, lon, elevation, igbp by site (default: sites.csv in the folder)",
    )  # fmt: skip
    towers.add_argument(
        "--tower-extra", nargs="+", default=[], metavar="FILE", action="extend",
        help="tidy tables to join (columns site, time, variables), such as fAPAR",
    )  # fmt: skip
    towers.add_argument(
        "--units", nargs="+", default=[], type=_pair, metavar="COLUMN=UNIT", action="extend",
        help="unit of a column of a tidy table whose name holds none, such as ppfd='mol m-2 s-1'",
    )  # fmt: skip
    towers.add_argument(
        "--partitioning", choices=("NT", "DT"), default="NT",
        help="night-time or daytime partitioning of GPP and RECO (default: %(default)s)",
    )  # fmt: skip
    towers.add_argument(
        "--min-qc", type=_share_or_none, default=0.8, metavar="SHARE",
        help="least quality flag of tower fluxes, 0-1, or none (default: %(default)s)",
    )  # fmt: skip
    grid = run.add_argument_group("grid")
    grid.add_argument(
        "--drivers", nargs="+", default=[], metavar="PATH", action="extend",
        help="NetCDF, Zarr or GRIB files, patterns or folders of gridded drivers",
    )  # fmt: skip
    grid.add_argument(
        "--names", nargs="+", default=[], type=_pair, metavar="NAME=OWN", action="extend",
        help="what a variable is called in your grid, such as ta=t2m",
    )  # fmt: skip
    grid.add_argument(
        "--product", choices=("era5-land", "era5", "era5-monthly", "modis", "cf"),
        help="what the grid is, where hourly ERA5 files do not say how they accumulate",
    )  # fmt: skip
    refinement = run.add_argument_group("refinement")
    refinement.add_argument(
        "--no-refine", action="store_false", dest="refine", help="stop at the baseline"
    )
    refinement.add_argument(
        "--model", metavar="FILE",
        help="refine the grid by a saved ResidualModel or ConstrainedNetwork, such as "
        "model.safetensors of a run before",
    )  # fmt: skip
    refinement.add_argument(
        "--learner", choices=("blend", "xgboost", "kernel", "smartforest"), default="blend",
        help="what learns; xgboost is the quickest (default: %(default)s)",
    )  # fmt: skip
    refinement.add_argument(
        "--folds", type=int, default=10, metavar="N",
        help="folds of whole sites for the validation; each is a fit (default: %(default)s)",
    )  # fmt: skip
    allocation = run.add_argument_group(
        "allocation",
        "Respiration of plants and soils, production and pools on the grid: by the literature of "
        "its land cover (igbp), or as land models have it.",
    )
    allocation.add_argument(
        "--no-allocate", action="store_false", dest="allocate", help="stop at the fluxes"
    )
    allocation.add_argument(
        "--land-models", nargs="+", default=[], metavar="PATH", action="extend",
        help="folder or files of land models, one file a model and variable, to learn from",
    )  # fmt: skip
    allocation.add_argument(
        "--land-scenario", metavar="NAME",
        help="of the land models, where files are of several, such as S3",
    )  # fmt: skip
    allocation.add_argument(
        "--emulator", metavar="FILE",
        help="allocate by a saved AllocationEmulator, such as emulator.safetensors of a run before",
    )  # fmt: skip
    _add_inversions(run)
    both = run.add_argument_group("both")
    both.add_argument(
        "--co2", type=_number_or_path, metavar="PPM|FILE",
        help="CO2 where the data hold none: ppm, or NOAA's monthly record (co2_mm_mlo.csv)",
    )  # fmt: skip
    both.add_argument(
        "--derive", nargs="+", default=[], metavar="NAME", action="extend",
        help="estimate an input that is missing, such as rnet from swin and ta",
    )  # fmt: skip
    _add_output(run, default=None)


def _add_inversions(run: Any) -> None:
    atmosphere = run.add_argument_group(
        "towers and the atmosphere",
        "NEE by networks that towers and regional inversions train together, beside networks of "
        "towers alone. Needs --towers, --drivers of the same years, and torch.",
    )
    atmosphere.add_argument(
        "--inversions", nargs="+", default=[], metavar="[NAME=]PATH", action="extend",
        help="inversions on a grid (such as those of the Global Carbon Budget), or tables of "
        "regions (CSV); files of one NAME follow each other in time",
    )  # fmt: skip
    atmosphere.add_argument(
        "--regions", nargs="+", default=[], metavar="FILE", action="extend",
        help="masks of the regions, one for the grid of the drivers and for each other grid of the "
        "inversions (default: TransCom, on any grid)",
    )  # fmt: skip
    atmosphere.add_argument(
        "--bands", nargs="+", default=[], type=float, metavar="EDGE", action="extend",
        help="bands of latitude as regions, such as -90 -23.5 23.5 90, for fluxes by latitude too",
    )  # fmt: skip
    atmosphere.add_argument(
        "--subtract", nargs="+", default=[], type=_pair, metavar="TERM=FILE", action="extend",
        help="take out what towers do not see: fire, lateral, fossil, ...; on a grid or by region",
    )  # fmt: skip
    atmosphere.add_argument(
        "--flux-definition", metavar="TERMS",
        help="what the inversions hold where they do not say, such as nee+fire+lateral, or nee",
    )  # fmt: skip
    atmosphere.add_argument(
        "--inversion-variable", metavar="NAME", help="their land flux, under a name not known"
    )
    atmosphere.add_argument(
        "--inversion-units", metavar="UNIT",
        help="their units where they do not say, such as 'PgC month-1'",
    )  # fmt: skip
    atmosphere.add_argument(
        "--inversion-positive", choices=("up", "down"),
        help="their direction where they do not say: up to the atmosphere, down for uptake",
    )  # fmt: skip


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="the whole chain on a generated Earth with known truth; needs no data",
        description=(
            "Generate an idealised Earth (synthetic) with drivers, towers and true fluxes, take it "
            "through the chain: baseline, refinement learned from the towers, maps and totals, "
            "carbon of plants and soils as land models have it, causes, NEE by towers and the "
            "atmosphere together; and score what comes out against the truth. A folder that exists "
            "is kept unless --overwrite is given."
        ),
        epilog=_DEMO_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--seed", type=int, default=0, help="of weather, land use and towers (default: %(default)s)"
    )
    _add_output(demo, default=Path("xflux-demo"))


def _add_output(command: Any, default: Path | None) -> None:
    output = command.add_argument_group("output")
    said = "" if default is None else " (default: %(default)s)"
    output.add_argument(
        "--out", type=Path, metavar="DIR", default=default, required=default is None,
        help=f"folder of the results; made when they are complete{said}",
    )  # fmt: skip
    output.add_argument(
        "--format", choices=("zarr", "netcdf"), default="zarr",
        help="of the results (default: %(default)s)",
    )  # fmt: skip
    output.add_argument("--overwrite", action="store_true", help="replace the folder if it exists")
    output.add_argument("--quiet", action="store_true", help="no progress, no summary")


def _pair(text: str) -> tuple[str, str]:
    name, equals, own = text.partition("=")
    if not (name and equals and own):
        raise argparse.ArgumentTypeError(f"{text!r} is no pair; write one with '=', such as ta=t2m")
    return name, own


def _number_or_path(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _share_or_none(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; expected 0 to 1, or none")
    return share
