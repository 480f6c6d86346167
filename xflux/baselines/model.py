"""What a baseline model is: the small contract that a user's own class meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from xflux.errors import InputError
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FluxModel", "carried", "check_model", "repr_of_changes", "text_of"]


@runtime_checkable
class FluxModel(Protocol):
    """A flux model on plain arrays.

    Any class with these three members works in ``ds.flux.baseline``. Two more are
    optional: ``labelled``, a mapping of names among its inputs to DataArrays that the
    model brings along (a map of ``r_ref``, say), and ``recipes``, its
    own ways to derive an input that is missing.

    Examples
    --------
    >>> class LightUse:
    ...     inputs = ("ppfd", "fapar")
    ...     outputs = ("gpp",)
    ...     def __call__(self, ppfd, fapar):
    ...         return 0.02 * ppfd * fapar
    >>> isinstance(LightUse(), FluxModel)
    True
    """

    @property
    def inputs(self) -> tuple[str, ...]:
        """Canonical names of the arguments, in call order."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Canonical names of what is returned, in order."""

    def __call__(self, *arrays: Any) -> Any:
        """Compute from arrays in canonical units, one per input, NaN where one is NaN.

        Returns one array, or a tuple of them where there are several outputs, in
        canonical units. Called with contiguous 1-D arrays of one length.
        """


def check_model(model: Any, flux: str) -> FluxModel:
    """Refuse what does not meet the contract, saying how it falls short.

    Raises
    ------
    TypeError
        For a class instead of an instance, or a missing member.
    InputError
        For inputs or outputs that the variable table does not know.
    """
    if isinstance(model, type):
        raise TypeError(f"{flux}={model.__name__} is a class; pass an instance, {model.__name__}()")
    absent = [member for member in ("inputs", "outputs") if not hasattr(model, member)]
    if absent or not callable(model):
        raise TypeError(
            f"{flux}={model!r} is no flux model: it lacks {' and '.join(absent) or '__call__'}; a "
            "model has inputs and outputs (tuples of canonical names) and is callable"
        )
    unknown = [name for name in (*model.inputs, *model.outputs) if name not in variables]
    if unknown:
        raise InputError(
            f"{flux}={model!r} names {', '.join(map(repr, unknown))}, which the variable table "
            "does not know; see xflux.variables"
        )
    if flux not in model.outputs:
        raise InputError(
            f"{flux}={model!r} computes {', '.join(model.outputs)}, not {flux}; pass it under its "
            "own keyword"
        )
    result: FluxModel = model
    return result


def carried(model: Any) -> Mapping[str, xr.DataArray]:
    """Return the labelled inputs that a model brings along."""
    return dict(getattr(model, "labelled", {}) or {})


def repr_of_changes(model: Any, *, always: str) -> str:
    """Show a dataclass by one field and by what is not its default.

    The text goes into the attributes of every flux, so it is kept short.
    """
    shown = [
        f"{item.name}={getattr(model, item.name)!r}"
        for item in fields(model)
        if item.name == always or getattr(model, item.name) != item.default
    ]
    return f"{type(model).__name__}({', '.join(shown)})"


def text_of(model: Any) -> str:
    """Return what the attributes of a flux say of its model.

    A class without a repr of its own is called by its name: the address in Python's
    default would make equal runs write unequal files.
    """
    own = type(model).__repr__ is not object.__repr__
    return repr(model) if own else f"{type(model).__name__}()"
