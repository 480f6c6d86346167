"""Rows to learn from, out of labelled towers: checked, in canonical units, read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.derive import derivable
from xflux.labels.find import find
from xflux.labels.pipeline import materialise
from xflux.labels.resolve import resolve
from xflux.labels.variables import variables
from xflux.learning.features import Feature, based_on, columns, expand, parse, sources
from xflux.learning.sources import DERIVED, source_arrays, with_net_radiation
from xflux.refinement.baseline_fluxes import baseline_fluxes, held_as

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "FLUXES",
    "TowerRows",
    "check_fluxes",
    "check_target",
    "driver_rows",
    "held_features",
    "site_values",
    "tower_rows",
]

Floats = NDArray[np.float64]

#: What a refinement can learn.
FLUXES = ("gpp", "reco", "nee", "le")
#: Fewest sites and records that say anything of others.
_SITES, _RECORDS = 3, 30
#: What a variable comes from where the drivers do not hold it, as far as defaults go.
_FROM = {"par": "swin"}
#: What is held where it can be derived.
_MADE = ("ndwi", "swin_potential", "wai")


@dataclass(frozen=True)
class TowerRows:
    """One row for each site and step, whether it was observed or not.

    Attributes
    ----------
    features : tuple of Feature
        As they were named.
    expanded : tuple of Feature
        One for each column.
    codes : mapping of str to tuple of int
        Classes that the towers hold, by source.
    x : ndarray (row, column)
        NaN where a feature is missing.
    feature : ndarray (column,)
        Number of the source that each column comes from.
    site : ndarray (row,)
        Number of the site.
    base, target : mapping of str to ndarray (row,)
        Baseline and observation, by flux.
    made_by : mapping of str to str
        By which model a baseline was computed, by flux.
    cover : ndarray (row,), optional
        Code of land cover, where it is a feature.
    """

    features: tuple[Feature, ...]
    expanded: tuple[Feature, ...]
    codes: Mapping[str, tuple[int, ...]]
    x: NDArray[np.float32]
    feature: NDArray[np.int64]
    site: NDArray[np.int64]
    base: Mapping[str, Floats]
    target: Mapping[str, Floats]
    made_by: Mapping[str, str]
    cover: Floats | None = None


def tower_rows(
    drivers: xr.Dataset,
    observed: xr.Dataset,
    *,
    fluxes: Sequence[str],
    based: Sequence[str],
    features: Sequence[str] | None,
    default: Sequence[str],
    baseline: Mapping[str, Any] | None,
    needed_by: str,
    split: Mapping[str, float] | None = None,
    beside: Sequence[Feature] = (),
) -> TowerRows:
    """Read towers.

    Parameters
    ----------
    drivers, observed : Dataset
        Dims (site, time), gaps as NaN; may be one Dataset.
    fluxes : sequence of str
        To learn.
    based : sequence of str
        Fluxes whose baseline is wanted, beside those that are features.
    features : sequence of str, optional
        None: those of `default` that the drivers hold.
    default : sequence of str
    baseline : mapping of str to FluxModel, optional
    needed_by : str
        For messages.
    split : mapping of str to float, optional
        As of `features.expand`.
    beside : sequence of Feature, optional
        Wanted beside those that are named.

    Raises
    ------
    InputError
        For other dims, sites or times that differ, and an infinite baseline.
    MissingVariableError, UnitsError
        For what is missing, or of another unit.
    """
    drivers, observed = _towers(drivers, "drivers"), _towers(observed, "observed")
    drivers = with_net_radiation(drivers)
    chosen = tuple(dict.fromkeys((*_chosen(features, default, drivers, baseline), *beside)))
    known = (*based, *based_on(chosen))
    made = _baseline(drivers, baseline, known)
    shape = (observed.sizes["site"], observed.sizes["time"])
    values = _values(drivers, observed, chosen, made, needed_by)
    codes = {
        feature.source: tuple(
            int(code) for code in np.unique(values[feature.source]) if np.isfinite(code)
        )
        for feature in chosen
        if feature.kind in ("class", "code")
    }
    expanded = expand(chosen, codes, split)
    number = {name: k for k, name in enumerate(sources(chosen))}
    return TowerRows(
        chosen,
        expanded,
        codes,
        columns(values, expanded).reshape(-1, len(expanded)),
        np.array([number[feature.source] for feature in expanded], np.int64),
        np.repeat(np.arange(shape[0]), shape[1]),
        {flux: site_values(made[flux], observed, flux).reshape(-1) for flux in based},
        {flux: _target(observed, flux).reshape(-1) for flux in fluxes},
        {flux: str(made[flux].attrs.get("model", "")) for flux in known},
        values["igbp"].reshape(-1) if "igbp" in values else None,
    )


def driver_rows(
    drivers: xr.Dataset,
    features: Sequence[Feature],
    baseline: Mapping[str, Any] | None,
    needed_by: str,
) -> dict[str, Floats]:
    """Read what features are made of, each (site, time); see `tower_rows`."""
    drivers = with_net_radiation(_towers(drivers, "drivers"))
    made = _baseline(drivers, baseline, based_on(features))
    return _values(drivers, drivers, features, made, needed_by)


def check_fluxes(fluxes: Sequence[str]) -> None:
    """Refuse names that are no flux, or none at all."""
    unknown = [flux for flux in fluxes if flux not in FLUXES]
    if unknown or not fluxes:
        raise InputError(f"fluxes={fluxes!r}; expected some of {', '.join(FLUXES)}")


def check_target(target: Floats, site: NDArray[np.int64], flux: str) -> None:
    """Refuse a target of too few records or sites, or without any variation."""
    sites = np.unique(site).size
    words = variables[flux].long_name
    if target.size < _RECORDS or sites < _SITES:
        raise InputError(
            f"{flux} ({words}) has {target.size} records of {sites} site(s) with what they "
            f"are learned from; expected at least {_RECORDS} of {_SITES}. Leave it out with "
            "fluxes=, or look for what is missing"
        )
    if np.ptp(target) < 1e-12:
        raise InputError(f"{flux} is {target[0]:g} throughout; there is nothing to learn")


def site_values(array: xr.DataArray, like: xr.Dataset, name: str) -> Floats:
    """Return values (site, time) at the sites and times of the observations."""
    for dim in {"site", "time"} & set(array.indexes) & set(like.indexes):
        if not array.indexes[dim].equals(like.indexes[dim]):
            raise InputError(
                f"{dim} of {name} and of the observations differ; select the same in both, with "
                "xr.align(drivers, observed)"
            )
    other = [dim for dim in array.dims if dim not in ("site", "time")]
    if other:
        raise InputError(f"{name} has the dims {array.dims}; expected site and time alone")
    sizes = {dim: like.sizes[dim] for dim in ("site", "time") if dim not in array.dims}
    whole = array.expand_dims(sizes).transpose("site", "time")
    values = np.asarray(whole.values, np.float64)
    if np.isinf(values).any():
        raise InputError(f"{name} holds infinite values; set them to NaN with .where(np.isfinite)")
    return values


def _baseline(
    drivers: xr.Dataset, models: Mapping[str, Any] | None, wanted: Sequence[str]
) -> xr.Dataset:
    return baseline_fluxes(drivers, dict(models or {}), wanted).compute()


def _values(
    drivers: xr.Dataset,
    like: xr.Dataset,
    features: Sequence[Feature],
    made: xr.Dataset,
    needed_by: str,
) -> dict[str, Floats]:
    arrays = source_arrays(drivers, features, made, needed_by=needed_by)
    return {name: site_values(array, like, name) for name, array in arrays.items()}


def _towers(ds: xr.Dataset, called: str) -> xr.Dataset:
    import xarray as xr

    if not isinstance(ds, xr.Dataset):
        raise InputError(
            f"{called} are a {type(ds).__name__}; expected a Dataset with the dims (site, time)"
        )
    if not {"site", "time"} <= set(ds.dims):
        raise InputError(
            f"{called} have the dims {tuple(ds.dims)}; a refinement is fitted to towers, with the "
            "dims (site, time)"
        )
    return ds


def held_features(default: Sequence[str], drivers: xr.Dataset) -> tuple[str, ...]:
    """Return those features whose sources the drivers hold; a baseline can be computed."""

    def held(source: str) -> bool:
        return (
            source.endswith("_baseline")
            or find(drivers, source) is not None
            or (source in _FROM and find(drivers, _FROM[source]) is not None)
            or (source in _MADE and derivable(drivers, source, DERIVED))
        )

    return tuple(name for name in default if held(parse(name).source))


def _chosen(
    named: Sequence[str] | None,
    default: Sequence[str],
    drivers: xr.Dataset,
    models: Mapping[str, Any] | None,
) -> tuple[Feature, ...]:
    if named is not None:
        parsed = tuple(parse(name) for name in named)
        if not parsed:
            raise InputError("features is empty; name at least one")
        return parsed
    # A flux that is given no model has no baseline, unless the drivers hold it.
    without = {flux for flux, model in (models or {}).items() if model is None}
    without |= {"nee"} if without & {"gpp", "reco"} else set()
    without = {f"{flux}_baseline" for flux in without if held_as(drivers, flux) is None}
    chosen = map(parse, held_features(default, drivers))
    return tuple(feature for feature in chosen if feature.source not in without)


def _target(observed: xr.Dataset, flux: str) -> Floats:
    plan = resolve(observed, {flux: f"fluxes=(..., {flux!r}) of the refinement"})
    return site_values(materialise(plan, flux), observed, flux)
