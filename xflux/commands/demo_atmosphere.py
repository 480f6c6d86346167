"""Towers and the atmosphere on an idealised Earth, held against its truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.atmosphere import ALONE, WITH, Air, Pair, fit_pair
from xflux.commands.atmosphere_figures import draw_atmosphere, draw_correlations
from xflux.commands.atmosphere_tables import (
    INVERSIONS,
    Reference,
    bridge_table,
    globe_table,
    region_table,
    year_table,
)
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.store import reopen
from xflux.commands.tables import Table

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["add_demo_atmosphere"]

TITLE = "Towers and the atmosphere"
_TOWERS, _INVERSIONS = 100, 5
#: The default has ten folds, twice as many epochs and more looks at bridges, and takes longer.
_FOLDS, _EPOCHS, _LOOK = 3, 80, 10
_TROPICS = 23.5
#: A constant offset for each region, which is all that inversions say without a network.
_OFFSET = "towers alone, and a constant by region"


def add_demo_atmosphere(
    report: Report, earth: Earth, true: Path, folder: Path, format: Format, progress: Progress
) -> str:
    """Train by biased towers, alone and with inversions, and hold both against the truth.

    Parameters
    ----------
    report : Report
    earth : Earth
    true : Path
        Store of its true fluxes.
    folder, format, progress
        As of `xflux.commands.run.add_grid`.

    Returns
    -------
    str
        What came of it, for the terminal.
    """
    from xflux.labels.partitions import transcom_regions
    from xflux.regional.dual_network import DualConstraintNetwork

    network = DualConstraintNetwork(
        folds=_FOLDS, epochs=_EPOCHS, check_every=_LOOK, seed=earth.seed
    )
    towers, observed = earth.towers(_TOWERS, night_loss=1.0)
    with progress.computing("reading drivers, truth and regions") as compute:
        grid, truth, regions = compute(
            earth.drivers,
            reopen(true)[["nee", "cell_area", "land_fraction"]].reset_coords(),
            transcom_regions(earth.drivers),
        )
    air = Air(earth.inversions(regions, n=_INVERSIONS), regions)
    try:
        pair = fit_pair(
            network, towers, observed["nee"], grid, air, folder, format, report.files, progress
        )
    except ImportError as error:
        report.sections.append(Section(TITLE, left_out={"the networks": str(error)}))
        return f"{TITLE}: left out, as {error}."
    with progress.computing("holding both against the truth") as compute:
        (fields,) = compute({name: reopen(path)["nee"] for name, path in pair.fields.items()})
    sums = _integral(truth, regions)
    reference = Reference("truth", sums)
    estimates = {**pair.means, INVERSIONS: pair.mean_inversion}
    weight = truth["cell_area"] * truth["land_fraction"]
    fields[_OFFSET] = _with_constants(fields[ALONE], truth, regions, pair)
    pixels, maps = _pixels(fields, truth["nee"], weight.where(regions > 0, 0.0))
    at_towers = _at_towers(pair, observed["nee"], earth.tower_truth(_TOWERS)["nee"])
    globe = globe_table(
        pair, estimates, reference, title="NEE of all regions against the truth (synthetic)",
        note="Means, standard deviations and errors of annual sums in PgC per year; RMSE and range "
        "of the mean seasonal cycle in PgC per month (its RMSE holds their mean error); r2_pearson "
        "of years is of their detrended sums. Networks are trained on the inversions, none on the "
        "truth; no member saw the inversions of "
        f"{' and '.join(map(str, pair.away))}.",
    )  # fmt: skip
    tables = [
        globe,
        region_table(
            pair, pair.means, reference, label="synthetic",
            note="nnse: of months against the truth; 1 is best, 0.5 no better than their mean.",
        ),
        pixels,
        at_towers,
        year_table(
            pair, {**estimates, "truth": sums}, label="synthetic",
            held="The inversions of years not seen were kept from all members. ",
        ),
        bridge_table(pair, label="synthetic"),
    ]  # fmt: skip
    left_out: dict[str, str] = {}
    figures = draw_atmosphere(
        pair, reference, folder / "figures", left_out, progress, truth={"truth": true},
        label="synthetic",
    )  # fmt: skip
    figures += draw_correlations(maps, folder / "figures", left_out, label="synthetic")
    report.sections.append(Section(TITLE, _facts(earth, pair), tables, figures, left_out))
    return _verdict(globe, pixels, at_towers)


def _integral(field: xr.Dataset, regions: xr.DataArray) -> xr.DataArray:
    from xflux.regional.regional_integral import regional_integral

    return regional_integral(field, regions=regions)["nee"]


def _facts(earth: Earth, pair: Pair) -> list[str]:
    return [
        f"These are {_TOWERS} other towers than those of the refinement: at the same places, but "
        "their records in the tropics miss part of what is respired at night "
        "(`Earth.towers(night_loss=1.0)`), as real ones are suspected to. Towers alone then put "
        "the sink of the land far off, as those of Upton et al. (2024) do",
        f"The atmosphere: {_INVERSIONS} inversions of {pair.inversions.sizes['region']} regions "
        "(`Earth.inversions`), which err by model, season and neighbouring region, and not in the "
        "sum of the globe as much as in its parts",
        "Both networks start from the same weights and see the same towers; inversions enter "
        "through a few pixels of each region, chosen anew while the network is trained",
        f"The networks are quick ones: `{pair.models[WITH]!r}`. The default has ten folds, "
        "twice the epochs and more looks at bridges",
    ]


def _with_constants(
    nee: xr.DataArray, truth: xr.Dataset, regions: xr.DataArray, pair: Pair
) -> xr.DataArray:
    """Add to each region the constant that brings its sum to that of the inversions."""
    rate = nee.to_dataset(name="nee").assign(
        {name: truth[name].variable for name in ("cell_area", "land_fraction")}
    )
    unit = rate.assign(nee=(nee * 0.0 + 1.0).assign_attrs(nee.attrs))
    area = _integral(unit, regions).mean("time")
    apart = (pair.mean_inversion - _integral(rate, regions)).mean("time") / area
    numbers = np.concatenate([[0.0], apart.values])
    return nee + numbers[regions.transpose(*nee.dims[-2:]).values.astype(int)]


def _pixels(
    fields: Mapping[str, xr.DataArray], truth: xr.DataArray, weight: xr.DataArray
) -> tuple[Table, dict[str, xr.DataArray]]:
    """Score the months of cells, and return the maps of correlations."""
    import xarray as xr

    rows, maps = [], {}
    for name, nee in fields.items():
        plain = nee.reset_coords(drop=True)
        r = xr.corr(plain, truth, "time")
        square = ((plain - truth) ** 2).mean("time")
        if name != _OFFSET:
            said = {"units": "1", "long_name": "Correlation with the truth", "synthetic": "yes"}
            maps[name] = r.rename("pearson_r").drop_attrs(deep=False).assign_attrs(said)
        row: dict[str, object] = {"estimate": name}
        for where, within in (("tropics", abs(truth["lat"]) < _TROPICS), ("all land", None)):
            own = weight if within is None else weight.where(within, 0.0)
            row[f"r, {where}"] = float(r.weighted(own).mean())
            row[f"rmse, {where}"] = float(np.sqrt(square.weighted(own).mean()))
        rows.append(row)
    table = Table(
        "atmosphere_pixels", "Months of NEE in cells against the truth (synthetic)",
        pd.DataFrame(rows),
        "r: mean correlation of months, rmse in g m-2 d-1, both weighted by land. Tropics: within "
        f"{_TROPICS:g} degrees. The last row adds to each region the one constant by which it "
        "meets the inversions: what the atmosphere says without a network, and nothing of months "
        "and places.",
    )  # fmt: skip
    return table, maps


def _at_towers(pair: Pair, recorded: xr.DataArray, true: xr.DataArray) -> Table:
    rows = []
    for name, model in pair.models.items():
        out = model.out_of_fold_
        beyond = abs(out["lat"]) >= _TROPICS
        row: dict[str, object] = {"estimate": name}
        for where, within in (("all", None), ("tropics", ~beyond), ("beyond", beyond)):
            kept = out if within is None else out.where(within)
            row[f"records, {where}"] = _rmse(kept - recorded)
            row[f"truth, {where}"] = _rmse(kept - true)
        rows.append(row)
    return Table(
        "atmosphere_towers", "Towers that were not seen, records and truth (synthetic)",
        pd.DataFrame(rows),
        "RMSE in g m-2 d-1, each tower by the members that did not see it. Records in the tropics "
        "miss part of the nights: a model that the atmosphere corrects departs from them.",
    )  # fmt: skip


def _rmse(error: xr.DataArray) -> float:
    return float(np.sqrt((error**2).mean()))


def _verdict(globe: Table, pixels: Table, towers: Table) -> str:
    """Say in words what the atmosphere gained, and where it is worse."""
    sums, cells, sites = (_numbers(table) for table in (globe, pixels, towers))

    def change(score: Mapping[str, float]) -> str:
        return f"{score[ALONE]:.2f} to {score[WITH]:.2f}"

    sink = {name: -value for name, value in sums["annual mean"].items()}
    years, error = sums["r2_pearson of years"], cells["rmse, tropics"]
    records, true = sites["records, tropics"], sites["truth, tropics"]
    return (
        f"{TITLE}: with towers that miss tropical nights the land takes up {sink[ALONE]:.1f} PgC "
        f"per year by towers alone,\n{sink[WITH]:.1f} with the atmosphere, {sink['truth']:.1f} in "
        f"truth ({sink[INVERSIONS]:.1f} by the inversions). From towers alone to both: RMSE of\n"
        f"years {change(sums['rmse of years'])} PgC, of years whose inversions none saw "
        f"{change(sums['rmse of years not seen'])}, of months of tropical cells {change(error)}\n"
        f"g m-2 d-1 ({error[_OFFSET]:.2f} with a constant by region), their correlation "
        f"{change(cells['r, tropics'])}. Records of tropical towers are\nmet "
        f"{'worse' if records[WITH] > records[ALONE] else 'better'} (RMSE {change(records)}), what "
        f"is true there {change(true)}. Anomalies of years are "
        f"followed {'better' if years[WITH] > years[ALONE] else 'worse'} (r2 {change(years)})."
    )


def _numbers(table: Table) -> dict[str, dict[str, float]]:
    """Return the numbers of a table, by column and estimate."""
    names = table.frame["estimate"].tolist()
    columns = table.frame.select_dtypes("number")
    return {
        str(column): dict(zip(names, columns[column].tolist(), strict=True)) for column in columns
    }
