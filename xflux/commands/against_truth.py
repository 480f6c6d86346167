"""What is computed on an idealised Earth, scored against what is true there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.fluxes import FLUXES
from xflux.commands.progress import Progress
from xflux.commands.request import Format
from xflux.commands.store import reopen, store
from xflux.commands.tables import Table
from xflux.plot.wording import short_name, units_text

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["AgainstTruth", "planet_table", "score_against_truth"]


@dataclass(frozen=True, slots=True)
class AgainstTruth:
    """What came of the comparison.

    Attributes
    ----------
    path : Path
        Of the store of the truth.
    truth, computed : Dataset
        Both fluxes on the grid, reopened lazily.
    tables : list of Table
        Scores first, then totals.
    """

    path: Path
    truth: xr.Dataset
    computed: xr.Dataset
    tables: list[Table]


def score_against_truth(
    earth: Earth, computed: Path, folder: Path, format: Format, progress: Progress
) -> AgainstTruth:
    """Write the true fluxes, and score those that were computed.

    Parameters
    ----------
    earth : Earth
    computed : Path
        Store of the fluxes on its grid.
    folder : Path
        Where the truth goes.
    format : {"zarr", "netcdf"}
    progress : Progress

    Returns
    -------
    AgainstTruth
    """
    path = store(earth.truth, folder, "grid_truth", format, progress)
    truth, ours = reopen(path), reopen(computed)
    fluxes = [flux for flux in FLUXES if flux in ours]
    tables = [_scores(truth, ours, fluxes, progress), _totals(truth, ours, fluxes, progress)]
    return AgainstTruth(path, truth, ours, tables)


def planet_table(earth: Earth, progress: Progress) -> Table:
    """Hold the planet against what is known of the Earth."""
    from xflux.twin.plausible import plausible

    with progress.computing("holding the planet against the Earth"):
        checks = plausible(earth)
    frame = pd.DataFrame(
        {
            "quantity": [check.quantity for check in checks],
            "truth here": [check.value for check in checks],
            "Earth, from": [check.low for check in checks],
            "to": [check.high for check in checks],
            "units": [check.units for check in checks],
            "within": ["yes" if check.holds else "no" for check in checks],
            "source of the range": [check.source for check in checks],
        }
    )
    return Table(
        "planet", "The planet against the Earth (synthetic)", frame,
        "The planet is idealised: its middle latitudes breathe more deeply than the Earth's, and "
        "it has no fires, which are in the inversions and deepen the cycle of the tropics.",
    )  # fmt: skip


def _scores(
    truth: xr.Dataset, computed: xr.Dataset, fluxes: list[str], progress: Progress
) -> Table:
    from xflux.skill.evaluate import evaluate

    weights = truth["cell_area"] * truth["land_fraction"]
    with progress.computing("scoring the grid against the truth") as compute:
        scores, parts = compute(
            evaluate(truth[fluxes], computed[fluxes], weights=weights),
            evaluate(truth[fluxes], computed[fluxes], decompose=True)["r2_nse"],
        )
    frame = pd.DataFrame(
        {
            "flux": [short_name(flux) for flux in fluxes],
            "units": [units_text(truth[flux]) for flux in fluxes],
        }
    )
    for metric in ("r2_nse", "r2_pearson", "rmse", "bias", "slope"):
        frame[metric] = [float(scores[metric].sel({"flux": flux})) for flux in fluxes]
    for part in ("across_sites", "seasonal_cycle", "anomalies"):
        name = "across cells" if part == "across_sites" else part.replace("_", " ")
        frame[f"r2_nse {name}"] = [
            float(parts.sel({"flux": flux, "component": part})) for flux in fluxes
        ]
    return Table(
        "scores_against_truth", "Baseline on the grid against the truth (synthetic)", frame,
        "All cells and months; r2_nse, r2_pearson, rmse, bias and slope are weighted by the land "
        "area of cells, the components are not. bias is baseline minus truth.",
    )  # fmt: skip


def _totals(
    truth: xr.Dataset, computed: xr.Dataset, fluxes: list[str], progress: Progress
) -> Table:
    from xflux.labels.integral import integrate, regional_mean

    area, land = truth["cell_area"], truth["land_fraction"]
    sources = {"truth": truth, "baseline": computed}
    lazy = {
        (which, flux): regional_mean(ds[flux], area=area, land_fraction=land)
        if flux == "le"
        else integrate(ds[flux], area=area, land_fraction=land, freq="MS")
        for which, ds in sources.items()
        for flux in fluxes
    }
    with progress.computing("integrating truth and baseline") as compute:
        (sums,) = compute(lazy)
    rows = []
    for flux in fluxes:
        row: dict[str, object] = {"flux": short_name(flux)}
        row["units"] = "W m-2" if flux == "le" else "PgC per year"
        for which in sources:
            months = np.asarray(sums[which, flux].values, np.float64).reshape(-1, 12)
            years = months.mean(axis=1) if flux == "le" else months.sum(axis=1)
            spread = float(years.std(ddof=1)) if years.size > 1 else np.nan
            row |= {
                f"{which}, mean": years.mean(),
                f"{which}, sd of years": spread,
                f"{which}, span of months": np.ptp(months.mean(axis=0)),
            }
        rows.append(row)
    return Table(
        "totals_against_truth", "Totals of the grid, truth and baseline (synthetic)",
        pd.DataFrame(rows),
        "Land area of the globe. The span is that of the mean seasonal cycle, in PgC per month "
        "(LE: W m-2). NEE of the baseline is the small difference of two large estimates: learned "
        "refinement is for that.",
    )  # fmt: skip
