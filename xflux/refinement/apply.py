"""Refine fluxes wherever there are drivers, lazily: one call per chunk for all fluxes."""

from __future__ import annotations

import operator
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.attach import describe, generated
from xflux.labels.blockwise import check_same_grid, common_dtype
from xflux.labels.calendar import find_time
from xflux.labels.chunks import at_least, largest_chunks, same_volume
from xflux.labels.variables import IGBP
from xflux.learning.features import based_on
from xflux.learning.sources import source_arrays, with_net_radiation
from xflux.numerics.tiles import slabs
from xflux.refinement.baseline_fluxes import baseline_fluxes
from xflux.refinement.known_sites import remembered
from xflux.refinement.refinement import Refinement
from xflux.refinement.steps import check_steps

if TYPE_CHECKING:
    import xarray as xr

    from xflux.refinement.constrained_network import ConstrainedNetwork
    from xflux.refinement.residual import ResidualModel

__all__ = ["apply", "baseline_of", "fitted_of"]

Array = NDArray[Any]

#: What a model says of carbon dioxide, which is a driver though a model may carry it.
_CO2 = re.compile(r",? ?co2=[^,)]*")
#: Rows that are predicted together: their features stay in the cache, and take no memory to
#: speak of however large a chunk is.
_ROWS = 16384


def apply(
    model: ResidualModel | ConstrainedNetwork,
    ds: xr.Dataset,
    *,
    interval: float | None = None,
    members: bool = False,
) -> xr.Dataset:
    """Compute refined fluxes.

    Parameters
    ----------
    model : ResidualModel or ConstrainedNetwork
        Fitted.
    ds : Dataset
        Drivers as the model was fitted to, on any dims.
    interval : float, optional
        Share of the observations of a new site that ``<flux>_lower`` to ``<flux>_upper`` hold.
    members : bool
        Return every member along a dimension ``member``, in place of means and intervals.

    Returns
    -------
    Dataset
        Lazy where `ds` is.
    """
    import xarray as xr

    fitted = fitted_of(model)
    if interval is not None:
        if not 0.0 < interval < 1.0:
            raise InputError(f"interval={interval!r} must lie between 0 and 1, such as 0.9")
        without = [flux for flux in fitted.fluxes if flux not in fitted.spreads]
        if without:
            raise InputError(
                f"{', '.join(without)} have no intervals: no site was left out while fitting; fit "
                "with rows below 1 of the sites and several members, or give interval=None"
            )
    check_steps(ds, fitted.provenance.get("step_days"), fitted.features)
    ds = with_net_radiation(ds)
    fluxes = baseline_of(model, ds)
    _check_baseline(fitted, fluxes)
    arrays = source_arrays(ds, fitted.features, fluxes, needed_by=type(model).__name__)
    arrays |= {f"baseline {flux}": fluxes[flux].drop_attrs() for flux in fitted.based}
    drivers = list(arrays.values())
    own = remembered(fitted.known, ds)
    arrays |= {f"remembered {flux}": array for flux, array in own.items()}
    names = _outputs(fitted, interval, members)
    dtype = common_dtype(drivers)
    block = _Block(fitted, tuple(arrays), tuple(names), interval, members, dtype)
    made = _run(block, list(arrays.values()), list(arrays), len(names), members)
    template = max(arrays.values(), key=lambda array: array.ndim)
    # What was learned from generated records, or made from generated drivers, is no estimate.
    mark = generated(ds.data_vars.values()) or fitted.provenance.get("synthetic")
    note = "records of sites that it was fitted to went into the values there" if own else None
    result = {}
    for name, array in zip(names, made, strict=True):
        flux = name.split("_")[0]
        array = array.transpose(*(["member"] if members else []), *template.dims)
        result[name] = describe(
            array, flux, synthetic=mark, site_memory=note, **_said(name, fitted, interval)
        ).rename(name)
    ds = xr.Dataset(result)
    if interval is not None and not members:
        ds.attrs["interval"] = interval
    return ds.drop_vars([key for key in ds.coords if key not in template.coords])


def baseline_of(model: ResidualModel | ConstrainedNetwork, ds: xr.Dataset) -> xr.Dataset:
    """Return the baseline fluxes that a fitted model needs: what `ds` holds, else computed.

    Drivers are as `with_net_radiation` returns them.
    """
    fitted = fitted_of(model)
    wanted = (*fitted.based, *based_on(fitted.features))
    return baseline_fluxes(ds, dict(model.baseline or {}), wanted)


