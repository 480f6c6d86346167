"""What a balance of carbon comes to, in words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["balance_report"]

_WIDTH = 96
#: Two gaps are of one cause when they agree to this share.
_ALIKE = 0.15


def balance_report(balance: xr.Dataset, *, tolerance: float = 1e-5) -> str:
    """Put a mass balance into words; this computes what is lazy.

    Parameters
    ----------
    balance : Dataset
        Of `xflux.mass_balance`.
    tolerance : float
        Largest residual relative to GPP + RECO at which an identity closes. The change in
        stocks closes when its mean residual is within a hundred times that.

    Returns
    -------
    str
        A line for each identity, with mean and largest residual; what the stocks gain
        against what the fluxes bring; and which fluxes are missing, where they differ. Totals
        are means over years of the sum over regions, and over scenarios, members and models.

    Raises
    ------
    InputError
        When the Dataset is no mass balance.

    Examples
    --------
    >>> import xarray as xr
    >>> from xflux.carbon.balance import mass_balance
    >>> said = {"units": "PgC yr-1"}
    >>> ds = xr.Dataset(
    ...     {k: ("year", [v], said) for k, v in {"gpp": 121.2, "npp": 60.0, "ra": 60.0,
    ...                                          "rh": 58.0}.items()},
    ...     coords={"year": [2001]},
    ... )
    >>> print(balance_report(mass_balance(ds)))
    Balance of carbon, 2001
      gpp = npp + ra     misses by 1.2 Pg C per year; at most 0.00502 of gpp + (ra + rh)
    Not formed: reco = ra + rh (lacks reco)
    """
    if "identities" not in balance.attrs:
        raise InputError("this Dataset is no mass balance; make one with xflux.mass_balance(ds)")
    wanted = [n for n in balance if str(n).startswith(("total_", "max_relative_"))]
    numbers = balance[wanted].compute().assign_attrs(balance.attrs)
    lines = [f"Balance of carbon{_span(numbers)}"]
    texts = [text for text in balance.attrs["identities"].split("; ") if text]
    width = max((len(text) for text in texts), default=0)
    for text in texts:
        lines.append(
            f"  {text:{width}s}     {_closure(numbers, _name_of(text, numbers), tolerance)}"
        )
    if "nbp_from" in balance.attrs:
        lines += _stocks(numbers, balance.attrs, tolerance)
    for key, words in (("not_formed", "Not formed"), ("no_totals", "No totals")):
        if key in balance.attrs:
            lines += textwrap.wrap(f"{words}: {balance.attrs[key]}", _WIDTH, subsequent_indent="  ")
    return "\n".join(line.rstrip() for line in lines)


def _name_of(text: str, numbers: xr.Dataset) -> str:
    """Return the variable that an identity is kept under."""
    left, right = text.split(" = ")
    if left == "nep" and right.startswith("npp"):
        return "nep_of_npp"
    if left == "nee" and right.startswith("rh"):
        return "nee_of_npp"
    return "nep" if left == "gpp - reco" else left


def _mean(numbers: xr.Dataset, name: str) -> float:
    """Return the mean over years of the sum over regions; NaN without it."""
    if name not in numbers:
        return float("nan")
    array = numbers[name]
    if "region" in array.dims:
        array = array.sum("region", min_count=1)
    return float(array.mean(skipna=True))


def _largest(numbers: xr.Dataset, name: str) -> float:
    key = f"max_relative_{name}"
    return float(numbers[key].max()) if key in numbers else float("nan")


def _closure(numbers: xr.Dataset, name: str, tolerance: float) -> str:
    mean, largest = _mean(numbers, f"total_{name}"), _largest(numbers, name)
    of = "cVeg" if name == "cVeg" else numbers.attrs.get("relative_to", "")
    per = "" if name == "cVeg" else " per year"
    if largest <= tolerance:
        return f"closes; at most {largest:.2g} of {of}"
    said = "misses"
    if np.isfinite(mean):
        said += f" by {_number(mean)} Pg C{per}"
    if np.isfinite(largest):
        said += f"; at most {largest:.3g} of {of}"
    return said


def _stocks(numbers: xr.Dataset, attrs: dict[str, str], tolerance: float) -> list[str]:
    """Say what stocks gain, what fluxes bring, and what the difference may be."""
    change = _mean(numbers, "total_stock_change")
    nbp = _mean(numbers, "total_accumulated_nbp")
    gap = _mean(numbers, "total_stocks")
    largest = _largest(numbers, "stocks")
    step = "step" if "step" in attrs["stock_time"] else "year"
    lines = [
        f"  change in stocks ({attrs['stock_pools']}; {attrs['stock_time']})",
        f"    against accumulated NBP = {attrs['nbp_from']}",
    ]
    if np.isfinite(change):
        lines.append(
            f"    {_number(change)} against {_number(nbp)} Pg C per {step}, a gap of {_number(gap)}"
        )
    if np.isfinite(largest):
        lines.append(f"    largest gap in one {step}: {largest:.2g} of {attrs['relative_to']}")
    if "stocks_without_fluxes" in attrs:
        lines.append(f"    {attrs['stocks_without_fluxes']}")
    closes = abs(gap) <= max(0.02 * abs(nbp), 100.0 * tolerance)
    absent = attrs.get("losses_not_given", "")
    if closes or not np.isfinite(gap):
        return lines
    if gap < 0.0 and absent:
        said = (
            f"the stocks lose {_number(-gap)} Pg C per {step} more than the fluxes say; losses "
            f"that were not given: {absent}"
        )
        lines += textwrap.wrap(said, _WIDTH, initial_indent="    ", subsequent_indent="      ")
        nee = next(
            (
                _mean(numbers, f"total_{k}")
                for k in ("nee_of_npp", "nee")
                if f"total_{k}" in numbers
            ),
            float("nan"),
        )
        if abs(nee + gap) <= _ALIKE * abs(gap):
            said = (
                f"nee exceeds -nep by {_number(nee)} Pg C per year, the same flux: it holds a "
                "loss, such as fire, that nep does not (flux_definition 'nee+fire')"
            )
            lines += textwrap.wrap(said, _WIDTH, initial_indent="    ", subsequent_indent="      ")
    gone = attrs.get("pools_not_given", "")
    if gone:
        lines.append(f"    pools that were not given: {gone}")
    return lines


def _number(value: float) -> str:
    return f"{value:.3g}"


def _span(numbers: xr.Dataset) -> str:
    if "year" not in numbers.coords or numbers.sizes.get("year", 0) == 0:
        return ""
    first, last = (int(numbers["year"][k]) for k in (0, -1))
    return f", {first}" if first == last else f", {first} to {last}"
