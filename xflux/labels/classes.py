"""Classes (IGBP, Koeppen-Geiger) in one numbering, whatever the file's own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError, XfluxWarning
from xflux.labels.attach import with_coordinate_attributes
from xflux.labels.variables import Variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["flags", "to_codes"]


def to_codes(array: xr.DataArray, row: Variable) -> xr.DataArray:
    """Bring classes into the numbering of the table, lazily.

    Parameters
    ----------
    array : DataArray
        Strings ("ENF"), or numbers. Numbers follow ``flag_values`` and
        ``flag_meanings`` where the array has them, else they are taken in the
        numbering of the table.
    row : Variable
        Row of the table with `classes`.

    Returns
    -------
    DataArray
        float32 codes; NaN for what is no class of the table.
    """
    import xarray as xr

    classes = row.classes
    assert classes is not None
    if array.dtype.kind in "OUT":
        pairs = tuple(_codes_by_name(classes).items())
        lookup: Callable[[np.ndarray], np.ndarray] = _NameLookup(row.name, pairs)
    elif array.dtype.kind in "fiub":
        lookup = _CodeLookup(tuple(sorted(_renumbering(array, row).items())))
    else:
        raise InputError(f"{row.name!r} has dtype {array.dtype}, expected class names or numbers")
    codes = xr.apply_ufunc(
        lookup, array, dask="parallelized", output_dtypes=[np.dtype("f4")], keep_attrs=False
    )
    return with_coordinate_attributes(codes, [array])


def flags(array: xr.DataArray) -> dict[float, str]:
    """Return the meanings of the values of an array, as CF attributes state them.

    Returns
    -------
    dict
        From ``flag_values`` and ``flag_meanings``; empty where either is not there.
    """
    meanings, values = array.attrs.get("flag_meanings"), array.attrs.get("flag_values")
    if meanings is None or values is None or isinstance(values, str):
        return {}
    codes = np.atleast_1d(np.asarray(values, np.float64)).tolist()
    return dict(zip(codes, str(meanings).split(), strict=False))


def _renumbering(array: xr.DataArray, row: Variable) -> dict[float, float]:
    """Map the codes of an array to those of the table, by the meanings it states."""
    classes = row.classes
    assert classes is not None
    meanings = flags(array)
    if not meanings:
        return {float(code): float(code) for code in classes.values()}
    by_name = _codes_by_name(classes)
    known = {value: by_name.get(_plain(meaning)) for value, meaning in meanings.items()}
    renumbered = {value: float(code) for value, code in known.items() if code is not None}
    if not renumbered:
        stated, expected = " ".join(meanings.values()), ", ".join(list(classes)[:4])
        raise InputError(
            f"none of the flag_meanings of {row.name!r} is a known class ({stated!r}); expected "
            f"names such as {expected}"
        )
    return renumbered


def _plain(name: str) -> str:
    """Bring spellings together: "Evergreen Needleleaf Forests", "evergreen_needleleaf"."""
    return (
        re.sub(r"[^a-z]+", "_", name.lower()).strip("_").removesuffix("s").removesuffix("_forest")
    )


def _codes_by_name(classes: Mapping[str, int]) -> dict[str, int]:
    """Return codes by plain name, short and long."""
    codes = {_plain(name): code for name, code in classes.items()}
    return codes | {
        _plain(_LONG_NAMES[name]): code for name, code in classes.items() if name in _LONG_NAMES
    }


_LONG_NAMES = {
    "ENF": "evergreen_needleleaf_forests",
    "EBF": "evergreen_broadleaf_forests",
    "DNF": "deciduous_needleleaf_forests",
    "DBF": "deciduous_broadleaf_forests",
    "MF": "mixed_forests",
    "CSH": "closed_shrublands",
    "OSH": "open_shrublands",
    "WSA": "woody_savannas",
    "SAV": "savannas",
    "GRA": "grasslands",
    "WET": "permanent_wetlands",
    "CRO": "croplands",
    "URB": "urban_and_built-up_lands",
    "CVM": "cropland/natural_vegetation_mosaics",
    "SNO": "permanent_snow_and_ice",
    "BSV": "barren",
    "WAT": "water_bodies",
}


class _CodeLookup:
    """Renumber codes; a class of its own so that it travels to workers."""

    def __init__(self, pairs: tuple[tuple[float, float], ...]) -> None:
        self.pairs = pairs

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        known = np.array([pair[0] for pair in self.pairs])
        becomes = np.array([pair[1] for pair in self.pairs], dtype="f4")
        place = np.clip(np.searchsorted(known, codes), 0, known.size - 1)
        return np.where(known[place] == codes, becomes[place], np.float32(np.nan))


class _NameLookup:
    """Number names, and say which are none of the table's."""

    def __init__(self, called: str, pairs: tuple[tuple[str, int], ...]) -> None:
        self.called = called
        self.pairs = pairs

    def __call__(self, names: np.ndarray) -> np.ndarray:
        table = dict(self.pairs)
        distinct, place = np.unique(np.asarray(names, str), return_inverse=True)
        codes = np.array([table.get(_plain(name), np.nan) for name in distinct.tolist()], "f4")
        unknown = [
            name
            for name, code in zip(distinct.tolist(), codes.tolist(), strict=True)
            if np.isnan(code) and _plain(name) not in ("", "nan", "none")
        ]
        if unknown:
            warnings.warn(
                f"{self.called!r}: {', '.join(map(repr, unknown[:5]))} became NaN, as the table "
                f"xflux.variables[{self.called!r}].classes has no such class",
                XfluxWarning,
                stacklevel=2,
            )
        return codes[place].reshape(np.shape(names))
