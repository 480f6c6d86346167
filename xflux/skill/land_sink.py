"""`xflux.land_sink_skill`: the yearly flux of all land against a Global Carbon Budget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xflux.errors import InputError
from xflux.labels.flux_definition import written
from xflux.skill.annual import YEAR, sd_observed, sd_predicted
from xflux.skill.growth_rate import RIVERS
from xflux.skill.land_years import (
    budget_term,
    land_years,
    require_common_years,
    yearly_moments,
)
from xflux.skill.metrics import compute
from xflux.skill.regional import said_of_training
from xflux.skill.series import formula_of, labelled

__all__ = ["land_sink_skill"]


def land_sink_skill(
    predicted: xr.DataArray,
    budget: xr.Dataset,
    *,
    independent: bool,
    supply: Mapping[str, xr.DataArray] | None = None,
    rivers: float = RIVERS,
) -> xr.Dataset:
    """Score the yearly flux of all land against the Global Carbon Budget, like with like.

    Parameters
    ----------
    predicted : DataArray (..., region, time) or (..., year) [Pg]
        Amount of each month or year, with ``flux_definition``. Regions must be all land: they are
        added up. Other dimensions are kept.
    budget : Dataset
        As `xflux.read_global_carbon_budget` gives: ``s_land``, and ``e_luc`` where it counts.
    independent : bool
        Whether the budget took no part in making the prediction; see `xflux.regional_skill`.
    supply : mapping of str to DataArray, optional
        Terms that the prediction lacks, by the names of `xflux.labels.flux_definition.TERMS`, as
        amounts of months or years: ``{"fire": burnt}``.
    rivers : float
        Carbon [Pg a year] that rivers take from the land, of which the budget's sink is free.
        Counts where the prediction holds ``lateral``.

    Returns
    -------
    Dataset
        float64, lazy where the flux is, over the years that both have.

        predicted (..., year), reference (year) [Pg yr-1]
            Positive to the atmosphere; attribute ``terms`` of the reference says what it is.
        mean_predicted, mean_reference, bias, rmse [Pg yr-1], pearson_r [1]
            Of annual values; bias is predicted less reference.
        anomaly_r2_pearson [1]
            Of their departures from a linear trend.
        iav_predicted, iav_reference [Pg yr-1]
            Standard deviations (ddof=1).
        n_years [1]
            Years that both have.

    Raises
    ------
    InputError
        When the flux does not say what it holds, or holds what no term of the budget does: supply
        the difference. For a total beside regions, more than land exchanges, and other years than
        those of the budget.
    UnitsError
        For a flux that is no amount of carbon.
    MissingVariableError
        When the budget lacks a term.

    Notes
    -----
    What is compared (Friedlingstein et al. 2023):

    - nee + fire: ``-s_land``, the sink of land whose use does not change.
    - nee + fire + luc (``nbp``; the budget's land use has harvest and grazing in it):
      ``e_luc - s_land``.
    - nee + fire + lateral, what the air sees: ``e_luc - s_land - rivers``.

    nee alone, as towers see it, is none of them: it lacks what burns, 2 Pg a year.

    References
    ----------
    Friedlingstein, P. et al. (2023): Global Carbon Budget 2023. Earth System Science Data 15,
    5301-5369, doi:10.5194/essd-15-5301-2023.

    Examples
    --------
    >>> budget = xflux.read_global_carbon_budget("GCB2023.csv")  # doctest: +SKIP
    >>> sink = xflux.regional_integral(ds).nee  # doctest: +SKIP
    >>> land_sink_skill(sink, budget, independent=True, supply={"fire": burnt})  # doctest: +SKIP
    """
    land = land_years(predicted, supply)
    reference, terms = _reference(land.terms, budget, rivers)
    require_common_years(land.flux, reference, "the budget")
    first = reference.reindex({YEAR: land.flux[YEAR]}).where(land.flux.notnull())
    second = land.flux.where(first.notnull())
    whole, anomalies = yearly_moments(first, second)
    pg = {"units": "Pg yr-1"}
    one = {"units": "1"}
    rows: list[tuple[str, xr.Variable, Any, str, dict[str, str]]] = [
        ("mean_predicted", whole, lambda m: np.where(m.n > 0, m.mean_predicted, np.nan),
         "Mean of annual values, predicted", pg),
        ("mean_reference", whole, lambda m: np.where(m.n > 0, m.mean_observed, np.nan),
         "Mean of annual values, reference", pg),
        ("bias", whole, partial(compute, "bias"), "Mean of predicted minus reference", pg),
        ("rmse", whole, partial(compute, "rmse"), "Root mean squared error of annual values", pg),
        ("pearson_r", whole, partial(compute, "pearson_r"),
         "Pearson correlation of annual values", one),
        ("anomaly_r2_pearson", anomalies, partial(compute, "r2_pearson"),
         "Squared Pearson correlation of detrended annual anomalies", one),
        ("iav_predicted", whole, sd_predicted, "Interannual variability, predicted", pg),
        ("iav_reference", whole, sd_observed, "Interannual variability, reference", pg),
        ("n_years", whole, partial(compute, "n"), "Number of years", one),
    ]  # fmt: skip
    aligned = reference.reindex({YEAR: land.flux[YEAR]})
    said: dict[str, Any] = {
        "predicted": land.flux.assign_attrs(long_name="Net flux of land, predicted", **pg),
        "reference": aligned.assign_attrs(
            long_name="Net flux of land, Global Carbon Budget", terms=terms, **pg
        ),
    }
    for name, state, formula, words, units in rows:
        value = formula_of(state, formula, np.int64 if name == "n_years" else np.float64)
        said[name] = labelled(value, second).assign_attrs(long_name=words, **units)
    scores = xr.Dataset(said).drop_vars("region", errors="ignore")
    scores.attrs = {
        "title": "Skill of the net flux of land against the Global Carbon Budget",
        "flux_definition": written(land.terms),
        "reference": terms,
    }
    return said_of_training(scores, independent=independent)


def _reference(
    terms: frozenset[str], budget: xr.Dataset, rivers: float
) -> tuple[xr.DataArray, str]:
    """Return the net flux of the budget that holds the same, and what it is."""
    extra = terms - {"nee", "fire", "luc", "harvest", "grazing", "lateral"}
    lacking = [term for term in ("nee", "fire") if term not in terms]
    if not (terms & {"luc", "lateral"}) and terms & {"harvest", "grazing"}:
        lacking.append("luc")
    if lacking or extra:
        raise InputError(
            f"the land flux is {written(terms)!r}, which no term of the budget is: it lacks "
            f"{', '.join(lacking) or 'nothing'}"
            + (f" and holds {', '.join(sorted(extra))}" if extra else "")
            + f"; supply what it lacks, supply={{{(lacking or ['fire'])[0]!r}: flux}}"
        )
    sink = -budget_term(budget, "s_land")
    if not terms & {"luc", "lateral"}:
        return sink, "-s_land"
    net = sink + budget_term(budget, "e_luc")
    if "lateral" in terms:
        return net - rivers, f"e_luc - s_land - {rivers:g} of rivers"
    return net, "e_luc - s_land"
