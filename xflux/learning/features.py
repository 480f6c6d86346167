"""What a refinement learns from: drivers now and before, classes, and the baseline.

A feature is written by its name: ``ta``, ``ta_lag1`` (one step before), ``ta_mean12`` (the
mean over the last 12 steps), ``ta_site`` (the mean of the series), ``ta_cycle`` (the mean seasonal
cycle: the mean of the month of the step, or of its 8 days of the year where steps are shorter than
a month), ``ta_anomaly`` (the step less the mean of its month), ``igbp`` (one column for each
class), ``igbp:native`` (one column of codes, for trees that take them), and ``gpp_baseline``, with
the same endings. ``lat`` and ``lon``, in degrees, are there for those who ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.variables import variables

__all__ = [
    "DEFAULT_FEATURES",
    "FLUXCOM_FEATURES",
    "POSITION",
    "Feature",
    "based_on",
    "columns",
    "expand",
    "parse",
    "sources",
    "unit_of",
]

Array = NDArray[Any]
Kind = Literal["now", "lag", "mean", "site", "anomaly", "cycle", "class", "code", "pixel"]

#: Longest memory, in steps.
LONGEST = 12
#: Fluxes that have a baseline, in this order.
BASELINES = ("gpp", "reco", "nee", "le")
#: Where a site or pixel is, and its unit.
POSITION = {"lat": "degrees_north", "lon": "degrees_east"}
_NATIVE = ":native"
_ENDING = re.compile(
    r"^(?P<source>\w+?)_(?:(?P<kind>lag|mean)(?P<steps>\d+)|(?P<whole>site|anomaly|cycle))$"
)

_WHOLE: dict[str, Kind] = {"site": "site", "anomaly": "anomaly", "cycle": "cycle"}

_REMEMBERED = ("ta", "vpd", "swin", "p", "fapar", "gpp_baseline", "reco_baseline")
#: What is taken of it where the drivers hold it.
DEFAULT_FEATURES: tuple[str, ...] = (
    "ta", "tsoil", "vpd", "swin", "lwin", "rnet", "p", "fapar", "patm", "elevation", "co2",
    "igbp", "koppen", "gpp_baseline", "reco_baseline", "nee_baseline", "le_baseline",
    *(f"{name}_lag{k}" for name in _REMEMBERED for k in (1, 2, 3)),
    *(f"{name}_mean{k}" for name in _REMEMBERED for k in (3, 6, 12)),
)  # fmt: skip
#: The drivers of Upton et al. (2024, Atmos. Chem. Phys. 24, 2555), those of FLUXCOM: what
#: satellites see and radiation as mean seasonal cycles, water and air temperature as they vary.
FLUXCOM_FEATURES: tuple[str, ...] = (
    "evi_cycle", "fapar_cycle", "lst_day_cycle", "lst_night_cycle", "mir_cycle", "ndvi_cycle",
    "ndwi_cycle", "swin_cycle", "swin_potential_cycle", "wai", "ta",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feature:
    """One column, or the classes that several columns stand for.

    Attributes
    ----------
    name : str
        As it is written.
    source : str
        Canonical variable, or ``gpp_baseline`` and the like.
    kind : {"now", "lag", "mean", "site", "anomaly", "cycle", "class", "code", "pixel"}
    steps : int
        Of a lag or a mean.
    code : int, optional
        Of one class.
    part : {"", "below", "above"}
        Whether it is the whole, or what of it lies below or above `limit`.
    limit : float
    """

    name: str
    source: str
    kind: Kind
    steps: int = 0
    code: int | None = None
    part: Literal["", "below", "above"] = ""
    limit: float = 0.0


def parse(name: str) -> Feature:
    """Read the name of a feature.

    Raises
    ------
    InputError
        Saying what may be written.
    """
    if not isinstance(name, str):
        raise InputError(f"features hold {name!r}; expected names such as 'ta' or 'ta_lag1'")
    if name in POSITION:
        return Feature(name, name, "now")
    if name.endswith(_NATIVE):
        source = name.removesuffix(_NATIVE)
        row = variables.get(source)
        if row is None or not row.classes:
            raise InputError(f"{name!r}: {source} is no class; write {source!r}")
        return Feature(name, source, "code")
    if _known(name):
        row = variables.get(name)
        return Feature(name, name, "class" if row is not None and row.classes else "now")
    match = _ENDING.match(name)
    if match is None or not _known(match["source"]):
        raise InputError(
            f"{name!r} is no feature: neither a variable of xflux.variables or a baseline (such as "
            "'gpp_baseline'), nor one of these with _lag1 to _lag12, _mean2 to _mean12, _site, "
            "_anomaly or _cycle"
        )
    row = variables.get(match["source"])
    if row is not None and row.classes:
        raise InputError(f"{name!r}: {match['source']} is a class, which has no {name[-4:]}")
    if match["whole"]:
        return Feature(name, match["source"], _WHOLE[match["whole"]])
    steps = int(match["steps"])
    if not (1 if match["kind"] == "lag" else 2) <= steps <= LONGEST:
        raise InputError(f"{name!r}: memory is of up to {LONGEST} steps")
    return Feature(name, match["source"], "lag" if match["kind"] == "lag" else "mean", steps)


def _known(source: str) -> bool:
    stem = source.removesuffix("_baseline")
    return source in variables if stem == source else stem in BASELINES


def sources(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return what features are made of, each once."""
    return tuple(dict.fromkeys(feature.source for feature in features))


