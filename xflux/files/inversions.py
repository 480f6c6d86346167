"""Open atmospheric inversions: grids, zonal means and tables, as one ensemble by region."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xflux.errors import (
    FileFormatError,
    InputError,
    XfluxError,
    XfluxWarning,
    raise_together,
)
from xflux.files.inversion_bands import Bands, as_bands
from xflux.files.inversion_dates import open_undated, with_dates
from xflux.files.inversion_ensemble import (
    Identical,
    distinct,
    in_sequence,
    joined,
    named_apart,
    require_common_months,
    require_whole,
)
from xflux.files.inversion_grids import is_gridded, read_gridded
from xflux.files.inversion_names import land_flux
from xflux.files.inversion_tables import is_table, read_table
from xflux.files.inversion_terms import without_terms
from xflux.files.inversion_zones import find_rows, read_zonal
from xflux.files.opening import Paths, expand_paths
from xflux.labels.attach import generated
from xflux.labels.flux_definition import definition_of, direction, written
from xflux.version import __version__

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_inversions"]

_SUFFIX = re.compile(r"\.(nc4?|cdf|h5|zarr|csv|txt)(\.gz)?/?$", re.IGNORECASE)


def open_inversions(
    paths: Paths | Mapping[str, Paths],
    *,
    regions: Any = None,
    bands: Sequence[float] | Mapping[str, tuple[float, float]] | None = None,
    subtract: Mapping[str, xr.DataArray | xr.Dataset] | None = None,
    flux_definition: str | None = None,
    units: str | None = None,
    positive: Literal["up", "down"] | None = None,
    variable: str | None = None,
    identical: Identical = "keep",
    chunks: Any = "auto",
) -> xr.DataArray:
    """Open atmospheric inversions as one ensemble of regional land fluxes.

    Parameters
    ----------
    paths : path, pattern, list of these, or mapping
        Files, read by what they hold; each is one inversion, called after its file, or several.
        A mapping names them: ``{"CAMS": "cams/*.nc"}``; several files of one name follow each
        other in time, so that an inversion of one file a month (CarbonTracker) must be given as
        such a mapping. Members whose names several files share are called after both, ``GCB2024
        CAMS``.

        - On a grid (NetCDF, Zarr): those of the Global Carbon Budget (1 x 1 degree monthly,
          ``land_flux_only_fossil_cement_adjusted`` by ``ensemble_member``), CarbonTracker
          (biosphere and fire are added), CarboScope, CAMS, or any `variable` with time, latitude
          and longitude. Read lazily.
        - By latitude (NetCDF): such as ``SFCO2_LND`` in PgC yr-1 degree-1. Read at once.
        - Tables (CSV): columns of dates (``time``, ``yyyymm``, or ``year`` and ``month``), of the
          inversion (``inversion`` or ``model``; may be absent), and a column for each region, or
          one of regions and one of values. Read at once.
    regions : optional
        Of grids: what `xflux.labels.regions.as_regions` reads, on their grid, or a function that
        makes it on the grid of each file, such as `xflux.transcom_regions`; the globe by default.
        Cells of a mask with 0, a negative number or NaN lie outside of all regions, unless its
        ``attrs["flag_values"]`` lists them. Of tables: the names of those to read, all by default.
    bands : sequence of float, or mapping of str to (south, north), optional
        In place of `regions`, of grids and files by latitude: edges of bands of latitude, such as
        ``(-90, -23.5, 0, 23.5, 50, 90)``. They may cut rows of cells.
    subtract : mapping of str to DataArray or Dataset, optional
        Terms to take out of each inversion (``fire``, ``fossil``, ``lateral``, ...): series along
        ``region`` and ``time``, or on a grid, of whole cells, with units. What has no time is
        constant. A grid may be another one than that of the inversions, where regions are the
        globe, bands, outlines or a function; a mask must lie on both. A Dataset holds one flux,
        with its time bounds or areas beside it.
    flux_definition : str, optional
        What the files hold, before `subtract`: terms of `xflux.labels.flux_definition.TERMS`.
        By default what they say, or what is known by the name of the variable; see Notes.
    units, positive : str, optional
        In place of what the files say, for all of them: such as ``"PgC month-1"``; ``"up"`` (to
        the atmosphere) or ``"down"`` (uptake).
    variable : str, optional
        Name of the land flux, where it is none of those known.
    identical : {"keep", "first"}
        Inversions with one and the same land flux: keep all and warn, or keep the first. Lazy
        ones are not compared.
    chunks : default "auto"
        As in `xarray.open_dataset`.

    Returns
    -------
    DataArray (inversion, region, time) [Pg]
        ``nee``: carbon in each month, float64, positive to the atmosphere, with
        ``flux_definition``. ``region`` are numbers, with ``names`` beside them where known;
        ``time`` the starts of months; ``file`` says where an inversion came from. All months that
        any inversion has: NaN outside of the span of each; ``.load().dropna("time")`` leaves
        those that all have. Lazy where grids were read.

    Raises
    ------
    FileFormatError
        For a file of an unknown layout, or damaged.
    UnitsError
        For units that are missing or of no flux of carbon.
    InputError
        For unlike definitions or regions in one call, months that are missing within the span of
        an inversion, times that are no dates, several files (no mapping) without a month in
        common, and what is not told: direction, or definition. All problems of all files are told
        at once.
    GridMismatchError
        When a mask of regions lies on another grid than a file or a term.

    Warns
    -----
    XfluxWarning
        Of inversions that share one land flux, months at either end that a file has in part,
        which are left out, and regions of a table that are totals by their names.

    Notes
    -----
    Time bounds decide which month a value is of. Without them a stamp a month is the month in which
    it lies, and steps of hours begin at their stamps, or have them in their middle where all lie
    half a step after midnight. ``months since`` and numbers such as 200101 are calendar months.

    An inversion sees all carbon between land and air less the fossil fuel it was told of. By
    default that is ``nee+fire+lateral``: what land use and harvest emit reaches the air as fire
    and respiration, and counts as such; and what rivers carry off was taken up on land. To set it
    beside the ``nbp`` of land models give ``flux_definition="nbp+lateral"`` and subtract
    ``lateral``; to train it together with towers subtract ``fire`` and ``lateral``.

    A rate stands for each day of its month, in a year of 365.25 days. Some products write 12 times
    the amount of each month as PgC per year, which no file tells: their months come out up to 8 %
    off (February), the globe in a year by some 0.05 Pg. Cells without a value count as nothing
    (oceans); a region without any value is NaN.

    References
    ----------
    Friedlingstein, P. et al. (2024): Global Carbon Budget 2024, Earth System Science Data.
    Luijkx, I. et al.: Global CO2 gridded flux fields from 14 atmospheric inversions in GCB2024,
    ICOS Carbon Portal.

    Examples
    --------
    >>> inversions = xflux.open_inversions(  # doctest: +SKIP
    ...     {"GCB2024": "GCP2024_inversions_1x1.nc", "CT2022": "CT2022.flux1x1.*.nc"},
    ...     bands=(-90, -23.5, 23.5, 90),
    ... )
    """
    if bands is not None and regions is not None:
        raise InputError("give regions= or bands=, not both")
    if positive not in (None, "up", "down"):
        raise InputError(f"positive={positive!r} is not known; expected 'up' or 'down'")
    over = None if bands is None else as_bands(bands)
    files = _files(paths)
    with ExitStack() as opened:
        asked = _Asked(regions, over, flux_definition, units, positive, variable, chunks, opened)
        found, notes = _read_all(files, asked)
        for note in notes:
            warnings.warn(note, XfluxWarning, stacklevel=2)
        if isinstance(paths, Mapping):
            found = named_apart(found, [name for name, _ in files])
        else:
            require_common_months(found)
        ensemble = _described(distinct(joined(found), identical, stacklevel=2), generated(found))
        if subtract:
            on_grid = any(not is_table(path) for _, parts in files for path in parts)
            cells = asked.over if asked.over is not None else as_bands(None)
            ensemble = without_terms(ensemble, subtract, cells if on_grid else None)
        # What went well stays open: lazy arrays are read later.
        opened.pop_all()
    ensemble["inversion"].attrs = {"long_name": "atmospheric inversion"}
    ensemble["time"].attrs = {"standard_name": "time", "axis": "T"}
    ensemble["file"].attrs = {"long_name": "file of the inversion"}
    taken = f"bands={bands!r}, subtract={sorted(subtract or ())}"
    return ensemble.assign_attrs(history=f"xflux {__version__}: open_inversions({taken})")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What holds for all files of a call, which close together when it fails."""

    regions: Any
    bands: Bands | None
    definition: str | None
    units: str | None
    positive: Literal["up", "down"] | None
    variable: str | None
    chunks: Any
    opened: ExitStack

    @property
    def over(self) -> Any:
        """What grids are summed over: bands, a mask, what makes one, or None for the globe."""
        return self.regions if self.bands is None else self.bands

    @property
    def names(self) -> Any:
        """What is asked of tables; a function divides grids, and tables are divided already."""
        return None if callable(self.regions) else self.regions


