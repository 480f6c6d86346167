"""Partitions of the land: `xflux.transcom_regions`, `xflux.reccap2_regions`, `latitude_bands`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import as_dataset, find_lat_lon
from xflux.labels.grid import land_fraction, row_edges
from xflux.labels.region_outlines import NOWHERE, RECCAP2, TRANSCOM, Outline
from xflux.numerics import sphere

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["band_name", "latitude_bands", "reccap2_regions", "transcom_regions"]

#: Names in the order of the numbers, from 1.
_TRANSCOM_NAMES = (
    "NA_boreal", "NA_temperate", "SA_tropical", "SA_temperate", "N_Africa", "S_Africa",
    "EurAsia_boreal", "EurAsia_temperate", "Tropical_Asia", "Australia", "Europe",
)  # fmt: skip
_RECCAP2_NAMES = (
    "North_America", "South_America", "Europe", "Africa", "Russia", "Central_and_West_Asia",
    "East_Asia", "South_Asia", "Southeast_Asia", "Australasia",
)  # fmt: skip
Floats = np.ndarray[Any, np.dtype[np.float64]]
#: What is cut off a cell by less than this share of it is rounding.
_WHOLE = 1e-9


def transcom_regions(ds: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return the 11 land regions of TransCom 3 on a grid.

    Drawn a degree coarse by hand, as the published map has no licence to be shipped. They agree
    with it on 99 % of its land area at 1 degree, and on 97 % or more of each region; for results
    to be published use the map itself, as ``regions=`` takes it.

    Parameters
    ----------
    ds : Dataset or DataArray
        On a grid of latitude and longitude under any name, global or regional, longitudes from 0
        or -180, rectilinear or curvilinear. Where it holds a ``land_fraction``, cells without
        land lie in no region; else the sea belongs to the nearest region.

    Returns
    -------
    DataArray (lat, lon) [1]
        int8, 1 to 11 by the centre of the cell, named in ``flag_meanings``: NA_boreal,
        NA_temperate, SA_tropical, SA_temperate, N_Africa, S_Africa, EurAsia_boreal,
        EurAsia_temperate, Tropical_Asia, Australia, Europe. 0 in Greenland and Antarctica, as in
        TransCom, and without land. Lazy where the land fraction is.

    Raises
    ------
    MissingVariableError, AmbiguousVariableError
        When latitude or longitude cannot be told.
    InputError
        Without shapely (``pip install 'xflux[regions]'``), and for points.

    References
    ----------
    Gurney, K. R. et al. (2002), Nature 415, 626-630, doi:10.1038/415626a.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> ds = xr.Dataset(coords={"lat": np.arange(-87.5, 90, 5), "lon": np.arange(2.5, 360, 5)})
    >>> transcom_regions(ds).sel(lat=2.5, lon=297.5).item()  # Amazonia
    3
    """
    words = "TransCom 3 land region, drawn a degree coarse"
    return _laid(ds, TRANSCOM, _TRANSCOM_NAMES, words, "Gurney et al. (2002)")


