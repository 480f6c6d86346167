"""Towers and the atmosphere in a run: NEE by both, beside towers alone and the inversions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.advice import in_options
from xflux.commands.atmosphere import ALONE, WITH, Air, Pair, fit_pair
from xflux.commands.atmosphere_figures import draw_atmosphere
from xflux.commands.atmosphere_tables import (
    INVERSIONS,
    Reference,
    bridge_table,
    globe_table,
    region_table,
    year_table,
)
from xflux.commands.fluxes import FLUXES
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.request import Format
from xflux.commands.scores import STEPS
from xflux.commands.tables import Table
from xflux.errors import InputError, XfluxError
from xflux.labels.classes import flags

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add_atmosphere"]

TITLE = "Towers and the atmosphere"
#: Fewest sites: one is kept, one stops the training, one trains.
_FEWEST = 3
#: Resolutions in which a day has several steps.
_WITHIN_DAYS = ("HH", "HR")
_CAVEAT = (
    "A network that is trained on inversions meets them: that is a fit. What speaks for it are "
    "years and towers that it did not see. Where towers and inversions disagree, either may be "
    "wrong; where no tower stands, the inside of a region is guessed."
)


def add_atmosphere(
    report: Report, air: Air, towers: xr.Dataset, grid: xr.Dataset, folder: Path, format: Format,
    progress: Progress, *, folds: int, bars: bool,
) -> None:  # fmt: skip
    """Train by towers alone and with inversions, and put what came of it into the report.

    What cannot be done is said there with its reason, and the run goes on.

    Parameters
    ----------
    report : Report
    air : Air
    towers, grid : Dataset
        Canonical; the grid lazy.
    folder, format, progress
        As of `xflux.commands.run.add_grid`.
    folds : int
        Of whole sites; no more than there are sites.
    bars : bool
        Show bars on a terminal.
    """
    from xflux.regional.dual_network import DualConstraintNetwork

    try:
        drivers, nee, sites = _at_towers(towers, grid)
        network = DualConstraintNetwork(folds=min(folds, sites))
        pair = fit_pair(
            network, drivers, nee, grid, air, folder, format, report.files, progress, bars=bars
        )
        reference = Reference(INVERSIONS, pair.mean_inversion, (WITH,))
        tables = _tables(pair, reference, nee)
    except (XfluxError, ImportError) as error:
        said = " ".join(part for part in (str(error), in_options(str(error))) if part)
        report.sections.append(Section(TITLE, left_out={"NEE by towers and inversions": said}))
        return
    not_drawn: dict[str, str] = {}
    figures = draw_atmosphere(pair, None, folder / "figures", not_drawn, progress)
    facts = [*air.facts, *_facts(pair, towers)]
    report.sections.append(Section(TITLE, facts, tables, figures, not_drawn))
    report.warn_of([_CAVEAT])


def _at_towers(towers: xr.Dataset, grid: xr.Dataset) -> tuple[xr.Dataset, xr.DataArray, int]:
    """Return drivers and NEE of the towers, in memory, and how many sites have records.

    Raises
    ------
    InputError
        When there is no NEE, too few sites, or steps that the grid cannot be met in.
    """
    if "nee" not in towers:
        raise InputError("the towers hold no NEE, which is what inversions tell of regions")
    step = str(towers.attrs.get("resolution"))
    if step in _WITHIN_DAYS:
        raise InputError(
            f"the towers are {STEPS[step]}, and the grid is not: what light does within a day is "
            "not what it does to a month. Pass the towers by month or day (the MM or DD files)"
        )
    nee = towers["nee"].compute()
    sites = int(nee.notnull().any("time").sum())
    if sites < _FEWEST:
        raise InputError(
            f"{sites} site{'s' * (sites != 1)} with NEE; expected {_FEWEST} or more, of which each "
            "network never sees some"
        )
    drivers = towers.drop_vars([flux for flux in FLUXES if flux in towers])
    return drivers.compute(), nee, sites


def _facts(pair: Pair, towers: xr.Dataset) -> list[str]:
    model = pair.models[WITH]
    sites = int(model.out_of_fold_.notnull().any("time").sum())
    years = f"{pair.years[0]} to {pair.years[-1]}" if len(pair.years) > 1 else f"{pair.years[0]}"
    facts = [
        f"Years that drivers and inversions have: {years}, {len(pair.years)}; all below is of them",
        f"Networks: `{model!r}`, of {sites} sites with NEE and all drivers, learned from "
        f"{', '.join(map(str, model.feature_names_in_))}. Both start from the same weights",
    ]
    if pair.away:
        facts.append(f"Years whose inversions no network saw: {', '.join(map(str, pair.away))}")
    else:
        facts.append(
            f"No year was held out, as there are {len(pair.years)}: nothing here tests what the "
            "atmosphere taught but towers that were not seen"
        )
    short = [
        str(name) for name, there in zip(
            pair.inversions["inversion"].values,
            pair.inversions.notnull().all(("region", "time")).values, strict=True,
        ) if not there
    ]  # fmt: skip
    constrained, all_regions = (
        one.sizes["region"] for one in (pair.inversions, pair.bridge.to_dataset())
    )
    if constrained < all_regions:
        facts.append(
            f"The inversions tell of {constrained} of {all_regions} regions; sums below are of "
            "these, and the others are not constrained"
        )
    if short:
        facts.append(
            f"{', '.join(short)} {'lacks' if len(short) == 1 else 'lack'} some of these months: "
            "used in training where there, not in the mean of the inversions below"
        )
    step = str(towers.attrs.get("resolution"))
    if step in ("DD", "WW"):
        facts.append(
            f"The towers are {STEPS[step]}; what is learned of them is applied to the steps of the "
            "grid as if it held there"
        )
    return facts


def _tables(pair: Pair, reference: Reference, nee: xr.DataArray) -> list[Table]:
    fit = (
        "With the atmosphere the networks were trained on these inversions (independent=False): "
        "that they meet them is a fit, and no skill"
    )
    seen = " Only years not seen are a test of them." if pair.away else ""
    globe = globe_table(
        pair, pair.means, reference, title="NEE of all regions, beside the inversions",
        note="Means, standard deviations and errors of annual sums in PgC per year; RMSE and range "
        f"of the mean seasonal cycle in PgC per month (its RMSE holds their mean error); "
        f"r2_pearson of years is the squared correlation of their detrended sums. "
        f"{fit}.{seen}",
    )  # fmt: skip
    return [
        globe,
        region_table(
            pair, pair.means, None,
            note=f"nnse: of months against the mean of the inversions. {fit}.",
        ),
        year_table(
            pair, {**pair.means, INVERSIONS: pair.mean_inversion},
            held="The inversions of years not seen were kept from all networks, and test them. ",
        ),
        _tower_table(pair, nee),
        bridge_table(pair),
    ]  # fmt: skip


def _tower_table(pair: Pair, nee: xr.DataArray) -> Table:
    """Score towers by the networks that did not see them, by land cover where it is known."""
    from xflux.skill.evaluate import evaluate

    records = nee.to_dataset(name="nee")
    by_class = "igbp" in nee.coords
    names = flags(nee["igbp"]) if by_class else {}
    classes = pd.Series([names.get(code, "") for code in nee["igbp"].values]) if by_class else None
    rows = []
    for name, model in pair.models.items():
        out = model.out_of_fold_.to_dataset(name="nee")
        there = (nee.notnull() & out["nee"].notnull()).any("time").values
        rows.append({"land cover": "all", "estimate": name, "sites": int(there.sum()),
                     **_row(evaluate(records, out).sel({"flux": "nee"}))})  # fmt: skip
        if classes is None:
            continue
        scores = evaluate(records, out, by="igbp").sel({"flux": "nee"})
        for label in map(str, scores["igbp"].values):
            row = _row(scores.sel(igbp=label))
            count = int((there & (classes == label).to_numpy()).sum())
            if row["n"]:
                rows.append({"land cover": label, "estimate": name, "sites": count, **row})
    frame = pd.DataFrame(rows)
    order = {name: k for k, name in enumerate(dict.fromkeys(frame["land cover"]))}
    frame = frame.sort_values("land cover", key=lambda one: one.map(order), kind="stable")
    return Table(
        "atmosphere_towers", "Towers that were not seen", frame.reset_index(drop=True),
        "Each tower by the networks that did not see it, the same records for both; rmse and bias "
        f"in g m-2 d-1. A gain of '{WITH}' over '{ALONE}' is what the atmosphere tells of towers; "
        "a loss may be theirs: where towers are biased, the atmosphere contradicts them.",
    )  # fmt: skip


def _row(scores: xr.Dataset) -> dict[str, float | int]:
    row: dict[str, float | int] = {"n": int(np.nan_to_num(float(scores["n"])))}
    return row | {key: float(scores[key]) for key in ("rmse", "bias", "r2_nse", "r2_pearson")}
