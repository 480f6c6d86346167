"""Inversions on a grid, as delivered for the Global Carbon Budget, summed up over regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, MissingVariableError
from xflux.files.carbon_units import CarbonUnit, read_carbon_unit
from xflux.files.inversion_bands import Bands, row_bounds
from xflux.files.inversion_months import in_part, listed, require_successive, steps_of
from xflux.files.inversion_names import LandFlux, member_names
from xflux.files.land_model_times import month_starts
from xflux.labels.coordinates import as_dataset, find_lat_lon
from xflux.labels.grid import cell_area, given_area
from xflux.labels.integral import regional_sums

if TYPE_CHECKING:
    import xarray as xr

    from xflux.labels.calendar import TimeSteps

__all__ = ["is_gridded", "read_gridded", "sum_gridded", "with_area"]

#: What inversions call the area of a cell, beside the names of the table of variables.
_AREAS = ("area", "dxyp", "gridbox_area", "grid_cell_area")


def is_gridded(obj: xr.Dataset | xr.DataArray) -> bool:
    """Tell whether an object has cells, by latitude and longitude."""
    try:
        lat, lon = find_lat_lon(obj)
    except MissingVariableError:
        return False
    return bool(lat.dims) and bool(lon.dims)


def read_gridded(
    ds: xr.Dataset, flux: LandFlux, regions: Any, units: str | None, label: str, stem: str
) -> xr.DataArray:
    """Sum the land flux of a gridded file over regions, lazily.

    Parameters
    ----------
    ds : Dataset
        With time, latitude and longitude, and one dimension more where it holds several
        inversions; lazy.
    flux : LandFlux
    regions : Bands, what `xflux.labels.regions.as_regions` reads, or a function
    units : str or None
        In place of those of the file.
    label, stem : str
        Of the file, for messages and for the names of inversions.

    Returns
    -------
    DataArray (inversion, region, time) [Pg]
        In the direction of the file. The attribute ``comment`` names months at either end that
        are left out, as the file has them in part.
    """
    steps = steps_of(ds, ds[flux.parts[0]], label)
    if steps is None or steps.clock is None:
        raise InputError(f"{label} has no dates; expected one value a month, or more")
    outer = in_part(steps, label)
    parts = [_one(ds[part], units, regions, ds, steps, f"{label}: {part!r}") for part in flux.parts]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    others = [str(dim) for dim in total.dims if dim not in ("region", "time")]
    single = [dim for dim in others if total.sizes[dim] == 1 and f"{dim}_name" not in ds.variables]
    total = total.isel(dict.fromkeys(single, 0), drop=True)
    others = [dim for dim in others if dim not in single]
    if len(others) > 1:
        raise InputError(
            f"{label}: {flux.parts[0]!r} has the dims {ds[flux.parts[0]].dims}; expected time, "
            "latitude, longitude and one for several inversions"
        )
    names = member_names(ds, others[0], stem) if others else [stem]
    total = total.rename({others[0]: "inversion"}) if others else total.expand_dims("inversion")
    gone = [name for name, c in total.coords.items() if "inversion" in c.dims]
    total = total.drop_vars(gone).assign_coords(inversion=names)
    if outer.size == 0:
        return total
    return total.assign_attrs(
        comment=f"{label}: {listed(outer)} left out, as the steps of the file cover them in part; "
        "stamps that are the ends of steps need time bounds"
    )


def _one(
    array: xr.DataArray,
    units: str | None,
    regions: Any,
    ds: xr.Dataset,
    steps: TimeSteps,
    label: str,
) -> xr.DataArray:
    unit = read_carbon_unit(units or array.attrs.get("units"), label)
    return sum_gridded(array, with_area(ds), unit, regions, steps, label)


def with_area(ds: xr.Dataset) -> xr.Dataset:
    """Let the area that a file holds be found."""
    if given_area(ds) is not None:
        return ds
    name = next((name for name in _AREAS if name in ds.variables), None)
    return ds if name is None else ds.rename({name: "cell_area"})


def sum_gridded(
    array: xr.DataArray,
    ds: xr.Dataset,
    unit: CarbonUnit,
    regions: Any,
    steps: TimeSteps | None,
    label: str,
) -> xr.DataArray:
    """Sum a flux on a grid over regions and months.

    Parameters
    ----------
    array : DataArray
        Of any rate or amount; lazy arrays stay lazy.
    ds : Dataset
        Holds its grid, and the area of cells where that is known.
    unit : CarbonUnit
        Of `array`.
    regions : Bands, what `xflux.labels.regions.as_regions` reads, or a function
        From a Dataset of the grid to regions on it.
    steps : TimeSteps or None
        None: the flux is constant.
    label : str
        For messages.

    Returns
    -------
    DataArray (..., region, time) [Pg]
        Float64; of a constant flux (..., region), Pg a day.

    Raises
    ------
    InputError
        For months that are missing, or amounts of steps that are not told.
    """
    area = cell_area(ds)
    if unit.of == "degree" or (unit.amount and steps is None):
        raise InputError(
            f"{label} has units {array.attrs.get('units')!r}, which a flux on a grid"
            f"{' without time' if steps is None else ''} cannot have; expected such as 'kg m-2 s-1'"
        )
    density = array * unit.scale
    if unit.of in ("whole", "cell"):
        density = density * (1e15 / area).drop_vars(area.coords)
    if unit.amount and steps is not None:
        import xarray as xr

        density = density / xr.DataArray(steps.days, dims=steps.dim)
    density = density.transpose(*array.dims).rename(array.name).assign_attrs(units="g m-2 d-1")
    weights = _shares(regions, ds, label) if isinstance(regions, Bands) else regions
    if callable(weights):
        weights = weights(ds)
    if steps is None:
        sums = regional_sums(density, area=area, regions=weights, days=1.0)
        return _numbered(sums["integral"].drop_attrs())
    sums = regional_sums(density, area=area, regions=weights, days=steps, freq="MS")
    return _numbered(_on_months(sums, steps, label))


def _on_months(sums: xr.Dataset, steps: TimeSteps, label: str) -> xr.DataArray:
    """Leave out the months at either end that the file has in part, and date the others."""
    assert steps.clock is not None
    dim = steps.dim
    whole = np.flatnonzero(sums["coverage"].values >= 1.0 - 1e-9)
    months = steps.clock.months(steps.clock.count(sums[dim].values, dim))
    if whole.size == 0:
        raise InputError(
            f"{label} holds no whole month ({listed(months)}); stamps that are the ends of steps "
            "need time bounds"
        )
    require_successive(months[whole], label)
    total = sums["integral"].isel({dim: slice(whole[0], whole[-1] + 1)}).rename({dim: "time"})
    kept = {"region", "time"}
    gone = [name for name, c in total.coords.items() if not set(c.dims) & kept or name == "time"]
    return total.drop_vars(gone).assign_coords(time=month_starts(months[whole])).drop_attrs()


def _shares(bands: Bands, ds: xr.Dataset, label: str) -> xr.DataArray:
    """Return the share of each cell in bands of latitude, as fractional regions."""
    import xarray as xr

    lat, lon = find_lat_lon(ds)
    if lat.ndim != 1 or lon.ndim != 1 or lat.dims == lon.dims:
        raise InputError(
            f"{label} lies on no rectilinear grid, whose rows bands= would cut; give regions="
        )
    shares = bands.shares(row_bounds(as_dataset(ds), lat), label)
    numbers = np.arange(1, len(bands.names) + 1)
    coords = {"region": numbers, "names": ("region", np.asarray(bands.names))}
    rows = xr.DataArray(shares, coords, ("region", *lat.dims))
    wide = rows.expand_dims({lon.dims[0]: lon.size}, axis=2)
    return wide.assign_coords({lat.dims[0]: lat.variable, lon.dims[0]: lon.variable})


def _numbered(array: xr.DataArray) -> xr.DataArray:
    """Number regions that have names alone."""
    labels = array["region"].values
    if labels.dtype.kind in "iu":
        return array
    numbers = np.arange(1, labels.size + 1)
    named = array.drop_vars("region").assign_coords(region=numbers)
    return named.assign_coords(names=("region", labels.astype(str)))
