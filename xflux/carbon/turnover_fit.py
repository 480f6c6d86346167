"""Learn residence times from pools and the production that feeds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.pool_kernel import POOLS
from xflux.carbon.pool_parameters import parameter_attributes
from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import with_coordinate_attributes, with_history
from xflux.labels.blockwise import check_same_grid, require_whole
from xflux.labels.calendar import Step, time_steps
from xflux.labels.standardize import canonical
from xflux.labels.units import convert, plain_indexes
from xflux.labels.variables import Variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fit_turnover"]

_SHARES = ("npp_to_leaf", "npp_to_wood", "npp_to_root")
_FITTED = ("tau_leaf", "tau_wood", "tau_root", "tau_litter", "tau_soil", "litter_to_soil")


def fit_turnover(
    ds: xr.Dataset,
    shares: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
    freq: Step | None = None,
) -> xr.Dataset:
    """Learn the residence times with which production explains pools through time.

    Parameters
    ----------
    ds : Dataset
        ``npp`` [g m-2 d-1 of carbon], and ``cLeaf``, ``cWood``, ``cRoot``, ``cLitter``,
        ``cSoil`` [g m-2 of carbon] at the end of each step, along time; or what converts to
        these. Eager, or lazy and chunked along space.
    shares : mapping or Dataset
        ``npp_to_leaf``, ``npp_to_wood``, ``npp_to_root``: numbers, or DataArrays without
        time; they sum to 1.
    names : mapping of str to str, optional
        Your own names.
    freq : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where it cannot be told.

    Returns
    -------
    Dataset
        ``tau_leaf``, ``tau_wood``, ``tau_root``, ``tau_litter``, ``tau_soil`` [year] and
        ``litter_to_soil`` [1], with the shares: parameters for `simulate_pools`. NaN where an
        input is missing or a pool is not above 0; of a pool that is neither fed nor there,
        the time alone is NaN.

    Raises
    ------
    MissingVariableError, UnitsError, GridMismatchError, ChunkError, InputError
        As `simulate_pools`; and for fewer than 3 steps.

    Notes
    -----
    The model starts from the pools of the first stamp and runs freely from there. Pool after
    pool along the chain, the sum of squares of ``log(modelled / given)`` over the steps is made
    least, by damped least squares on ``log tau`` and, for soil, ``logit litter_to_soil``
    (Levenberg 1944, Marquardt 1963). The first guess is the carbon balance of each pool, mean
    stock over mean decay. A weak pull towards it holds what the pools do not tell: a soil in
    balance tells ``litter_to_soil tau_soil`` alone.

    Where carbon moves otherwise, as wood that decays straight into soil, these are the times
    with which this model comes nearest.
    """
    import xarray as xr

    ds = plain_indexes(ds)
    steps = time_steps(ds, freq=freq)
    if steps is None or steps.days.size < 4:
        raise InputError("fit_turnover needs pools at 4 or more moments along time")
    dim = steps.dim
    found = canonical(ds, ["npp", *POOLS], names=names, needed_by="fit_turnover")
    arrays = [found[name] for name in ("npp", *POOLS)]
    for array in arrays:
        if dim not in array.dims:
            raise InputError(f"{str(array.name)!r} has no dimension {dim!r}")
        require_whole(array, dim, repr(array.name))
    split = [_share(name, shares) for name in _SHARES]
    check_same_grid([*arrays, *split], ["npp", *POOLS, *_SHARES])
    results = xr.apply_ufunc(
        _FitBlock(tuple(steps.days.tolist())),
        *arrays,
        *split,
        input_core_dims=[[dim]] * len(arrays) + [[]] * len(split),
        output_core_dims=[[]] * len(_FITTED),
        dask="parallelized",
        join="exact",
        keep_attrs=False,
        output_dtypes=["f8"] * len(_FITTED),
    )
    made = {}
    for name, array in zip(_FITTED, results, strict=True):
        made[name] = array.assign_attrs(parameter_attributes(name))
    for name, array in zip(_SHARES, split, strict=True):
        made[name] = array.assign_attrs(parameter_attributes(name))
    return with_history(with_coordinate_attributes(xr.Dataset(made), arrays), "fit_turnover")


def _share(name: str, shares: Mapping[str, Any]) -> xr.DataArray:
    import xarray as xr

    if name not in shares:
        raise MissingVariableError(f"the shares lack {name!r}; expected {', '.join(_SHARES)}")
    value = shares[name]
    if isinstance(value, xr.DataArray):
        return convert(value, Variable(name, "1", name), f"{name} of the shares")
    return xr.DataArray(float(value))


@dataclass(frozen=True)
class _FitBlock:
    """The fit on one chunk, in any number of cells; years of 365.25 days."""

    days: tuple[float, ...]

    def __call__(self, *arrays: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        from xflux.carbon.turnover_fit_kernel import fit

        series, split = arrays[: len(POOLS) + 1], arrays[len(POOLS) + 1 :]
        shape = np.broadcast_shapes(*(a.shape[:-1] for a in series), *(np.shape(a) for a in split))
        npp, *pools = (
            np.moveaxis(np.broadcast_to(a, (*shape, a.shape[-1])), -1, 0)
            .reshape(len(self.days), -1)
            .astype("f8")
            for a in series
        )
        shares = np.stack([np.broadcast_to(a, shape).reshape(-1).astype("f8") for a in split])
        total = shares.sum(axis=0)
        wrong = (shares < 0).any(axis=0) | (np.abs(total - 1) > 1e-5)
        shares[:, wrong] = np.nan
        length = np.array(self.days[1:]) / 365.25
        fitted = fit(npp[1:] * 365.25, np.stack(pools), shares / total, length)
        return tuple(values.reshape(shape) for values in fitted)
