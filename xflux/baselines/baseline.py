"""`ds.flux.baseline()`: process-based GPP, RECO, NEE and LE, in one pass per chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.baselines.evapotranspiration import PriestleyTaylor
from xflux.baselines.model import FluxModel, carried, check_model, text_of
from xflux.baselines.photosynthesis import PModel
from xflux.baselines.respiration import Q10Respiration
from xflux.errors import InputError
from xflux.labels.attach import describe, generated
from xflux.labels.pipeline import run
from xflux.labels.resolve import resolve
from xflux.labels.units import plain_indexes, quantify

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["baseline"]

_PMODEL = PModel()
_Q10 = Q10Respiration()
_PRIESTLEY_TAYLOR = PriestleyTaylor()


def baseline(
    ds: xr.Dataset,
    gpp: FluxModel | None = _PMODEL,
    reco: FluxModel | None = _Q10,
    le: FluxModel | None = _PRIESTLEY_TAYLOR,
    *,
    names: Mapping[str, str] | None = None,
    derive: Sequence[str] = (),
) -> xr.Dataset:
    """Compute gross production, respiration, net exchange and latent heat.

    Parameters
    ----------
    ds : Dataset
        Drivers under any name and in any unit that `standardize` understands; any
        dims, eager or lazy. What a model needs and is missing is derived where a
        documented relation allows it, which is said in the attributes.
    gpp, reco, le : FluxModel or None
        Model of each flux, `PModel()`, `Q10Respiration()` and `PriestleyTaylor()`
        by default; any object with ``inputs``, ``outputs`` and ``__call__``. None
        leaves a flux out.
    names : mapping of str to str, optional
        Your own names, such as ``{"ta": "t2m"}``.
    derive : sequence of str
        What may be estimated beyond that: ``("rnet",)`` from swin and ta.

    Returns
    -------
    Dataset
        ``gpp``, ``reco`` [g m-2 d-1 of carbon, positive: uptake and release],
        ``nee`` [g m-2 d-1 of carbon, positive to the atmosphere] when both are
        there, and ``le`` [W m-2, positive upward]. Lazy where an input is lazy;
        dtype and order of dimensions are those of the drivers; pint-quantified
        when one of the drivers is. NaN in any input of a flux gives NaN in that flux.

    Raises
    ------
    MissingVariableError
        For an input that is neither there nor derivable.
    UnitsError
        For missing, unreadable or wrong units.
    GridMismatchError, InputError
        For coordinates that disagree or repeat, empty or non-numeric input.

    Notes
    -----
    ``nee = reco - gpp``, cell by cell and bit by bit. Inputs outside the valid
    range of `xflux.variables` count as missing, and an `XfluxWarning` says so when
    they are met.

    Examples
    --------
    >>> import numpy as np, xarray as xr, xflux
    >>> hour = ("hour", np.array([6.0, 12.0]))
    >>> ds = xr.Dataset({
    ...     "ta": ("hour", [12.0, 20.0], {"units": "degC"}),
    ...     "vpd": ("hour", [4.0, 12.0], {"units": "hPa"}),
    ...     "swin": ("hour", [120.0, 450.0], {"units": "W m-2"}),
    ...     "fapar": ("hour", [0.7, 0.7], {"units": "1"}),
    ...     "elevation": ((), 300.0, {"units": "m"}),
    ... })
    >>> fluxes = xflux.baseline(ds, gpp=xflux.PModel(co2=400.0), le=None)
    >>> sorted(fluxes.data_vars)
    ['gpp', 'nee', 'reco']
    """
    models = {
        flux: check_model(model, flux)
        for flux, model in (("gpp", gpp), ("reco", reco), ("le", le))
        if model is not None
    }
    ds = plain_indexes(ds)
    _check_outputs(models)
    if not models:
        raise InputError("gpp, reco and le are all None: there is nothing to compute")
    targets: dict[str, str] = {}
    given: dict[str, xr.DataArray] = {}
    for flux, model in models.items():
        for name in model.inputs:
            targets.setdefault(name, f"{type(model).__name__} ({flux}=None leaves it out)")
        given.update(_at_labels(carried(model), ds))
    recipes = [recipe for model in models.values() for recipe in getattr(model, "recipes", ())]
    plan = resolve(ds, targets, names=names, derive=derive, given=given, recipes=recipes)

    clash = [str(dim) for dim in ds.dims if any(dim in model.outputs for model in models.values())]
    if clash:
        raise InputError(
            f"{' and '.join(map(repr, clash))} is a dimension of the Dataset and would be a flux "
            "of the result; rename the dimension with ds.rename"
        )
    finish = _Fluxes(tuple(models.values()))
    outputs = finish.outputs
    arrays = dict(zip(outputs, run(plan, finish, len(outputs)), strict=True))
    made_by = {output: model for model in models.values() for output in model.outputs}
    # What is computed from generated drivers is no estimate of a place, wherever it goes.
    synthetic = generated(source.array for source in plan.sources.values())
    fluxes = {}
    for name in sorted(outputs, key=_order):
        extra: dict[str, Any] = {"synthetic": synthetic}
        if name in made_by:
            extra["model"] = text_of(made_by[name])
            notes = plan.for_targets(made_by[name].inputs).describe()
            if notes:
                extra["derivation"] = notes
        else:
            extra["model"] = "reco - gpp"
        array = describe(arrays[name], name, **extra)
        fluxes[name] = quantify(array, plan.registry)
    return _dataset(fluxes, ds)


def _check_outputs(models: Mapping[str, FluxModel]) -> None:
    """Refuse two models that compute the same flux."""
    claimed: dict[str, str] = {}
    for flux, model in models.items():
        for output in model.outputs:
            if output in claimed:
                raise InputError(
                    f"{claimed[output]}= and {flux}= both compute {output!r}; leave one out, with "
                    f"{flux}=None"
                )
            claimed[output] = flux


def _at_labels(arrays: Mapping[str, xr.DataArray], ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Select what a model brings along at the labels of the Dataset, where it has them all.

    A value for each of 57 sites serves three of them, in any order.
    """
    selected = {}
    for name, array in arrays.items():
        for dim, index in array.indexes.items():
            wanted = ds.indexes.get(dim)
            if wanted is None or index.equals(wanted) or not index.is_unique:
                continue
            if wanted.isin(index).all():
                array = array.sel({dim: wanted})
        selected[name] = array
    return selected


