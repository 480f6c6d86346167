"""Parameters by land cover class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.variables import IGBP

__all__ = ["PerClass", "checked"]


def checked(value: Any, called: str, *, low: float) -> float:
    """Return a finite number not below `low`.

    Raises
    ------
    InputError
        For anything else, naming the parameter.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) < math.inf:
        raise InputError(f"{called} is {value!r}; expected a finite number of at least {low:g}")
    return float(value)


class PerClass(Mapping[str, float]):
    """Non-negative values by IGBP class, fixed once made.

    Parameters
    ----------
    values : mapping
        By class name (``"ENF"``) or code (``1``).

    Raises
    ------
    InputError
        For an unknown class, a class given twice, a value that is not a finite number of
        at least 0, or an empty mapping.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[Any, float]) -> None:
        if not values:
            raise InputError("a mapping by class is empty; give at least one IGBP class")
        names = {code: name for name, code in IGBP.items()}
        self._values: dict[str, float] = {}
        for key, value in values.items():
            name = names.get(key, key)
            if name not in IGBP:
                raise InputError(
                    f"{key!r} is no IGBP class; expected {', '.join(IGBP)} or their codes 1 to 17"
                )
            if name in self._values:
                raise InputError(f"the class {name} is given twice, by name and by code")
            self._values[name] = checked(value, f"the value of {name}", low=0.0)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {value:.4g}" for name, value in self.items()) + "}"

    def at(self, codes: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the values at an array of codes, NaN where a class has none."""
        last = max(IGBP.values())
        table = np.full(last + 2, np.nan, dtype)
        table[[IGBP[name] for name in self]] = list(self.values())
        known = (codes >= 0) & (codes <= last) & (codes == np.floor(codes))
        found: NDArray[Any] = table[np.where(known, codes, last + 1).astype(np.intp)]
        return found
