"""Which column of a FLUXNET or AmeriFlux file is which variable, and in which unit.

Names come from the table of variables (``xflux.variables``); units by resolution from
the FLUXNET2015 documentation (Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3,
supplementary table of variables), quality flags from the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from xflux.files.periods import days_of
from xflux.labels.units import affine
from xflux.labels.variables import variables

__all__ = [
    "SUFFIXES",
    "choose_columns",
    "columns_to_read",
    "expected_columns",
    "flag_name",
    "flags_of",
    "fluxnet_units",
    "is_fluxnet_column",
    "split_name",
    "to_variables",
]

_PERCENTILES = ("05", "16", "25", "50", "75", "84", "95")

#: What is kept beside a variable, as ``<variable>_<suffix>``, and what it is.
SUFFIXES: dict[str, str] = {
    "qc": "fraction of measured and well gap-filled values",
    "flag": "flag of the file (0 measured, 1 to 3 filled, well to poorly; SSITC test: 0 to 2)",
    "randunc": "random uncertainty",
    "jointunc": "joint uncertainty (random and ustar threshold)",
    "se": "standard error over the ustar-threshold ensemble",
    "mean": "mean of the ustar-threshold ensemble",
    "ustar50": "at the median ustar threshold",
    "nt": "night-time partitioning",
    "dt": "daytime partitioning",
    "cut": "constant ustar threshold",
    "cut_qc": "constant ustar threshold, fraction of measured and well gap-filled values",
    "corr": "corrected for energy balance closure",
    "corr_25": "corrected for energy balance closure, 25th percentile",
    "corr_75": "corrected for energy balance closure, 75th percentile",
    "corr_jointunc": "corrected for energy balance closure, joint uncertainty",
    **{p: f"{int(p)}th percentile of the ustar-threshold ensemble" for p in _PERCENTILES},
}

#: Units of FLUXNET by canonical name; of carbon and precipitation see `fluxnet_units`.
_UNITS = {
    "ta": "degC", "ta_min": "degC", "ta_max": "degC", "td": "degC", "tsoil": "degC",
    "vpd": "hPa", "rh_air": "%", "patm": "kPa", "co2": "ppm", "swc": "%",
    "swin": "W m-2", "lwin": "W m-2", "rnet": "W m-2", "g": "W m-2", "le": "W m-2", "h": "W m-2",
    "ppfd_in": "umol m-2 s-1", "wind_speed": "m s-1", "wind_dir": "degree", "ustar": "m s-1",
    "sigma_v": "m s-1", "mo_length": "m", "blh": "m",
}  # fmt: skip
_CARBON = ("nee", "gpp", "reco")
_READ = (*_CARBON, "p", *_UNITS)
_THRESHOLDS = ("VUT", "CUT")
_QUALIFIED = r"(?:_PI)?(?:_F)?(?:_\d+_\d+_[0-9A-Z]+)?"


def fluxnet_units(name: str, resolution: str) -> tuple[str, bool]:
    """Return the unit of a variable in FLUXNET files of a resolution.

    Parameters
    ----------
    name : str
        Canonical name.
    resolution : {"HH", "HR", "DD", "WW", "MM", "YY"}

    Returns
    -------
    units : str
        Unit after division by the days of the period where `is_amount`.
    is_amount : bool
        Whether values are amounts per period: precipitation is mm per half-hour
        (hour) and mm per year, but mm d-1 in between; carbon is umol CO2 m-2 s-1 in
        HH and HR, gC m-2 d-1 in DD, WW and MM, gC m-2 per year in YY.
    """
    if name in _CARBON:
        subdaily = resolution in ("HH", "HR")
        return ("umol m-2 s-1" if subdaily else "g m-2 d-1"), resolution == "YY"
    if name == "p":
        return "mm d-1", resolution in ("HH", "HR", "YY")
    return _UNITS[name], False


def split_name(name: str) -> tuple[str, str]:
    """Split ``gpp_dt`` into its variable of the table and its suffix.

    Returns
    -------
    variable, suffix : str
        Both empty when the name is of neither form.
    """
    if name in variables:
        return name, ""
    for position in (i for i, letter in enumerate(name) if letter == "_"):
        if name[:position] in variables and name[position + 1 :] in SUFFIXES:
            return name[:position], name[position + 1 :]
    return "", ""


def _carbon_templates(flux: str, partitioning: str) -> dict[str, str]:
    """Return the columns of a carbon flux by suffix, ``{}`` standing for VUT or CUT."""
    other = "DT" if partitioning == "NT" else "NT"
    stem = "NEE" if flux == "nee" else f"{flux.upper()}_{partitioning}"
    templates = {"": f"{stem}_{{}}_REF", "ustar50": f"{stem}_{{}}_USTAR50"}
    templates |= {suffix: f"{stem}_{{}}_{suffix.upper()}" for suffix in ("mean", "se")}
    templates |= {p: f"{stem}_{{}}_{p}" for p in _PERCENTILES}
    if flux == "nee":
        templates |= {s: f"NEE_{{}}_REF_{s.upper()}" for s in ("qc", "randunc", "jointunc")}
    else:
        templates[other.lower()] = f"{flux.upper()}_{other}_{{}}_REF"
    return templates


def _columns_of_carbon(flux: str, partitioning: str) -> dict[str, dict[str, str]]:
    chosen = {
        f"{flux}_{suffix}".rstrip("_"): {t: template.format(t) for t in _THRESHOLDS}
        for suffix, template in _carbon_templates(flux, partitioning).items()
    }
    reference = chosen[flux]["CUT"]
    chosen[f"{flux}_cut"] = {"VUT": reference}
    if flux == "nee":
        chosen["nee_cut_qc"] = {"VUT": f"{reference}_QC"}
    return chosen


def _column_of(name: str, header: Collection[str], base: bool) -> str | None:
    """Return the first alias in the header; in AmeriFlux BASE, with any qualifier."""
    aliases = [a for a in variables[name].aliases if not re.search("_[VC]UT_", a)]
    for alias in aliases:
        if alias in header:
            return alias
    if base:
        for alias in aliases:
            pattern = re.compile(re.escape(alias) + _QUALIFIED)
            found = next((column for column in header if pattern.fullmatch(column)), None)
            if found:
                return found
    return None


def choose_columns(
    header: Collection[str],
    partitioning: str = "NT",
    *,
    base: bool = False,
    wanted: Collection[str] | None = None,
) -> dict[str, dict[str, str]]:
    """Find the columns of a file.

    Parameters
    ----------
    header : collection of str
        Column names of the file.
    partitioning : {"NT", "DT"}
        Which partitioning ``gpp`` and ``reco`` are taken from.
    base : bool, optional
        Read AmeriFlux BASE names, with their ``_PI``, ``_F`` and ``_H_V_R`` qualifiers.
    wanted : collection of str, optional
        Names to keep; their quality flags, and nee's for gpp and reco, come along.

    Returns
    -------
    dict of dict
        Column by ustar threshold (``"VUT"``, ``"CUT"``, or ``""`` where there is none)
        by name.
    """
    chosen: dict[str, dict[str, str]] = {}
    for name in _READ:
        if name in _CARBON:
            for key, columns in _columns_of_carbon(name, partitioning).items():
                chosen[key] = {t: column for t, column in columns.items() if column in header}
            if chosen[name]:
                continue
        column = _column_of(name, header, base)
        if column is None:
            continue
        chosen[name] = {"": column}
        flag = re.sub(r"((?:_\d+_\d+_[0-9A-Z]+)?)$", r"_SSITC_TEST\1", column, count=1)
        flag = flag if base else f"{column}_QC"
        if flag in header:
            chosen[f"{name}_qc"] = {"": flag}
    for name in ("le", "h"):
        for suffix in ("randunc", "corr", "corr_25", "corr_75", "corr_jointunc"):
            column = f"{name.upper()}_{suffix.upper()}"
            if column in header:
                chosen[f"{name}_{suffix}"] = {"": column}
    chosen = {name: columns for name, columns in chosen.items() if columns}
    if wanted is None:
        return chosen
    keep = flags_of(wanted) | set(wanted)
    return {name: columns for name, columns in chosen.items() if name in keep}


def flag_name(name: str) -> str:
    """Return the quality flag that stands for a variable: nee's for gpp and reco."""
    variable, suffix = split_name(name)
    owner = "nee" if variable in ("gpp", "reco") else variable
    return f"{owner}_cut_qc" if suffix == "cut" else f"{owner}_qc"