def fitted_of(model: ResidualModel | ConstrainedNetwork) -> Refinement:
    """Return what fitting left, or refuse."""
    fitted = getattr(model, "refinement_", None)
    if fitted is None:
        raise InputError(
            f"this {type(model).__name__} is not fitted; call fit(drivers, observed) first, or "
            f"load one with {type(model).__name__}.load(path)"
        )
    result: Refinement = fitted
    return result


def _check_baseline(fitted: Refinement, fluxes: xr.Dataset) -> None:
    """Refuse another baseline than the one whose errors were learned."""
    for flux, model in fitted.baseline.items():
        found = str(fluxes[flux].attrs.get("model", ""))
        if model and found and _CO2.sub("", found) != _CO2.sub("", model):
            raise InputError(
                f"the baseline of {flux} is by {found}, and the refinement learned the errors of "
                f"{model}; compute it anew with that model"
            )


def _outputs(fitted: Refinement, interval: float | None, members: bool) -> list[str]:
    ends = () if interval is None or members else ("_lower", "_upper")
    return [flux + end for end in ("", *ends) for flux in fitted.fluxes]


def _said(name: str, fitted: Refinement, interval: float | None) -> dict[str, Any]:
    flux, _, end = name.partition("_")
    baseline = fitted.baseline.get(flux) or "the baseline"
    said: dict[str, Any] = {"refinement": f"{baseline}, and what towers say it misses"}
    if "igbp" in fitted.codes:
        names = {code: name for name, code in IGBP.items()}
        known = ", ".join(names.get(code, str(code)) for code in fitted.codes["igbp"])
        said["comment"] = f"missing on land cover without a tower in training, which had {known}"
    if end:
        side = "Lower" if end == "lower" else "Upper"
        said["long_name"] = f"{side} end of the {100 * (interval or 0):g} % interval of {flux}"
        said["standard_name"] = None
    return said


