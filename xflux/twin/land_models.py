"""The land models of the idealised Earth as a Dataset: what an ensemble like TRENDY's delivers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import attributes
from xflux.labels.variables import variables
from xflux.twin.chunks import PLACES
from xflux.twin.fingerprint import land_model_fingerprint
from xflux.twin.land_model_chunks import MONTHLY, YEARLY, RunLandModels
from xflux.twin.land_model_parameters import LAND_MODELS, LAWS

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["land_models"]

#: Cells of a chunk along latitude and longitude: all time lies in one.
_CHUNK = {"lat": 18, "lon": 24}
_STOCK = "at the end of the year"


def land_models(earth: Earth, n: int = 21) -> xr.Dataset:
    """Run land models on an idealised Earth; see `xflux.twin.Earth.land_models`."""
    import xarray as xr

    if not isinstance(n, int | np.integer) or isinstance(n, bool) or not 1 <= n <= len(LAND_MODELS):
        raise InputError(f"n={n!r} is no number of land models; expected 1 to {len(LAND_MODELS)}")
    if earth.freq != "MS":
        raise InputError(
            f"land models run by months, and this Earth has freq={earth.freq!r}; make one with "
            "freq='MS'"
        )
    edges = earth._edges.astype("M8[M]")
    first, last = (int(edge.astype(int)) + 70 * 12 for edge in (edges[0], edges[-1]))
    years = (1900 + -(-(first - 11) // 12), 1900 + last // 12)
    if years[0] >= years[1]:
        raise InputError(
            f"start={earth.start!r} to end={earth.end!r} holds no end of a year, and stocks are "
            "those of the ends of years; let it reach a December"
        )
    wanted = {dim: (earth.chunks or {}).get(dim, length) for dim, length in _CHUNK.items()}
    part = replace(earth, chunks=wanted)
    inputs = [part._shape("lat", "lon"), *map(part._coordinate, ("lat", "lon"))]
    sizes = {"model": int(n), "time": last - first, "year": years[1] - years[0]}
    count = len(MONTHLY) + len(YEARLY)
    made = xr.apply_ufunc(
        RunLandModels(int(earth.seed), first, last, years, int(n)),
        *inputs,
        *(part._places[name] for name in PLACES),
        output_core_dims=[["model", "time"]] * len(MONTHLY) + [["model", "year"]] * len(YEARLY),
        dask="parallelized",
        dask_gufunc_kwargs={"output_sizes": sizes},
        output_dtypes=[np.float32] * count,
        keep_attrs=False,
    )
    models = LAND_MODELS[:n]
    ds = xr.Dataset(
        {
            name: array.transpose("model", ..., "lat", "lon").assign_attrs(_attributes(name))
            for name, array in zip((*MONTHLY, *YEARLY), made, strict=True)
        },
        coords={
            "model": ("model", [model.name for model in models], {"long_name": "land model"}),
            "time": earth._time,
            "year": ("year", np.arange(*years), {"long_name": "calendar year"}),
            **earth._cells.coords,
            **{
                f"law_of_{kind}": (
                    "model",
                    [names[model.laws._asdict()[kind]] for model in models],
                    {"long_name": f"law of {kind} of the land model"},
                )
                for kind, names in LAWS.items()
            },
        },
    )
    ds = part._finish(ds, "Land models of an idealised Earth (synthetic)")
    return ds.assign_attrs(
        source=f"{ds.attrs['source']}, land models {land_model_fingerprint()}",
    )


def _attributes(name: str) -> dict[str, Any]:
    """Return the attributes of a variable in the name and unit of CMIP."""
    from xflux.twin.earth import SYNTHETIC

    row = next(row for row in variables.values() if name in (row.cmip, row.name))
    if name in MONTHLY:
        return attributes(row.name, ("time",), units="kg m-2 s-1", synthetic=SYNTHETIC)
    if name.startswith("npp"):
        return attributes(
            row.name, ("time",), units="kg m-2 s-1", comment="mean of the year",
            synthetic=SYNTHETIC,
        )  # fmt: skip
    return attributes(
        row.name, ("year",), units="kg m-2", comment=_STOCK, synthetic=SYNTHETIC,
        cell_methods="area: mean where land time: point",
    )  # fmt: skip
