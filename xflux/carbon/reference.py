"""Land models as users have them: found, in canonical units, and read at some cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.fractions import POOLS
from xflux.carbon.reference_checks import check_pools
from xflux.carbon.years import Years, whole_years
from xflux.errors import MissingVariableError
from xflux.labels.find import find, looked_for
from xflux.labels.units import convert
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Reference", "reference_arrays"]

Array = NDArray[Any]

_FLUXES = ("gpp", "ra", "rh")
_GROWN = ("npp_leaf", "npp_wood", "npp_root")


@dataclass(frozen=True)
class Reference:
    """Fluxes and pools of land models, lazily.

    Attributes
    ----------
    fluxes : Dataset
        gpp, ra, rh [g m-2 d-1], dims (model, time, ...) or fewer.
    by_year : Dataset
        Production by part [g m-2 d-1] and pools [g m-2], dims (model, year, ...) or fewer.
    names : tuple of str
        Of the models.
    """

    fluxes: xr.Dataset
    by_year: xr.Dataset
    names: tuple[str, ...]

    @property
    def time(self) -> str | None:
        """Dimension of the steps of fluxes."""
        return next((dim for dim in ("time", "month") if dim in self.fluxes.dims), None)

    @property
    def years(self) -> NDArray[np.int64] | None:
        """Years of the pools."""
        if "year" not in self.by_year.dims:
            return None
        return np.asarray(self.by_year["year"].values, np.int64)

    def at(
        self, chosen: Mapping[Any, xr.DataArray], years: Years, rows: NDArray[np.int64]
    ) -> dict[str, Array]:
        """Read cells.

        Returns
        -------
        dict of str to ndarray
            Fluxes (model, place, year, step) and others (model, place, year), of those years.
        """
        held: dict[str, Array] = {}
        labels = None if years.labels is None else years.labels[rows]
        for ds in (self.fluxes, self.by_year):
            here = ds.isel({dim: index for dim, index in chosen.items() if dim in ds.dims})
            for name, array in here.load().items():
                if "model" not in array.dims:
                    array = array.expand_dims("model")
                if ds is self.fluxes:
                    if years.dim is None:
                        held[str(name)] = array.transpose("model", "cell").values[..., None, None]
                        continue
                    plain = array.transpose("model", "cell", years.dim).values
                    held[str(name)] = plain[..., years.places[rows]]
                elif "year" in array.dims and labels is not None:
                    held[str(name)] = (
                        array.sel(year=labels).transpose("model", "cell", "year").values
                    )
                else:
                    plain = array.transpose("model", "cell", ...).values
                    plain = (
                        plain.mean(axis=-1, keepdims=True) if plain.ndim == 3 else plain[..., None]
                    )
                    held[str(name)] = np.broadcast_to(plain, (*plain.shape[:2], max(1, rows.size)))
        check_pools(held)
        return held


def reference_arrays(ds: xr.Dataset) -> Reference:
    """Find the fluxes and pools of land models.

    Parameters
    ----------
    ds : Dataset
        CMIP or canonical names, in any unit that converts; dims (model, time, lat, lon), of which
        model and time may be absent; pools by `year` or along time.

    Raises
    ------
    MissingVariableError
        Without gpp, ra (or npp) and rh.
    UnitsError
        For a unit that is missing or of another kind.
    """
    import xarray as xr

    held: dict[str, xr.DataArray] = {}
    for name in (*_FLUXES, "npp", *_GROWN, *POOLS):
        own = find(ds, name)
        if own is not None:
            held[name] = convert(ds[own], variables[name], own).drop_attrs()
    if "ra" not in held and {"gpp", "npp"} <= set(held):
        held["ra"] = held["gpp"] - held["npp"]
    missing = [name for name in _FLUXES if name not in held]
    if missing:
        name = missing[0]
        raise MissingVariableError(
            f"the emulator learns from gpp, ra (or npp) and rh of land models, and the reference "
            f"has no {' and no '.join(missing)}; looked for were {looked_for(name)}; it holds "
            f"{', '.join(map(str, ds.data_vars))}"
        )
    held.pop("npp", None)
    parts = {"cLeaf", "cWood", "cRoot"} & set(held)
    if "cVeg" not in held and len(parts) == 3:
        held["cVeg"] = held["cLeaf"] + held["cWood"] + held["cRoot"]
    if {"cVeg", "cLeaf", "cWood"} <= set(held):
        # What models call roots may be fine roots alone; so that parts add up, it is the rest.
        held["cRoot"] = held["cVeg"] - held["cLeaf"] - held["cWood"]
    fluxes = xr.Dataset({name: held[name].variable for name in _FLUXES}).assign_coords(
        _coords(held["gpp"])
    )
    yearly = {name: _by_year(array, name) for name, array in held.items() if name not in _FLUXES}
    coords = next((array.coords for array in yearly.values() if "year" in array.coords), None)
    by_year = xr.Dataset({name: array.variable for name, array in yearly.items()})
    if coords is not None:
        by_year = by_year.assign_coords(year=coords["year"])
    names: tuple[str, ...] = ("",)
    if "model" in fluxes.dims:
        labelled = "model" in ds.coords
        names = (
            tuple(map(str, ds["model"].values))
            if labelled
            else tuple(map(str, range(fluxes.sizes["model"])))
        )
    return Reference(fluxes, by_year, names)


def _coords(array: xr.DataArray) -> dict[Any, Any]:
    return {dim: array[dim] for dim in array.dims if dim in array.coords}


def _by_year(array: xr.DataArray, name: str) -> xr.DataArray:
    """Return yearly values: of what has months, their mean."""
    if "time" not in array.dims:
        return array
    years = whole_years(array, f"{name} of the reference")
    if years.labels is None or years.dim is None:
        return array
    total = None
    for k in range(years.steps):
        step = array.isel({years.dim: years.places[:, k]}).drop_vars(years.dim)
        step = step.rename({years.dim: "year"})
        total = step if total is None else total + step
    assert total is not None
    return (total / years.steps).assign_coords(year=years.labels)