def flags_of(names: Collection[str]) -> set[str]:
    """Return the quality flags that may mask some variables."""
    own = {f"{variable}_qc" for name in names if (variable := split_name(name)[0])}
    return own | {flag_name(name) for name in names}


def columns_to_read(chosen: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return the columns of a choice."""
    return {column for columns in chosen.values() for column in columns.values()}


def is_fluxnet_column(column: str) -> bool:
    """Tell a name of the FLUXNET product, whose unit is known, from a name at large."""
    return bool(re.search(r"_[VC]UT_|_F$|_F_MDS|_F_QC$|^(LE|H)_CORR|^(LE|H)_RANDUNC", column)) or (
        column in ("USTAR", "NETRAD", "PPFD_IN")
    )


def expected_columns(count: int = 6) -> str:
    """Name some columns that a tower file should hold, for messages."""
    shown = ["NEE_VUT_REF", "GPP_NT_VUT_REF", "LE_F_MDS", "TA_F", "SW_IN_F", "VPD_F", "FC", "TA"]
    return ", ".join(shown[:count])


def _has_data(frame: pd.DataFrame, column: str | None) -> bool:
    return column is not None and bool(frame[column].notna().any())


def _thresholds(
    frame: pd.DataFrame, chosen: Mapping[str, Mapping[str, str]]
) -> dict[str, str | None]:
    """Choose VUT or CUT for each carbon flux: nee's choice leads, so that they agree."""
    used: dict[str, str | None] = {}
    for flux in _CARBON:
        columns = chosen.get(flux, {})
        order: Iterable[str] = _THRESHOLDS if used.get("nee") != "CUT" else _THRESHOLDS[::-1]
        present = [t for t in order if t in columns]
        used[flux] = next((t for t in present if _has_data(frame, columns[t])), None)
        if used[flux] is None and present:
            used[flux] = present[0]
    # A flag or an uncertainty may be asked for without its flux.
    lead = used["nee"] or "VUT"
    return {flux: threshold or lead for flux, threshold in used.items()}


def to_variables(
    frame: pd.DataFrame,
    chosen: Mapping[str, Mapping[str, str]],
    resolution: str,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Turn columns of one site into canonical names and units.

    Parameters
    ----------
    frame : DataFrame
        Columns of the file by period start, missing values NaN.
    chosen : mapping
        From `choose_columns`.
    resolution : {"HH", "HR", "DD", "WW", "MM", "YY"}

    Returns
    -------
    converted : DataFrame
        Variables of the table in canonical units, with their quality flags (fraction,
        1) and uncertainties. In HH and HR a flag of 0 (measured) or 1 (well filled) is
        1, others 0, which is what the fractions of the coarser files count; the flags
        of nee, le and h themselves are kept as ``*_flag``.
    columns : dict of str
        Column that each was read from.
    """
    index = pd.DatetimeIndex(frame.index)
    thresholds = _thresholds(frame, chosen)
    days = days_of(index, resolution)
    converted: dict[str, np.ndarray] = {}
    source: dict[str, str] = {}
    for name, columns in chosen.items():
        variable, suffix = split_name(name)
        column = columns.get("", columns.get(thresholds.get(variable) or ""))
        if column is None:
            continue
        values = frame[column].to_numpy(dtype="f8")
        source[name] = column
        if suffix.endswith("qc"):
            if resolution in ("HH", "HR"):
                if name in ("nee_qc", "le_qc", "h_qc"):
                    converted[f"{variable}_flag"] = values
                    source[f"{variable}_flag"] = column
                values = np.where(np.isnan(values), np.nan, (values <= 1).astype("f8"))
            converted[name] = values
            continue
        units, is_amount = fluxnet_units(variable, resolution)
        scale, offset = affine(units, variables[variable].units, variables[variable].species)
        rate = values / days if is_amount else values
        converted[name] = rate * scale + offset
    return pd.DataFrame(converted, index=index), source