@dataclass(frozen=True)
class _Block:
    """The work on one chunk.

    Attributes
    ----------
    fitted : Refinement
    names : tuple of str
        Of the arrays that it is called with, after the steps.
    outputs : tuple of str
        What it returns, in this order.
    interval, members
        As in `apply`.
    dtype : dtype
    """

    fitted: Refinement
    names: tuple[str, ...]
    outputs: tuple[str, ...]
    interval: float | None
    members: bool
    dtype: np.dtype[Any]

    def __call__(self, kept: Array, steps: Array, *arrays: Array) -> Array:
        """Compute a chunk, whose last axis is time.

        Parameters
        ----------
        kept, steps : ndarray (time,)
            Numbers of the steps that are wanted, and of those that are there.
        *arrays : ndarray
            Broadcasting to one shape.

        Returns
        -------
        ndarray (output, ...) or (output, member, ...)
        """
        skip = steps.size - kept.size
        shape = np.broadcast_shapes(*(array.shape for array in arrays), steps.shape)
        whole = [np.broadcast_to(array, shape) for array in arrays]
        lead = (len(self.outputs), self.fitted.members) if self.members else (len(self.outputs),)
        result = np.empty((*lead, *shape[:-1], kept.size), self.dtype)
        # Series by series: what is remembered lies along the last axis.
        for slab in slabs(shape[:-1], max(1, _ROWS // shape[-1])):
            part = [array[slab].reshape(-1, shape[-1]) for array in whole]
            made = self._series(dict(zip(self.names, part, strict=True)), skip)
            for k, name in enumerate(self.outputs):
                target = result[(k, *(slice(None) for _ in lead[1:]), *slab)]
                target[...] = made[name].reshape(target.shape)
        return result

    def _series(self, plain: dict[str, Array], skip: int) -> dict[str, Array]:
        """Compute series (series, step)."""
        base = {flux: plain.pop(f"baseline {flux}") for flux in self.fitted.based}
        own = {
            name.removeprefix("remembered "): plain.pop(name)
            for name in self.names
            if name.startswith("remembered ")
        }
        values = {name: array.astype(np.float64, copy=False) for name, array in plain.items()}
        made = self.fitted.predict(
            values, base, skip=skip, dtype=self.dtype, remembered=own, members=self.members
        )
        if self.members:
            return made
        cover = values["igbp"][:, skip:] if "igbp" in values else None
        return self.fitted.summarise(made, self.interval, cover=cover)


def _run(
    block: _Block, arrays: list[xr.DataArray], called: list[str], outputs: int, members: bool
) -> list[xr.DataArray]:
    """Call the block on whole arrays, or on each chunk with the steps before it."""
    import xarray as xr

    check_same_grid(arrays, called)
    template = max(arrays, key=lambda array: array.ndim)
    time = next((find_time(array) for array in arrays if find_time(array) is not None), None)
    dims = [dim for dim in template.dims if dim != time]
    dims += [dim for array in arrays for dim in array.dims if dim not in (*dims, time)]
    dims = list(dict.fromkeys(dims))
    order: list[Hashable] = [*dims, time if time is not None else "__step__"]
    sizes: dict[Hashable, int] = {"__step__": 1}
    for array in arrays:
        sizes |= dict(array.sizes)
    lead = ["__output__", "member"] if members else ["__output__"]
    lengths = (outputs, block.fitted.members)[: len(lead)]
    if all(array.chunks is None for array in arrays):
        steps = np.arange(sizes[order[-1]])
        data: Any = block(steps, steps, *(_spread(array, order) for array in arrays))
    else:
        data = _lazy(block, arrays, order, sizes, lengths)
    whole = xr.DataArray(data, dims=[*lead, *order])
    if time is None:
        whole = whole.isel(__step__=0)
    coords: dict[Hashable, Any] = {}
    for array in arrays:
        coords |= {key: c for key, c in array.coords.items() if set(c.dims) <= set(order)}
    return [whole.isel(__output__=k).assign_coords(coords) for k in range(outputs)]


def _spread(array: xr.DataArray, order: list[Hashable]) -> Array:
    """Return values with every dim in its place, of length 1 where it is absent."""
    present = array.transpose(*[dim for dim in order if dim in array.dims]).values
    return present.reshape([array.sizes.get(dim, 1) for dim in order])


def _lazy(
    block: _Block,
    arrays: list[xr.DataArray],
    order: list[Hashable],
    sizes: Mapping[Hashable, int],
    lengths: tuple[int, ...],
) -> Any:
    import dask
    import dask.array
    from dask.array.overlap import overlap

    # Chunks of few steps and much of the globe stay of the size that the user chose.
    last = order[-1]
    chunks = largest_chunks(arrays, {dim: sizes[dim] for dim in order})
    memory = block.fitted.memory if len(chunks[last]) > 1 else 0
    chunks = same_volume(chunks, last, at_least(chunks[last], memory))

    def before(data: Any, axis: int) -> Any:
        return overlap(data, {axis: (memory, 0)}, {axis: "none"}) if memory else data

    numbers = dask.array.arange(sizes[last], chunks=(chunks[last],))
    lead = tuple(range(len(lengths)))
    axes = {dim: k + len(lengths) for k, dim in enumerate(order)}
    # A task of its own: the model is sent once to where it is needed, not with every chunk.
    model = dask.delayed(block, name=f"refinement-{dask.base.tokenize(block)}", traverse=False)
    args: list[Any] = [model, None]
    # First what has the chunks of the result: those with the steps before are longer.
    args += [numbers, (axes[last],), before(numbers, 0), (axes[last],)]
    for array in arrays:
        present = [dim for dim in order if dim in array.dims]
        data = array.variable.transpose(*present).data
        wanted = tuple(chunks[dim] for dim in present)
        if array.chunks is None:
            data = dask.array.from_array(data, chunks=wanted)
        else:
            data = data.rechunk(wanted)
        if last in present:
            data = before(data, present.index(last))
        # Dims that are absent have length 1, so that shapes broadcast.
        data = data[tuple(slice(None) if dim in present else None for dim in order)]
        args += [data, tuple(axes[dim] for dim in order)]
    return dask.array.blockwise(
        operator.call,
        (*lead, *(axes[dim] for dim in order)),
        *args,
        token="refine",
        new_axes=dict(zip(lead, lengths, strict=True)),
        align_arrays=False,
        concatenate=True,
        dtype=block.dtype,
        meta=np.empty((0,) * (len(lead) + len(order)), block.dtype),
    )
