"""The atmospheric inversions of the idealised Earth: its true fluxes, as an ensemble errs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.integral import integrate
from xflux.labels.regions import as_regions
from xflux.twin.fingerprint import inversion_fingerprint
from xflux.twin.inversion_errors import InversionErrors

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["inversions"]


def inversions(earth: Earth, regions: Any, n: int = 5) -> xr.DataArray:
    """Invert the atmosphere of an idealised Earth; see `xflux.twin.Earth.inversions`."""
    import xarray as xr

    from xflux.twin.earth import SYNTHETIC

    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise InputError(f"n={n!r} is no number of inversions; expected 1 or more")
    truth = earth.truth
    found = as_regions(regions, truth["cell_area"])
    if found is None:
        raise InputError(
            "inversions need regions; give a mask on the grid of the Earth, such as "
            "xflux.transcom_regions(earth.truth)"
        )
    area, share = truth["cell_area"], truth["land_fraction"]
    series = integrate(truth["nee"], area=area, land_fraction=share, regions=found, freq="MS")
    months = earth._edges.astype("M8[M]").astype(int) + 70 * 12
    first, last = int(months[0]), int(months[0]) + series.sizes["time"]
    errors = xr.apply_ufunc(
        InversionErrors(int(earth.seed), int(n), found.labels.size, first, last),
        found.weights.chunk() if found.weights.chunks is None else found.weights,
        (area * share).drop_vars(("lat", "lon")),
        *(earth._cells[dim].variable for dim in ("lat", "lon")),
        input_core_dims=[found.weights.dims, ("lat", "lon"), ("lat",), ("lon",)],
        output_core_dims=[("inversion", "region", "time")],
        dask="parallelized",
        dask_gufunc_kwargs={
            "allow_rechunk": True,
            "output_sizes": {
                "inversion": int(n), "region": found.labels.size, "time": last - first
            },
        },
        output_dtypes=[np.float64],
    )  # fmt: skip
    names = [f"TWINV-{k + 1:02d}" for k in range(n)]
    said = {"long_name": "atmospheric inversion"}
    made = (series + errors.drop_vars(errors.coords)).transpose("inversion", "region", "time")
    made = made.assign_coords(inversion=("inversion", names, said)).rename("nee")
    made.attrs = {
        "long_name": "Net ecosystem exchange of regions by atmospheric inversions, carbon",
        "units": "Pg",
        "cell_methods": "area: sum where land time: sum",
        "positive": "up",
        "flux_definition": "nee",
        "synthetic": SYNTHETIC,
        "source": f"xflux.twin.Earth(seed={earth.seed}), parameters {earth.parameters}, "
        f"inversions {inversion_fingerprint()}",
    }
    return made
