"""`xflux demo`: an idealised Earth through the whole chain, scored against its truth."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from xflux.commands.against_truth import AgainstTruth, planet_table, score_against_truth
from xflux.commands.caveats import BASELINE_CAVEAT
from xflux.commands.demo_atmosphere import add_demo_atmosphere
from xflux.commands.demo_carbon import add_demo_carbon
from xflux.commands.demo_causes import add_causes
from xflux.commands.drawing import require_matplotlib
from xflux.commands.fluxes import FLUXES, baseline_of
from xflux.commands.folder import complete_folder
from xflux.commands.learning import Grounds
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.run import (
    add_grid,
    add_learned,
    add_refined,
    add_towers,
    summary,
    versions,
)
from xflux.commands.truth_figures import draw_planet, draw_truth
from xflux.commands.warned import collect_warnings

if TYPE_CHECKING:
    from xflux.refinement.residual import ResidualModel

__all__ = ["demo"]

_TOWERS, _FOLDS = 100, 3
#: Of the features that are the default those that tell most, so that all is soon done.
_FEATURES = (
    "ta", "vpd", "swin", "p", "fapar", "co2", "elevation", "igbp",
    "gpp_baseline", "reco_baseline", "nee_baseline", "le_baseline", "ta_lag1", "fapar_lag1",
    "ta_mean3", "vpd_mean3", "p_mean3", "ta_mean12", "p_mean12", "fapar_mean12",
)  # fmt: skip


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
        grounds = Grounds(FLUXES, _FEATURES)
        model = add_learned(
            report, _model(), grounds, towers, at_towers, folder, format, progress,
            folds=_FOLDS, label="synthetic",
        )  # fmt: skip
        before = add_grid(
            report, earth.drivers, on_grid, folder, format, progress, warned, label="synthetic"
        )
        after = add_refined(
            report, model, earth.drivers, on_grid, before, folder, format, progress,
            label="synthetic",
        )  # fmt: skip
        result = score_against_truth(earth, before.path, after.path, folder, format, progress)
        left_out = {}
        figures = draw_truth(result, folder / "figures", left_out, progress)
        report.sections.append(Section("Against the truth", [], result.tables, figures, left_out))
        report.files[result.path.name] = "true fluxes of the grid"
        carbon = add_demo_carbon(report, earth, before, after, folder, format, progress)
        causes = add_causes(report, earth, after, folder, progress)
        atmosphere = add_demo_atmosphere(report, earth, result.path, folder, format, progress)
        report.write(folder, warned.messages)
    again = f"xflux demo --seed {seed + 1} --out {shlex.quote(str(out))} --overwrite"
    return (
        f"AN IDEALISED EARTH (synthetic, {planet})\n\n{summary(report, out)}\n"
        + "\n".join(said for said in (_verdict(result), carbon, causes, atmosphere) if said)
        + f"\nanother planet in its place: {again}"
    )


def _model() -> ResidualModel:
    """Return a refinement that is soon fitted; the default is better, and takes longer."""
    from xflux.refinement.residual import ResidualModel

    return ResidualModel("xgboost", features=_FEATURES, members=5)


def _verdict(result: AgainstTruth) -> str:
    """Say in words what the refinement gained, and what it did not."""
    scores = result.tables[0].frame.set_index(["flux", "estimate"])["r2_nse"]
    totals = result.tables[1].frame.set_index("flux").loc["NEE"]
    gains = ", ".join(
        f"{flux} {scores[flux, 'baseline']:.2f} to {scores[flux, 'refined']:.2f}"
        for flux in scores.index.unique("flux")
    )
    true, before, after = (
        float(str(totals[f"{which}, mean"])) for which in ("truth", "baseline", "refined")
    )
    off = abs(after - true)
    refined = result.tables[1].frame.set_index("flux")["refined, mean"].to_dict()
    gpp, reco = (refined[flux] for flux in ("GPP", "RECO"))
    wrong = (
        f"Refined, it is wrong by {off:.1f} PgC per year, where the true sink is {-true:.1f}. It "
        f"is {reco:.0f} less {gpp:.0f} PgC,\nof which one per cent is {0.01 * gpp:.1f}: towers "
        "alone do not tell the sink of the land, however well they are predicted."
    )
    return (
        f"The refinement here is a quick one: xgboost, 5 members, {len(_FEATURES)} features, "
        f"{_TOWERS} towers, validated in {_FOLDS} folds.\n`xflux.ResidualModel()` takes more of "
        "each, and longer.\n"
        f"r2_nse on the grid against the truth: {gains}.\n"
        f"NEE over the {100 * result.share:.0f} % of the land with a refined value: truth "
        f"{true:.1f}, baseline {before:.1f}, refined {after:.1f} PgC per year.\n{wrong}"
    )
