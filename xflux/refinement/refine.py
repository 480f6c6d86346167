"""`ds.flux.refine(model)`: fluxes corrected by what towers say the baseline misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import warn_of_replaced
from xflux.labels.blockwise import check_same_grid
from xflux.learning.sources import with_net_radiation
from xflux.refinement.tower_rows import FLUXES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RefinementModel", "refine", "refined_beside"]


@runtime_checkable
class RefinementModel(Protocol):
    """A model that refines fluxes: any object with ``apply``."""

    def apply(self, ds: xr.Dataset, *, interval: float | None = None) -> xr.Dataset:
        """Return some of gpp, reco, nee and le on the dims of `ds`.

        With an interval also ``<flux>_lower`` and ``<flux>_upper``.
        """


def refine(
    ds: xr.Dataset,
    model: RefinementModel,
    *,
    interval: float | None = 0.9,
    members: bool = False,
    applicability: xr.DataArray | None = None,
) -> xr.Dataset:
    """Refine fluxes by a model that was fitted to towers.

    Parameters
    ----------
    ds : Dataset
        Drivers, eager or lazy, on any dims; with or without the baseline, which is computed
        where it is missing.
    model : RefinementModel
        Fitted, such as `ResidualModel`; any object with ``apply``.
    interval : float or None
        Share of what towers at new sites would record that ``<flux>_lower`` to
        ``<flux>_upper`` hold, in the mean over sites; None: no intervals.
    members : bool
        Return every member of the ensemble along ``member``, for budgets, in place of the
        mean and of intervals.
    applicability : DataArray of bool, optional
        True where the model is taken to hold, on some of the dims of `ds`, with its coordinates;
        elsewhere fluxes are NaN. Lazy or not.

    Returns
    -------
    Dataset
        Refined gpp, reco, nee [g m-2 d-1 of carbon], le [W m-2], and intervals. Lazy where
        `ds` is. NaN where the baseline is NaN, and for land cover without a tower.

    Raises
    ------
    InputError
        For a model that is not fitted, or that returns other dims; for an applicability that is
        no mask.
    GridMismatchError
        For an applicability of another grid.
    MissingVariableError, UnitsError
        For drivers that the model needs and that are missing or of another unit.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=30.0, start="2001", end="2003")
    >>> drivers, observed = earth.towers(n=30)
    >>> model = xflux.ResidualModel(learner="kernel", members=2, rows=0.5).fit(drivers, observed)
    >>> fluxes = xflux.refine(earth.drivers, model)
    >>> sorted(fluxes)[:3]
    ['gpp', 'gpp_lower', 'gpp_upper']
    """
    if not isinstance(model, RefinementModel):
        raise TypeError(
            f"model={model!r} does not refine: it has no apply(ds, *, interval=None); fit a "
            "ResidualModel, or write a class with that method"
        )
    if isinstance(model, type):
        raise TypeError(f"model={model.__name__} is a class; pass a fitted instance")
    if applicability is not None:
        _check_mask(applicability, ds)
    options: dict[str, Any] = {} if members else {"interval": interval}
    if members:
        options["members"] = True
    fluxes = model.apply(ds, **options)
    _check(fluxes, ds, members)
    if applicability is None:
        return fluxes
    mask = applicability.reset_coords(drop=True)
    return fluxes.map(lambda array: array.where(mask).transpose(*array.dims))


def refined_beside(
    ds: xr.Dataset,
    model: RefinementModel,
    *,
    interval: float | None,
    members: bool,
    applicability: xr.DataArray | None,
) -> xr.Dataset:
    """Refine as `refine` does, and return all of the Dataset with the fluxes and the baseline.

    Warns
    -----
    XfluxWarning
        For what is replaced and was neither a baseline nor refined before.
    """
    start = _with_baseline(ds, model)
    fluxes = refine(start, model, interval=interval, members=members, applicability=applicability)
    made = {
        f"{flux}_baseline": start[flux].variable
        for flux in fluxes
        if flux in start and "model" in start[flux].attrs
    }
    made |= {str(name): array.variable for name, array in fluxes.items()}
    before = [name for name in ds.data_vars if "refinement" in ds[name].attrs]
    lost = [
        name for name in made if name in ds and name not in before and "model" not in ds[name].attrs
    ]
    alone = "xflux.refine(ds, model) returns the refined fluxes alone"
    warn_of_replaced(lost, by="refine", alone=alone, stacklevel=3)
    # Intervals of another refinement of these fluxes hold no more.
    stale = [name for name in before if str(name).rpartition("_")[0] in fluxes]
    result = ds.drop_vars(stale).assign(made)
    if not any(str(name).endswith("_lower") for name in result):
        result.attrs.pop("interval", None)
    return result.assign_attrs(fluxes.attrs)


def _with_baseline(ds: xr.Dataset, model: RefinementModel) -> xr.Dataset:
    """Return the Dataset with the baseline that a fitted model of xflux corrects.

    Of another model nothing is known, and the Dataset returned as it is.
    """
    if getattr(model, "refinement_", None) is None:
        return ds
    from xflux.refinement.apply import baseline_of

    made = baseline_of(model, with_net_radiation(ds))  # type: ignore[arg-type]
    return ds.assign(made.data_vars)


def _check_mask(mask: xr.DataArray, ds: xr.Dataset) -> None:
    """Refuse what does not say yes or no for each place and time of the drivers."""
    import xarray as xr

    if not isinstance(mask, xr.DataArray) or mask.dtype != bool:
        found = getattr(mask, "dtype", type(mask).__name__)
        raise InputError(
            f"applicability is {found}; expected a DataArray of bool, True where the model holds, "
            "such as distance < limit"
        )
    odd = [dim for dim in mask.dims if dim not in ds.dims]
    if odd:
        raise InputError(
            f"applicability has the dims {mask.dims}, and the drivers {tuple(ds.dims)}; make it on "
            "some of theirs"
        )
    empty = xr.DataArray(
        np.broadcast_to(np.False_, [ds.sizes[dim] for dim in mask.dims]), dims=mask.dims
    )
    like = empty.assign_coords({dim: ds[dim] for dim in mask.dims if dim in ds.indexes})
    check_same_grid([like, mask], ["the Dataset", "applicability"])


def _check(fluxes: xr.Dataset, ds: xr.Dataset, members: bool) -> None:
    """Refuse what a model of the user's may return beside the contract."""
    present = [flux for flux in FLUXES if flux in fluxes]
    if not present:
        held = ", ".join(map(str, fluxes.data_vars)) or "nothing"
        raise InputError(f"apply returned {held}; expected some of {', '.join(FLUXES)}")
    allowed = {*ds.dims, *(["member"] if members else [])}
    for name, array in fluxes.items():
        odd = [dim for dim in array.dims if dim not in allowed]
        sizes = {dim: array.sizes[dim] for dim in array.dims if dim in ds.sizes}
        if odd or any(size != ds.sizes[dim] for dim, size in sizes.items()):
            raise InputError(
                f"apply returned {name} with {dict(array.sizes)}, and the Dataset has "
                f"{dict(ds.sizes)}; a model returns fluxes on the dims of its drivers"
            )
