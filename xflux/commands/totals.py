"""Totals of a grid by month and year: carbon as PgC, latent heat as the mean over land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.fluxes import FLUXES
from xflux.commands.progress import Progress
from xflux.commands.tables import Table
from xflux.labels.periods import Freq, periods
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.calendar import TimeSteps

__all__ = ["Totals", "totals"]

_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums and means over the grid.

    Attributes
    ----------
    monthly : Dataset
        By month (dates, or ``month`` of a mean year): carbon fluxes [Pg], ``le`` [W m-2].
        Empty where the steps are longer than a month.
    tables : list of Table
    missing : dict of str to float
        Share of the land area without values, by flux.
    """

    monthly: xr.Dataset
    tables: list[Table]
    missing: Mapping[str, float]


def totals(ds: xr.Dataset, steps: TimeSteps, *, domain: str, progress: Progress) -> Totals:
    """Integrate the fluxes of a grid.

    Parameters
    ----------
    ds : Dataset
        Fluxes, ``cell_area`` [m2] and, where known, ``land_fraction`` [1]; read once, chunk by
        chunk.
    steps : TimeSteps
        When each step begins and ends.
    domain : str
        What the totals are of, such as ``global``, for titles.
    progress : Progress

    Returns
    -------
    Totals
    """
    import xarray as xr

    from xflux.labels.integral import regional_sums

    one_day = xr.DataArray(np.ones(len(steps.edges)), dims=steps.dim)
    rates, missing = {}, {}
    for flux in (flux for flux in FLUXES if flux in ds):
        sums = regional_sums(
            ds[flux], area=ds["cell_area"], land_fraction=ds.get("land_fraction"), days=one_day,
            units="J" if flux == "le" else "PgC",
        ).isel(region=0)  # fmt: skip
        missing[flux] = sums["missing_area"].max()
        rates[flux] = sums["integral"]
        if flux == "le":
            rates[flux] = sums["integral"] / (sums["valid_area"] * 86400.0)
    with progress.computing(f"integrating {', '.join(rates)} over the grid") as compute:
        rates, missing = compute(rates, missing)
    values = {flux: np.asarray(array.values) for flux, array in rates.items()}
    monthly = _monthly(values, steps, ds)
    tables = [_annual_table(values, steps, domain)]
    if monthly.data_vars:
        tables.append(_monthly_table(monthly, domain))
    return Totals(monthly, tables, {flux: float(share) for flux, share in missing.items()})


def _unit(flux: str, period: str) -> str:
    return "W m-2" if flux == "le" else f"PgC per {period}"


def _over(
    values: dict[str, np.ndarray], steps: TimeSteps, freq: Freq
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Sum rates a day (of LE: average) over months or years; NaN where a period is not whole."""
    cut = periods(steps, freq)
    whole = cut.coverage >= 1.0 - 1e-9
    length = cut.total(np.ones(len(steps.edges)))
    summed = {}
    for flux, rate in values.items():
        total = cut.total(rate)
        summed[flux] = np.where(whole, total / length if flux == "le" else total, np.nan)
    return pd.DataFrame(summed), cut.dates


def _monthly(values: dict[str, np.ndarray], steps: TimeSteps, ds: xr.Dataset) -> xr.Dataset:
    import xarray as xr

    if steps.clock is None:
        frame = pd.DataFrame(
            {flux: rate if flux == "le" else rate * steps.days for flux, rate in values.items()}
        )
        dim, labels = steps.dim, ds[steps.dim].values
    else:
        if np.any(steps.days > 31.5):
            return xr.Dataset()
        frame, labels = _over(values, steps, "MS")  # type: ignore[assignment]
        dim = "time"
    arrays = {
        flux: (dim, frame[flux].to_numpy(), {**_described(ds[flux]), "units": _plain_unit(flux)})
        for flux in frame
    }
    return xr.Dataset(arrays, coords={dim: labels})


def _described(array: xr.DataArray) -> dict[str, str]:
    return {key: array.attrs[key] for key in ("long_name", "standard_name") if key in array.attrs}


def _plain_unit(flux: object) -> str:
    return "W m-2" if flux == "le" else "Pg"


def _annual_table(values: dict[str, np.ndarray], steps: TimeSteps, domain: str) -> Table:
    frame, dates = _over(values, steps, "YS")
    columns = {flux: f"{short_name(flux)} [{_unit(str(flux), 'year')}]" for flux in frame}
    if dates is None:
        frame.insert(0, "year", ["mean year"])
    else:
        frame.insert(0, "year", [str(date)[:4] for date in np.asarray(dates)])
        whole = frame.drop(columns="year").dropna(how="all")
        if len(whole) > 1:
            mean = whole.mean().to_dict()
            frame = pd.concat([frame, pd.DataFrame([{"year": "mean", **mean}])], ignore_index=True)
    note = "Carbon fluxes are sums over area x land fraction; LE is the mean over land area."
    if len(frame) and frame.drop(columns="year").isna().all(axis=1).any():
        note += " Years that the time steps do not cover whole are empty."
    return Table(
        "totals_annual", f"Totals of the year, {domain}", frame.rename(columns=columns), note,
        digits={name: 1 for name in columns.values()},
    )  # fmt: skip


def _monthly_table(monthly: xr.Dataset, domain: str) -> Table:
    (dim,) = monthly.sizes
    labels = monthly[dim].values
    frame = pd.DataFrame(
        {f"{short_name(f)} [{_unit(str(f), 'month')}]": monthly[f].values for f in monthly}
    )
    if dim == "month":
        frame.insert(0, "month", [_MONTH_NAMES[int(label) - 1] for label in labels])
    else:
        frame.insert(0, "month", [str(label)[:7] for label in labels])
    shown, note = None, ""
    if len(frame) > 36:
        shown, note = frame.tail(12), "The last twelve months; the file holds all."
    return Table("totals_monthly", f"Totals of the month, {domain}", frame, note, shown)
