"""What a balance of carbon comes to, in words."""

from __future__ import annotations

import textwrap
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NUMBERS", "balance_report"]

#: What the report is made of; the fields of a balance are not read.
NUMBERS = ("total_", "max_relative_", "mean_relative_", "net_relative_", "rounding_")

_WIDTH = 96
#: A space at which no line ends.
_TIED = "\N{NO-BREAK SPACE}"
#: Two gaps are of one cause when they agree to this share.
_ALIKE = 0.15
#: A gap is a flux that was given when they agree to this share.
_THE_SAME = 0.02
#: Share of NBP, and of the residuals of single steps, within which stocks and fluxes agree over
#: the years: what is left of residuals that cancel.
_OF_NBP, _OF_RESIDUALS = 0.02, 0.1
#: Times the expected rounding of stocks that is still taken for rounding.
_ROUNDING = 3.0


def balance_report(balance: xr.Dataset, *, tolerance: float = 1e-5) -> str:
    """Put a mass balance into words; this computes what is lazy.

    Parameters
    ----------
    balance : Dataset
        Of `xflux.mass_balance`.
    tolerance : float
        Largest residual relative to GPP + RECO at which an identity closes, and largest mean
        residual at which the change in stocks does, unless rounding of the stocks hides more.

    Returns
    -------
    str
        A line for each identity: whether it closes, to what residual, or what is left; what the
        stocks gain against what the fluxes bring; and which fluxes are missing, where they
        differ. Totals are means over years of the sum over regions, and over scenarios,
        members and models.

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
      gpp = npp + ra  does not close: gpp is 1.2 PgC per year more than npp + ra; the mean residual
                      is 0.5 % of gpp + (ra + rh), the largest 0.5 %
    Not formed: reco = ra + rh (lacks reco)
    """
    if "identities" not in balance.attrs:
        raise InputError("this Dataset is no mass balance; make one with xflux.mass_balance(ds)")
    wanted = [n for n in balance if str(n).startswith(NUMBERS)]
    numbers = balance[wanted].compute().assign_attrs(balance.attrs)
    said = [
        (text, [_closure(numbers, text, tolerance), *_fire_in(numbers, text, tolerance)])
        for text in balance.attrs["identities"].split("; ")
        if text
    ]
    if "nbp_from" in balance.attrs:
        said.append(("change in stocks = NBP", _stocks(numbers, tolerance)))
    width = max((len(text) for text, _ in said), default=0)
    lines = [f"Balance of carbon{_span(numbers)}"]
    for text, (verdict, *more) in said:
        lines += _indented(verdict, f"  {text:{width}s}  ", " " * (width + 4))
        for one in more:
            lines += _indented(one, " " * 6, " " * 8)
    notes = {"weights": "Cells count by", "not_formed": "Not formed", "no_totals": "No totals"}
    for key, words in notes.items():
        if key in balance.attrs:
            lines += _indented(f"{words}: {balance.attrs[key]}", "", "  ")
    return "\n".join(line.rstrip() for line in lines)


def _indented(text: str, first: str, others: str) -> list[str]:
    wrapped = textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others)
    return [line.replace(_TIED, " ") for line in wrapped]


def _name_of(text: str, numbers: xr.Dataset) -> str:
    """Return the variable that an identity is kept under."""
    left, right = text.split(" = ")
    if left == "nep" and right.startswith("npp"):
        return "nep_of_npp"
    if left == "nee" and right.startswith("rh"):
        return "nee_of_npp"
    return {"gpp - reco": "nep"}.get(left, left)


def _mean(numbers: xr.Dataset, name: str) -> float:
    """Return the mean over years of the sum over regions; NaN without it."""
    if name not in numbers:
        return float("nan")
    array = numbers[name]
    if "region" in array.dims:
        array = array.sum("region", min_count=1)
    return float(array.mean(skipna=True))


def _average(numbers: xr.Dataset, key: str) -> float:
    """Return the mean over scenarios, members and models."""
    return float(numbers[key].mean()) if key in numbers else float("nan")


def _most(numbers: xr.Dataset, key: str) -> float:
    """Return the most over scenarios, members and models; NaN without it."""
    return float(numbers[key].max()) if key in numbers else float("nan")


def _closure(numbers: xr.Dataset, text: str, tolerance: float) -> str:
    """Say whether an identity closes, and what is left."""
    name = _name_of(text, numbers)
    total = _mean(numbers, f"total_{name}")
    largest, mean = (_most(numbers, f"{key}_relative_{name}") for key in ("max", "mean"))
    of = numbers[f"max_relative_{name}"].attrs.get("relative_to", "")
    per = "PgC" if name == "cVeg" else "PgC per year"
    if largest == 0.0:
        return "closes exactly, in every cell and step"
    if largest <= tolerance:
        return f"closes: the residual is at most {_share(largest)} of {of}"
    if mean <= tolerance:
        return (
            f"closes on the whole: the mean residual is {_share(mean)} of {of}; the largest, of a "
            f"single cell and step, is {_share(largest)}"
        )
    if np.isnan(mean) and np.isnan(total):
        return "cannot be told: nowhere do all of its terms have values"
    if np.isnan(mean):
        return f"leaves {_number(abs(total))} {per}; {of}, to compare that with, has no values"
    left, right = text.split(" = ")
    said = f"{left} is not {right}"
    if np.isfinite(total):
        side = "more" if total > 0.0 else "less"
        said = f"{left} is {_number(abs(total))} {per} {side} than {right}"
    size = f"{_share(_average(numbers, f'mean_relative_{name}'))} of {of}"
    return f"does not close: {said}; the mean residual is {size}, the largest {_share(largest)}"


