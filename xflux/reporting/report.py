"""Report a validation: scores, gains, intervals and figures, on one page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import xarray as xr

from xflux.plot.wording import generated, short_name, units_text
from xflux.refinement.validation import KNOWN_SITES
from xflux.reporting.page import Section, checked_path, page, write_page
from xflux.reporting.validation_tables import (
    ESTIMATE,
    Validation,
    compare,
    tabulate_validation,
)
from xflux.version import __version__

__all__ = ["Report", "report"]

#: Sites that are listed for each flux.
_WORST = 6


@dataclass(frozen=True, slots=True)
class Report:
    """What a validation says.

    Attributes
    ----------
    tables : mapping of str to Dataset
        ``pooled``, ``by_class``, ``by_season``, ``by_size`` (quarters of the observed values),
        ``by_site`` and ``components``: scores as of `xflux.evaluate`, dims (flux, estimate, ...),
        every estimate on the same records. ``gain``: the last estimate less the first, with its
        95 % interval over draws of sites. ``intervals``, ``intervals_by_site``,
        ``intervals_by_class``: as of `xflux.evaluate_intervals`, means over sites.
        ``interval_places``: shares below, in each tenth of, and above the interval.
    left_out : mapping of str to str
        What could not be told, and why.
    html : str
        The page.
    """

    tables: Mapping[str, xr.Dataset]
    left_out: Mapping[str, str]
    html: str = field(repr=False)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file that stands alone; it is complete, or not there."""
        return write_page(self.html, path)


def report(
    validated: xr.Dataset,
    observed: xr.Dataset,
    path: str | os.PathLike[str] | None = None,
    *,
    level: float | None = None,
    title: str = "How well towers that were not seen are predicted",
) -> Report:
    """Report a validation; reads all of it.

    Parameters
    ----------
    validated : Dataset
        What `ResidualModel.cross_validate` returns: gpp, reco, nee or le with dims
        (estimate, site, time), and ``<flux>_lower``, ``<flux>_upper`` (site, time). Of the
        estimates the last is reported on, and the first is what it is compared with.
    observed : Dataset
        Dims (site, time); a coordinate ``igbp`` gives scores by land cover.
    path : str or path-like, optional
        Of the page (HTML, with figures inside), which is written at once or not at all.
    level : float, optional
        Share that the intervals are to hold; None: the attribute ``interval``.
    title : str

    Returns
    -------
    Report
        Tables, and the page.

    Raises
    ------
    InputError
        When no record is left, the dimensions are not those of a validation, or the folder of
        `path` is not there.
    MissingVariableError
        When no flux is in both.
    ImportError
        Without matplotlib.

    Notes
    -----
    Only records that every estimate predicts are scored, so that estimates are compared on the
    same ones.
    """
    if path is not None:
        checked_path(path)  # before all that takes long
    data = compare(validated, observed)
    level = validated.attrs.get("interval") if level is None else level
    tables, left_out = tabulate_validation(data, level)
    html = page(title, _labels(data, validated), _sections(data, tables, left_out, validated.attrs))
    made = Report(tables, left_out, html)
    if path is not None:
        made.write(path)
    return made


def _synthetic(data: Validation) -> str:
    arrays = [data.observed[flux] for flux in data.fluxes]
    return generated(*arrays, *(data.predicted[flux] for flux in data.fluxes))


def _labels(data: Validation, validated: xr.Dataset) -> list[str]:
    labels = []
    if _synthetic(data):
        labels.append("The data are synthetic: these scores say nothing of the real Earth.")
    if validated.attrs.get("left_out") == KNOWN_SITES:
        labels.append(
            f"What was left out are {KNOWN_SITES}: these are scores at sites that are known "
            "already, and say nothing of a place without a tower."
        )
    return labels


def _sections(
    data: Validation,
    tables: Mapping[str, xr.Dataset],
    left_out: Mapping[str, str],
    attrs: Mapping[str, object],
) -> list[Section]:
    from xflux.reporting.validation_figures import (
        draw_components,
        draw_coverage,
        draw_places,
        draw_scatter,
        draw_skill,
    )

    label = f" ({_synthetic(data)})" if _synthetic(data) else ""
    sections = [
        Section(
            "All records",
            _gains(data, tables["gain"]),
            [(_pooled(data, tables["pooled"]), "r2_nse is 1 - SSE/SST and may be negative; "
              "r2_pearson is the squared correlation. All estimates on the same records.")],
            [draw_scatter(data, flux, label) for flux in data.fluxes],
        )
    ]  # fmt: skip
    if "by_class" in tables:
        picture = draw_skill(tables["by_class"], "igbp", data, "land cover", label)
        note = "A class of one or two sites says little of its kind."
        sections.append(Section("By land cover", [note], pictures=[picture]))
    picture = draw_skill(tables["by_season"], "season", data, "season", label)
    sections.append(Section("By season", pictures=[picture]))
    if "components" in tables:
        picture = draw_components(tables["components"], data, label)
        sections.append(Section("Across sites, seasons and anomalies", pictures=[picture]))
    if tables["by_size"].sizes:
        sections.append(
            Section(
                "By size of the flux",
                ["Quarters are of the observed values, and so chosen by the outcome: in the lowest "
                 "even a well calibrated prediction is too high, in the highest too low. "
                 "Compare estimates within a quarter."],
                [(_sizes(data, tables["by_size"]), "")],
            )
        )  # fmt: skip
    if "intervals" in tables:
        level = float(tables["intervals"].attrs["level"])
        sections.append(
            Section(
                f"Intervals of {level:.0%}",
                tables=[(_held(data, tables["intervals"]), "Means over sites. The interval score "
                         "(Gneiting and Raftery 2007, eq. 43) is width plus what misses cost; "
                         "smaller is better.")],
                pictures=[
                    draw_coverage(tables, data, label),
                    draw_places(tables["interval_places"], level, data, label),
                ],
            )
        )  # fmt: skip
    sections.append(
        Section(
            "Sites that cost most",
            tables=[(_worst(data, tables), "By share of the squared error of "
                     f"{data.estimates[-1]}; the tables of the report hold all sites.")],
        )
    )  # fmt: skip
    return [*sections, _how(data, left_out, attrs)]


