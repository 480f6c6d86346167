"""Options of xflux, local to the current context (thread and task safe)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any

__all__ = ["get_options", "set_options"]

_DEFAULTS: dict[str, Any] = {
    "missing_units": "raise",
}
_VALIDATORS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "missing_units": (lambda value: value in ("raise", "assume"), "'raise' or 'assume'"),
}
_current: ContextVar[Mapping[str, Any]] = ContextVar("xflux_options", default=_DEFAULTS)


def get_options() -> dict[str, Any]:
    """Return the options in force, by name."""
    return dict(_current.get())


class set_options:
    """Set options for a ``with`` block, or from here on.

    Parameters
    ----------
    missing_units : {"raise", "assume"}
        What to do with a variable that bears no unit: raise a `UnitsError`
        (default), or assume that it is in the canonical unit of its name.

    Examples
    --------
    >>> import xflux
    >>> with xflux.set_options(missing_units="assume"):
    ...     xflux.get_options()["missing_units"]
    'assume'
    """

    def __init__(self, **options: Any) -> None:
        for name, value in options.items():
            if name not in _DEFAULTS:
                known = ", ".join(sorted(_DEFAULTS))
                raise ValueError(f"unknown option {name!r}; the options are: {known}")
            accepts, expected = _VALIDATORS[name]
            if not accepts(value):
                raise ValueError(f"option {name}={value!r} is not valid; expected {expected}")
        self._before = _current.get()
        _current.set({**self._before, **options})

    def __enter__(self) -> set_options:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _current.set(self._before)
