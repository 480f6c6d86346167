"""Plant-available water by a bucket, along the steps of a Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.blockwise import check_axes, check_same_grid, common_dtype, require_whole
from xflux.labels.calendar import DAY, time_steps

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["water_availability"]

Array = np.ndarray[Any, Any]

#: Years that are gone through, again and again, for the water at the start.
_YEARS = 5


def water_availability(ds: xr.Dataset, p: xr.DataArray, pet: xr.DataArray) -> xr.DataArray:
    """Return the water availability index: the water of a bucket that rain fills.

    Parameters
    ----------
    ds : Dataset
        With the time of both: dates on any CF calendar, or the months of a mean year.
    p, pet : DataArray
        Precipitation (mm d-1) and potential evapotranspiration (kg m-2 d-1).

    Returns
    -------
    DataArray [mm]
        Mean over each step, 0 to 100; lazy where an input is. NaN where an input is, and after
        a gap (in values, or in the dates) until what the bucket held then makes no more than 1
        mm of difference.

    Raises
    ------
    InputError
        Without time, and for steps whose length cannot be told.
    ChunkError
        When time is in several chunks.
    GridMismatchError
        When the two lie on different grids.

    Notes
    -----
    Day by day, of a bucket that holds ``C`` = 100 mm::

        F(t) = min(C, W(t-1) + P(t))
        E(t) = min(PET(t), k F(t))
        W(t) = F(t) - E(t)

    with ``k`` = 0.05 d-1: what is left falls by a factor e in 20 days where demand does not
    limit it. A bucket of one layer, without snow: not the index of FLUXCOM (Tramontana et al.
    2016, Biogeosciences 13, 4291), whose place it takes. Longer steps are gone through day by
    day at constant rates. At the start the bucket holds what it does when the first 5
    years (all of a shorter series) are gone through again and again.
    """
    import xarray as xr

    steps = time_steps(ds)
    pair = {"p": p, "pet": pet}
    for name, array in pair.items():
        if steps is None or steps.dim not in array.dims:
            raise InputError(
                f"wai runs along time, and {name} has the dims {array.dims}, without it; give wai "
                "(mm) as a variable"
            )
        check_axes(array, name)
        require_whole(array, steps.dim, f"{name}, of which wai is made,")
    assert steps is not None
    check_same_grid(list(pair.values()), list(pair))
    dtype = common_dtype([p, pet])
    template = max((p, pet), key=lambda array: array.ndim)
    after_gap = np.append(False, steps.edges[1:, 0] - steps.edges[:-1, 1] > DAY // 24)
    year = max(1, round(365.25 / float(np.mean(steps.days))))
    whole = max(1, min(_YEARS, steps.days.size // year)) * year
    made: xr.DataArray = xr.apply_ufunc(
        _Bucket(steps.days, after_gap, whole, dtype),
        p,
        pet,
        input_core_dims=[[steps.dim], [steps.dim]],
        output_core_dims=[[steps.dim]],
        dask="parallelized",
        output_dtypes=[dtype],
        join="exact",
        keep_attrs=False,
    )
    return made.transpose(*template.dims, ...)


class _Bucket:
    """The work on one chunk; a class of its own so that it travels to workers."""

    def __init__(self, days: Array, after_gap: Array, spin_up: int, dtype: np.dtype[Any]) -> None:
        self.days = days
        self.after_gap = after_gap
        self.spin_up = spin_up
        self.dtype = dtype

    def __call__(self, p: Array, pet: Array) -> Array:
        from xflux.numerics.water_bucket import CAPACITY, DECAY, water_bucket

        shape = np.broadcast_shapes(p.shape, pet.shape)
        series = [
            np.ascontiguousarray(np.broadcast_to(array, shape), self.dtype).reshape(-1, shape[-1])
            for array in (p, pet)
        ]
        out = np.empty_like(series[0])
        steps = (self.days, self.after_gap, self.spin_up)
        water_bucket(*series, *steps, CAPACITY, DECAY, out)
        return out.reshape(shape)
