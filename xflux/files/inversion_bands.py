"""Bands of latitude: their names, and how much of each row lies in each of them, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.coordinates import find_bounds
from xflux.labels.partitions import band_name
from xflux.numerics import sphere

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GLOBE", "Bands", "as_bands", "row_bounds"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: How far rows may end from the edge of a band that they hold, degrees.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands of latitude.

    Attributes
    ----------
    names : list of str
    limits : array (band, 2)
        South and north, degrees.
    """

    names: list[str]
    limits: Floats

    def degrees(self, rows: Floats, called: str) -> Floats:
        """Return the degrees (band, row) that rows of these bounds (row, 2) share with bands.

        Raises
        ------
        InputError
            Naming `called`, when the rows do not cover a band.
        """
        low, high = rows.min(axis=1), rows.max(axis=1)
        south, north = self.limits[:, :1], self.limits[:, 1:]
        shared = np.clip(np.minimum(high, north) - np.maximum(low, south), 0.0, None)
        short = np.flatnonzero(shared.sum(axis=1) < (north - south)[:, 0] - _ROUNDING)
        if short.size:
            raise InputError(
                f"{called} covers {low.min():g} to {high.max():g} degrees north, not the whole of "
                f"{', '.join(self.names[k] for k in short)}; choose bands= within it"
            )
        return shared

    def shares(self, rows: Floats, called: str) -> Floats:
        """Return the share (band, row) of the area of rows that lies in bands, on the sphere."""
        self.degrees(rows, called)
        return sphere.shares_of_rows(np.sort(rows, axis=1), self.limits)


def as_bands(bands: Sequence[float] | Mapping[str, tuple[float, float]] | None) -> Bands:
    """Read bands of latitude.

    Parameters
    ----------
    bands : sequence of float, mapping, or None
        Edges in degrees north, such as ``(-90, -23.5, 0, 23.5, 50, 90)``, which name themselves
        (``90S-23.5S``); or names with south and north. None: the globe.

    Raises
    ------
    InputError
        For edges that do not ascend, or lie beyond the poles.
    """
    if bands is None:
        return GLOBE
    if isinstance(bands, Mapping):
        names = [str(name) for name in bands]
        limits = np.array([tuple(map(float, limit)) for limit in bands.values()], np.float64)
        if limits.ndim != 2 or limits.shape[1] != 2:
            raise InputError(f"bands={bands!r}: expected south and north of each band")
    else:
        edges = [float(edge) for edge in bands]
        limits = np.array(list(pairwise(edges)), np.float64).reshape(-1, 2)
        names = [band_name(south, north) for south, north in limits]
    inside = np.isfinite(limits) & (np.abs(limits) <= 90.0)
    if limits.size == 0 or not np.all(inside) or np.any(limits[:, 0] >= limits[:, 1]):
        raise InputError(
            f"bands={bands!r}: expected two edges or more, ascending, from -90 to 90 degrees north"
        )
    return Bands(names, limits)


GLOBE = Bands(["globe"], np.array([[-90.0, 90.0]]))


def row_bounds(ds: xr.Dataset, lat: xr.DataArray) -> Floats:
    """Return south and north (row, 2) of rows of latitude: as bounds say, else inferred."""
    bounds = find_bounds(ds, lat)
    if bounds is None:
        return sphere.latitude_bounds(lat.values, str(lat.name))
    return np.clip(np.sort(np.asarray(bounds.values, np.float64), axis=1), -90.0, 90.0)
