"""Which missing variable follows from which: the recipes, in order of preference.

A recipe of plain arrays runs inside the blocks, tile by tile, with the model that
needs it. A recipe over the whole series (``series=True``) reduces or runs along time and is
worked out, lazily, before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xflux.errors import MissingVariableError
from xflux.labels.calendar import find_time
from xflux.labels.coordinates import find_lat_lon
from xflux.labels.find import find
from xflux.labels.soil_water import water_availability
from xflux.labels.solar import potential_radiation

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RECIPES", "Recipe", "derivable", "recipes_for"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one variable follows from others.

    Attributes
    ----------
    target : str
        Canonical name of what is derived.
    needs : tuple of str
        Canonical names of the arguments, in call order.
    function : str or callable
        Name of the function, in `xflux.numerics.meteorology` or, for a series, here;
        or the function itself.
    note : str
        Said in the attributes of what comes of it.
    on_request : bool
        Only used when the user asks with ``derive=``.
    series : bool
        The function takes DataArrays, and looks along time.
    axes : tuple of str
        Of ``time`` and ``latitude``, what a function over a series reads of the Dataset, which it
        takes before its other arguments.
    standard : bool
        `standardize` adds the result to the Dataset unasked.
    """

    target: str
    needs: tuple[str, ...]
    function: str | Callable[..., Any]
    note: str
    on_request: bool = False
    series: bool = False
    axes: tuple[str, ...] = ()
    standard: bool = False

    def resolve(self) -> Callable[..., Any]:
        """Return the function itself."""
        if callable(self.function):
            return self.function
        if self.series:
            found: Callable[..., Any] = globals()[self.function]
            return found
        from xflux.numerics import meteorology

        found = getattr(meteorology, self.function)
        return found


RECIPES: tuple[Recipe, ...] = (
    Recipe("ta", ("ta_min", "ta_max"), "mean_temperature", "mean of ta_min and ta_max"),
    Recipe("ta_max", ("ta",), "same", "ta taken for the daily maximum"),
    Recipe("vpd", ("ta", "td"), "vpd_from_dewpoint",
           "from ta and dew point, saturation vapour pressure of FAO-56", standard=True),
    Recipe("vpd", ("ta", "ea"), "vpd_from_vapour_pressure",
           "from ta and vapour pressure, saturation vapour pressure of FAO-56", standard=True),
    Recipe("vpd", ("ta", "rh_air"), "vpd_from_relative_humidity",
           "from ta and relative humidity, saturation vapour pressure of FAO-56", standard=True),
    Recipe("vpd", ("ta", "q", "patm"), "vpd_from_specific_humidity",
           "from ta, specific humidity and pressure, saturation vapour pressure of FAO-56",
           standard=True),
    Recipe("rh_air", ("ta", "td"), "relative_humidity_from_dewpoint", "from ta and dew point"),
    Recipe("rh_air", ("ta", "vpd"), "relative_humidity_from_vpd", "from ta and vpd"),
    Recipe("patm", ("elevation",), "pressure_from_elevation",
           "from elevation, barometric formula at 298.15 K (Stocker et al. 2020)", standard=True),
    Recipe("ppfd", ("par",), "ppfd_from_par", "4.57 umol J-1 x par", standard=True),
    Recipe("ppfd", ("swin",), "ppfd_from_shortwave", "2.04 umol J-1 x swin", standard=True),
    Recipe("par", ("swin",), "par_from_shortwave", "0.446 x swin"),
    Recipe("ndvi", ("red", "nir"), "ndvi_from_reflectance", "(nir - red) / (nir + red)",
           standard=True),
    Recipe("ndvi", ("fapar",), "ndvi_from_fapar", "0.9 x fapar + 0.05"),
    Recipe("ndwi", ("nir", "swir"), "ndwi_from_reflectance",
           "(nir - swir) / (nir + swir) (Gao 1996)", standard=True),
    Recipe("nirv", ("red", "nir"), "nirv_from_reflectance", "nir x ndvi (Badgley et al. 2017)",
           standard=True),
    Recipe("nirv", ("ndvi", "nir"), "nirv_from_ndvi", "nir x ndvi (Badgley et al. 2017)",
           standard=True),
    Recipe("rnet", ("swin", "lwin", "ta"), "net_radiation_from_longwave",
           "estimated from swin, lwin and ta: (1 - 0.23) swin + 0.98 (lwin - sigma T^4)",
           on_request=True),
    Recipe("rnet", ("swin", "ta"), "net_radiation",
           "estimated from swin and ta alone", on_request=True),
    Recipe("pet", ("ta", "rnet", "patm"), "potential_evapotranspiration",
           "1.26 Delta / (Delta + gamma) rnet / lambda, from 0 up (Priestley and Taylor 1972)"),
    Recipe("swin_potential", (), potential_radiation,
           "from latitude and date (FAO-56)", on_request=True, series=True,
           axes=("time", "latitude")),
    Recipe("wai", ("p", "pet"), water_availability,
           "bucket of 100 mm, filled by p, emptied by pet or by 5 % a day",
           on_request=True, series=True, axes=("time",)),
    Recipe("g", (), "zero", "taken as 0"),
    Recipe("c4_fraction", (), "zero", "taken as 0 (C3 vegetation)"),
    Recipe("fapar_max", ("fapar",), "series_maximum", "largest fapar of the series", series=True),
    Recipe("t_opt", ("ta_max", "ppfd", "fapar", "vpd"), "temperature_of_best_growth",
           "ta_max where ppfd x fapar x ta_max / vpd is largest (Fisher et al. 2008)",
           series=True),
)  # fmt: skip


