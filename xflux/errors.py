"""Errors and warnings of xflux.

Every message says what was wrong, where it was found and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AmbiguousVariableError",
    "ChunkError",
    "FileFormatError",
    "GridMismatchError",
    "InputError",
    "MissingVariableError",
    "UnitsError",
    "XfluxError",
    "XfluxWarning",
    "raise_together",
]


class XfluxError(Exception):
    """Base class of every error that xflux raises on purpose."""


class InputError(XfluxError, ValueError):
    """An input has a wrong value, type or shape."""


class UnitsError(InputError):
    """A unit is missing, unreadable or of the wrong dimension."""


class MissingVariableError(XfluxError, KeyError):
    """A variable that a calculation needs is neither there nor derivable."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would hide line breaks.
        return str(self.args[0]) if self.args else ""


class AmbiguousVariableError(XfluxError, KeyError):
    """Several variables answer to one name."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class GridMismatchError(InputError):
    """Coordinates of the inputs disagree."""


class ChunkError(InputError):
    """An array is chunked along a dimension that must be whole."""


class FileFormatError(InputError):
    """A file is truncated, or is not the product that it should be."""


class XfluxWarning(UserWarning):
    """Something a careful user wants to know; filter by this category."""


def raise_together(errors: Sequence[XfluxError]) -> None:
    """Raise all problems of one call at once, under the class they share.

    Parameters
    ----------
    errors : sequence of XfluxError
        What was found. Nothing happens when it is empty; a single error is
        raised as it is.
    """
    if not errors:
        return
    if len(errors) == 1:
        raise errors[0]
    kinds = {type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else InputError
    lines = "\n".join(f"- {error}" for error in errors)
    raise kind(f"{len(errors)} problems:\n{lines}")
