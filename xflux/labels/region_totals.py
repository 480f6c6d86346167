"""Tell regions by their names from what is made of them: totals, means and spreads."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["totals_among"]

_TOTALS = {"all", "earth", "global", "globe", "sum", "total", "world"}
_MEANS = {"mean", "median"}
#: One such word tells a spread, whatever it is the spread of.
_SPREADS = {"error", "sd", "sigma", "spread", "std", "stdev", "uncertainty"}
#: What may stand beside a total in its name: ``global_land``, ``Land total``.
_BESIDE = {"flux", "land", "nbp", "nee", "ocean", "of", "regions", "the"}


def totals_among(names: Iterable[object]) -> list[str]:
    """Return the names that stand for others: of their sum, their mean or its spread.

    Summed up together with the others such a region counts twice.

    Parameters
    ----------
    names : iterable of str
        Of regions; what is no text is none of these.

    Returns
    -------
    list of str
        As they are written, in their order; empty for a single name, which stands for itself.

    Examples
    --------
    >>> totals_among(["Europe", "Global", "sd"])
    ['Global', 'sd']
    >>> totals_among(["globe"])
    []
    """
    given = list(names)
    return [str(name) for name in given if _made_of_others(str(name))] if len(given) > 1 else []


def _made_of_others(name: str) -> bool:
    words = set(re.findall(r"[a-z]+", name.lower()))
    own = words - _BESIDE
    # ``north_sd`` is no region of its own; ``Global Mean Land`` is, as ``Central America`` is none.
    return bool(words & _SPREADS) or (bool(own) and own <= _TOTALS | _MEANS)
