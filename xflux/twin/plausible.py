"""What is known of the Earth, beside what the idealised Earth has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError
from xflux.labels.integral import integrate, regional_mean

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["BANDS", "Check", "band_numbers", "plausible"]

#: Bands of latitude, south to north, and their edges.
BANDS = {
    "90S to 23.5S": (-90.0, -23.5),
    "23.5S to 0": (-23.5, 0.0),
    "0 to 23.5N": (0.0, 23.5),
    "23.5N to 50N": (23.5, 50.0),
    "50N to 90N": (50.0, 90.0),
}
_INVERSIONS = "five atmospheric inversions, 2001-2016"
#: Ranges of the inversions: the span of the mean seasonal cycle, Pg a month.
_SPANS = {
    "90S to 23.5S": (0.14, 0.33), "23.5S to 0": (0.44, 1.18), "0 to 23.5N": (0.40, 1.18),
    "23.5N to 50N": (1.35, 1.56), "50N to 90N": (2.03, 2.44),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One quantity of the planet, and the range in which the Earth's is thought to lie.

    Attributes
    ----------
    quantity, units : str
    value : float
    low, high : float
    source : str
        Of the range.
    """

    quantity: str
    units: str
    value: float
    low: float
    high: float
    source: str

    @property
    def holds(self) -> bool:
        """Whether the value lies in the range."""
        return self.low <= self.value <= self.high


def plausible(earth: Earth) -> list[Check]:
    """Hold the true fluxes and the climate of an idealised Earth against the Earth.

    Reads all of `earth`, which must cover whole years, chunk by chunk.

    Parameters
    ----------
    earth : Earth

    Returns
    -------
    list of Check
        Also of what does not hold: the planet is idealised.

    Raises
    ------
    InputError
        When `earth` does not cover whole years.
    """
    import dask

    time = earth.drivers["time"]
    if int(time.dt.month[0]) != 1 or int(time.dt.month[-1]) != 12:
        raise InputError(
            f"{earth.start} to {earth.end} are no whole years, of which totals are known; give an "
            "Earth that begins in January and ends in December"
        )

    truth, drivers = earth.truth, earth.drivers
    area, land = truth["cell_area"], truth["land_fraction"]
    totals = {
        flux: integrate(truth[flux], area=area, land_fraction=land, freq="MS")
        for flux in ("gpp", "reco", "nee")
    }
    bands = integrate(
        truth["nee"], area=area, land_fraction=land, regions=band_numbers(truth), freq="MS"
    )
    means = {
        name: regional_mean(ds[name], area=area, land_fraction=land).mean("time")
        for ds, name in (
            (truth, "le"), (drivers, "ta"), (drivers, "p"), (drivers, "swin"), (drivers, "fapar"),
        )
    }  # fmt: skip
    totals, bands, means = dask.compute(totals, bands, means)
    by_year = {name: _by_year(total)[0] for name, total in totals.items()}
    annual = {name: years.sum(axis=1) for name, years in by_year.items()}
    mean = {name: float(np.asarray(array).item()) for name, array in means.items()}
    cycle = by_year["nee"].mean(axis=0)
    checks = [
        Check("GPP", "PgC a-1", annual["gpp"].mean(), 110.0, 150.0, "estimates of global GPP"),
        Check("RECO", "PgC a-1", annual["reco"].mean(), 108.0, 148.0, "GPP less the land sink"),
        Check("NEE", "PgC a-1", annual["nee"].mean(), -4.0, -2.0, "land sink of carbon budgets"),
        Check("NEE, seasonal cycle", "PgC month-1", float(np.ptp(cycle)), 3.2, 4.2, _INVERSIONS),
        Check("NEE, strongest month", "month", float(cycle.argmin() + 1), 6.0, 8.0, _INVERSIONS),
    ]
    if len(annual["nee"]) >= 8:
        years = np.arange(len(annual["nee"]))
        trend = np.polynomial.Polynomial.fit(years, annual["nee"], 1)(years)
        spread = float(np.sqrt(np.sum((annual["nee"] - trend) ** 2) / (len(years) - 2)))
        checks.append(Check("NEE, sd of years about the trend", "PgC a-1", spread, 0.6, 1.0,
                            _INVERSIONS))  # fmt: skip
    of_bands = dict(zip(bands["region"].values - 1, _by_year(bands), strict=True))
    for number, label in enumerate(BANDS):
        # Bands without a cell of a coarse grid have no sum.
        if number not in of_bands or not np.isfinite(of_bands[number]).all():
            continue
        span = float(np.ptp(of_bands[number].mean(axis=0)))
        checks.append(
            Check(f"NEE {label}, seasonal cycle", "PgC month-1", span, *_SPANS[label], _INVERSIONS)
        )
    if 0 in of_bands and 3 in of_bands:
        north, south = (of_bands[number].mean(axis=0).argmin() for number in (3, 0))
        apart = float(abs((north - south + 6) % 12 - 6))
        checks.append(
            Check("seasons of north and south apart", "months", apart, 4.0, 6.0, "the sun")
        )
    checks += [
        Check("latent heat of land", "W m-2", mean["le"], 30.0, 45.0, "estimates of global LE"),
        Check("temperature of land", "degC", mean["ta"], 11.0, 15.0, "CRU, without Antarctica"),
        Check("rain on land", "mm d-1", mean["p"], 1.8, 2.5, "CRU, without Antarctica"),
        Check("sunshine on land", "W m-2", mean["swin"], 160.0, 200.0, "satellites"),
        Check("fAPAR of land", "1", mean["fapar"], 0.25, 0.45, "satellites"),
    ]
    return checks


def band_numbers(ds: xr.Dataset) -> xr.DataArray:
    """Number the cells of each of `BANDS` from 1, for sums over them."""
    edges = [low for low, _ in BANDS.values()][1:]
    number = np.digitize(ds["lat"].values, edges) + 1
    cells = np.broadcast_to(number[:, None], (ds.sizes["lat"], ds.sizes["lon"]))
    return ds["lat"].rename(None).expand_dims(lon=ds["lon"], axis=1).copy(data=cells)


def _by_year(total: xr.DataArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return sums of months as (region, year, month)."""
    values = np.asarray(total.transpose("region", "time").values, np.float64)
    return values.reshape(values.shape[0], -1, 12)
