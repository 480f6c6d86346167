"""What the report says of the towers, of the grid, and of the refinement of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from xflux.commands.at_towers import TowerResult
from xflux.commands.drawing import Figure
from xflux.commands.fluxes import Baseline
from xflux.commands.learning import Learned
from xflux.commands.on_grid import GridResult
from xflux.commands.refined import LEVEL, RefinedGrid, Validated
from xflux.commands.report import Section
from xflux.commands.scores import STEPS
from xflux.commands.tables import Table
from xflux.labels.classes import flags
from xflux.labels.variables import IGBP
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["grid_section", "learned_section", "refined_section", "tower_section"]


def tower_section(
    towers: xr.Dataset, baseline: Baseline, result: TowerResult, figures: list[Figure],
    not_drawn: Mapping[str, str],
) -> Section:  # fmt: skip
    """Tell of the towers: data, inputs, scores, figures."""
    attrs = towers.attrs
    code = str(attrs.get("resolution"))
    times = pd.DatetimeIndex(towers["time"].values)
    facts = [
        f"{towers.sizes['site']} sites, {STEPS.get(code, 'time steps')} from {times[0]:%Y-%m} to "
        f"{times[-1]:%Y-%m}"
    ]
    if "igbp" in towers.coords:
        facts[0] += f"; {_classes(towers)}"
    said = {
        "source": "Files", "partitioning": "Partitioning of GPP and RECO",
        "sites_table": "Table of sites", "extra_tables": "Joined tables",
    }  # fmt: skip
    facts += [f"{words}: {attrs[key]}" for key, words in said.items() if attrs.get(key)]
    rules = {
        str(array.attrs["quality_filter"]): [
            short_name(name)
            for name, other in result.observed.items()
            if other.attrs.get("quality_filter") == array.attrs["quality_filter"]
        ]
        for array in result.observed.values()
        if "quality_filter" in array.attrs
    }
    facts += [f"Observations kept: {rule} ({', '.join(fluxes)})" for rule, fluxes in rules.items()]
    facts += _models(baseline)
    left_out = {
        **{short_name(flux): why for flux, why in baseline.left_out.items()},
        **{short_name(what): why for what, why in result.scores.left_out.items()},
        **not_drawn,
    }
    pooled, *others = result.scores.tables
    return Section("At the towers", facts, [pooled, *others, result.inputs], figures, left_out)


def _classes(towers: xr.Dataset) -> str:
    names = flags(towers["igbp"])
    counts = pd.Series(
        [names.get(code, "unknown") for code in towers["igbp"].values]
    ).value_counts()
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _models(baseline: Baseline) -> list[str]:
    return [
        f"{short_name(flux)}: `{array.attrs['model']}`" for flux, array in baseline.fluxes.items()
    ]


def grid_section(
    drivers: xr.Dataset, baseline: Baseline, result: GridResult, inputs: Table,
    figures: list[Figure], not_drawn: Mapping[str, str],
) -> Section:  # fmt: skip
    """Tell of the grid: data, inputs, totals, figures."""
    sizes = ", ".join(f"{size} {dim}" for dim, size in drivers.sizes.items())
    extent = result.domain[:1].upper() + result.domain[1:]
    facts = [f"{extent}; {result.period or 'no time'}; {sizes}"]
    for key, words in (("title", "Drivers"), ("period", "Period"), ("note", "Note"),
                       ("source", "Source")):  # fmt: skip
        if drivers.attrs.get(key):
            facts.append(f"{words}, as the files say: {drivers.attrs[key]}")
    facts += _models(baseline)
    left_out = {short_name(flux): why for flux, why in baseline.left_out.items()}
    tables = []
    if result.totals is not None:
        tables += result.totals.tables
        facts += _missing(result.totals.missing)
    tables.append(inputs)
    return Section(
        "On the grid", facts, tables, figures, {**left_out, **result.left_out, **not_drawn}
    )


def _missing(shares: Mapping[str, float]) -> list[str]:
    """Say what share of the land has no value, at the step where most is missing."""
    alike: dict[str, list[str]] = {}
    for flux, share in shares.items():
        alike.setdefault(f"{100 * share:.1f}", []).append(short_name(flux))
    return [
        f"Land area without a value of {', '.join(fluxes)}: at most {share} % at any time step; it "
        "is left out of the totals, not counted as zero"
        for share, fluxes in alike.items()
        if float(share) > 0
    ]


def learned_section(
    learned: Learned, validated: Validated, unused: Mapping[str, str], figures: list[Figure],
    not_drawn: Mapping[str, str],
) -> Section:  # fmt: skip
    """Tell what was learned from the towers, and how good it is at sites not seen."""
    model = learned.model
    fitted = model.refinement_
    columns = ", ".join(feature.name for feature in fitted.features)
    facts = [
        f"Model: learner {model.learner!r}, {len(next(iter(fitted.ensembles.values())).members)} "
        f"members, seed {model.seed}; fitted for {', '.join(map(short_name, fitted.fluxes))}",
        f"Learned from: {columns}",
    ]
    if "igbp" in fitted.codes:
        names = {code: name for name, code in IGBP.items()}
        known = ", ".join(names.get(code, str(code)) for code in fitted.codes["igbp"])
        facts.append(f"Land cover with a tower: {known}; elsewhere there is no refined value")
    if learned.validated is not None:
        facts.append(
            f"Validation: {learned.folds} folds of whole sites. [validation.html](validation.html) "
            "shows it by land cover, season and site"
        )
    left_out = {short_name(what): why for what, why in {**unused, **learned.left_out}.items()}
    return Section(
        "Learned from the towers", facts, validated.tables, figures, {**left_out, **not_drawn}
    )


def refined_section(
    refined: RefinedGrid, figures: list[Figure], not_drawn: Mapping[str, str]
) -> Section:
    """Tell of the refined grid: totals beside the baseline, intervals, maps."""
    result = refined.result
    facts = []
    if result.totals is not None:
        facts += _missing(result.totals.missing)
    facts.append(
        f"`<flux>_lower` to `<flux>_upper` hold {100 * LEVEL:g} % of what a tower at a new site "
        "would record, in the mean over sites like those that were learned from: less where "
        "climate and land cover are like at none of them"
    )
    if refined.extent is not None:
        (south, north), (west, east) = refined.extent["lat"], refined.extent["lon"]
        facts.append(
            f"The towers that it was fitted to lie from latitude {south:.0f} to {north:.0f} and "
            f"longitude {west:.0f} to {east:.0f}. Beyond, and wherever climate is like at none of "
            "them, fluxes are extrapolated: totals over such land, of NEE above all, are no finding"
        )
    return Section(
        "Refined on the grid", facts, refined.tables, figures, {**result.left_out, **not_drawn}
    )
