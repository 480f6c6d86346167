"""CASA-CNP on its map, with the drivers of the mean year brought to its grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from real_regrid import conservative

#: By what CASA calls them.
POOLS = {
    "cLeaf": ("cleaf",),
    "cWood": ("cwood",),
    "cRoot": ("cfroot",),
    "cLitter": ("clit_met", "clit_str", "clit_cwd"),
    "cSoil": ("csoil_mic", "csoil_slow", "csoil_pass"),
}
DRIVERS = ("ta", "vpd", "p", "swin", "rnet", "fapar", "lai", "elevation", "sand", "clay")


def casa(data: Path) -> xr.Dataset:
    """Return the file as it is."""
    folder = data / "land_models" / "casacnp_2deg"
    return xr.open_dataset(folder / "casacnp_pools_fluxes_2deg.nc").load()


def reference(data: Path) -> xr.Dataset:
    """Return fluxes and pools under the names of the variable table."""
    ds = casa(data)
    made = ds[["gpp", "ra", "rh"]]
    for name, parts in POOLS.items():
        made[name] = sum(ds[part] for part in parts)
        made[name].attrs["units"] = "g m-2"
    made["lat"].attrs["units"], made["lon"].attrs["units"] = "degrees_north", "degrees_east"
    return made


def drivers(data: Path) -> xr.Dataset:
    """Return drivers of a mean year on CASA's grid, with its own land cover."""
    grid = xr.open_dataset(data / "grids" / "global_1deg" / "global_monthly_drivers.nc").load()
    ds = casa(data)
    weight = grid["cell_area"] * grid["land_fraction"]
    made = {}
    for name in DRIVERS:
        array = grid[name]
        if "month" in array.dims:
            months = [conservative(array.sel(month=k, drop=True), weight, ds) for k in range(1, 13)]
            made[name] = xr.concat(months, "month").assign_coords(month=np.arange(1, 13))
        else:
            made[name] = conservative(array, weight, ds)
        made[name].attrs = array.attrs
    return xr.Dataset(made).assign(igbp=ds["igbp"])
