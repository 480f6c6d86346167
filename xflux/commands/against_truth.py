"""What is computed on an idealised Earth, scored against what is true there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.fluxes import FLUXES
from xflux.commands.progress import Progress
from xflux.commands.refined import LEVEL
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
    truth : Dataset
        True fluxes on the grid, reopened lazily.
    computed : dict of str to Dataset
        Baseline and refined fluxes, both where there is a refined value.
    share : float
        Of the land area that has one.
    tables : list of Table
        Scores first, then totals and intervals.
    """

    path: Path
    truth: xr.Dataset
    computed: dict[str, xr.Dataset]
    share: float
    tables: list[Table]


def score_against_truth(
    earth: Earth, baseline: Path, refined: Path, folder: Path, format: Format, progress: Progress
) -> AgainstTruth:
    """Write the true fluxes, and score those that were computed.

    Parameters
    ----------
    earth : Earth
    baseline, refined : Path
        Stores of the fluxes on its grid.
    folder : Path
        Where the truth goes.
    format : {"zarr", "netcdf"}
    progress : Progress

    Returns
    -------
    AgainstTruth
    """
    path = store(earth.truth, folder, "grid_truth", format, progress)
    truth, before, after = reopen(path), reopen(baseline), reopen(refined)
    fluxes = [flux for flux in FLUXES if flux in before and flux in after]
    with progress.computing("looking where land is refined") as compute:
        # Land cover decides, alike for all fluxes and months.
        (there,) = compute(after[fluxes[0]].notnull().any("time"))
    area = truth["cell_area"] * truth["land_fraction"]
    land = float(area.where(truth["gpp"].isel(time=0).notnull()).sum())
    share = float(area.where(there).sum()) / land
    computed = {
        "baseline": before[fluxes].where(there),
        "refined": after,
    }
    tables = [
        _scores(truth, computed, fluxes, share, progress),
        _totals(truth, computed, fluxes, there, share, progress),
        _intervals(truth, after, fluxes, progress),
    ]
    return AgainstTruth(path, truth, computed, share, tables)


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
    truth: xr.Dataset, computed: Mapping[str, xr.Dataset], fluxes: list[str], share: float,
    progress: Progress,
) -> Table:  # fmt: skip
    from xflux.skill.evaluate import evaluate

    weights = truth["cell_area"] * truth["land_fraction"]
    lazy = {
        which: (
            evaluate(truth[fluxes], ds[fluxes], weights=weights),
            evaluate(truth[fluxes], ds[fluxes], decompose=True)["r2_nse"],
        )
        for which, ds in computed.items()
    }
    with progress.computing("scoring the grid against the truth") as compute:
        (found,) = compute(lazy)
    rows = []
    for flux in fluxes:
        for which, (scores, parts) in found.items():
            row: dict[str, object] = {"flux": short_name(flux), "estimate": which}
            row["units"] = units_text(truth[flux])
            for metric in ("r2_nse", "r2_pearson", "rmse", "bias", "slope"):
                row[metric] = float(scores[metric].sel({"flux": flux}))
            for part in ("across_sites", "seasonal_cycle", "anomalies"):
                name = "across cells" if part == "across_sites" else part.replace("_", " ")
                row[f"r2_nse {name}"] = float(parts.sel({"flux": flux, "component": part}))
            rows.append(row)
    return Table(
        "scores_against_truth", "The grid against the truth, baseline and refined (synthetic)",
        pd.DataFrame(rows),
        f"All months, and the cells that have a refined value ({100 * share:.0f} % of the land); "
        "r2_nse, r2_pearson, rmse, bias and slope are weighted by the land area of cells, the "
        "components are not. bias is estimate minus truth. Towers have errors of measurement and "
        "histories of their own, which the truth of a cell has not: scores here may be higher.",
    )  # fmt: skip


def _totals(
    truth: xr.Dataset, computed: Mapping[str, xr.Dataset], fluxes: list[str], there: xr.DataArray,
    share: float, progress: Progress,
) -> Table:  # fmt: skip
    from xflux.labels.integral import integrate, regional_mean

    area, land = truth["cell_area"], truth["land_fraction"]
    sources = {"truth": truth[fluxes].where(there), **computed}
    lazy = {
        (which, flux): regional_mean(ds[flux], area=area, land_fraction=land)
        if flux == "le"
        else integrate(ds[flux], area=area, land_fraction=land, freq="MS")
        for which, ds in sources.items()
        for flux in fluxes
    }
    with progress.computing("integrating truth, baseline and refined") as compute:
        (sums,) = compute(lazy)
    rows = []
    for flux in fluxes:
        row: dict[str, object] = {"flux": short_name(flux)}
        row["units"] = "W m-2" if flux == "le" else "PgC per year"
        made: dict[str, dict[str, float]] = {"mean": {}, "sd of years": {}, "span of months": {}}
        for which in sources:
            months = np.asarray(sums[which, flux].values, np.float64).reshape(-1, 12)
            years = months.mean(axis=1) if flux == "le" else months.sum(axis=1)
            made["mean"][which] = float(years.mean())
            made["sd of years"][which] = float(years.std(ddof=1)) if years.size > 1 else np.nan
            made["span of months"][which] = float(np.ptp(months.mean(axis=0)))
        for what, values in made.items():
            row |= {f"{which}, {what}": value for which, value in values.items()}
        rows.append(row)
    return Table(
        "totals_against_truth", "Totals of the grid against the truth (synthetic)",
        pd.DataFrame(rows),
        f"The {100 * share:.0f} % of the land that have a refined value. The span is that of the "
        "mean seasonal cycle, in PgC per month (LE: W m-2). NEE is a small difference of large "
        "fluxes, and most of the land is unlike the places where towers stand: a total learned "
        "from towers alone may be far off however well they are predicted.",
    )  # fmt: skip


def _intervals(
    truth: xr.Dataset, refined: xr.Dataset, fluxes: list[str], progress: Progress
) -> Table:
    from xflux.skill.intervals import evaluate_intervals
    from xflux.twin.plausible import BANDS, band_numbers

    weights = truth["cell_area"] * truth["land_fraction"]
    bands = band_numbers(truth)
    ends = refined[[f"{flux}{end}" for flux in fluxes for end in ("_lower", "_upper")]]

    def coverage(ds: xr.Dataset) -> xr.DataArray:
        return evaluate_intervals(ds, ends, level=LEVEL, weights=weights)["coverage"]

    lazy = {"all": coverage(truth[fluxes])}
    for number, name in enumerate(BANDS):
        lazy[name] = coverage(truth[fluxes].where(bands == number))
    with progress.computing("holding intervals against the truth") as compute:
        (found,) = compute(lazy)
    rows = [
        {"flux": short_name(flux)}
        | {name: float(shares.sel({"flux": flux})) for name, shares in found.items()}
        for flux in fluxes
    ]
    return Table(
        "intervals_against_truth",
        f"Share of the truth within the {100 * LEVEL:g} % intervals, by latitude (synthetic)",
        pd.DataFrame(rows),
        "Weighted by land area. The intervals are made for what towers would record, with their "
        "errors, at sites like those that were learned from: the truth, which has none, should lie "
        "in them more often than that, and does where towers stand. Where it does not, no tower "
        "told.",
    )  # fmt: skip
