"""Scores of the baseline at the towers, as tables: pooled, by class, by site, by component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.fluxes import FLUXES
from xflux.commands.tables import Table
from xflux.errors import InputError, XfluxError
from xflux.labels.classes import flags
from xflux.plot.wording import short_name, units_text

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["STEPS", "Scores", "score"]

#: What a time step is called, by the code of its resolution.
STEPS = {"HH": "half-hours", "HR": "hours", "DD": "days", "WW": "weeks", "MM": "months",
         "YY": "years"}  # fmt: skip
_METRICS = ("n", "r2_nse", "r2_pearson", "rmse", "bias", "nrmse", "slope")
_MEANING = (
    "bias is baseline minus observed; rmse and bias are in the units of the row; nrmse is rmse "
    "over the mean of the observations (empty where that is near zero, as of NEE); slope is that "
    "of baseline on observed. r2_nse is 1 - SSE/SST and may be negative, r2_pearson is the squared "
    "correlation."
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Tables, and what could not be scored.

    Attributes
    ----------
    tables : list of Table
        The pooled one first.
    left_out : dict of str to str
        Why a flux or a table is missing.
    fluxes : tuple of str
        What was scored.
    """

    tables: list[Table]
    left_out: dict[str, str]
    fluxes: tuple[str, ...]


def score(observed: xr.Dataset, predicted: xr.Dataset) -> Scores:
    """Score the baseline against the tower fluxes.

    Parameters
    ----------
    observed : Dataset
        Towers, dims (site, time).
    predicted : Dataset
        Baseline fluxes of the same dims.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        When there is not one pair of an observed and a computed value.
    """
    left_out: dict[str, str] = {}
    fluxes = []
    for flux in FLUXES:
        if flux not in predicted:
            continue
        if flux not in observed:
            left_out[flux] = "the towers hold no observations of it"
            continue
        paired = observed[flux].notnull() & predicted[flux].notnull()
        if bool(paired.any()):
            fluxes.append(flux)
        else:
            left_out[flux] = _why_unpaired(observed, predicted, flux)
    if not fluxes:
        reasons = "\n".join(f"- {flux}: {reason}" for flux, reason in left_out.items())
        raise InputError(f"the towers give nothing to score the baseline against:\n{reasons}")
    observed, predicted = observed[fluxes], predicted[fluxes]
    sites = _by(observed, predicted, "site")
    sites = sites[sites["n"] > 0]
    step = STEPS.get(str(observed.attrs.get("resolution")), "time steps")
    tables = [_pooled(observed, predicted, sites, step)]
    classes = _class_names(observed)
    if classes is None:
        left_out["scores by IGBP class"] = "the towers have no igbp; pass --sites"
    else:
        tables.append(_by_class(observed, predicted, sites.assign(igbp=_at(sites, classes)), step))
    tables.append(_by_site(sites, classes, step))
    try:
        tables.append(_components(observed, predicted))
    except XfluxError as error:
        left_out["scores by component"] = str(error)
    return Scores(tables, left_out, tuple(fluxes))


def _why_unpaired(observed: xr.Dataset, predicted: xr.Dataset, flux: str) -> str:
    """Tell missing observations from missing inputs."""
    if not bool(observed[flux].notnull().any()):
        rule = observed[flux].attrs.get("quality_filter")
        return f"no observation is left{f' with {rule}; lower --min-qc' if rule else ''}"
    if not bool(predicted[flux].notnull().any()):
        return "an input is missing at every site and time, see the table of inputs"
    return "nowhere are an observation and all inputs there at once, see the table of inputs"


def _frame(scores: xr.Dataset, keys: Sequence[str]) -> pd.DataFrame:
    """Turn scores into rows: key columns, units, metrics; fluxes by their symbols."""
    names = list(scores["flux"].values)
    frame = scores[list(_METRICS)].to_dataframe().reset_index()
    frame["flux"] = pd.Categorical(frame["flux"], categories=names, ordered=True)
    frame = frame.sort_values(["flux"], kind="stable")
    frame["flux"] = frame["flux"].astype(str)
    frame["units"] = [scores.attrs["printed"][flux] for flux in frame["flux"]]
    frame["flux"] = [short_name(flux) for flux in frame["flux"]]
    return frame[[*keys, "units", *_METRICS]].reset_index(drop=True)