def recipes_for(target: str) -> list[Recipe]:
    """Return the recipes of a variable, the preferred one first."""
    return [recipe for recipe in RECIPES if recipe.target == target]


def derivable(
    ds: xr.Dataset, name: str, derive: Sequence[str], above: tuple[str, ...] = ()
) -> bool:
    """Tell whether a Dataset holds a variable, or all that a recipe makes it of.

    Parameters
    ----------
    ds : Dataset
        Nothing is read but coordinates.
    name : str
        Canonical name.
    derive : sequence of str
        What may be derived on request.
    above : tuple of str
        What it is wanted for, which it cannot be made of.
    """
    if find(ds, name) is not None:
        return True
    above = (*above, name)
    return any(
        all(_has_axis(ds, axis) for axis in recipe.axes)
        and all(need not in above and derivable(ds, need, derive, above) for need in recipe.needs)
        for recipe in recipes_for(name)
        if not recipe.on_request or name in derive
    )


def _has_axis(ds: xr.Dataset, axis: str) -> bool:
    if axis == "time":
        return find_time(ds) is not None
    try:
        find_lat_lon(ds)
    except MissingVariableError:
        return False
    return True


def series_maximum(array: xr.DataArray) -> xr.DataArray:
    """Return the maximum along time."""
    return array.max(_required_time(array, str(array.name)), keep_attrs=False)


def temperature_of_best_growth(
    ta_max: xr.DataArray, ppfd: xr.DataArray, fapar: xr.DataArray, vpd: xr.DataArray
) -> xr.DataArray:
    """Return the optimum temperature of the canopy (Fisher et al. 2008, table 1).

    Canopies grow best when it is light, green, warm and moist at once. The time of
    the largest product is found without an index, so that time may be chunked.
    """
    dim = _required_time(ta_max, "ta_max")
    # A floor of 0.5 hPa keeps saturated air from deciding alone.
    score = ppfd * fapar * ta_max / vpd.clip(min=0.5)
    best = score == score.max(dim, keep_attrs=False)
    return ta_max.where(best).max(dim, keep_attrs=False)


def _required_time(array: xr.DataArray, called: str) -> str:
    dim = find_time(array)
    if dim is None:
        raise MissingVariableError(
            f"{called} has no time dimension to search for its maximum; pass t_opt (degC) and "
            "fapar_max as variables"
        )
    return dim