def _gains(data: Validation, gain: xr.Dataset) -> list[str]:
    """Say for each flux what was gained, and whether that was shown."""
    first, last = data.estimates[0], data.estimates[-1]
    said = []
    for flux in data.fluxes:
        one = gain.sel({"flux": flux})
        value, low, high = (
            f"{float(one[f'r2_nse{end}']):.3f}".replace("-", "\u2212")
            for end in ("", "_lower", "_upper")
        )
        shown = "" if bool(one["r2_nse_excludes_zero"]) else ", so that none has been shown"
        said.append(
            f"{short_name(flux)}: {last} less {first} in r2_nse is {value}, with a 95 % interval "
            f"of {low} to {high} over draws of {int(one['n_units'])} sites{shown}."
        )
    return said


def _pooled(data: Validation, scores: xr.Dataset) -> pd.DataFrame:
    rows = []
    for flux in data.fluxes:
        for name in data.estimates:
            one = scores.sel({"flux": flux, ESTIMATE: name})
            rows.append(
                {
                    "flux": short_name(flux),
                    "units": units_text(data.observed[flux]),
                    "estimate": name,
                    "sites": int(one["n_sites"]),
                }
                | {key: one[key].item() for key in ("n", "r2_nse", "r2_pearson")}
                | {key: one[key].item() for key in ("rmse", "bias", "slope")}
            )
    return pd.DataFrame(rows)


def _sizes(data: Validation, scores: xr.Dataset) -> pd.DataFrame:
    rows = []
    for flux in map(str, scores["flux"].values):
        for quarter in scores["quarter"].values:
            one = scores.sel({"flux": flux, "quarter": quarter})
            row = {
                "flux": short_name(flux),
                "units": units_text(data.observed[flux]),
                "from": float(one["lower"]),
                "to": float(one["upper"]),
                "n": int(one["n"].isel({ESTIMATE: -1})),
            }
            for metric in ("rmse", "bias"):
                for name in data.estimates:
                    row[f"{metric}, {name}"] = float(one[metric].sel({ESTIMATE: name}))
            rows.append(row)
    return pd.DataFrame(rows)


def _held(data: Validation, scores: xr.Dataset) -> pd.DataFrame:
    rows = []
    for flux in data.with_intervals:
        one = scores.sel({"flux": flux})
        rows.append(
            {
                "flux": short_name(flux),
                "units": units_text(data.observed[flux]),
                "sites": int(one["n_units"]),
                "coverage": float(one["coverage"]),
                "width": float(one["width"]),
                "interval score": float(one["interval_score"]),
            }
        )
    return pd.DataFrame(rows)


def _worst(data: Validation, tables: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    from xflux.labels.classes import flags

    scores = tables["by_site"]
    known = flags(data.observed["igbp"]) if "igbp" in data.observed.coords else None
    rows = []
    for flux in data.fluxes:
        share = scores["error_share"].sel({"flux": flux}).to_series()
        for site in share.sort_values(ascending=False).index[:_WORST]:
            one = scores.sel({"flux": flux, "site": site})
            row: dict[str, object] = {"flux": short_name(flux), "site": str(site)}
            if known is not None:
                row["land cover"] = known.get(data.observed["igbp"].sel(site=site).item(), "")
            row |= {"n": int(one["n"].isel({ESTIMATE: -1})), "share of error": float(share[site])}
            for metric in ("rmse", "bias"):
                row[metric] = float(one[metric].isel({ESTIMATE: -1}))
            for name in data.estimates:
                row[f"r2_nse, {name}"] = float(one["r2_nse"].sel({ESTIMATE: name}))
            if flux in data.with_intervals and "intervals_by_site" in tables:
                found = tables["intervals_by_site"]["coverage"]
                row["coverage"] = float(found.sel({"flux": flux, "site": site}))
            rows.append(row)
    return pd.DataFrame(rows)


def _how(data: Validation, left_out: Mapping[str, str], attrs: Mapping[str, object]) -> Section:
    """Say how this came about, and what is missing."""
    facts = [
        f"Model: {attrs.get('model', 'not said')}",
        f"Validation: {attrs.get('validation', 'not said')}; left out: "
        f"{attrs.get('left_out', 'not said')}.",
        f"Estimates: {', '.join(data.estimates)}; records that all of them predict.",
        f"Written by xflux {__version__}.",
    ]
    facts += [f"Left out: {what}: {why}" for what, why in left_out.items()]
    return Section("How this was made", facts)
