"""Fluxes of regions as lines: their years or mean seasonal cycles, with the spread of ensembles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from xflux.errors import InputError
from xflux.labels.flux_definition import NET, require_alike
from xflux.plot.colours import own_colours
from xflux.plot.together import computed
from xflux.plot.wording import long_name
from xflux.skill.regional_series import regional_series, with_sum

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Band", "RegionLine", "colours_of", "region_lines", "said_of_bands"]

#: What the band around a line is: one standard deviation (ddof=1), or least to largest.
Band = Literal["sd", "range"]


@dataclass(frozen=True, slots=True)
class RegionLine:
    """What is drawn of one source.

    Attributes
    ----------
    middle, low, high : DataArray (region, x)
        Mean of the ensemble, and the band around it; the same where there is none.
    ensemble : str
        What the band is over, such as "inversion (n = 5)"; "" for none.
    cut : bool
        Whether some members have values where others have none, so that nothing is drawn.
    words : str
        What the flux is.
    synthetic : bool
    """

    middle: xr.DataArray
    low: xr.DataArray
    high: xr.DataArray
    ensemble: str
    cut: bool
    words: str
    synthetic: bool


def region_lines(
    sources: Mapping[str, xr.DataArray | xr.Dataset],
    variable: str,
    reduce: Callable[[xr.DataArray], xr.DataArray],
    *,
    x: str,
    band: Band,
) -> dict[str, RegionLine]:
    """Read sources, append the sum of regions, reduce them over time, and compute at once.

    Parameters
    ----------
    sources : mapping of str to DataArray or Dataset
        See `xflux.plot.regional.plot_region_years`.
    variable : str
    reduce : callable
        From months to `x`; of a mean year not called.
    x : str
        Dimension of the lines.
    band : {"sd", "range"}

    Raises
    ------
    InputError
        For no source, unlike definitions, regions that one lacks, or an unknown band.
    """
    if not isinstance(sources, Mapping) or not sources:
        raise InputError("give sources by name, such as {'inversions': inv, 'towers only': nee}")
    if band not in get_args(Band):
        raise InputError(f"band={band!r} is not known; use 'sd' or 'range'")
    series = {
        str(name): regional_series(flux, variable, called=repr(str(name)))
        for name, flux in sources.items()
    }
    first_name, first = next(iter(series.items()))
    for name, one in series.items():
        if variable in NET:
            require_alike(first, one, what=(repr(first_name), repr(name)))
        lacking = [label for label in first["region"].values if label not in one["region"].values]
        if lacking:
            raise InputError(
                f"{name!r} lacks the regions {', '.join(map(str, lacking[:6]))} of {first_name!r}; "
                "bring all to one partition, or select what they share"
            )
        series[name] = one.sel(region=first["region"].values)
    reduced = {}
    for name, one in series.items():
        whole = with_sum(one)
        if x == "year" and "month" in whole.dims:
            raise InputError(f"{name!r} is a mean year, which has no years to draw")
        if "time" in whole.dims and whole.sizes["time"] < 12:
            raise InputError(f"{name!r} has {whole.sizes['time']} months; a year is needed")
        reduced[name] = whole if x in whole.dims else reduce(whole)
    done = computed(reduced)
    return {name: _banded(done[name], one, x, band) for name, one in series.items()}


def _banded(array: xr.DataArray, series: xr.DataArray, x: str, band: Band) -> RegionLine:
    over = [dim for dim in array.dims if dim not in ("region", x)]
    ordered = array.transpose(*over, "region", x)
    said = long_name(series), "synthetic" in series.attrs
    if not over:
        return RegionLine(ordered, ordered, ordered, "", False, *said)
    middle = ordered.mean(over, skipna=False)
    if band == "range":
        low, high = ordered.min(over, skipna=False), ordered.max(over, skipna=False)
    else:
        members = int(np.prod([ordered.sizes[dim] for dim in over]))
        sd = ordered.std(over, ddof=1, skipna=False) if members > 1 else 0.0 * middle
        low, high = middle - sd, middle + sd
    ensemble = " x ".join(f"{dim} (n = {ordered.sizes[dim]})" for dim in over)
    there = ordered.notnull()
    cut = bool((there.any(over) & ~there.all(over)).any())
    return RegionLine(middle, low, high, ensemble, cut, *said)


def said_of_bands(lines: Mapping[str, RegionLine], band: Band) -> str:
    """Say what the bands are, once for each kind of ensemble."""
    held = list(dict.fromkeys(line.ensemble for line in lines.values() if line.ensemble))
    if not held:
        return ""
    what = "mean ± 1 standard deviation" if band == "sd" else "mean, least and largest"
    cut = any(line.cut for line in lines.values())
    return f"{what} over {', '.join(held)}{', where all have values' if cut else ''}"


def colours_of(
    names: Sequence[str], styles: Sequence[Mapping[str, Any]], colors: Any
) -> list[dict[str, Any]]:
    """Return the look of each source, its own colour where one is given."""
    own = own_colours(colors or {}, names, "sources")
    return [
        {**style, **({"color": own[name]} if name in own else {})}
        for name, style in zip(names, styles, strict=True)
    ]
