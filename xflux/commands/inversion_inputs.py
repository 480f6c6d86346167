"""What the user names of the atmosphere: inversions, regions, and terms to take out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.commands.atmosphere import Air
from xflux.commands.on_grid import domain_of
from xflux.commands.request import RunRequest
from xflux.errors import InputError, XfluxError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Partition", "open_air"]

#: What towers see.
_NEE = frozenset({"nee"})
#: Variables on a grid that are no mask.
_NO_MASKS = ("cell_area", "land_fraction", "igbp")
#: Terms that are positive to the atmosphere unless they say otherwise.
_EMISSIONS = ("fire", "luc", "harvest", "grazing", "fossil")


class Partition:
    """Regions on whatever grid they are asked for: TransCom, bands of latitude, masks of the user.

    Parameters
    ----------
    paths : sequence of str
        Files of masks, one for each grid; none: `bands`, else the regions of TransCom, which are
        laid on any grid.
    bands : sequence of float
        Edges of bands of latitude.

    Raises
    ------
    InputError, FileFormatError
        For files that hold no mask, or several.
    """

    def __init__(self, paths: Sequence[str] = (), bands: Sequence[float] = ()) -> None:
        self.paths = tuple(paths)
        self.bands = tuple(bands)
        self._masks = [_read_mask(path) for path in paths]

    def __call__(self, ds: xr.Dataset) -> xr.DataArray:
        """Return the regions on the grid of a Dataset.

        Raises
        ------
        InputError
            When no mask lies on it.
        """
        from xflux.labels.partitions import latitude_bands, transcom_regions

        if self.bands:
            return latitude_bands(ds, self.bands)
        if not self.paths:
            return transcom_regions(ds)
        from xflux.labels.grid import cell_area, match_grid, snap

        area = cell_area(ds)
        for mask in self._masks:
            try:
                return match_grid(snap(mask, area), area, what="regions")
            except XfluxError:
                continue
        lat, lon = _ends(area)
        raise InputError(
            f"--regions: no mask in {', '.join(self.paths)} lies on the grid of {lat} by {lon}; "
            "give a file for that grid as well: --regions FILE FILE, one for the drivers and one "
            "for each other grid of the inversions, of the same regions. Without --regions those "
            "of TransCom are laid on every grid"
        )

    @property
    def called(self) -> str:
        """What the regions are called, in messages."""
        if self.bands:
            return "bands of latitude"
        return f"those of {', '.join(self.paths)}" if self.paths else "regions of TransCom"

    @property
    def said(self) -> str:
        """What the regions are, for the report."""
        if self.bands:
            return f"Regions: bands of latitude, edges {', '.join(f'{e:g}' for e in self.bands)}"
        if self.paths:
            return f"Regions: {', '.join(map(os.path.basename, self.paths))}"
        return (
            "Regions: the 11 of TransCom, drawn a degree coarse (`xflux.transcom_regions`); for "
            "results to be published give the published map by --regions"
        )


def open_air(request: RunRequest, grid: xr.Dataset) -> Air:
    """Open the inversions of a request as NEE of regions, lazily where they lie on grids.

    Parameters
    ----------
    request : RunRequest
    grid : Dataset
        Canonical drivers, lazy.

    Returns
    -------
    Air

    Raises
    ------
    XfluxError, FileNotFoundError
        For files that cannot be used, inversions that hold more than towers see, and regions that
        do not match or reach beyond the grid.
    """
    from xflux.files.inversion_tables import is_table
    from xflux.files.inversions import open_inversions
    from xflux.labels.flux_definition import definition_of
    from xflux.labels.region_totals import totals_among

    partition = Partition(request.regions, request.bands)
    domain = domain_of(grid)
    if not request.regions and domain != "global":
        raise InputError(
            f"the drivers cover {domain}, and {partition.called} reach beyond: the sum of a "
            "region over a part of it cannot be held against inversions. Pass a mask of regions "
            "that lie within the grid by --regions, or global drivers"
        )
    regions = partition(grid).load()
    # Regions of a table are its columns.
    tables = all(is_table(path) for _, path in request.named_inversions)
    divided: dict[str, Any] = (
        {"bands": request.bands} if request.bands and not tables else {"regions": partition}
    )
    terms = {term: _read_term(term, path) for term, path in request.subtract.items()}
    inversions = open_inversions(
        _paths(request),
        **divided,
        subtract=terms or None,
        flux_definition=request.flux_definition,
        units=request.inversion_units,
        positive=request.inversion_positive,
        variable=request.inversion_variable,
    )
    held = definition_of(inversions)
    assert held is not None
    if held != _NEE:
        raise InputError(_unlike(held))
    facts = _facts(request, inversions, partition)
    names = [str(one) for one in inversions.coords.get("names", inversions["region"]).values]
    if totals := totals_among(names):
        facts.append(f"Left out of the inversions, as made of other regions: {', '.join(totals)}")
        inversions = inversions.isel(region=[k for k, n in enumerate(names) if n not in totals])
    _require_regions(inversions, regions, partition)
    return Air(inversions, regions, facts)


def _paths(request: RunRequest) -> list[str] | dict[str, list[str]]:
    """Return the files of inversions, by name where they are named."""
    found = request.named_inversions
    if not any(name for name, _ in found):
        return [path for _, path in found]
    named: dict[str, list[str]] = {}
    for name, path in found:
        if name is None:
            raise InputError(
                f"--inversions: {path} has no name, and others have; write NAME=PATH for all"
            )
        named.setdefault(name, []).append(path)
    return named


def _facts(request: RunRequest, inversions: xr.DataArray, partition: Partition) -> list[str]:
    names = ", ".join(map(str, inversions["inversion"].values))
    facts = [f"Inversions: {inversions.sizes['inversion']} ({names})", partition.said]
    if request.subtract:
        taken = ", ".join(
            f"{term} ({os.path.basename(path)})" for term, path in request.subtract.items()
        )
        facts.append(f"Taken out of them, so that NEE is left: {taken}")
    if request.flux_definition is not None:
        facts.append(
            f"What they hold, as given by --flux-definition: {request.flux_definition}. Whatever "
            "else is in them, such as fire, is learned as NEE"
        )
    return facts


def _unlike(held: frozenset[str]) -> str:
    """Say how to bring inversions to what towers see."""
    from xflux.labels.flux_definition import written

    others = sorted(held - _NEE)
    options = " ".join(f"{term}=FILE" for term in others)
    return (
        f"the inversions hold {written(held)}, and towers see nee alone: take the rest out by "
        f"--subtract {options} (fluxes on a grid or by region, with units). Where the files hold "
        "NEE alone, or you take them for it, say --flux-definition nee"
    )


def _require_regions(inversions: xr.DataArray, regions: xr.DataArray, partition: Partition) -> None:
    """Refuse inversions of regions that the grid does not have."""
    from xflux.labels.grid import find_lat_lon
    from xflux.labels.region_labels import labels_of_both
    from xflux.labels.regions import as_regions

    lat, lon = find_lat_lon(regions)
    others = [dim for dim in regions.dims if dim not in (*lat.dims, *lon.dims)]
    found = as_regions(regions, regions.isel(dict.fromkeys(others, 0), drop=True))
    assert found is not None
    ours, theirs = labels_of_both(found.labels, inversions)
    absent = [name for name in theirs if name not in ours]
    if absent:
        raise InputError(
            f"the inversions have the regions {', '.join(absent[:6])}, which are not among "
            f"{partition.called} "
            f"({', '.join(ours[:12])}); give a mask of their regions on the grid of the drivers by "
            "--regions, with their names (flag_meanings, or names beside region)"
        )


def _read_mask(path: str) -> xr.DataArray:
    """Read the one mask that a file holds."""
    from xflux.files.inversion_grids import is_gridded
    from xflux.files.opening import open_lazily
    from xflux.labels.calendar import find_time

    ds = open_lazily(path)[0]
    masks = [
        name for name, array in ds.data_vars.items()
        if name not in _NO_MASKS and is_gridded(array) and find_time(array) is None
        and "bnds" not in array.dims
    ]  # fmt: skip
    if len(masks) != 1:
        held = ", ".join(map(str, masks or ds.data_vars)) or "nothing"
        raise InputError(
            f"--regions: {path} holds {held}; expected one mask on latitude and longitude: numbers "
            "of regions, or their shares of cells (region, lat, lon)"
        )
    mask = ds[masks[0]].load()
    return _numbered(mask)


def _numbered(mask: xr.DataArray) -> xr.DataArray:
    """Number shares of regions that have names alone."""
    for dim in mask.dims:
        if dim in mask.coords and mask[dim].dtype.kind in "SUOT":
            names = mask[dim].values.astype(str)
            numbered = mask.drop_vars([dim]).rename({dim: "region"})
            numbers = np.arange(1, names.size + 1)
            return numbered.assign_coords(region=numbers, names=("region", names))
    return mask


def _read_term(term: str, path: str) -> xr.DataArray:
    """Read a flux that is taken out: on a grid, or by region."""
    from xflux.files.inversion_tables import is_table

    try:
        return _term_of_table(term, path) if is_table(path) else _term_of_file(term, path)
    except XfluxError as error:
        raise type(error)(f"--subtract {term}: {error}") from error


def _term_of_table(term: str, path: str) -> xr.DataArray:
    from xflux.files.inversions import open_inversions

    series = open_inversions(
        path, flux_definition=term, positive="up" if term in _EMISSIONS else None
    )
    if series.sizes["inversion"] > 1:
        raise InputError(
            f"{path} holds {series.sizes['inversion']} members; give one series by region"
        )
    return series.isel(inversion=0, drop=True).rename(term)


def _term_of_file(term: str, path: str) -> xr.DataArray:
    from xflux.files.opening import open_lazily

    ds = open_lazily(path)[0]
    fluxes = [
        name for name, array in ds.data_vars.items()
        if name not in _NO_MASKS and array.ndim > 1 and "units" in array.attrs
        and "bnds" not in array.dims
    ]  # fmt: skip
    if term in ds.data_vars:
        return ds[term]
    if len(fluxes) != 1:
        held = ", ".join(map(str, fluxes or ds.data_vars)) or "nothing"
        raise InputError(
            f"{path} holds {held}; call the flux {term!r}, or leave one with units in the file"
        )
    return ds[fluxes[0]].rename(term)


def _ends(area: xr.DataArray) -> tuple[str, str]:
    """Describe a grid by its rows and columns."""
    from xflux.labels.grid import find_lat_lon

    said = []
    for array, what in zip(find_lat_lon(area), ("latitudes", "longitudes"), strict=True):
        values = np.asarray(array.values, np.float64)
        said.append(f"{values.size} {what} ({np.nanmin(values):g} to {np.nanmax(values):g})")
    return said[0], said[1]
