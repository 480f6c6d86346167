"""What a validation says, as tables: every estimate on the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from xflux.errors import InputError, MissingVariableError, XfluxError
from xflux.labels.units import convert, units_of
from xflux.labels.variables import variables
from xflux.refinement.tower_rows import FLUXES
from xflux.skill.bootstrap import paired_difference
from xflux.skill.evaluate import evaluate
from xflux.skill.groups import is_time
from xflux.skill.intervals import evaluate_intervals

__all__ = ["ESTIMATE", "PLACES", "Validation", "compare", "tabulate_validation"]

#: Dimension of what is compared; the first is the reference, the last what is reported on.
ESTIMATE = "estimate"
_METRICS = ("n", "r2_nse", "r2_pearson", "rmse", "bias", "slope")
#: Parts of an interval in which an observation may lie: below, ten inside, above.
PLACES = 12


@dataclass(frozen=True, slots=True)
class Validation:
    """Predictions and observations, of which every table and figure is made.

    Attributes
    ----------
    observed : Dataset (site, time)
        The fluxes in the units of the predictions, and coordinates such as ``igbp``.
    predicted : Dataset (estimate, site, time)
        The same fluxes, NaN where any estimate or the observation is; and intervals.
    fluxes : tuple of str
    with_intervals : tuple of str
        Fluxes that have them.
    """

    observed: xr.Dataset
    predicted: xr.Dataset
    fluxes: tuple[str, ...]
    with_intervals: tuple[str, ...]

    @property
    def estimates(self) -> tuple[str, ...]:
        """Names of what is compared."""
        return tuple(str(name) for name in self.predicted[ESTIMATE].values)


def compare(validated: xr.Dataset, observed: xr.Dataset) -> Validation:
    """Bring both into memory, and keep the records that every estimate has.

    Raises
    ------
    InputError
        When the dimensions are not those of a validation, or no record is left.
    MissingVariableError
        When there is no flux in both.
    UnitsError
        When units of observations do not convert into those of the predictions.
    """
    if ESTIMATE not in validated.dims or validated.sizes[ESTIMATE] < 2:
        raise InputError(
            f"validated has the dims {tuple(validated.sizes)}; expected {ESTIMATE!r} with two or "
            "more, such as baseline and refined, as cross_validate returns them"
        )
    if not {"site", "time"} <= set(validated.dims) or not is_time(validated, "time"):
        raise InputError(
            f"validated has the dims {tuple(validated.sizes)}; expected site, and time with dates"
        )
    fluxes = tuple(flux for flux in FLUXES if flux in validated and flux in observed)
    if not fluxes:
        raise MissingVariableError(
            f"validated holds {', '.join(map(str, validated.data_vars)) or 'nothing'} and observed "
            f"{', '.join(map(str, observed.data_vars)) or 'nothing'}: no gpp, reco, nee or le is "
            "in both"
        )
    ends = [f"{flux}{end}" for flux in fluxes for end in ("_lower", "_upper")]
    predicted = validated[[*fluxes, *(name for name in ends if name in validated)]].compute()
    holder = next((ds for ds in (observed, validated) if "igbp" in ds.variables), None)
    observed = observed[list(fluxes)]
    if holder is not None:
        observed = observed.assign_coords(igbp=holder["igbp"])
    observed = observed.compute()
    for flux in fluxes:
        unit = predicted[flux].attrs.get("units")
        if unit is not None and units_of(observed[flux]) is not None:
            row = replace(variables[flux], units=str(unit))
            observed[flux] = convert(observed[flux], row, f"observed {flux}")
    for flux in fluxes:
        there = predicted[flux].notnull().all(ESTIMATE) & observed[flux].notnull()
        if not bool(there.any()):
            raise InputError(f"{flux}: no record is observed and predicted by every estimate")
        for name in (flux, f"{flux}_lower", f"{flux}_upper"):
            if name in predicted:
                predicted[name] = predicted[name].where(there).assign_attrs(predicted[name].attrs)
    intervals = tuple(f for f in fluxes if {f"{f}_lower", f"{f}_upper"} <= set(predicted))
    return Validation(observed, predicted, fluxes, intervals)


def tabulate_validation(
    data: Validation, level: float | None
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Compute every table.

    Parameters
    ----------
    data : Validation
    level : float or None
        Of the intervals; None where there are none.

    Returns
    -------
    tables : dict of str to Dataset
    left_out : dict of str to str
        What could not be computed, and why.
    """
    observed, predicted = data.observed, data.predicted[list(data.fluxes)]
    tables = {"pooled": _scored(data), "gain": _gain(data), "by_season": _scored(data, "season")}
    left_out: dict[str, str] = {}
    if "igbp" in observed.variables:
        by_class = _scored(data, "igbp")
        tables["by_class"] = by_class.isel(igbp=_some(by_class, "igbp"))
    else:
        left_out["scores by land cover"] = "the observations have no igbp"
    tables["by_size"] = _by_size(data)
    tables["by_site"] = _by_site(data)
    try:
        tables["components"] = evaluate(observed, predicted, decompose=True, metrics=_METRICS)
    except XfluxError as error:
        left_out["components of variability"] = str(error)
    if data.with_intervals and level is not None:
        tables |= _intervals(data, level)
    else:
        left_out["calibration of intervals"] = "there are no intervals, or their level is not known"
    return tables, left_out