def _order(name: str) -> tuple[int, str]:
    order = ("gpp", "reco", "nee", "le")
    return (order.index(name) if name in order else len(order), name)


def _dataset(arrays: Mapping[str, xr.DataArray], ds: xr.Dataset) -> xr.Dataset:
    import xarray as xr

    fluxes = xr.Dataset(arrays)
    # Coordinates come from whatever input a flux was computed from; those of ds are kept.
    extra = [key for key in fluxes.coords if key not in ds.coords]
    return fluxes.drop_vars(extra)


@dataclass(frozen=True)
class _Fluxes:
    """Call every model on a tile, and close the carbon balance there."""

    models: tuple[FluxModel, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        own = [name for model in self.models for name in model.outputs]
        if "nee" not in own and {"gpp", "reco"} <= set(own):
            own.append("nee")
        return tuple(dict.fromkeys(own))

    def __call__(self, values: dict[str, np.ndarray]) -> list[np.ndarray]:
        made: dict[str, np.ndarray] = {}
        for model in self.models:
            returned = model(*(values[name] for name in model.inputs))
            several = returned if isinstance(returned, tuple) else (returned,)
            shape = next(iter(values.values())).shape
            if len(several) != len(model.outputs) or any(
                np.shape(array) not in (shape, ()) for array in several
            ):
                raise InputError(
                    f"{text_of(model)} returned shapes {[np.shape(a) for a in several]} for "
                    f"{', '.join(model.outputs)}; expected {len(model.outputs)} of {shape}, the "
                    "shape of its inputs"
                )
            made.update(zip(model.outputs, several, strict=True))
        if "nee" not in made and {"gpp", "reco"} <= set(made):
            made["nee"] = made["reco"] - made["gpp"]
        # In the order of `outputs`, which are the models' own and then nee.
        return list(made.values())
