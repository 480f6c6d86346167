"""Does a land flux close the budget of the atmosphere? Its growth rate, implied and observed.

References
----------
Ballantyne, A. P. et al. (2012): Increase in observed net carbon dioxide uptake by land and
oceans during the past 50 years. Nature 488, 70-72, doi:10.1038/nature11299.

Friedlingstein, P. et al. (2023): Global Carbon Budget 2023. Earth System Science Data 15,
5301-5369, doi:10.5194/essd-15-5301-2023.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.labels.flux_definition import written
from xflux.labels.units import convert
from xflux.labels.variables import variables
from xflux.skill.annual import YEAR, sd_observed, sd_predicted
from xflux.skill.land_years import (
    budget_term,
    land_years,
    require_common_years,
    yearly_moments,
)
from xflux.skill.metrics import compute
from xflux.skill.moments import Floats, Moments
from xflux.skill.series import formula_of, labelled

__all__ = ["PG_PER_PPM", "RIVERS", "annual_growth", "growth_rate_check"]

#: Carbon in the atmosphere for each ppm of carbon dioxide, Pg (Ballantyne et al. 2012, as in the
#: Global Carbon Budget).
PG_PER_PPM = 2.124
#: Carbon that rivers bring from land to the ocean, which gives it off, Pg a year; +- 0.3
#: (Regnier et al. 2022, as in the Global Carbon Budgets of 2022 to 2024).
RIVERS = 0.65


def annual_growth(co2: xr.DataArray) -> xr.DataArray:
    """Return by how much carbon dioxide rises in each year, as NOAA counts it at Mauna Loa.

    Parameters
    ----------
    co2 : DataArray (time) [ppm]
        Means of months, such as `xflux.read_co2` gives.

    Returns
    -------
    DataArray (year) [ppm]
        NaN for a year of which a month that counts is missing.

    Raises
    ------
    InputError
        Without dates, or for several values in a month.
    UnitsError
        When it is no mole fraction.

    Notes
    -----
    The mean of November to February around the end of a year less that around its beginning. The
    mean seasonal cycle, for which NOAA corrects both, falls out of the difference.
    """
    plain = convert(co2, variables["co2"], str(co2.name or "co2"))
    dim = find_time(plain)
    if dim is None or plain[dim].dtype.kind != "M":
        raise InputError("co2 has no dates; expected means of months, such as read_co2 gives")
    months = plain[dim].values.astype("datetime64[M]")
    if np.unique(months).size < months.size:
        raise InputError("co2 has several values in one month; average them to months first")
    # From November of the year before the first to February of the year after the last.
    first, last = (int(month.astype("datetime64[Y]").astype(int)) for month in months[[0, -1]])
    wanted = np.arange(
        np.datetime64(f"{first - 1 + 1970}-11"), np.datetime64(f"{last + 1 + 1970}-03")
    )
    plain = plain.assign_coords({dim: months.astype("datetime64[ns]")})
    plain = plain.reindex({dim: wanted.astype("datetime64[ns]")})
    new_years = sum(plain.isel({dim: slice(k, None, 12)}).variable for k in range(4)) / 4.0
    rise = xr.DataArray(new_years).diff(dim)
    years = np.arange(first, last + 1) + 1970
    return (
        rise.rename({dim: YEAR})
        .assign_coords({YEAR: years})
        .rename("co2_growth")
        .assign_attrs(long_name="Growth of carbon dioxide in the year", units="ppm")
    )


def growth_rate_check(
    land_flux: xr.DataArray,
    budget: xr.Dataset,
    co2: xr.DataArray | None = None,
    *,
    supply: Mapping[str, xr.DataArray] | None = None,
    rivers: float = RIVERS,
) -> xr.Dataset:
    """Compare the growth of carbon in the air that a land flux implies with that observed.

    A score that any global land flux can be given, whatever it was trained on.

    Parameters
    ----------
    land_flux : DataArray (..., region, time) or (..., year) [Pg]
        Amount of carbon of each month or year, such as `xflux.regional_integral` and
        `xflux.open_inversions` give, with ``flux_definition``. Regions must be all land: they are
        added up.
    budget : Dataset
        As `xflux.read_global_carbon_budget` gives: ``e_fossil``, ``s_ocean``, ``s_cement`` where
        it is known.
    co2 : DataArray (time) [ppm], optional
        Monthly means, such as `xflux.read_co2` gives. None: ``g_atm`` of the budget, from many
        stations, from which Mauna Loa alone departs by 0.5 Pg a year (sd of 1959 to 2022).
    supply : mapping of str to DataArray, optional
        Terms that the land flux lacks, by the names of `xflux.labels.flux_definition.TERMS`, as
        amounts of years or months: ``{"luc": budget["e_luc"]}``.
    rivers : float
        Carbon [Pg a year] that rivers bring to the ocean, which gives it off. Counts where the
        land flux holds ``lateral``.

    Returns
    -------
    Dataset
        Lazy where the flux is.

        implied (..., year), observed (year) [Pg]
            Growth of carbon in the air.
        bias, rmse [Pg]
            Of implied against observed; NaN where the land flux lacks terms, as attributes say.
        anomaly_pearson_r, anomaly_slope [1], anomaly_rmse [Pg]
            Of their departures from a linear trend.
        anomaly_sd_implied, anomaly_sd_observed [Pg]
            Their standard deviations (ddof=1): the interannual variability.
        n_years [1]
            Years that both have.

    Raises
    ------
    InputError
        When the flux does not say what it holds or which way it is positive, holds fossil fuel, a
        total beside regions, or more than land exchanges; is to be supplied with what it holds; or
        has no year in common with the budget.
    UnitsError
        For a flux that is no amount of carbon.
    MissingVariableError
        When the budget lacks a term.

    Notes
    -----
    ``implied = e_fossil - s_cement + land_flux - s_ocean``, all positive to the air but the sinks;
    ``observed = 2.124 Pg ppm-1 x growth`` (`annual_growth`). The ocean sink of the budget leaves
    out what rivers bring; to a land flux that holds ``lateral``, whose sink feeds the rivers,
    `rivers` are added.

    The mean counts where nothing is missing: where the flux holds nee, fire, and land use
    (``luc``, which in the budget has harvest and grazing in it), or ``lateral``: a flux with what
    rivers carry is that which the air sees, land use in its fire and respiration.

    Examples
    --------
    >>> budget = xflux.read_global_carbon_budget("GCB2024.csv")  # doctest: +SKIP
    >>> land = xflux.open_inversions("GCP2024_inversions_1x1.nc")  # doctest: +SKIP
    >>> co2 = xflux.read_co2("co2_mm_mlo.csv")  # doctest: +SKIP
    >>> scores = xflux.growth_rate_check(land, budget, co2)  # doctest: +SKIP
    >>> scores.anomaly_pearson_r.values  # doctest: +SKIP
    """
    land = land_years(land_flux, supply)
    total, terms = land.flux, land.terms
    known = {name: budget_term(budget, name) for name in ("e_fossil", "s_ocean")}
    cement = "s_cement" in budget
    sinks = known["s_ocean"] + (budget_term(budget, "s_cement") if cement else 0.0)
    others = known["e_fossil"] - sinks
    observed = budget_term(budget, "g_atm") if co2 is None else annual_growth(co2) * PG_PER_PPM
    judge = "the budget" if co2 is None else "the budget with carbon dioxide"
    require_common_years(total, others + observed, judge)
    others, observed = (one.reindex({YEAR: total[YEAR]}) for one in (others, observed))
    implied = total + others + (rivers if "lateral" in terms else 0.0)
    lacking = [
        word
        for word, there in (
            ("nee", "nee" in terms),
            ("fire", "fire" in terms),
            ("luc", bool(terms & {"luc", "lateral"})),
        )
        if not there
    ]
    ds = _scores(implied, observed, bool(lacking))
    ds.attrs = {
        "title": "Growth of carbon in the air, implied by a land flux and observed",
        "flux_definition": written(terms),
        "growth": "g_atm of the budget"
        if co2 is None
        else f"carbon dioxide, {PG_PER_PPM} Pg ppm-1",
        "ocean": f"s_ocean less {rivers:g} Pg a year from rivers"
        if "lateral" in terms
        else "s_ocean",
        "cement": "carbonation taken out of fossil emission" if cement else "carbonation not known",
    }
    if lacking:
        ds.attrs["comment"] = (
            f"the land flux lacks {', '.join(lacking)}: bias and rmse are not given, and anomalies "
            "miss what varies in these"
        )
    return ds


def _scores(implied: xr.DataArray, observed: xr.DataArray, partial_only: bool) -> xr.Dataset:
    # Each member has years of its own; both sides are taken over these.
    both = observed.where(implied.notnull()), implied.where(observed.notnull())
    whole, anomalies = yearly_moments(*both)
    pg, one = {"units": "Pg"}, {"units": "1"}
    rows: list[tuple[str, xr.Variable, Callable[[Moments], Floats], str, dict[str, str]]] = [
        ("bias", whole, partial(compute, "bias"), "Mean of implied minus observed growth", pg),
        ("rmse", whole, partial(compute, "rmse"), "Root mean squared error of growth", pg),
        ("anomaly_pearson_r", anomalies, partial(compute, "pearson_r"),
         "Pearson correlation of detrended anomalies", one),
        ("anomaly_slope", anomalies, partial(compute, "slope"),
         "Slope of implied on observed anomalies", one),
        ("anomaly_rmse", anomalies, partial(compute, "rmse"),
         "Root mean squared error of anomalies", pg),
        ("anomaly_sd_implied", anomalies, sd_predicted, "Variability, implied", pg),
        ("anomaly_sd_observed", anomalies, sd_observed, "Variability, observed", pg),
        ("n_years", whole, partial(compute, "n"), "Number of years", one),
    ]  # fmt: skip
    said: dict[str, Any] = {
        "implied": implied.assign_attrs(long_name="Growth of carbon in the air, implied", **pg),
        "observed": observed.assign_attrs(long_name="Growth of carbon in the air, observed", **pg),
    }
    for name, state, formula, long_name, units in rows:
        value = formula_of(state, formula, np.int64 if name == "n_years" else np.float64)
        array = labelled(value, implied).assign_attrs(long_name=long_name, **units)
        if partial_only and name in ("bias", "rmse"):
            array = xr.full_like(array, np.nan)
        said[name] = array
    return xr.Dataset(said).drop_vars("region", errors="ignore")
