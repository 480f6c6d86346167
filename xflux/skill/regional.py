"""`xflux.regional_skill`: regional carbon fluxes against inversions, or the truth of a twin."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from xflux.errors import InputError
from xflux.skill.annual import YEAR, annual_pair
from xflux.skill.metrics import compute
from xflux.skill.moments import Floats, Moments
from xflux.skill.reduction import GROUP, Pair, pair_moments
from xflux.skill.regional_series import ALL, listed, pair_of_series, with_sum
from xflux.skill.seasonal import seasonal_skill
from xflux.skill.series import formula_of, labelled

__all__ = ["regional_skill", "said_of_training"]

#: What is kept of `seasonal_skill`, by what it is called here.
_KEPT = {
    "annual_bias": "annual_bias",
    "annual_rmse": "annual_rmse",
    "pearson_r": "pearson_r",
    "nnse": "nnse",
    "cycle_rmse": "cycle_rmse",
    "cycle_range_observed": "cycle_range_reference",
    "cycle_range_predicted": "cycle_range_predicted",
    "anomaly_r2_pearson": "anomaly_r2_pearson",
    "anomaly_r2_nse": "anomaly_r2_nse",
    "iav_observed": "iav_reference",
    "iav_predicted": "iav_predicted",
    "n": "n",
    "n_years": "n_years",
}
#: What a mean year does not have.
_OF_YEARS = (
    "annual_rmse",
    "anomaly_r2_pearson",
    "anomaly_r2_nse",
    "iav_reference",
    "iav_predicted",
)


def regional_skill(
    reference: xr.DataArray | xr.Dataset,
    predicted: xr.DataArray | xr.Dataset,
    *,
    independent: bool,
    variable: str = "nee",
) -> xr.Dataset:
    """Score fluxes of regions and of their sum, as Upton et al. (2024) do.

    Parameters
    ----------
    reference, predicted : DataArray or Dataset, (..., region, time) [Pg]
        Amounts of months, such as `xflux.regional_integral`, `xflux.open_inversions` and
        `xflux.twin.Earth.inversions` give, or of a mean year along ``month``. Both hold the same
        (``flux_definition``); `xflux.labels.flux_definition.without` takes out what differs.

        Regions are matched by ``names``, else by ``region``, months by date in any calendar (by
        the bounds of time where a Dataset has these); regions and months that the reference alone
        has are left out. Dimensions of the prediction (``member``, ``fold``, ``seed``) are kept.
        Those that the reference alone has (``inversion``) are averaged; the mean is NaN in months
        that a member lacks.
    independent : bool
        Whether the reference took no part in making the prediction. False is said in the
        attributes, in each ``long_name`` (*on training data*) and by the coordinate
        ``independent``: such a score is of a fit.
    variable : str
        Canonical name of a flux of carbon.

    Returns
    -------
    Dataset
        Dims (..., region), the last of which is ``all``, their sum; float64, lazy where an input
        is (names of regions are read). All are over the months that both have.

        annual_mean_reference, annual_mean_predicted [Pg yr-1]
            Means of the sums of whole years.
        annual_bias, annual_rmse [Pg yr-1]
            Of these sums, predicted less reference.
        rmse [Pg], pearson_r, nnse [1]
            Of months; ``nnse = 1 / (2 - NSE)`` is 1 at best, 0.5 for a constant at the mean.
        cycle_rmse, cycle_range_reference, cycle_range_predicted [Pg]
            Of the mean seasonal cycle: RMSE of its 12 months, and largest less smallest.
        anomaly_r2_pearson, anomaly_r2_nse [1]
            Of the annual sums less their linear trend, over their standard deviation; the paper's
            R2 is the first, the squared correlation.
        iav_reference, iav_predicted [Pg yr-1]
            Interannual variability: standard deviation of annual sums (ddof=1).
        n, n_years [1]
            Months, and whole years, of both.

        Scores are NaN where there is too little: years with a gap have no annual sum; a mean year
        has no variability between years, nor an RMSE of years, as attributes say.

    Raises
    ------
    InputError
        For unlike definitions, regions that the reference lacks, a total beside its regions, less
        than a year of months in common, a direction that is not known, and more carbon than all
        land exchanges (of lazy fluxes when they are computed).
    UnitsError
        For what is no amount.
    MissingVariableError
        When a Dataset does not hold the flux.

    Notes
    -----
    ``all`` is the sum of the regions that are given: of a partition of the land, the globe.

    References
    ----------
    Upton, S. et al. (2024): Constraining biospheric carbon dioxide fluxes by combined
    top-down and bottom-up approaches. Atmospheric Chemistry and Physics 24, 2555-2582,
    doi:10.5194/acp-24-2555-2024.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2003")
    >>> regions = xflux.transcom_regions(earth.truth)
    >>> truth = xflux.regional_integral(earth.truth, regions=regions)
    >>> scores = regional_skill(earth.inversions(regions), truth, independent=True)
    >>> bool(scores.nnse.sel(region="all") > 0.9)
    True
    """
    if not isinstance(independent, bool | np.bool_):
        raise InputError(f"independent={independent!r} must be True or False")
    pair = pair_of_series(reference, predicted, variable)
    first, second = with_sum(pair.reference), with_sum(pair.predicted)
    found = seasonal_skill(first, second, annual="sum", cycle="month")
    scores = found[list(_KEPT)].rename(_KEPT)
    made = {**_annual_means(first, second), **_monthly_rmse(first, second)}
    scores = scores.assign(made)
    if pair.mean_year:
        scores = scores.assign({name: xr.full_like(scores[name], np.nan) for name in _OF_YEARS})
    order = ["annual_mean_reference", "annual_mean_predicted", "annual_bias", "annual_rmse", "rmse"]
    scores = scores[[*order, *(name for name in scores if name not in order)]]
    for name, score in scores.items():
        score.attrs["long_name"] = str(score.attrs["long_name"]).replace("observed", "reference")
        if str(name).startswith(("annual", "iav")):
            score.attrs["units"] = "Pg yr-1"
    scores["region"].attrs = {"long_name": f"region; {ALL!r} is the sum of all"}
    first_month, last_month = (str(first["time"].values[k])[:7] for k in (0, -1))
    attrs = {
        "title": "Skill of the flux of regions",
        "flux_definition": str(second.attrs.get("flux_definition", "")),
        "reference": f"mean over {pair.averaged}" if pair.averaged else "one series",
        "period": "mean year" if pair.mean_year else f"{first_month} to {last_month}",
        "synthetic": str(first.attrs.get("synthetic", second.attrs.get("synthetic", ""))),
    }
    if pair.mean_year:
        attrs["comment"] = "a mean year says nothing of the variability between years"
    elif pair.missing:
        attrs["comment"] = f"without {listed(pair.missing)}; years with a gap have no annual sum"
    scores.attrs = {key: text for key, text in attrs.items() if text}
    return said_of_training(scores, independent=bool(independent))


def said_of_training(scores: xr.Dataset, *, independent: bool) -> xr.Dataset:
    """Write into scores whether their reference took part in the training."""
    words = "whether the reference took no part in making the prediction"
    scores = scores.assign_coords(independent=((), independent, {"long_name": words}))
    scores.attrs["independent"] = "true" if independent else "false"
    if not independent:
        for name in scores.data_vars:
            said = scores[name].attrs.get("long_name", name)
            scores[name].attrs["long_name"] = f"{said} (on training data)"
    return scores


def _annual_means(first: xr.DataArray, second: xr.DataArray) -> dict[str, xr.DataArray]:
    pair = _pair(first, second)
    years, _ = annual_pair(pair, second["time"], "sum")
    moments = pair_moments(years, (YEAR,)).isel({GROUP: 0})
    return {
        f"annual_mean_{side}": labelled(formula_of(moments, formula), second, first).assign_attrs(
            long_name=f"Mean of annual sums, {side}", units="Pg yr-1"
        )
        for side, formula in (("reference", _mean_observed), ("predicted", _mean_predicted))
    }


def _monthly_rmse(first: xr.DataArray, second: xr.DataArray) -> dict[str, xr.DataArray]:
    moments = pair_moments(_pair(first, second), ("time",)).isel({GROUP: 0})
    rmse = labelled(formula_of(moments, partial(compute, "rmse")), second, first)
    return {"rmse": rmse.assign_attrs(long_name="Root mean squared error of months", units="Pg")}


def _pair(first: xr.DataArray, second: xr.DataArray) -> Pair:
    return Pair(first.variable, second.variable)


def _mean_observed(m: Moments) -> Floats:
    return np.where(m.n > 0, m.mean_observed, np.nan)


def _mean_predicted(m: Moments) -> Floats:
    return np.where(m.n > 0, m.mean_predicted, np.nan)
