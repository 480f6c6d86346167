"""NEE of a fitted network wherever there are drivers, lazily: one call per chunk."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError, XfluxWarning
from xflux.labels.attach import describe, generated, with_coordinate_attributes
from xflux.labels.blockwise import blockwise, common_dtype
from xflux.learning.features import Feature, columns
from xflux.learning.network_kernel import forward
from xflux.regional.dual_inputs import feature_arrays, span_of
from xflux.regional.dual_training import LIMIT

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FittedDual", "apply"]

Array = NDArray[Any]

#: Rows that are predicted together: their features stay in the cache.
_ROWS = 16384
#: Share of the span of the fit below which means over time are other means.
_SHORT = 0.5


@dataclass(frozen=True)
class FittedDual:
    """What fitting left.

    Attributes
    ----------
    features : tuple of Feature
    hidden : tuple of int
    members : tuple of dict
        Weights, biases and scaling of each.
    misfit : ndarray (101,)
        Quantiles, in per cent, of the misfit to towers that a member did not see; each tower of
        one weight.
    said : dict
        Attributes of what is computed.
    spread : dict of str to float
        Mean range of the inversions of each region, Pg per month.
    span : float
        Days that the drivers on the grid spanned; NaN where there were none.
    """

    features: tuple[Feature, ...]
    hidden: tuple[int, ...]
    members: tuple[dict[str, Array], ...]
    misfit: NDArray[np.float64]
    said: dict[str, Any]
    spread: dict[str, float] = field(default_factory=dict)
    span: float = float("nan")

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return NEE (row, member) of rows (row, feature); NaN where a feature is missing."""
        made = np.empty((len(rows), len(self.members)), np.float32)
        whole = np.isfinite(rows).all(axis=1)
        sizes = np.array([rows.shape[1], *self.hidden, 1])
        limit = np.full(rows.shape[1], LIMIT, np.float32)
        one = np.empty((len(rows), 1), np.float32)
        for k, arrays in enumerate(self.members):
            layers = range(len(self.hidden) + 1)
            flat = [part for j in layers for part in (arrays[f"bias{j}"], arrays[f"weight{j}"].T)]
            forward(
                np.ascontiguousarray(rows), arrays["x_mean"], arrays["x_factor"], limit, sizes,
                np.concatenate([part.ravel() for part in flat]), np.array([False]),
                np.atleast_1d(arrays["y_mean"]), np.atleast_1d(arrays["y_spread"]), True, one,
            )  # fmt: skip
            made[:, k] = one[:, 0]
        made[~whole] = np.nan
        return made


def apply(
    fitted: FittedDual, ds: xr.Dataset, *, interval: float | None = None, members: bool = False
) -> xr.Dataset:
    """Compute NEE.

    Parameters
    ----------
    fitted : FittedDual
    ds : Dataset
        Drivers as it was fitted to, on any dims.
    interval : float, optional
        Share of the records of a tower that was not seen that ``nee_lower`` to ``nee_upper`` hold.
    members : bool
        Return every member along ``member``, in place of the mean and of intervals.

    Returns
    -------
    Dataset
        ``nee`` [g m-2 d-1]; lazy where `ds` is.
    """
    import xarray as xr

    if interval is not None and not 0.0 < interval < 1.0:
        raise InputError(f"interval={interval!r} must lie between 0 and 1, such as 0.9")
    _warn_of_short(fitted, ds)
    arrays = feature_arrays(ds, fitted.features)
    names = list(arrays)
    dtype = common_dtype(list(arrays.values()))
    count = len(fitted.members) if members else 1
    block = _Block(fitted, tuple(names), members, dtype.str)
    made = blockwise(block, list(arrays.values()), outputs=count, dtype=dtype, called=names)
    mark = generated(ds.data_vars.values()) or fitted.said.get("synthetic")
    said = {**fitted.said, "synthetic": mark}
    sources = list(arrays.values())
    if members:
        number = xr.Variable("member", np.arange(count), {"long_name": "member of the ensemble"})
        whole = xr.concat([array.drop_attrs() for array in made], dim="member")
        nee = describe(whole.assign_coords(member=number), "nee", **said)
        return with_coordinate_attributes(nee.to_dataset(name="nee"), sources)
    result = {"nee": describe(made[0], "nee", **said)}
    if interval is not None:
        half = float(np.interp(100.0 * interval, np.arange(101), fitted.misfit))
        for end, sign in (("lower", -1.0), ("upper", 1.0)):
            words = f"{end.title()} end of the {100 * interval:g} % interval of nee"
            moved = made[0] + np.asarray(sign * half, dtype)
            attrs = {**said, "long_name": words, "standard_name": None}
            result[f"nee_{end}"] = describe(moved, "nee", **attrs).rename(f"nee_{end}")
    ds = xr.Dataset(result)
    if interval is not None:
        ds.attrs["interval"] = interval
    return with_coordinate_attributes(ds, sources)


def _warn_of_short(fitted: FittedDual, ds: xr.Dataset) -> None:
    """Warn where means of a site would be those of a part of its months."""
    means = [f.name for f in fitted.features if f.kind in ("site", "cycle", "anomaly")]
    span = span_of(ds)
    if not means or "site" in ds.dims or not span < _SHORT * fitted.span:
        return
    warnings.warn(
        f"{', '.join(means)} are means over the months that are given, here {span / 365.25:.1f} "
        f"years, where the grid of the fit had {fitted.span / 365.25:.1f}: NEE differs from that "
        "of the whole. Apply to all months, lazily, and select afterwards",
        XfluxWarning,
        stacklevel=4,
    )


@dataclass(frozen=True)
class _Block:
    """The work on one chunk, picklable."""

    fitted: FittedDual
    names: tuple[str, ...]
    members: bool
    dtype: str

    def __call__(self, *arrays: Array) -> Any:
        shape = np.broadcast_shapes(*(np.shape(array) for array in arrays))
        flat = [np.broadcast_to(array, shape).reshape(-1) for array in arrays]
        outputs = len(self.fitted.members) if self.members else 1
        made = np.empty((outputs, flat[0].size), self.dtype)
        features: Sequence[Feature] = self.fitted.features
        for start in range(0, flat[0].size, _ROWS):
            part = slice(start, start + _ROWS)
            values = {
                name: array[None, part].astype(np.float64)
                for name, array in zip(self.names, flat, strict=True)
            }
            found = self.fitted.predict(columns(values, list(features))[0])
            made[:, part] = found.T if self.members else found.mean(axis=1, dtype=np.float64)
        pieces = tuple(one.reshape(shape) for one in made)
        return pieces if outputs > 1 else pieces[0]
