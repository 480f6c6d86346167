"""Which variable of a Dataset is `ta`?

Found by, in this order: the name that the user gives, the canonical name, the CF
standard name, an alias of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from xflux.errors import AmbiguousVariableError, InputError, MissingVariableError
from xflux.labels.variables import Variable, variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_names", "check_request", "find", "looked_for", "require_known"]


def check_names(ds: xr.Dataset, names: Mapping[str, str] | None) -> dict[str, str]:
    """Check an explicit ``names={"ta": "t2m"}`` against the table and the Dataset.

    Raises
    ------
    InputError
        For a canonical name that the table does not know.
    MissingVariableError
        For a variable that the Dataset does not hold.
    """
    checked = dict(names or {})
    for canonical, given in checked.items():
        if canonical not in variables and given in variables:
            raise InputError(
                f"names={{{canonical!r}: {given!r}}} is the wrong way round; pass the canonical "
                f"name first, names={{{given!r}: {canonical!r}}}"
            )
        require_known(canonical, "names")
        if given not in ds.variables:
            raise MissingVariableError(
                f"names={{{canonical!r}: {given!r}}}: there is no variable {given!r}; "
                f"the Dataset holds {_listing(ds)}"
            )
    return checked


def require_known(name: str, where: str) -> None:
    """Refuse a name that the variable table does not know, with the nearest that it does."""
    if name not in variables:
        near = get_close_matches(name, list(variables), n=3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(
            f"{where}: {name!r} is no canonical name{hint} (print(xflux.variables) lists them)"
        )


def check_request(derive: Sequence[str]) -> tuple[str, ...]:
    """Check a ``derive=("rnet",)`` against the table.

    Raises
    ------
    InputError
        For a string in place of a tuple, or a name that the table does not know.
    """
    if isinstance(derive, str):
        raise InputError(f"derive={derive!r} is a string; pass a tuple of names, ({derive!r},)")
    for name in derive:
        require_known(name, "derive")
    return tuple(derive)


def find(ds: xr.Dataset, name: str, names: Mapping[str, str] | None = None) -> str | None:
    """Find the variable of a Dataset that is a canonical variable.

    Parameters
    ----------
    ds : Dataset
    name : str
        Canonical name, such as ``"ta"``.
    names : mapping, optional
        Explicit names, canonical to the Dataset's own.

    Returns
    -------
    str or None
        Its name in `ds`; None when there is none.

    Raises
    ------
    AmbiguousVariableError
        When several variables bear the standard name and ``cell_methods`` do
        not tell them apart.
    """
    row = variables[name]
    if names and name in names:
        return names[name]
    taken = set(names.values()) if names else set()
    if name in ds.variables and name not in taken:
        return name
    by_standard_name = _by_standard_name(ds, row, taken)
    if by_standard_name is not None:
        return by_standard_name
    for alias in row.aliases:
        if alias in ds.variables and alias not in taken:
            return alias
    return None


def _by_standard_name(ds: xr.Dataset, row: Variable, taken: set[str]) -> str | None:
    accepted = {row.standard_name, *row.other_standard_names} - {""}
    if not accepted:
        return None
    # A variable under another row's canonical name is that row's, whatever it is called by CF:
    # cWood and cStem, ta_min and ta_max share standard names with others.
    candidates = [
        str(key)
        for key, variable in ds.variables.items()
        if variable.attrs.get("standard_name") in accepted
        and key not in taken
        and (key not in variables or key == row.name)
    ]
    if len(candidates) > 1 or row.extreme:
        candidates = [key for key in candidates if _extreme(ds, key) == row.extreme]
    if len(candidates) > 1:
        listed = " and ".join(repr(key) for key in candidates)
        raise AmbiguousVariableError(
            f"{row.name!r} may be {listed}: both bear standard_name {row.standard_name!r} and "
            f"like cell_methods; pass names={{{row.name!r}: ...}} to choose"
        )
    if len(candidates) == 1 and not row.extreme and _extreme(ds, candidates[0]):
        return None
    return candidates[0] if candidates else None


def _extreme(ds: xr.Dataset, key: str) -> str:
    """Return which extreme over time a variable is, from its cell_methods."""
    methods = str(ds[key].attrs.get("cell_methods", ""))
    for extreme in ("minimum", "maximum"):
        if f"time: {extreme}" in methods:
            return extreme
    return ""


def looked_for(name: str) -> str:
    """Say by which names a variable is found, for error messages."""
    row = variables[name]
    standard = [f"standard_name {row.standard_name!r}"] if row.standard_name else []
    aliases = [repr(alias) for alias in row.aliases[:6]]
    more = ["..."] if len(row.aliases) > 6 else []
    return ", ".join([repr(name), *standard, *aliases, *more])


def _listing(ds: xr.Dataset, limit: int = 30) -> str:
    keys = [repr(str(key)) for key in ds.variables]
    shown = ", ".join(keys[:limit]) or "nothing"
    return shown if len(keys) <= limit else f"{shown}, ... ({len(keys)} in all)"