def reccap2_regions(ds: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return ten land regions like those of RECCAP2 on a grid.

    Drawn a degree coarse by hand along the borders of countries, after what the budgets of the
    regions say that they count; not the published map, from which they may differ. Central
    America and the Caribbean lie in North America; Turkey, the Caucasus and Afghanistan (which the
    budget of South Asia counts too) in Central and West Asia; New Guinea in Southeast Asia. For
    results to be published use the map itself, as ``regions=`` takes it.

    Parameters
    ----------
    ds : Dataset or DataArray
        As in `transcom_regions`.

    Returns
    -------
    DataArray (lat, lon) [1]
        int8, 1 to 10 by the centre of the cell, named in ``flag_meanings``: North_America,
        South_America, Europe, Africa, Russia, Central_and_West_Asia, East_Asia, South_Asia,
        Southeast_Asia, Australasia. 0 in Greenland and Antarctica, and without land. Lazy where
        the land fraction is.

    Raises
    ------
    MissingVariableError, AmbiguousVariableError, InputError
        As `transcom_regions` does.

    References
    ----------
    The ten regions: Ciais, P. et al. (2022), Geoscientific Model Development 15, 1289-1316,
    doi:10.5194/gmd-15-1289-2022. What they count, for example: Jain, A. K. et al. (2024),
    doi:10.1029/2024GB008261 (South Asia); Wang, X. et al. (2024), doi:10.1029/2023GB007865 (East
    Asia); Murray-Tortarolo, G. et al. (2022), doi:10.1029/2022JG006904 (North America).
    """
    words = "land region like those of RECCAP2, drawn a degree coarse"
    return _laid(ds, RECCAP2, _RECCAP2_NAMES, words, "Ciais et al. (2022)")


def latitude_bands(
    ds: xr.Dataset | xr.DataArray, edges: Sequence[float] = (-90.0, -23.5, 23.5, 90.0)
) -> xr.DataArray:
    """Return bands of latitude on a grid, exactly, also where their edges cut cells.

    Parameters
    ----------
    ds : Dataset or DataArray
        On a rectilinear grid of latitude and longitude under any name.
    edges : sequence of float
        Latitudes between the bands, ascending, degrees, -90 to 90.

    Returns
    -------
    DataArray
        Bands are numbered from 1, southernmost first, and named ``90S-23.5S`` and so on. Where
        edges lie between cells int32 (lat, lon), 0 outside of all bands, with ``flag_meanings``.
        Else the share of each cell [1], float64, dims (region, lat, lon), with ``names``: by area,
        ``(sin(north) - sin(south)) / (sin(north of cell) - sin(south of cell))``.

    Raises
    ------
    InputError
        For edges that do not ascend or lie beyond the poles, and grids without rows of one
        latitude.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> ds = xr.Dataset(coords={"lat": np.arange(-89.5, 90), "lon": np.arange(0.5, 360)})
    >>> latitude_bands(ds).sel(lat=23.5)[:, 0].values.round(3)
    array([0.   , 0.501, 0.499])
    """
    import xarray as xr

    limits = np.asarray(edges, np.float64)
    if limits.ndim != 1 or limits.size < 2 or not np.all(np.diff(limits) > 0):
        raise InputError(f"edges={edges!r} are no ascending latitudes, such as (-90, 0, 90)")
    if limits[0] < -90 or limits[-1] > 90:
        raise InputError(f"edges={edges!r} lie beyond the poles; expected -90 to 90 degrees")
    rows = np.sort(row_edges(ds).values, axis=-1)
    shares = sphere.shares_of_rows(rows, np.column_stack([limits[:-1], limits[1:]]))
    numbers = np.arange(1, limits.size)
    names = [band_name(south, north) for south, north in pairwise(limits)]
    lat, lon = find_lat_lon(as_dataset(ds))
    dims = (*lat.dims, *lon.dims)
    coords = {str(lat.name): lat, str(lon.name): lon}
    attrs: dict[str, Any] = {"long_name": "band of latitude", "units": "1"}
    shape = (lat.size, lon.size)
    if np.all((shares < _WHOLE) | (shares > 1.0 - _WHOLE)):
        crisp = np.repeat((numbers @ np.round(shares)).astype(np.int32)[:, None], lon.size, axis=1)
        attrs |= {"flag_values": numbers.astype(np.int32), "flag_meanings": " ".join(names)}
        return xr.DataArray(crisp, dims=dims, coords=coords, name="region", attrs=attrs)
    # The same for all longitudes: no memory is taken for them.
    values = np.broadcast_to(shares[:, :, None], (numbers.size, *shape))
    labels = {"region": numbers, "names": ("region", names)}
    attrs["long_name"] = "share of the cell in a band of latitude"
    return xr.DataArray(
        values, dims=("region", *dims), coords={**labels, **coords}, name="share", attrs=attrs
    )


def band_name(south: float, north: float) -> str:
    """Return what a band of latitude is called, such as ``90S-23.5S`` or ``0-30N``."""
    halves = ["S" if edge < 0 else "N" if edge > 0 else "" for edge in (south, north)]
    return "-".join(f"{abs(edge):g}{half}" for edge, half in zip((south, north), halves))


def _laid(
    ds: xr.Dataset | xr.DataArray,
    outlines: Sequence[Outline],
    names: Sequence[str],
    words: str,
    source: str,
) -> xr.DataArray:
    """Number each cell by the first outline that holds its centre."""
    import xarray as xr

    lat, lon = find_lat_lon(as_dataset(ds))
    if lat.ndim == 1 and lat.dims == lon.dims:
        raise InputError(
            f"{lat.name} and {lon.name} share the dim {lat.dims[0]!r}: points, or an unstructured "
            "grid; regions are laid on grids of latitude and longitude"
        )
    y, x = xr.broadcast(lat.drop_vars(lat.coords), lon.drop_vars(lon.coords))
    found = _first_that_holds([ring for _, ring in outlines], x.values, y.values)
    numbers = np.array([names.index(n) + 1 if n != NOWHERE else 0 for n, _ in outlines], np.int8)
    coords = {str(coordinate.name): coordinate for coordinate in (lat, lon)}
    mask = xr.DataArray(numbers[found], dims=y.dims, coords=coords)
    land = land_fraction(ds)
    if land is not None and set(land.dims) != set(y.dims):
        raise InputError(
            f"land_fraction has the dims {land.dims}, and a partition is of {y.dims}; give it "
            "without time, such as ds.assign(land_fraction=ds.land_fraction.isel(month=0))"
        )
    if land is not None:
        mask = xr.where(land.drop_vars(land.coords) > 0, mask, np.int8(0)).transpose(*y.dims)
    return mask.rename("region").assign_attrs(
        long_name=words,
        units="1",
        flag_values=np.arange(1, len(names) + 1, dtype=np.int8),
        flag_meanings=" ".join(names),
        source=source,
    )


def _first_that_holds(
    outlines: Sequence[Sequence[tuple[float, float]]], x: Floats, y: Floats
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the position of the first outline that holds each point; the last holds all others."""
    try:
        import shapely
    except ImportError as error:
        raise InputError(
            "partitions of the land are laid on a grid by shapely: pip install 'xflux[regions]'"
        ) from error
    x = (x + 180.0) % 360.0 - 180.0
    last = len(outlines) - 1
    found = np.full(x.shape, last)
    for position, outline in enumerate(outlines[:last]):
        polygon = shapely.Polygon(outline)
        shapely.prepare(polygon)
        # A point on a border belongs to the first of its sides.
        inside = shapely.intersects_xy(polygon, x, y)
        found[inside & (found == last)] = position
    return found