def _scored(data: Validation, by: str | None = None) -> xr.Dataset:
    predicted = data.predicted[list(data.fluxes)]
    scores = evaluate(data.observed, predicted, by=by, metrics=_METRICS)
    groups = ["site"] if by is None else [by, "site"]
    n = evaluate(data.observed, predicted, by=groups, metrics=("n",))["n"]
    return scores.assign(
        n_sites=(n > 0).sum("site").assign_attrs(long_name="Number of sites", units="1")
    )


def _some(scores: xr.Dataset, dim: str) -> np.ndarray:
    """Positions of the groups that have a record in any flux."""
    there = (scores["n"] > 0).any([other for other in scores["n"].dims if other != dim])
    return np.flatnonzero(there.values)


def _gain(data: Validation) -> xr.Dataset:
    first, last = (data.predicted[list(data.fluxes)].isel({ESTIMATE: k}) for k in (0, -1))
    return paired_difference(
        data.observed, last.drop_vars(ESTIMATE), first.drop_vars(ESTIMATE),
        metric=("r2_nse", "rmse"),
    )  # fmt: skip


def _by_size(data: Validation) -> xr.Dataset:
    """Score each quarter of the observed values."""
    parts = []
    for flux in data.fluxes:
        there = data.predicted[flux].isel({ESTIMATE: 0}).notnull()
        edges = np.nanquantile(data.observed[flux].where(there), np.linspace(0.0, 1.0, 5))
        edges[-1] = np.nextafter(edges[-1], np.inf)
        if not (np.diff(edges) > 0).all():
            continue
        scores = evaluate(
            data.observed[[flux]], data.predicted[[flux]], by={"observed": edges}, metrics=_METRICS
        )
        scores = scores.rename(observed_bin="quarter").assign_coords(quarter=[1, 2, 3, 4])
        ends = {"lower": edges[:-1], "upper": edges[1:]}
        for name, values in ends.items():
            scores[name] = xr.DataArray(values[None], dims=("flux", "quarter"))
        parts.append(scores)
    if not parts:
        return xr.Dataset()
    return xr.concat(parts, "flux", join="exact", combine_attrs="drop_conflicts")


def _by_site(data: Validation) -> xr.Dataset:
    """Score each site, and tell its share of the squared error of the last estimate."""
    scores = evaluate(data.observed, data.predicted[list(data.fluxes)], by="site", metrics=_METRICS)
    last = scores.isel({ESTIMATE: -1})
    square = (last["n"] * last["rmse"] ** 2).fillna(0.0)
    share = (square / square.sum("site")).drop_vars(ESTIMATE)
    return scores.assign(
        error_share=share.assign_attrs(long_name="Share of the squared error", units="1")
    )


def _intervals(data: Validation, level: float) -> dict[str, xr.Dataset]:
    fluxes: Sequence[str] = data.with_intervals
    ends = [f"{flux}{end}" for flux in fluxes for end in ("_lower", "_upper")]
    predicted = data.predicted[ends]

    def scored(by: str | None, unit: str | None) -> xr.Dataset:
        return evaluate_intervals(
            data.observed, predicted, level=level, by=by, unit=unit, variables=list(fluxes)
        )

    tables = {"intervals": scored(None, "site"), "intervals_by_site": scored("site", None)}
    if "igbp" in data.observed.variables:
        found = scored("igbp", "site")
        tables["intervals_by_class"] = found.isel(igbp=_some(found, "igbp"))
    tables["interval_places"] = _places(data)
    return tables


def _places(data: Validation) -> xr.Dataset:
    """Count where observations lie between the ends of their intervals, in shares by site."""
    shares = []
    for flux in data.with_intervals:
        lower, upper = (data.predicted[f"{flux}{end}"] for end in ("_lower", "_upper"))
        position = ((data.observed[flux] - lower) / (upper - lower)).transpose("site", "time")
        there = np.isfinite(position.values)
        bins = np.clip(np.floor(np.where(there, position.values, 0.0) * (PLACES - 2)), -1, 10) + 1
        # The upper end itself is inside.
        bins = np.where(there & (position.values == 1.0), PLACES - 2, bins).astype(int)
        each = [np.bincount(b[t], minlength=PLACES) for b, t in zip(bins, there) if t.any()]
        shares.append(np.mean([counts / counts.sum() for counts in each], axis=0))
    return xr.Dataset(
        {
            "share": (
                ("flux", "place"),
                np.stack(shares),
                {"long_name": "Share of observations, mean over sites", "units": "1"},
            )
        },
        {
            "flux": list(data.with_intervals),
            "place": ("place", np.arange(PLACES), {"long_name": "Below, ten tenths, above"}),
        },
    )
