"""Write the inversions of the idealised Earth on its grid, as the Global Carbon Budget has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.labels.calendar import time_steps
from xflux.labels.integral import integrate
from xflux.labels.regions import as_regions

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["write_inversions"]

_FLUX = "land_flux_only_fossil_cement_adjusted"
_YEAR = 365.25


def write_inversions(earth: Earth, path: str | os.PathLike[str], regions: Any, n: int = 5) -> Path:
    """Write inversions as one NetCDF file on the grid of the Earth.

    The layout is that of the Global Carbon Budget: ``land_flux_only_fossil_cement_adjusted``
    [PgC/m2/yr] of whole cells by ``ensemble_member``, which ``ensemble_member_name`` names. The
    sums over `regions` are those of `xflux.twin.Earth.inversions`; within a region errors are
    spread evenly over land. Months are computed at once, in memory.

    Parameters
    ----------
    earth : Earth
        Of months (``freq="MS"``).
    path : str or path
        Of the file; its folder is made when it is not there.
    regions
        As in `xflux.twin.Earth.inversions`, without overlap.
    n : int
        Number of inversions.

    Returns
    -------
    Path

    Raises
    ------
    InputError, GridMismatchError
        As `xflux.twin.Earth.inversions`.
    """
    seen = earth.inversions(regions, n)
    truth = earth.truth[["nee", "cell_area", "land_fraction"]].load()
    share = _shares(regions, truth["cell_area"])
    land = truth["cell_area"] * truth["land_fraction"]
    error = seen.compute() - integrate(
        truth["nee"], area=truth["cell_area"], land_fraction=truth["land_fraction"],
        regions=regions, freq="MS",
    )  # fmt: skip
    steps = time_steps(truth["nee"])
    assert steps is not None
    # Pg of a month to g m-2 d-1 of land.
    within = (share * land).sum(("lat", "lon"))
    rate = (error.drop_vars("names", errors="ignore") * 1e15).fillna(0.0)
    rate = rate / within.where(within > 0, np.inf) / (error["time"].copy(data=steps.days))
    nee = truth["nee"] + rate.dot(share, dim="region")
    # What is written is a mean over the whole cell, sea and all.
    flux = (nee * truth["land_fraction"] * (_YEAR * 1e-15)).transpose(
        "inversion", "time", "lat", "lon"
    )
    ds = flux.astype(np.float32).rename(inversion="ensemble_member").to_dataset(name=_FLUX)
    names = [str(name) for name in seen["inversion"].values]
    ds = ds.drop_vars("ensemble_member").assign(
        ensemble_member_name=("ensemble_member", names), cell_area=truth["cell_area"]
    )
    ds[_FLUX].attrs = {
        "long_name": "net ecosystem exchange by atmospheric inversions, carbon (synthetic)",
        "units": "PgC/m2/yr",
        "cell_methods": "area: time: mean",
        **{key: seen.attrs[key] for key in ("positive", "flux_definition", "synthetic")},
    }
    ds.attrs = {
        "Conventions": "CF-1.11",
        "title": "Atmospheric inversions of an idealised Earth (synthetic)",
        **{key: seen.attrs[key] for key in ("synthetic", "source")},
    }
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".partial")
    ds.to_netcdf(part)
    part.replace(target)
    return target


def _shares(regions: Any, area: xr.DataArray) -> xr.DataArray:
    """Return the share of each cell in each region, (region, lat, lon)."""
    found = as_regions(regions, area)
    # Without regions there are no inversions.
    assert found is not None
    weights = found.weights.compute()
    labels = found.labels.drop_vars("names", errors="ignore")
    if found.crisp:
        position = labels.copy(data=np.arange(labels.size))
        weights = (weights == position).astype(np.float64)
    else:
        weights = weights.fillna(0.0)
    return weights.assign_coords(region=labels["region"], lat=area["lat"], lon=area["lon"])
