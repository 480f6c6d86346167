"""Fluxes of a cell from those of its classes: a model is run for each, and summed by shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.blockwise import blockwise
from xflux.labels.class_fractions import ROUNDING, class_fractions
from xflux.labels.find import find
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.refine import RefinementModel

__all__ = ["apply_by_class"]

Array = np.ndarray[Any, Any]

#: Classes without vegetation, of which there are no towers and no carbon fluxes to speak of.
BARE = ("SNO", "BSV", "WAT")


def apply_by_class(
    model: RefinementModel,
    ds: xr.Dataset,
    fractions: xr.DataArray,
    *,
    variable: str = "igbp",
    bare: Sequence[str] = BARE,
    interval: float | None = None,
    members: bool = False,
) -> xr.Dataset:
    """Run a model for each class of land cover, and sum by the shares of cells, as FLUXCOM does.

    A cell of half a degree holds forest and field, and a model that is told the class which
    covers most of it is told of half of it.

    Parameters
    ----------
    model : RefinementModel
        Fitted, with `variable` among its features.
    ds : Dataset
        Drivers; what they hold of `variable` is replaced by each class in turn.
    fractions : DataArray
        Shares (class, lat, lon) of the cells of `ds` [1 or %], and along time where cover
        changes; ``class`` holds names or codes.
    variable : str
        Which variable the classes are: ``igbp`` or ``koppen``.
    bare : sequence of str
        Classes without vegetation, for which the model is not run.
    interval, members
        As of ``model.apply``, where it takes them. The ends of intervals are summed as means
        are: what is wrong in a cell is taken to be wrong in all of its classes.

    Returns
    -------
    Dataset
        Lazy where `ds` or `fractions` is, with the dims of the model's fluxes. Of carbon
        ``sum_c f_c F_c`` per area of the cell: shares of bare classes, and what shares lack to
        1, have no flux. Of latent heat, which bare ground and water have too, the mean over the
        shares with vegetation. NaN where a class with a share has no flux (such as one without
        a tower in training: merge its share into a like class), where shares are NaN or sum
        to more than 1, and where no class has a share.

    Raises
    ------
    InputError
        For fractions that are none (see `xflux.labels.class_fractions`), or of bare classes
        alone.
    GridMismatchError
        For fractions of another grid.

    Notes
    -----
    Tramontana et al. (2016, Biogeosciences 13, 4291) and Jung et al. (2020, Biogeosciences 17,
    1343): fluxes are predicted for each plant functional type, and averaged by the fractions
    of types in a cell.

    Examples
    --------
    >>> import xarray as xr
    >>> import xflux
    >>> class Forest:
    ...     def apply(self, ds, *, interval=None):
    ...         return xr.Dataset({"gpp": 0.5 * ds["ta"] * (ds["igbp"] == 4)})
    >>> ds = xr.Dataset({"ta": ("lat", [20.0, 10.0])}, {"lat": [40.0, 50.0]})
    >>> shares = xr.DataArray(
    ...     [[0.25, 1.0], [0.75, 0.0]],
    ...     dims=("class", "lat"),
    ...     coords={"class": ["DBF", "CRO"], "lat": [40.0, 50.0]},
    ... )
    >>> xflux.apply_by_class(Forest(), ds, shares)["gpp"].values
    array([2.5, 5. ])
    """
    import xarray as xr

    shares = class_fractions(fractions, variable)
    codes = variables[variable].classes or {}
    unknown = [name for name in bare if name not in codes]
    if unknown:
        raise InputError(f"bare={tuple(bare)!r}: {', '.join(unknown)} are no classes of {variable}")
    classes = [str(name) for name in shares["class"].values]
    wanted = [k for k, name in enumerate(classes) if name not in bare]
    if shares.chunks is None:
        wanted = [k for k in wanted if bool((shares.isel({"class": k}) != 0.0).any())]
    if not wanted:
        raise InputError("fractions hold bare classes alone: there is nothing to compute")
    own = find(ds, variable)
    plain = ds if own is None else ds.drop_vars(own)
    options: dict[str, Any] = {"members": True} if members else {"interval": interval}
    runs = [
        model.apply(plain.assign({variable: xr.DataArray(codes[classes[k]])}), **options)
        for k in wanted
    ]
    all_shares = [shares.isel({"class": k}, drop=True) for k in range(len(classes))]
    called = [f"fractions of {name}" for name in classes]
    names = ", ".join(classes[k] for k in wanted)
    made = {}
    for name, first in runs[0].items():
        mean = str(name).split("_")[0] == "le"
        arrays = [run[name].reset_coords(drop=True) for run in runs]
        (total,) = blockwise(
            _Tiles(tuple(wanted), mean, first.dtype),
            [*arrays, *all_shares],
            outputs=1,
            dtype=first.dtype,
            called=[*[str(name)] * len(arrays), *called],
        )
        attrs = {key: value for key, value in first.attrs.items() if key != "comment"}
        how = "mean" if mean else "sum"
        attrs["tiles"] = f"{how} over {variable} {names}, by their shares of the cell"
        made[name] = total.transpose(*first.dims, ...).assign_attrs(attrs)
    return xr.Dataset(made, runs[0].coords, runs[0].attrs)


class _Tiles:
    """The sum over the classes of one chunk; a class of its own so that it travels to workers."""

    def __init__(self, wanted: tuple[int, ...], mean: bool, dtype: np.dtype[Any]) -> None:
        self.wanted = wanted
        self.mean = mean
        self.dtype = dtype

    def __call__(self, *arrays: Array) -> Array:
        fluxes, shares = arrays[: len(self.wanted)], arrays[len(self.wanted) :]
        covered = sum(share.astype(np.float64) for share in shares)
        total: Any = 0.0
        vegetated: Any = 0.0
        for k, flux in zip(self.wanted, fluxes, strict=True):
            share = shares[k].astype(np.float64)
            # A class without a share has no say, though its flux may be NaN.
            total = total + np.where(share == 0.0, 0.0, share * flux)
            vegetated = vegetated + share
        with np.errstate(invalid="ignore", divide="ignore"):
            total = total / vegetated if self.mean else total
            known = (covered > 0.0) & (covered <= 1.0 + ROUNDING)
        for share in shares:
            known = known & (share >= 0.0)
        return np.where(known, total, np.nan).astype(self.dtype)
