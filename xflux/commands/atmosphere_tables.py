"""Tables of NEE with and without the atmosphere: globe, regions, years, bridges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.atmosphere import WITH, Pair
from xflux.commands.tables import Table
from xflux.skill.regional_series import ALL

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "INVERSIONS", "Reference", "bridge_table", "globe_table", "region_table", "skill_of",
    "year_table",
]  # fmt: skip

#: What their mean is called.
INVERSIONS = "mean of the inversions"
_YEAR = "PgC per year"


class Reference:
    """What regional sums are scored against.

    Parameters
    ----------
    name : str
        Such as ``truth``.
    series : DataArray (region, time) [Pg]
    trained : tuple of str
        Estimates that were trained on it.
    """

    def __init__(self, name: str, series: xr.DataArray, trained: tuple[str, ...] = ()) -> None:
        self.name = name
        self.series = series
        self.trained = trained


def skill_of(estimates: Mapping[str, xr.DataArray], reference: Reference) -> dict[str, xr.Dataset]:
    """Score regions and their sum; in memory.

    Parameters
    ----------
    estimates : mapping of str to DataArray (region, time) [Pg]
    reference : Reference
        Whether an estimate was trained on it is told to `xflux.regional_skill`.
    """
    from xflux.skill.regional import regional_skill

    return {
        name: regional_skill(
            reference.series, series, independent=name not in reference.trained
        ).compute()
        for name, series in estimates.items()
    }


def globe_table(
    pair: Pair, estimates: Mapping[str, xr.DataArray], reference: Reference, *, title: str,
    note: str,
) -> Table:  # fmt: skip
    """Score the sum of all regions.

    Parameters
    ----------
    pair : Pair
    estimates : mapping of str to DataArray (region, time) [Pg]
    reference : Reference
    title, note : str
    """
    scores = {name: ds.sel(region=ALL) for name, ds in skill_of(estimates, reference).items()}
    nan = float("nan")
    rows = []
    for name, one in scores.items():
        spread = _mean_year(pair.sums[name]).std("member", ddof=1) if name in pair.sums else None
        error = _globe(estimates[name]) - _globe(reference.series)
        away = error.sel(year=[year for year in pair.away if year in error["year"]])
        rows.append(
            {
                "estimate": name,
                "trained on it": "yes" if name in reference.trained else "no",
                "annual mean": float(one["annual_mean_predicted"]),
                "sd of members": nan if spread is None else float(spread),
                "bias": float(one["annual_bias"]),
                "rmse of years": float(one["annual_rmse"]),
                "rmse of years not seen": _root(away) if away.size else nan,
                "rmse of season": float(one["cycle_rmse"]),
                "range of season": float(one["cycle_range_predicted"]),
                "sd of years": float(one["iav_predicted"]),
                "r2_pearson of years": float(one["anomaly_r2_pearson"]),
            }
        )
    one = scores[WITH]
    rows.append(
        {
            "estimate": reference.name, "trained on it": "",
            "annual mean": float(one["annual_mean_reference"]),
            "range of season": float(one["cycle_range_reference"]),
            "sd of years": float(one["iav_reference"]),
        }
    )  # fmt: skip
    return Table("atmosphere_globe", title, pd.DataFrame(rows), note)


def region_table(
    pair: Pair, estimates: Mapping[str, xr.DataArray], reference: Reference | None, *, note: str,
    label: str = "",
) -> Table:  # fmt: skip
    """List the annual means of regions.

    Parameters
    ----------
    pair : Pair
    estimates : mapping of str to DataArray (region, time) [Pg]
    reference : Reference, optional
        A further column and nNSE of each estimate: the truth.
    note : str
    label : str
        Such as ``synthetic``.
    """
    against = reference or Reference(INVERSIONS, pair.mean_inversion, (WITH,))
    scores = skill_of(estimates, against)
    names = [str(name) for name in scores[WITH]["region"].values]
    frame = pd.DataFrame({"region": [_region(name) for name in names]})
    for name, ds in scores.items():
        frame[name] = ds["annual_mean_predicted"].values
    if reference is not None:
        frame[reference.name] = scores[WITH]["annual_mean_reference"].values
    spread = _of_members(pair.inversions)
    frame[INVERSIONS] = _listed(_mean_year(pair.mean_inversion, whole=False), names)
    frame["sd of inversions"] = _listed(spread, names)
    for name, ds in scores.items():
        fit = ", on training data" if name in against.trained else ""
        frame[f"nnse, {name}{fit}"] = ds["nnse"].values
    return Table(
        "atmosphere_regions", f"NEE by region{_said(label)}", frame,
        f"Means of annual sums, {_YEAR}, positive to the atmosphere; {_years(pair)}. {note}",
    )  # fmt: skip


def year_table(
    pair: Pair, estimates: Mapping[str, xr.DataArray], *, label: str = "", held: str = ""
) -> Table:
    """List annual sums of all regions; the report shows those of their sum.

    Parameters
    ----------
    pair : Pair
    estimates : mapping of str to DataArray (region, time) [Pg]
        All that is to be listed.
    label : str
    held : str
        What is said of years that were not seen.
    """
    parts = []
    for name, series in estimates.items():
        yearly = _with_sum(series)
        table = yearly.to_series().rename(name)
        parts.append(table)
    frame = pd.concat(parts, axis=1).reset_index()
    frame["region"] = [_region(str(name)) for name in frame["region"]]
    seen = ["no" if year in pair.away else "yes" for year in frame["year"]]
    frame.insert(2, "seen in training", seen)
    shown = frame[frame["region"] == _region(ALL)].drop(columns="region").reset_index(drop=True)
    return Table(
        "atmosphere_years", f"NEE of all regions by year{_said(label)}", frame,
        f"{_YEAR}. {held}The file holds every region.", shown,
    )  # fmt: skip


def bridge_table(pair: Pair, *, label: str = "") -> Table:
    """Tell how well a few pixels stand for each region, before and after training."""
    first = pair.bridge.to_dataset()
    last = pair.models[WITH].bridge_
    assert last is not None
    after = last.to_dataset()
    names = first["names"] if "names" in first.coords else first["region"]
    frame = pd.DataFrame({"region": [_region(str(name)) for name in names.values]})
    for when, made in (("", first), (" at last", after)):
        frame[f"pixels{when}"] = made["n_pixels"].values.astype(int)
        for score in ("r2_cv", "r2_anomaly", "r2_annual"):
            frame[f"{score}{when}"] = made[score].values
    frame.insert(1, "pixels of region", first["region_pixels"].values.astype(int))
    return Table(
        "atmosphere_bridges", f"Pixels that stand for regions{_said(label)}", frame,
        "A few pixels, weighted by area, stand for the NEE of a region: first of the NEE learned "
        "by towers alone, at last of that with the atmosphere (bridge.nc). r2_cv: share of the "
        "variance of months that they explain in years left out; r2_anomaly, r2_annual: the same "
        "of anomalies from the season, and of annual sums. A season alone makes r2_cv high.",
    )  # fmt: skip


def _said(label: str) -> str:
    return f" ({label})" if label else ""


def _region(name: str) -> str:
    return "sum of all" if name == ALL else name.replace("_", " ")


def _years(pair: Pair) -> str:
    first, last = pair.years[0], pair.years[-1]
    if len(pair.years) == last - first + 1:
        return f"{first} to {last}" if last > first else f"{first}"
    return ", ".join(map(str, pair.years))


def _globe(series: xr.DataArray) -> xr.DataArray:
    """Return annual sums of all regions."""
    return series.sum("region", skipna=False).groupby("time.year").sum(skipna=False)


def _mean_year(series: xr.DataArray, *, whole: bool = True) -> xr.DataArray:
    """Return the mean of annual sums, of all regions together or of each and their sum."""
    if whole:
        return _globe(series).mean("year")
    return _with_sum(series).mean("year")


def _with_sum(series: xr.DataArray) -> xr.DataArray:
    """Return annual sums by the name of the region, the sum of all at the end."""
    from xflux.skill.regional_series import regional_series, with_sum

    named = with_sum(regional_series(series, "nee", called="NEE"))
    yearly: xr.DataArray = named.groupby("time.year").sum(skipna=False)
    return yearly.transpose(..., "region", "year")


def _of_members(inversions: xr.DataArray) -> xr.DataArray:
    """Return the spread of inversions in their means, those that have all years."""
    means = _mean_year(inversions, whole=False)
    return means.std("inversion", ddof=1, skipna=True)


def _listed(values: xr.DataArray, names: list[str]) -> np.ndarray:
    return np.asarray(values.sel(region=names).values, np.float64)


def _root(error: xr.DataArray) -> float:
    return float(np.sqrt((error**2).mean()))
