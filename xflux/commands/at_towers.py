"""The baseline at the towers: written beside what was observed, and scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xflux.commands.fluxes import FLUXES, Baseline
from xflux.commands.input_table import input_table
from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.scores import Scores, score
from xflux.commands.store import store
from xflux.commands.tables import Table
from xflux.labels.attach import with_history

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TowerResult", "run_at_towers"]


@dataclass(frozen=True, slots=True)
class TowerResult:
    """What came of the towers.

    Attributes
    ----------
    paths : list of Path
        Of the stores.
    observed, predicted : Dataset
        Dims (site, time), in memory; predictions bear the names of the observations.
    scores : Scores
    inputs : Table
    """

    paths: list[Path]
    observed: xr.Dataset
    predicted: xr.Dataset
    scores: Scores
    inputs: Table


def run_at_towers(
    towers: xr.Dataset, baseline: Baseline, folder: Path, format: Format, progress: Progress
) -> TowerResult:
    """Score the baseline at the towers, and write both sides.

    Parameters
    ----------
    towers : Dataset
        Canonical, dims (site, time).
    baseline : Baseline
        Of these towers.
    folder : Path
        Where the stores go.
    format : {"zarr", "netcdf"}
    progress : Progress

    Returns
    -------
    TowerResult
    """
    progress.say("scoring the baseline at the towers")
    predicted = baseline.fluxes.compute()
    scores = score(towers, predicted)
    observed = towers[[flux for flux in FLUXES if flux in towers]]
    title = "Baseline fluxes at the towers"
    predicted = predicted.assign_attrs(
        Conventions="CF-1.11", title=title, featureType="timeSeries",
        history=towers.attrs.get("history", ""),
    )  # fmt: skip
    said = ", ".join(f"{flux} by {predicted[flux].attrs['model']}" for flux in predicted)
    predicted = with_history(predicted, f"run: {said}")
    beside = [f"{flux}_qc" for flux in FLUXES if f"{flux}_qc" in towers]
    read = [name for name in baseline.inputs if name in towers]
    kept = towers[[*observed.data_vars, *beside, *read]]
    paths = [
        store(kept, folder, "towers_observed", format, progress),
        store(predicted, folder, "towers_baseline", format, progress),
    ]
    inputs = input_table("tower_inputs", towers, baseline, observed)
    return TowerResult(paths, observed, predicted, scores, inputs)