def _evaluate(observed: xr.Dataset, predicted: xr.Dataset, **options: object) -> xr.Dataset:
    from xflux.skill.evaluate import evaluate

    scores = evaluate(observed, predicted, **options)  # type: ignore[arg-type]
    return scores.assign_attrs(printed={flux: units_text(observed[flux]) for flux in observed})


def _by(observed: xr.Dataset, predicted: xr.Dataset, group: str) -> pd.DataFrame:
    return _frame(_evaluate(observed, predicted, by=group), ("flux", group))


def _pooled(observed: xr.Dataset, predicted: xr.Dataset, sites: pd.DataFrame, step: str) -> Table:
    frame = _frame(_evaluate(observed, predicted), ("flux",))
    counts = sites.groupby("flux")["site"].nunique()
    frame.insert(2, "sites", [int(counts.get(flux, 0)) for flux in frame["flux"]])
    return Table(
        "scores_pooled", f"All sites and {step} together", frame,
        f"n counts site-{step}. {_MEANING}",
    )  # fmt: skip


def _class_names(observed: xr.Dataset) -> pd.Series | None:
    """Return the class of each site by name; empty where it is not known."""
    if "igbp" not in observed.coords:
        return None
    names = flags(observed["igbp"])
    codes = observed["igbp"].values
    return pd.Series([names.get(code, "") for code in codes], index=observed["site"].values)


def _at(sites: pd.DataFrame, classes: pd.Series) -> list[str]:
    return classes.reindex(sites["site"]).tolist()


def _by_class(observed: xr.Dataset, predicted: xr.Dataset, sites: pd.DataFrame, step: str) -> Table:
    frame = _by(observed, predicted, "igbp")
    frame = frame[frame["n"] > 0].reset_index(drop=True)
    counts = sites.groupby(["flux", "igbp"])["site"].nunique()
    keys = zip(frame["flux"], frame["igbp"], strict=True)
    frame.insert(3, "sites", [int(counts.get(key, 0)) for key in keys])
    return Table(
        "scores_by_igbp", "By IGBP land cover class", frame,
        f"Sites and {step} of a class together; columns as above. A class of one or two sites says "
        "little about the class.",
    )  # fmt: skip


def _by_site(sites: pd.DataFrame, classes: pd.Series | None, step: str) -> Table:
    if classes is not None:
        sites = sites.copy()
        sites.insert(2, "igbp", _at(sites, classes))
    wide = sites.pivot(index="site", columns="flux", values=["n", "r2_nse", "bias"])
    units = dict(zip(sites["flux"], sites["units"], strict=True))
    shown = pd.DataFrame({"site": wide.index})
    if classes is not None:
        shown["igbp"] = classes.reindex(wide.index).to_numpy()
    for flux in dict.fromkeys(sites["flux"]):
        shown[f"{flux} n"] = [
            0 if np.isnan(value) else int(value) for value in wide["n"][flux].to_numpy()
        ]
        shown[f"{flux} r2_nse"] = wide["r2_nse"][flux].to_numpy()
        shown[f"{flux} bias [{units[flux]}]"] = wide["bias"][flux].to_numpy()
    return Table(
        "scores_by_site", "By site", sites.reset_index(drop=True),
        f"n counts {step}. The file holds all metrics, one row a flux and site.", shown,
    )  # fmt: skip


def _components(observed: xr.Dataset, predicted: xr.Dataset) -> Table:
    frame = _frame(_evaluate(observed, predicted, decompose=True), ("flux", "component"))
    return Table(
        "scores_by_component", "By component: across sites, seasonal cycle, anomalies",
        frame.drop(columns="nrmse"),
        "After Tramontana et al. (2016): site means; the mean seasonal cycle less the site mean; "
        "deviations from that cycle (months with pairs in at least two years). A pooled score is "
        "mostly that of season and site.",
    )  # fmt: skip