def unit_of(source: str) -> str:
    """Return the canonical unit of a source."""
    if source in POSITION:
        return POSITION[source]
    return str(variables[source.removesuffix("_baseline")].units)


def based_on(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the fluxes whose baseline features are made of."""
    made = (name for name in sources(features) if name.endswith("_baseline"))
    return tuple(name.removesuffix("_baseline") for name in made)


def expand(
    features: Sequence[Feature],
    codes: Mapping[str, Sequence[int]],
    split: Mapping[str, float] | None = None,
) -> tuple[Feature, ...]:
    """Replace each class by one feature for each of its codes, and split features at limits.

    Parameters
    ----------
    features : sequence of Feature
    codes : mapping of str to sequence of int
        Codes that are there, by source.
    split : mapping of str to float, optional
        Limits of features of the present step, by name: each becomes what lies below it, and
        what lies above.
    """
    columns: list[Feature] = []
    for feature in features:
        if feature.kind == "now" and split and feature.name in split:
            limit = split[feature.name]
            lower, upper = f"{feature.name}<{limit:g}", f"{feature.name}>{limit:g}"
            columns.append(replace(feature, name=lower, part="below", limit=limit))
            columns.append(replace(feature, name=upper, part="above", limit=limit))
            continue
        if feature.kind != "class":
            columns.append(feature)
            continue
        named = {code: name for name, code in (variables[feature.source].classes or {}).items()}
        columns += [
            Feature(f"{feature.source}={named.get(code, code)}", feature.source, "class", 0, code)
            for code in codes[feature.source]
        ]
    return tuple(columns)


def columns(
    values: Mapping[str, Array], features: Sequence[Feature], *, skip: int = 0
) -> NDArray[np.float32]:
    """Compute features of series.

    Parameters
    ----------
    values : mapping of str to ndarray (series, step)
        Every source; ``<source>_cycle`` (series, step), the mean of the month of each step, of
        those with anomalies, ``<source>_season`` (series, step) of those with mean seasonal
        cycles, and ``<source>_mean`` (series, step) of those with site means.
    features : sequence of Feature
        Expanded.
    skip : int
        Steps at the beginning that are there to be remembered alone.

    Returns
    -------
    ndarray (series, step, feature)
        float32; NaN where a source is missing, at a lag before the first step, and for a mean of
        which more than half is missing.
    """
    shape = next(iter(values.values())).shape
    made = np.empty((shape[0], shape[1] - skip, len(features)), np.float32)
    for k, feature in enumerate(features):
        made[..., k] = _column(values, feature)[:, skip:]
    return made


def _column(values: Mapping[str, Array], feature: Feature) -> Array:
    if feature.kind == "pixel":
        return values[feature.name]
    series = values[feature.source]
    if feature.part == "below":
        return np.minimum(series, feature.limit)
    if feature.part == "above":
        return np.maximum(series - feature.limit, 0.0)
    if feature.kind in ("now", "code"):
        return series
    if feature.kind == "class":
        return np.where(np.isnan(series), np.nan, series == feature.code)
    if feature.kind == "lag":
        return _lagged(series, feature.steps)
    if feature.kind == "mean":
        return _running_mean(series, feature.steps)
    if feature.kind == "site":
        return values[f"{feature.source}_mean"]
    if feature.kind == "cycle":
        return values[f"{feature.source}_season"]
    return series - values[f"{feature.source}_cycle"]


def _lagged(series: Array, steps: int) -> Array:
    before = np.full(series.shape, np.nan, series.dtype)
    before[:, steps:] = series[:, : series.shape[1] - steps]
    return before


def _running_mean(series: Array, steps: int) -> Array:
    """Average over the last steps, one by one, so that chunks round alike."""
    total = np.zeros(series.shape, np.float64)
    there = np.zeros(series.shape, np.int64)
    for k in range(min(steps, series.shape[1])):
        part = _lagged(series, k)
        known = ~np.isnan(part)
        total += np.where(known, part, 0.0)
        there += known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there >= (steps + 1) // 2, total / there, np.nan)
