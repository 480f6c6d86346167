"""The record of one site, and how records become a Dataset of dims (site, time)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from xflux.errors import InputError, XfluxError, raise_together
from xflux.files.fluxnet_columns import SUFFIXES, split_name
from xflux.labels.attach import attributes

__all__ = ["Record", "check_one_resolution", "check_together", "describe_tower_variable", "stack"]


@dataclass(frozen=True, slots=True)
class Record:
    """What one file holds of one site.

    Attributes
    ----------
    site : str
        Site code.
    resolution : str
        ``HH``, ``HR``, ``DD``, ``WW``, ``MM`` or ``YY``.
    product : str
        Such as ``FLUXNET2015 FULLSET``.
    label : str
        Name of the file, for messages.
    frame : DataFrame
        Variables in canonical names and units by start of the period.
    columns : dict of str
        Column of the file that each variable was read from.
    notes : list of str
        What the user should be warned of.
    ignored : tuple of str
        Columns of a tidy table that are no variable.
    """

    site: str
    resolution: str
    product: str
    label: str
    frame: pd.DataFrame
    columns: dict[str, str]
    notes: list[str] = field(default_factory=list)
    ignored: tuple[str, ...] = ()


def check_one_resolution(found: Sequence[tuple[str, str]]) -> None:
    """Demand one resolution of files, given as (resolution, label).

    Raises
    ------
    InputError
        Says how to choose.
    """
    by_resolution: dict[str, list[str]] = {}
    for code, label in found:
        by_resolution.setdefault(code, []).append(label)
    if len(by_resolution) > 1:
        shown = "; ".join(
            f"{code}: {len(labels)} (such as {labels[0]})" for code, labels in by_resolution.items()
        )
        raise InputError(
            f"files of {len(by_resolution)} resolutions are mixed ({shown}); choose one with "
            f"resolution={max(by_resolution, key=lambda code: len(by_resolution[code]))!r}, or "
            "open them apart"
        )


def check_together(records: Sequence[Record]) -> None:
    """Demand one resolution, and no period of a site twice.

    Raises
    ------
    InputError
        Names the files.
    """
    check_one_resolution([(record.resolution, record.label) for record in records])
    problems: list[XfluxError] = []
    by_site: dict[str, list[Record]] = {}
    for record in records:
        for other in by_site.setdefault(record.site, []):
            shared = record.frame.index.intersection(other.frame.index)
            if len(shared):
                problems.append(
                    InputError(
                        f"{record.site}: {other.label} and {record.label} both hold "
                        f"{shared[0]:%Y-%m-%d %H:%M} to {shared[-1]:%Y-%m-%d %H:%M}; pass one of "
                        "them"
                    )
                )
        by_site[record.site].append(record)
    raise_together(problems)


def stack(records: Sequence[Record]) -> xr.Dataset:
    """Put records on a common time axis, the union of theirs.

    Returns
    -------
    Dataset
        Dims (site, time), float64, backed by NumPy; sites in alphabetical order.
    """
    sites = sorted({record.site for record in records})
    index = pd.DatetimeIndex(np.unique(np.concatenate([r.frame.index.to_numpy() for r in records])))
    rows = {site: row for row, site in enumerate(sites)}
    names = list(dict.fromkeys(str(name) for record in records for name in record.frame))
    arrays = {name: np.full((len(sites), len(index)), np.nan) for name in names}
    columns: dict[str, dict[str, list[str]]] = {name: {} for name in names}
    for record in records:
        where = index.get_indexer(record.frame.index)
        for key, values in record.frame.items():
            name = str(key)
            arrays[name][rows[record.site], where] = values.to_numpy()
            columns[name].setdefault(record.columns[name], []).append(record.site)
    ds = xr.Dataset(
        {
            name: (("site", "time"), values, describe_tower_variable(name, _source(columns[name])))
            for name, values in arrays.items()
        },
        coords={"site": np.array(sites, dtype=np.str_), "time": index},
    )
    ds["site"].attrs = {"long_name": "Site code", "cf_role": "timeseries_id"}
    ds["time"].attrs = {"standard_name": "time", "long_name": "Start of the averaging period"}
    return _point_to_ancillaries(ds)


def _source(columns: dict[str, list[str]], shown: int = 8) -> str:
    """Say from which column, and at which sites from another."""
    ordered = sorted(columns, key=lambda column: -len(columns[column]))
    parts = [ordered[0]]
    for column in ordered[1:]:
        sites = sorted(set(columns[column]))
        more = f" and {len(sites) - shown} more" if len(sites) > shown else ""
        parts.append(f"{column} at {', '.join(sites[:shown])}{more}")
    return "; ".join(parts)


def describe_tower_variable(name: str, source: str) -> dict[str, object]:
    """Return the attributes of a variable, a quality flag or an uncertainty.

    A standard name is written on the variable itself alone, so that it stays the only
    one that answers to it.
    """
    variable, suffix = split_name(name)
    if not suffix:
        return attributes(name, source=source)
    row = attributes(variable)
    attrs: dict[str, object] = {"long_name": f"{row['long_name']}, {SUFFIXES[suffix]}"}
    if suffix.endswith("qc"):
        return attrs | {"units": "1", "valid_min": 0.0, "valid_max": 1.0, "source": source}
    if suffix == "flag":
        return attrs | {"units": "1", "source": source}
    keep = {key: row[key] for key in ("units", "cell_methods", "positive") if key in row}
    if suffix in ("randunc", "jointunc", "se", "corr_jointunc"):
        keep.pop("positive", None)
        keep.pop("cell_methods", None)
    return attrs | keep | {"source": source}


def _point_to_ancillaries(ds: xr.Dataset) -> xr.Dataset:
    """List flags and uncertainties in ``ancillary_variables``, as CF has it."""
    kinds = ("qc", "flag", "randunc", "jointunc", "se")
    for name in ds.data_vars:
        beside = [f"{name}_{kind}" for kind in kinds if f"{name}_{kind}" in ds]
        if beside:
            ds[name].attrs["ancillary_variables"] = " ".join(beside)
    return ds
