"""Tables of the Global Carbon Budget: the land sink and what land use emits, by year."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.errors import FileFormatError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_global_carbon_budget"]

#: What a column is by its name in letters alone; the spellings of the 2019 to 2024 tables.
_COLUMNS = {
    "s_land": ("sland", "landsink", "terrestrialsink"),
    "e_luc": ("eluc", "landusechange", "landusechangeemissions"),
    "e_fossil": (
        "eff", "fossilfuelandindustry", "fossilfuelindustry", "fossilemissionsexcludingcarbonation",
    ),
    "g_atm": ("gatm", "atmosphericgrowth"),
    "s_ocean": ("socean", "oceansink"),
    "s_cement": ("scement", "cementcarbonationsink"),
    "imbalance": ("imbalance", "budgetimbalance"),
}  # fmt: skip
_SAID = {
    "s_land": ("Land sink S_LAND: uptake of land without change of land use", "down", "S_LAND"),
    "e_luc": ("Emission from change of land use E_LUC", "up", "E_LUC"),
    "e_fossil": ("Emission from fossil fuel and industry", "up", ""),
    "g_atm": ("Growth of atmospheric carbon dioxide", "", ""),
    "s_ocean": ("Ocean sink", "down", ""),
    "s_cement": ("Cement carbonation sink", "down", ""),
    "imbalance": ("Budget imbalance", "", ""),
}


def read_global_carbon_budget(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a table of the Global Carbon Budget.

    Parameters
    ----------
    path : path
        CSV with a column of years and one for each term, in GtC per year: the historical
        budgets of 2019 to 2024, under any of their column names; or the land sink by model
        of 2019 ("Terrestrial-Sink", and a column a model).

    Returns
    -------
    Dataset
        Dims (year), amounts of each year [Pg], positive as named: ``s_land`` and ``e_luc``,
        ``nbp = s_land - e_luc`` where both are there, ``s_ocean``, ``g_atm``,
        ``e_fossil``, ``imbalance``. Of a table by model also ``s_land_model`` (model, year).
        ``flux_definition`` says what may be compared: nbp of land models with nbp, never with
        s_land, which knows no land use.

    Raises
    ------
    FileFormatError
        When the file is no such table, or its years are not whole numbers.

    References
    ----------
    Friedlingstein, P. et al. (2024): Global Carbon Budget 2024, Earth System Science Data.
    """
    import xarray as xr

    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise FileFormatError(
            f"{path.name}: expected a table as CSV; save the sheet of the workbook as CSV, with "
            "the names of the columns in its first row"
        )
    try:
        table = pd.read_csv(path, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path.name}: cannot be read as a table ({error})") from error
    keys = {column: re.sub(r"[^a-z]", "", str(column).lower()) for column in table.columns}
    year = next((column for column, key in keys.items() if key == "year"), None)
    found = {
        name: column
        for name, spellings in _COLUMNS.items()
        for column, key in keys.items()
        if key in spellings
    }
    if year is None or not {"s_land", "e_luc", "g_atm"} & set(found):
        raise FileFormatError(
            f"{path.name}: expected the columns of a Global Carbon Budget, year and land sink or "
            f"land-use change; found {', '.join(map(str, table.columns[:8]))}"
        )
    table = table.dropna(how="all")
    numbers = pd.to_numeric(table[year], errors="coerce").to_numpy(np.float64)
    if np.any(~np.isfinite(numbers) | (numbers != np.round(numbers))) or (
        np.unique(numbers).size < numbers.size
    ):
        raise FileFormatError(f"{path.name}: column {year!r} does not hold each year once")
    years = {"year": ("year", numbers.astype(np.int64), {"long_name": "calendar year"})}
    ds = xr.Dataset(coords=years)
    for name, column in found.items():
        ds[name] = ("year", _numbers(table, str(column), path), _attrs(*_SAID[name]))
    if {"s_land", "e_luc"} <= set(found):
        words = "Net biome production of land, S_LAND - E_LUC"
        ds["nbp"] = (ds["s_land"] - ds["e_luc"]).assign_attrs(_attrs(words, "down", "nbp"))
    models = [c for c, key in keys.items() if c != year and c not in found.values() and key]
    models = [column for column in models if "mmm" not in keys[column]]
    if len(found) == 1 and models:
        (name,) = found
        words, positive, definition = _SAID[name]
        values = np.stack([_numbers(table, str(column), path) for column in models])
        attrs = _attrs(f"{words}, by model", positive, definition)
        ds[f"{name}_model"] = (("model", "year"), values, attrs)
        ds = ds.assign_coords(model=[str(column) for column in models])
    ds.attrs = {"title": "Global Carbon Budget", "source": path.name}
    return ds.sortby("year")


def _numbers(table: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    try:
        return pd.to_numeric(table[column]).to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{path.name}: column {column!r} holds text ({error})") from error


def _attrs(words: str, positive: str, definition: str) -> dict[str, str]:
    attrs = {
        "long_name": f"{words}, mass of carbon",
        "units": "Pg",
        "cell_methods": "area: sum time: sum",
        "positive": positive,
        "flux_definition": definition,
    }
    return {key: value for key, value in attrs.items() if value}
