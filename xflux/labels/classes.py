"""Classes (IGBP, Koeppen-Geiger) in one numbering, whatever the file's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError
from xflux.labels.variables import Variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["class_names", "to_codes"]


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
        lookup: Callable[[np.ndarray], np.ndarray] = _NameLookup(tuple(classes.items()))
    elif array.dtype.kind in "fiub":
        lookup = _CodeLookup(tuple(sorted(_renumbering(array, row).items())))
    else:
        raise InputError(f"{row.name!r} has dtype {array.dtype}, expected class names or numbers")
    return xr.apply_ufunc(
        lookup, array, dask="parallelized", output_dtypes=[np.dtype("f4")], keep_attrs=False
    )


def class_names(array: xr.DataArray, row: Variable) -> dict[int, str]:
    """Return class names by code, of the table's numbering."""
    assert row.classes is not None
    return {code: name for name, code in row.classes.items()}


def _renumbering(array: xr.DataArray, row: Variable) -> dict[float, float]:
    """Map the codes of an array to those of the table, by the meanings it states."""
    classes = row.classes
    assert classes is not None
    meanings = array.attrs.get("flag_meanings")
    values = array.attrs.get("flag_values")
    if meanings is None or values is None:
        return {float(code): float(code) for code in classes.values()}
    by_name = {name.lower(): code for name, code in classes.items()}
    by_name |= {_LONG_NAMES[name]: code for name, code in classes.items() if name in _LONG_NAMES}
    renumbered = {}
    values = np.atleast_1d(values).tolist()
    for value, meaning in zip(values, str(meanings).split(), strict=False):
        code = by_name.get(meaning.lower())
        if code is not None:
            renumbered[float(value)] = float(code)
    if not renumbered:
        raise InputError(
            f"none of the flag_meanings of {row.name!r} is a known class ({meanings!r}); expected "
            f"names such as {', '.join(list(classes)[:4])}"
        )
    return renumbered


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
    """Number names."""

    def __init__(self, pairs: tuple[tuple[str, int], ...]) -> None:
        self.pairs = pairs

    def __call__(self, names: np.ndarray) -> np.ndarray:
        table = dict(self.pairs)
        codes = [table.get(str(name).strip(), np.nan) for name in np.ravel(names)]
        return np.array(codes, dtype="f4").reshape(np.shape(names))