def _files(paths: Paths | Mapping[str, Paths]) -> list[tuple[str, list[str]]]:
    if isinstance(paths, Mapping):
        return [(str(name), expand_paths(files)) for name, files in paths.items()]
    return [(_stem(path), [path]) for path in expand_paths(paths)]


def _read_all(
    files: Sequence[tuple[str, list[str]]], asked: _Asked
) -> tuple[list[xr.DataArray], list[str]]:
    """Read all files, and return what is to be told of them beside."""
    found: list[xr.DataArray] = []
    notes: list[str] = []
    errors: list[XfluxError] = []
    for name, paths in files:
        try:
            parts = [_read(path, name, asked) for path in paths]
            notes += [part.attrs.pop("comment") for part in parts if "comment" in part.attrs]
            found.append(in_sequence(parts, name))
        except XfluxError as error:
            errors.append(error)
    raise_together(errors)
    return found, notes


def _described(ensemble: xr.DataArray, synthetic: str | None) -> xr.DataArray:
    definition = definition_of(ensemble)
    assert definition is not None
    return ensemble.rename("nee").assign_attrs(
        long_name="Land flux of carbon, positive to the atmosphere",
        units="Pg",
        cell_methods="area: sum where land time: sum",
        positive="up",
        flux_definition=written(definition),
        source="; ".join(dict.fromkeys(map(str, ensemble["file"].values))),
        **({"synthetic": synthetic} if synthetic else {}),
    )


