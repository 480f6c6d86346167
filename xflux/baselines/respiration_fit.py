"""Fit the respiration models to towers: weighted least squares, errors robust by site."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, XfluxWarning
from xflux.labels.variables import IGBP, variables

if TYPE_CHECKING:
    import xarray as xr

    from xflux.baselines.respiration_model import Respiration

__all__ = ["fit_respiration"]

Array = NDArray[Any]
M = TypeVar("M", bound="Respiration")


@dataclass(frozen=True)
class _Records:
    """The valid records of the towers, one value each.

    Attributes
    ----------
    reco, ta, scale, weight : ndarray
        Weights sum to 1.
    group, cluster : ndarray of int
        Position in `groups` of what has a reference respiration of its own, and number
        of the site.
    groups : list
        Codes of classes, names of sites, or ``[None]``.
    """

    reco: Array
    ta: Array
    scale: Array
    weight: Array
    group: Array
    cluster: Array
    groups: list[Any]

    def count(self) -> Array:
        """Return the number of records of each group."""
        return np.bincount(self.group, minlength=len(self.groups))

    def sites(self) -> Array:
        """Return the number of sites of each group."""
        pairs = np.unique(np.stack([self.group, self.cluster]), axis=1)
        return np.bincount(pairs[0], minlength=len(self.groups))


@dataclass(frozen=True)
class _Estimate:
    """Reference respiration by group and for all, sensitivity, and their covariance."""

    r_ref: Array
    sensitivity: float
    covariance: Array
    predicted: Array
    share: Array  # of each group in the value for all, at one sensitivity
    clustered: bool

    @property
    def errors(self) -> Array:
        return np.sqrt(np.maximum(np.diag(self.covariance)[:-1], 0.0))

    @property
    def r_ref_all(self) -> float:
        return float(self.share @ self.r_ref)

    @property
    def error_all(self) -> float:
        return float(np.sqrt(self.share @ self.covariance[:-1, :-1] @ self.share))

    def mixed(self, own: Array) -> tuple[Array, Array]:
        """Return values and errors with the weight `own` on a group, the rest on all."""
        mix = np.diag(own) + np.outer(1.0 - own, self.share)
        errors = np.einsum("ij,jk,ik->i", mix, self.covariance[:-1, :-1], mix)
        return mix @ self.r_ref, np.sqrt(np.maximum(errors, 0.0))


def fit_respiration(
    model: M,
    towers: xr.Dataset,
    *,
    by: str | None,
    scale_by: str | None,
    fix_sensitivity: bool,
    weights: str,
    pooling: float,
    min_records: int,
    names: Mapping[str, str] | None,
) -> M:
    """Return a fitted copy of a respiration model; see `Q10Respiration.fit`."""
    if by not in ("igbp", "site", None):
        raise InputError(f"by is {by!r}; expected 'igbp', 'site' or None")
    if weights not in ("site", "record"):
        raise InputError(f"weights is {weights!r}; expected 'site' or 'record'")
    if scale_by not in ("fapar", "nirv", None):
        raise InputError(f"scale_by is {scale_by!r}; expected 'fapar', 'nirv' or None")
    if pooling < 0.0:
        raise InputError(f"pooling is {pooling!r}; expected a number of sites of at least 0")
    records = _read(type(model).__name__, towers, by, scale_by, weights, names)
    estimate = _estimate(model, records, fix_sensitivity)

    count, sites = records.count(), records.sites()
    enough = count >= min_records
    own = np.where(enough, sites / (sites + pooling) if by == "igbp" else 1.0, 0.0)
    r_ref, errors = estimate.mixed(own)
    if by == "igbp":
        # Of one site alone the residuals say nothing about the next site of its class.
        errors = np.where(enough & (sites < 2) & (own > 0.0), np.nan, errors)
    elif by == "site":
        r_ref = np.where(enough, r_ref, np.nan)
        errors = np.where(enough, errors, np.nan)
    r_ref = np.maximum(r_ref, 0.0)
    _warn_few(records, enough, by, min_records)
    summary = _summarise(model, records, estimate, r_ref, errors, enough, by, scale_by)
    summary.attrs |= {"weights": weights, "pooling": pooling if by == "igbp" else 0.0}
    return dataclasses.replace(
        model,  # type: ignore[type-var]
        r_ref=_as_parameter(records, estimate, r_ref, by, scale_by),
        scale_by=scale_by,
        summary=summary,
        **{model.sensitivity: estimate.sensitivity},
    )


def _read(
    asking: str,
    towers: xr.Dataset,
    by: str | None,
    scale_by: str | None,
    weights: str,
    names: Mapping[str, str] | None,
) -> _Records:
    """Load what the fit needs, and drop incomplete records."""
    import xarray as xr

    from xflux.labels.standardize import canonical

    wanted = ["ta", "reco", *([scale_by] if scale_by else []), *(["igbp"] if by == "igbp" else [])]
    ds = canonical(towers, wanted, names=names, needed_by=f"{asking}.fit").compute()
    if by == "site" and "site" not in ds.dims:
        raise InputError(
            f"by='site' needs the dimension 'site'; the towers have {', '.join(map(str, ds.dims))}"
        )
    site = xr.DataArray(np.arange(ds.sizes.get("site", 1)), dims="site")
    if "site" not in ds.dims:
        site = site.squeeze("site")
    arrays = xr.broadcast(*(ds[name] for name in wanted), site)
    flat = dict(zip([*wanted, "site"], (np.ravel(array.values).astype(float) for array in arrays)))
    row = variables["ta"]
    valid = np.isfinite(np.stack(list(flat.values()))).all(axis=0)
    valid &= (flat["ta"] >= row.valid_min) & (flat["ta"] <= row.valid_max)
    flat = {name: values[valid] for name, values in flat.items()}
    if flat["reco"].size < 3:
        raise InputError(
            f"{asking}.fit found {flat['reco'].size} records in which {', '.join(wanted)} are all "
            "there; it needs at least 3 (are the gaps of one variable those of another?)"
        )
    cluster = flat["site"].astype(int)
    if by is None:
        keys: list[Any] = [None]
        group = np.zeros_like(cluster)
    else:
        found, group = np.unique(flat[by], return_inverse=True)
        keys = [int(key) for key in found]
        if by == "site":
            keys = list(ds["site"].values[keys]) if "site" in ds.coords else keys
    weight = np.ones(cluster.size)
    if weights == "site":
        weight /= np.bincount(cluster)[cluster]
    scale = np.maximum(flat[scale_by], 0.0) if scale_by else np.ones(cluster.size)
    return _Records(
        flat["reco"], flat["ta"], scale, weight / weight.sum(), group, cluster, list(keys)
    )


def _estimate(model: Respiration, records: _Records, fixed: bool) -> _Estimate:
    """Minimise the weighted squares; the reference values follow from the sensitivity."""
    from scipy.optimize import minimize_scalar

    size = len(records.groups)

    def squares(sensitivity: float) -> float:
        base = records.scale * model.response(records.ta, sensitivity)[0]
        product = np.bincount(records.group, records.weight * base * records.reco, size)
        norm = np.bincount(records.group, records.weight * base * base, size)
        return -float(np.sum(product**2 / np.where(norm > 0.0, norm, np.inf)))

    low, high = model.bounds
    best = float(getattr(model, model.sensitivity))
    if not fixed:
        best = float(minimize_scalar(squares, (low, high), (low, high), method="bounded").x)
        if min(best - low, high - best) < 1e-3 * (high - low):
            warnings.warn(
                f"the fit puts {model.sensitivity} at {best:.4g}, the end of its range ({low:g} to "
                f"{high:g}): these towers do not determine it; hold it with fix_sensitivity=True",
                XfluxWarning,
                stacklevel=4,
            )
    value, slope = model.response(records.ta, best)
    base = records.scale * value
    norm = np.bincount(records.group, records.weight * base * base, size)
    product = np.bincount(records.group, records.weight * base * records.reco, size)
    r_ref = np.divide(product, norm, out=np.zeros(size), where=norm > 0.0)
    predicted = r_ref[records.group] * base
    gradient = np.zeros_like(base) if fixed else r_ref[records.group] * records.scale * slope
    covariance, clustered = _covariance(records, base, gradient, predicted, norm)
    share = norm / norm.sum() if norm.sum() > 0.0 else np.full(size, 1.0 / size)
    return _Estimate(r_ref, best, covariance, predicted, share, clustered)


def _covariance(
    records: _Records, base: Array, gradient: Array, predicted: Array, norm: Array
) -> tuple[Array, bool]:
    """Return the cluster-robust covariance of reference values and sensitivity.

    The sandwich of Liang and Zeger (1986) with the usual correction for few clusters.
    With a single site each record counts as a cluster.
    """
    size = len(records.groups)
    clustered = bool(np.unique(records.cluster).size > 1)
    cluster = records.cluster if clustered else np.arange(records.reco.size)
    clusters = np.unique(cluster).size

    bread = np.zeros((size + 1, size + 1))
    bread[:size, :size] = np.diag(norm)
    cross = np.bincount(records.group, records.weight * base * gradient, size)
    bread[:size, -1] = bread[-1, :size] = cross
    bread[-1, -1] = np.sum(records.weight * gradient**2)
    # A held sensitivity, or a class without any green, has a row of zeros.
    inverse = np.linalg.pinv(bread, hermitian=True)

    residual = records.weight * (records.reco - predicted)
    scores = np.zeros((cluster.max() + 1, size + 1))
    np.add.at(scores, (cluster, records.group), residual * base)
    np.add.at(scores[:, -1], cluster, residual * gradient)
    few = clusters / max(clusters - 1, 1)
    return few * inverse @ (scores.T @ scores) @ inverse, clustered


def _warn_few(records: _Records, enough: Array, by: str | None, min_records: int) -> None:
    few = [_name(key, by) for key, kept in zip(records.groups, enough) if not kept]
    if not few or by is None:
        return
    fate = "take the value of all sites" if by == "igbp" else "have no value (NaN)"
    what = "classes" if by == "igbp" else "sites"
    warnings.warn(
        f"{len(few)} {what} with fewer than {min_records} valid records {fate}: {', '.join(few)}",
        XfluxWarning,
        stacklevel=4,
    )


def _name(key: Any, by: str | None) -> str:
    if by == "igbp":
        return next((name for name, code in IGBP.items() if code == key), str(key))
    return str(key)


def _as_parameter(
    records: _Records, estimate: _Estimate, r_ref: Array, by: str | None, scale_by: str | None
) -> Any:
    """Return the reference respiration in the form that a model takes."""
    import xarray as xr

    if by is None:
        return float(r_ref[0])
    if by == "site":
        return xr.DataArray(
            r_ref,
            {"site": records.groups},
            "site",
            "r_ref",
            {"units": "g m-2 d-1", "long_name": "Respiration at the reference temperature"},
        )
    values = {_name(key, by): float(value) for key, value in zip(records.groups, r_ref)}
    if scale_by is None:
        return values
    # Green land of a class without towers respires too; what is not green comes out 0.
    return dict.fromkeys(IGBP, max(estimate.r_ref_all, 0.0)) | values


def _summarise(
    model: Respiration,
    records: _Records,
    estimate: _Estimate,
    r_ref: Array,
    errors: Array,
    enough: Array,
    by: str | None,
    scale_by: str | None,
) -> xr.Dataset:
    """Return a Dataset of what was estimated, how well, and from how much."""
    import xarray as xr

    unit = {"units": "g m-2 d-1"}
    per = f" at {scale_by} = 1" if scale_by else ""
    residual = records.reco - estimate.predicted
    scatter = records.reco - records.reco.mean()
    name = model.sensitivity
    scalars = {
        "r_ref_all": (estimate.r_ref_all, unit | {"long_name": f"r_ref of all sites{per}"}),
        "r_ref_all_se": (estimate.error_all, unit | {"long_name": "its standard error"}),
        name: (estimate.sensitivity, {"units": "K" if name == "e0" else "1"}),
        f"{name}_se": (
            float(np.sqrt(max(estimate.covariance[-1, -1], 0.0))),
            {"long_name": "its standard error; 0 where it was held"},
        ),
        "r2_nse": (
            float(1.0 - np.sum(residual**2) / np.sum(scatter**2)),
            {"long_name": "1 - SSE / SST on the records fitted, without pooling"},
        ),
        "rmse": (float(np.sqrt(np.mean(residual**2))), unit),
        "n": (int(records.reco.size), {"long_name": "number of records"}),
    }
    ds = xr.Dataset({key: ((), value, attrs) for key, (value, attrs) in scalars.items()})
    if by is not None:
        columns = {
            "r_ref": (by, r_ref, unit | {"long_name": f"r_ref as the model uses it{per}"}),
            "r_ref_se": (by, errors, unit | {"long_name": "its standard error"}),
            "records": (by, records.count(), {"long_name": "number of records"}),
            "sites": (by, records.sites(), {"long_name": "number of sites"}),
            "own": (by, enough, {"long_name": "has enough records for a value of its own"}),
        }
        labels = [_name(key, by) for key in records.groups]
        ds = ds.assign(columns).assign_coords({by: labels})
    ds.attrs = {
        "title": f"Fit of {type(model).__name__} to towers",
        "standard_errors": (
            "clustered by site" if estimate.clustered else "robust to unequal variance (one site)"
        ),
        "scale_by": scale_by or "none",
    }
    return ds
