"""Mean seasonal cycles at towers, observed and computed at the same times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xflux.labels.classes import flags

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["mean_cycles"]

#: Groups that get a panel of their own; of more, the ones with most sites.
_MOST = 12


def mean_cycles(observed: xr.DataArray, predicted: xr.DataArray) -> xr.DataArray | None:
    """Average both sides by calendar month, over years and then over the sites of a class.

    Parameters
    ----------
    observed, predicted : DataArray
        Dims (site, time); with the coordinate ``igbp`` groups are land cover classes, else
        all sites are one.

    Returns
    -------
    DataArray or None
        Unit of `observed`; dims (estimate, group, month), largest group first. None when no
        site has pairs in all twelve months.

    Notes
    -----
    Times at which either side is missing count for neither. A site counts when it has pairs
    in every month, so that the same sites make all months of a cycle.
    """
    import xarray as xr

    both = observed.notnull() & predicted.notnull()
    sides = xr.concat(
        [observed.where(both), predicted.where(both)], dim="estimate", coords="minimal",
        compat="override", combine_attrs="override",
    ).assign_coords(estimate=["observed", "baseline"])  # fmt: skip
    cycles = sides.groupby("time.month").mean("time", keep_attrs=True)
    if cycles.sizes["month"] < 12:
        return None
    complete = cycles.isel(site=cycles.notnull().all(("estimate", "month")).values)
    if complete.sizes["site"] == 0:
        return None
    labels = _labels(complete)
    names, counts = np.unique(labels, return_counts=True)
    order = np.lexsort((names, -counts))[:_MOST]
    means = [complete.isel(site=labels == names[k]).mean("site", keep_attrs=True) for k in order]
    groups = [f"{names[k]} ({counts[k]} site{'s' * int(counts[k] > 1)})" for k in order]
    joined = xr.concat(means, dim="group", coords="minimal", compat="override")
    joined = joined.assign_coords(group=groups).transpose("estimate", "group", "month")
    attrs = {**observed.attrs}
    # The mean of a month is no longer the mean over time that the attributes speak of.
    attrs.pop("cell_methods", None)
    return joined.assign_attrs(attrs)


def _labels(cycles: xr.DataArray) -> np.ndarray:
    if "igbp" not in cycles.coords:
        return np.full(cycles.sizes["site"], "all sites")
    names = flags(cycles["igbp"])
    return np.array([names.get(code, "unknown class") for code in cycles["igbp"].values])