def _stem(path: str) -> str:
    return _SUFFIX.sub("", os.path.basename(path.rstrip("/")))


def _names_alone(regions: Any) -> bool:
    """Tell whether regions are the names of columns."""
    return isinstance(regions, list | tuple) and all(isinstance(one, str) for one in regions)


def _read(path: str, name: str, asked: _Asked) -> xr.DataArray:
    """Read one file into (inversion, region, time) [Pg], positive to the atmosphere."""
    label = os.path.basename(path.rstrip("/"))
    if is_table(path):
        array, way = _from_table(path, name, label, asked)
        said, mark = None, None
    else:
        array, way, said, mark = _from_grid_or_rows(path, name, label, asked)
    definition = asked.definition or said
    if definition is None:
        raise InputError(
            f"{label} does not say what it holds; give flux_definition=, such as "
            "'nee+fire+lateral' of an inversion or 'nbp' of land models"
        )
    if array.chunks is None:
        require_whole(array, label)
    attrs = {key: array.attrs[key] for key in ("comment",) if key in array.attrs}
    array = array if way == "up" else -array
    array = array.transpose("inversion", "region", "time")
    array.attrs = attrs | {"flux_definition": definition, **({"synthetic": mark} if mark else {})}
    file = np.full(array.sizes["inversion"], label)
    array = array.assign_coords(file=("inversion", file))
    definition_of(array)  # an unknown term is told with the file
    return array


def _from_table(path: str, name: str, label: str, asked: _Asked) -> tuple[xr.DataArray, str]:
    if asked.bands is not None or not (asked.names is None or _names_alone(asked.names)):
        raise InputError(
            f"{label} is a table, whose regions have names alone; give regions= as a list of them"
        )
    return read_table(
        path,
        name,
        regions=asked.names,
        variable=asked.variable,
        units=asked.units,
        positive=asked.positive,
    )


def _from_grid_or_rows(
    path: str, name: str, label: str, asked: _Asked
) -> tuple[xr.DataArray, str, str | None, str | None]:
    """Return amounts, direction, definition, and what says that they were generated."""
    ds = open_undated(path, asked.chunks)
    asked.opened.callback(ds.close)
    ds = with_dates(ds, label)
    flux = land_flux(ds, asked.variable, label)
    array = ds[flux.parts[0]]
    if _names_alone(asked.regions):
        raise InputError(f"{label} is no table; give regions= as a mask on its grid, or bands=")
    if is_gridded(array):
        total = read_gridded(ds, flux, asked.over, asked.units, label, name)
    elif find_rows(array.to_dataset(name="flux")) is not None:
        if asked.regions is not None:
            raise InputError(f"{label} is by latitude alone; give bands= in place of regions=")
        total = read_zonal(ds, flux, asked.bands or as_bands(None), asked.units, label, name)
    else:
        raise FileFormatError(
            f"{label}: {flux.parts[0]!r} has the dims {array.dims}; expected time and latitude, "
            "with longitude or without, each with its coordinate"
        )
    way = asked.positive or direction(array) or flux.positive
    if not way:
        raise InputError(
            f"{label}: {flux.parts[0]!r} does not say which way it is positive; give positive='up' "
            "(to the atmosphere) or positive='down' (uptake)"
        )
    said = array.attrs.get("flux_definition", ds.attrs.get("flux_definition"))
    said = str(said) if said is not None else (flux.definition or None)
    if said is not None and asked.definition is not None and "flux_definition" in array.attrs:
        _check_said(said, asked.definition, label)
    return total, way, said, generated([array]) or ds.attrs.get("synthetic")


def _check_said(said: str, given: str, label: str) -> None:
    import xarray as xr

    one, other = (
        definition_of(xr.DataArray(0.0, attrs={"flux_definition": text})) for text in (said, given)
    )
    if one != other:
        raise InputError(
            f"{label} says flux_definition={said!r}, and {given!r} is given; leave one out"
        )
