"""How a bridge does on a flux: its estimate beside the exact integral."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.labels.integral import regional_sums
from xflux.regional.bridge_estimate import estimate, on_grid_of
from xflux.regional.bridge_fit import r2, seasons
from xflux.regional.net_field import NetField, months_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DECOUPLED", "validate"]

#: A bridge whose months explain less of the exact integral does not hold.
DECOUPLED = 0.9
_SCORES = {
    "r2": ("explained variance of months", "1"),
    "r2_anomaly": ("explained variance of anomalies from the mean seasonal cycle", "1"),
    "r2_annual": ("explained variance of annual sums", "1"),
    "rmse": ("root mean squared error of months", "Pg"),
    "bias": ("mean error of months", "Pg"),
    "slope": ("slope of months, bridge on exact", "1"),
    "rmse_annual": ("root mean squared error of annual sums", "Pg"),
    "bias_annual": ("mean error of annual sums", "Pg"),
}


def validate(bridge: xr.Dataset, field: NetField) -> xr.Dataset:
    """Compare a bridge with the exact integral of a flux on its grid.

    Parameters
    ----------
    bridge : Dataset
    field : NetField

    Returns
    -------
    Dataset
        Lazy where the flux is. ``exact``, ``bridged`` (..., region, time) [Pg per month], and of
        each region ``r2``, ``r2_anomaly``, ``r2_annual`` [1], ``rmse``, ``bias`` [Pg per month],
        ``slope`` [1], ``rmse_annual``, ``bias_annual`` [Pg per year; NaN without a whole year],
        ``decoupled``: r2 below 0.9, or NaN.
    """
    import xarray as xr

    ordered = on_grid_of(bridge[["land_area", "region_share"]], field.grid)
    freq: Any = "MS" if field.steps.clock is not None else None
    exact = regional_sums(
        field.rate, area=ordered["land_area"], regions=ordered["region_share"],
        days=field.steps, freq=freq, units="PgC",
    )["integral"]  # fmt: skip
    bridged = estimate(bridge, field, freq="MS", units="PgC")
    bridged = bridged.transpose(*exact.dims)
    _, year, month = months_of(field.steps)
    exact.attrs["cell_methods"] = bridged.attrs["cell_methods"]
    scores: xr.DataArray = xr.apply_ufunc(
        _scores,
        exact.drop_vars(exact.coords),
        bridged.drop_vars(bridged.coords),
        input_core_dims=[[field.time], [field.time]],
        output_core_dims=[["score"]],
        kwargs={"year": year, "month": month},
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"score": len(_SCORES)}, "allow_rechunk": True},
    )
    scores = scores.drop_attrs()
    said = {key: bridged.attrs[key] for key in ("synthetic", "model") if key in bridged.attrs}
    ds = xr.Dataset({"exact": exact, "bridged": bridged}).assign_attrs(
        title="Bridges against exact integrals", **said
    )
    for k, (name, (text, units)) in enumerate(_SCORES.items()):
        ds[name] = scores.isel(score=k).assign_attrs(long_name=text, units=units)
    ds["decoupled"] = (~(ds["r2"] >= DECOUPLED)).assign_attrs(
        long_name=f"whether the bridge explains less than {DECOUPLED:g} of the months, or is NaN"
    )
    beside = {key: c for key, c in bridge.coords.items() if c.dims == ("region",)}
    return ds.assign_coords(beside)


def _scores(exact: Any, bridged: Any, *, year: Any, month: Any) -> Any:
    flat = exact.reshape(-1, exact.shape[-1]), bridged.reshape(-1, exact.shape[-1])
    made = np.array([_of_series(one, other, year, month) for one, other in zip(*flat)])
    return made.reshape(*exact.shape[:-1], len(_SCORES))


def _of_series(exact: Any, bridged: Any, year: Any, month: Any) -> list[float]:
    error = bridged - exact
    years, count = np.unique(year, return_counts=True)
    whole = [year == one for one, size in zip(years, count) if size == 12]
    nan = float("nan")
    spread = float(np.sum((exact - exact.mean()) ** 2))
    slope = (
        float(np.sum((exact - exact.mean()) * (bridged - bridged.mean()))) / spread
        if spread > 0
        else nan
    )
    anomaly = annual = rmse_annual = bias_annual = nan
    if len(years) > 1:
        apart = [values - seasons(month, values) for values in (exact, bridged)]
        anomaly = r2(*apart)
    if whole:
        sums = [np.array([values[one].sum() for one in whole]) for values in (exact, bridged)]
        annual = r2(*sums) if len(whole) > 1 else nan
        rmse_annual = float(np.sqrt(np.mean((sums[1] - sums[0]) ** 2)))
        bias_annual = float(np.mean(sums[1] - sums[0]))
    return [
        r2(exact, bridged), anomaly, annual, float(np.sqrt(np.mean(error**2))),
        float(error.mean()), slope, rmse_annual, bias_annual,
    ]  # fmt: skip
