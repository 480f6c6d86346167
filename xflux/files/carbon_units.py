"""What the unit of a carbon flux says: rate or amount of a month, of an area, a degree or all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from xflux.errors import UnitsError
from xflux.labels.units import affine

__all__ = ["CarbonUnit", "read_carbon_unit"]

#: What inversions and tables write around a unit: ``Pg C yr$^{-1}$ degree$^{-1}$``.
_TEX = re.compile(r"\$|\\mathrm|[{}]")
_MONTH = re.compile(
    r"(?:/|\bper\b)\s*(?:month|mon)s?\b|\b(?:month|mon)s?\s*(?:\*\*|\^)?\s*-1\b", re.IGNORECASE
)
_DEGREE = re.compile(
    r"(?:/|\bper\b)\s*deg(?:ree)?s?(?:[ _]?lat(?:itude)?)?\b"
    r"|\bdeg(?:ree)?s?(?:[ _]?lat(?:itude)?)?\s*(?:\*\*|\^)?\s*-1\b",
    re.IGNORECASE,
)
_CELL = re.compile(
    r"(?:/|\bper\b)\s*(?:grid[ _-]?)?(?:cell|box)\b"
    r"|\b(?:grid[ _]?)?(?:cell|box)\s*(?:\*\*|\^)?\s*-1\b",
    re.IGNORECASE,
)
_REGION = re.compile(r"(?:/|\bper\b)\s*region\b|\bregion\s*(?:\*\*|\^)?\s*-1\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CarbonUnit:
    """A unit as read.

    Attributes
    ----------
    of : {"area", "degree", "cell", "whole"}
        Of a square metre, of a degree of latitude, of a cell of a grid, or of what a value stands
        for as a whole: a cell, row or region.
    amount : bool
        Whether it is the amount of each step; else a rate.
    scale : float
        To Pg, or to g m-2 of an area; of rates a day.
    """

    of: Literal["area", "degree", "cell", "whole"]
    amount: bool
    scale: float


def read_carbon_unit(text: str | None, called: str) -> CarbonUnit:
    """Read the unit of a flux of carbon.

    Parameters
    ----------
    text : str or None
        Such as ``"PgC/m2/yr"``, ``"kg m-2 s-1"``, ``"PgC yr-1 degree-1"``, ``"kg/s/gridcell"``,
        ``"PgC month-1"``, or ``"Pg"``, which is the amount of each step. A year has 365.25 days.
    called : str
        Whose it is, for messages.

    Raises
    ------
    UnitsError
        For a missing unit, and for one that is no flux of carbon.

    Examples
    --------
    >>> read_carbon_unit("PgC/month", "nee")
    CarbonUnit(of='whole', amount=True, scale=1.0)
    """
    wanted = "'PgC month-1', 'PgC yr-1', 'kgC s-1' or 'kg m-2 s-1'"
    if text is None or not text.strip():
        raise UnitsError(f"{called} has no units; expected such as {wanted}")
    plain, months = _MONTH.subn(" ", _REGION.sub(" ", _TEX.sub("", text)))
    # pint takes a degree for a number, so that PgC per degree would pass for PgC.
    plain, degrees = _DEGREE.subn(" ", plain)
    plain, cells = _CELL.subn(" ", plain)
    plain = plain.strip()
    time = "" if months else " d-1"
    if not (degrees or cells) and (scale := _scale(plain, f"g m-2{time}")) is not None:
        return CarbonUnit("area", bool(months), scale)
    of: Literal["degree", "cell", "whole"]
    of = "degree" if degrees else "cell" if cells else "whole"
    if (scale := _scale(plain, f"Pg{time}")) is not None:
        return CarbonUnit(of, bool(months), scale)
    if not months and (scale := _scale(plain, "Pg")) is not None:
        return CarbonUnit(of, True, scale)
    raise UnitsError(
        f"{called}: found units {text!r}, no flux of carbon; expected such as {wanted}"
    )


def _scale(found: str, expected: str) -> float | None:
    try:
        return affine(found, expected, "carbon")[0]
    except UnitsError:
        return None