def _fire_in(numbers: xr.Dataset, text: str, tolerance: float) -> list[str]:
    """Say that the residual of nee is the fire that was given, where it is."""
    name = _name_of(text, numbers)
    fire = _mean(numbers, f"total_fire_beside_{name}")
    total = _mean(numbers, f"total_{name}")
    if _most(numbers, f"mean_relative_{name}") <= tolerance or fire <= 0.0:
        return []
    if not abs(total - fire) <= _THE_SAME * fire:
        return []
    return [
        f"that is the f_fire that was given, {_number(fire)} PgC per year: nee holds it, but "
        "does not say so; set its attribute flux_definition to 'nee+fire'"
    ]


def _stocks(numbers: xr.Dataset, tolerance: float) -> list[str]:
    """Say what stocks gain, what fluxes bring, and what the difference may be."""
    attrs = numbers.attrs
    names = ("stock_change", "accumulated_nbp", "stocks")
    rate, per = _per_year(numbers)
    change, nbp, gap = (rate * _mean(numbers, f"total_{name}") for name in names)
    mean, rounding = (_most(numbers, key) for key in ("mean_relative_stocks", "rounding_stocks"))
    of = attrs.get("stocks_relative_to", "")
    size = f"the mean residual is {_share(_average(numbers, 'mean_relative_stocks'))} of {of}"
    sums = f"stocks change by {change:+.3g} {per}, NBP is {nbp:+.3g}"
    more = [f"stocks: {attrs['stock_pools']}, {attrs['stock_time']}", f"NBP: {attrs['nbp_from']}"]
    if "stocks_without_fluxes" in attrs:
        more.append(attrs["stocks_without_fluxes"])
    if np.isnan(gap) and np.isnan(mean):
        return ["cannot be told: nowhere do all stocks and fluxes have values", *more]
    known = f"; {sums}" if np.isfinite(gap) else ""
    if mean <= tolerance:
        return [f"closes: {size}{known}", *more]
    if mean <= _ROUNDING * rounding:
        return [f"closes within the rounding of the stocks: {size}{known}", *more]
    net = abs(_average(numbers, "net_relative_stocks"))
    if abs(gap) <= _OF_NBP * abs(nbp) or net <= _OF_RESIDUALS * mean:
        verdict = f"closes over the years{f': {sums}' if np.isfinite(gap) else ''}"
        if np.isfinite(mean):
            verdict += f"; in single cells and steps it does not: {size}"
        return [verdict, *more]
    if np.isnan(gap):
        return [f"does not close: {size}", *more]
    lost = "do not arrive in the stocks" if gap < 0.0 else "are in the stocks that no flux brought"
    verdict = f"does not close: {sums}, so that {_number(abs(gap))} {per} {lost}"
    if np.isfinite(mean):
        verdict += f"; {size}"
    return [verdict, *_causes(numbers, gap), *more]


def _causes(numbers: xr.Dataset, gap: float) -> list[str]:
    """Say what may have been left out, where the stocks do not follow the fluxes."""
    allocated = numbers.attrs.get("stocks_by_allocation", "")
    if allocated:
        return [
            f"{allocated}: of allocate(), production times turnover, which take up no fluxes; "
            "simulate_pools() makes pools that do"
        ]
    said = []
    absent = numbers.attrs.get("losses_not_given", "")
    if gap < 0.0 and absent:
        said.append(f"losses that were not given can explain that: {absent}")
        keys = ("total_nee_of_npp", "total_nee")
        nee = next((_mean(numbers, key) for key in keys if key in numbers), float("nan"))
        if abs(nee + gap) <= _ALIKE * abs(gap):
            said.append(
                f"nee is {_number(nee)} PgC per year more than -nep, the same flux: it holds a "
                "loss, such as fire, that nep does not (flux_definition 'nee+fire')"
            )
    gone = numbers.attrs.get("pools_not_given", "")
    if gone:
        said.append(f"pools that were not given may hold it: {gone}")
    return said


def _per_year(numbers: xr.Dataset) -> tuple[float, str]:
    """Return how many changes of stocks a year has, and what their total then is per."""
    array = numbers.get("total_stocks")
    if array is None or "time" not in array.dims:
        return 1.0, "PgC per year"
    time = array.indexes["time"]
    if time.size < 2 or time.dtype.kind not in "MO":
        return 1.0, "PgC per step"
    days = (time[-1] - time[0]) / timedelta(days=1)
    return 365.25 * (time.size - 1) / days, "PgC per year"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _share(value: float) -> str:
    return f"{100.0 * value:.2g}{_TIED}%" if value >= 1e-4 else f"{value:.1g}"


def _span(numbers: xr.Dataset) -> str:
    """Say which years, and over what totals are averaged."""
    said = ""
    if numbers.sizes.get("year", 0):
        first, last = (int(numbers["year"][k]) for k in (0, -1))
        said = f", {first}" if first == last else f", {first} to {last}"
    others = {
        str(dim): size
        for name in numbers
        if str(name).startswith("total_")
        for dim, size in numbers[name].sizes.items()
        if dim not in ("year", "time", "region") and size > 1
    }
    return said + "".join(f", mean over {dim} ({size})" for dim, size in others.items())
