"""Quality of tower fluxes: mask by flags, mark what the partitioning does not close."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import xarray as xr

from xflux.errors import InputError, XfluxWarning
from xflux.files.fluxnet_columns import flag_name, split_name
from xflux.labels.variables import variables

__all__ = ["apply_min_qc", "mark_partitioning"]

_FLUXES = ("gpp", "reco", "nee", "le", "h")


def apply_min_qc(ds: xr.Dataset, min_qc: float | Mapping[str, float]) -> xr.Dataset:
    """Set fluxes to NaN where their quality flag is below a threshold.

    Parameters
    ----------
    ds : Dataset
        With quality flags ``*_qc`` (fraction of measured and well filled values, 0-1),
        held in memory.
    min_qc : float or mapping
        One number for gpp, reco, nee, le and h, as far as they are there; or one by
        variable, drivers included; gpp and reco go by that of nee unless named.

    Returns
    -------
    Dataset
        A flux is NaN below the threshold and where its flag is missing; so are its
        variants (``gpp_dt``, ``le_corr``, ``nee_25``, ...), each by the flag of its
        flux, that of nee for gpp and reco, and ``nee_cut_qc`` for ``*_cut``. Flags stay.
        ``quality_filter`` in the attributes says so, and names the sites of which
        nothing is left because their files hold no flag.

    Raises
    ------
    InputError
        For a threshold outside 0-1, a variable that is not there, and one that has
        no flag.
    """
    thresholds = _thresholds(ds, min_qc)
    flags: dict[str, str] = {}
    for name in thresholds:
        own = f"{name}_qc"
        flag = own if own in ds else flag_name(name)
        if flag not in ds:
            raise InputError(
                f"min_qc: {name!r} has no quality flag ({flag!r} is not there); leave it out by "
                f"giving thresholds by variable, such as min_qc={{'nee': 0.8}}"
            )
        flags[name] = flag
    masked = {}
    for key in ds.data_vars:
        variable, suffix = split_name(str(key))
        if variable not in thresholds or suffix.endswith("qc") or suffix == "flag":
            continue
        flag = flag_name(str(key)) if suffix == "cut" else flags[variable]
        if flag not in ds:
            flag = flags[variable]
        # NaN compares false, so that a missing flag masks as well.
        masked[key] = ds[key].where(ds[flag] >= thresholds[variable])
        told = f"{flag} >= {thresholds[variable]:g}"
        # Said, not warned of: one in five ICOS files has latent heat without its flag.
        if not suffix and (lost := _lost_sites(ds[key], ds[flag])):
            told += f"; nothing is left of {', '.join(lost)}, whose files hold no {flag}"
        masked[key].attrs = {**ds[key].attrs, "quality_filter": told}
    return ds.assign(masked)


def _thresholds(ds: xr.Dataset, min_qc: float | Mapping[str, float]) -> dict[str, float]:
    """Return the threshold of each variable."""
    if isinstance(min_qc, Mapping):
        thresholds = {str(name): float(value) for name, value in min_qc.items()}
        absent = [name for name in thresholds if name not in ds.data_vars]
        if absent:
            raise InputError(
                f"min_qc: {', '.join(map(repr, absent))} not among the variables; there are "
                f"{', '.join(str(name) for name in ds.data_vars if not split_name(str(name))[1])}"
            )
        if "nee" in thresholds:
            for name in ("gpp", "reco"):
                if name in ds:
                    thresholds.setdefault(name, thresholds["nee"])
    else:
        thresholds = {name: float(min_qc) for name in _FLUXES if name in ds}
    wrong = [value for value in thresholds.values() if not 0 <= value <= 1]
    if wrong:
        raise InputError(f"min_qc: {wrong[0]:g} is no fraction; expected 0 to 1")
    return thresholds


def _lost_sites(flux: xr.DataArray, flag: xr.DataArray) -> list[str]:
    """Return the sites that lose all of a flux because their files hold no flag."""
    lost = (flux.notnull().any("time") & flag.isnull().all("time")).values
    return [str(site) for site in flux["site"].values[lost]]


def mark_partitioning(ds: xr.Dataset, limit: float = 0.5) -> xr.Dataset:
    """Mark the times at which the partitioned fluxes miss the measured one.

    Parameters
    ----------
    ds : Dataset
        With gpp, reco, nee [g m-2 d-1]; returned as it is when one is not there.
    limit : float, optional
        Largest ``|reco - gpp - nee|`` that counts as consistent, g m-2 d-1.

    Returns
    -------
    Dataset
        With ``partitioning_flag``: 0 consistent, 1 not, -1 where a flux is missing.
    """
    if not {"gpp", "reco", "nee"} <= set(ds.data_vars):
        return ds
    gap = abs(ds["reco"] - ds["gpp"] - ds["nee"])
    flag = xr.where(gap.isnull(), -1, gap > limit).astype("i1")
    flag.attrs = {
        "long_name": f"Whether reco - gpp misses nee by more than {limit:g} g m-2 d-1 of carbon",
        "units": "1",
        "flag_values": np.array([-1, 0, 1], dtype="i1"),
        "flag_meanings": "missing consistent inconsistent",
    }
    return ds.assign(partitioning_flag=flag)


def blank_impossible(ds: xr.Dataset) -> xr.Dataset:
    """Blank what lies outside the valid range of the table, such as -6999, and say so.

    Parameters
    ----------
    ds : Dataset
        Eager, in canonical units.
    """
    blanked = {}
    for name, array in ds.data_vars.items():
        row = variables.get(str(name))
        if row is None or array.dtype.kind != "f":
            continue
        # What lies outside by rounding alone is set to the bound, as in grids.
        slack = 1e-5 * (row.valid_max - row.valid_min)
        outside = (array < row.valid_min - slack) | (array > row.valid_max + slack)
        count = int(outside.sum())
        blanked[name] = array.clip(row.valid_min, row.valid_max, keep_attrs=True).where(~outside)
        if count:
            warnings.warn(
                f"{name!r}: {count} values outside {row.valid_min:g} to {row.valid_max:g} "
                f"{row.units} became NaN",
                XfluxWarning,
                stacklevel=3,
            )
    return ds.assign(blanked)
