"""Names, attributes and coordinates of what allocation returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.carbon.allocation_block import AllocationBlock
from xflux.carbon.emulation import Emulation
from xflux.carbon.fractions import POOLS
from xflux.labels.attach import describe, generated
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.years import Years

__all__ = ["labelled"]

_LITERATURE = (
    "fractions and turnover times of the literature by land cover (xflux.carbon.literature)"
)
_IMBALANCE = {
    "long_name": "Autotrophic respiration as a share of GPP, less that as a share of RECO, before "
    "both were brought together; mass of carbon",
    "units": "g m-2 d-1",
    "cell_methods": "area: mean where land time: mean",
}
_YEAR = {"long_name": "calendar year", "units": "1"}


def labelled(
    made: Mapping[str, Mapping[str, xr.DataArray]],
    block: AllocationBlock,
    ds: xr.Dataset,
    years: Years,
) -> xr.Dataset:
    """Return outputs as a Dataset."""
    import xarray as xr

    fitted = block.fitted
    said = _said(fitted)
    # What was learned from generated models, or made from generated fluxes, is no estimate.
    mark = generated(ds.data_vars.values()) or fitted.provenance.get("synthetic")
    result: dict[str, xr.DataArray] = {}
    for name, variants in made.items():
        if block.scenarios:
            whole = xr.concat(list(variants.values()), dim="scenario")
            result[name] = _described(whole, name, said, mark)
            continue
        for variant, array in variants.items():
            if variant and name == "imbalance_ra":
                continue
            result[f"{name}{variant}"] = _described(array, name, said, mark, variant)
    out = xr.Dataset(result)
    if block.scenarios:
        out = out.assign_coords(scenario=list(fitted.scenarios))
    if "year" in out.coords and years.dim != "year":
        out["year"].attrs = _YEAR
    return out


def _described(
    array: xr.DataArray, name: str, said: str, mark: Any, variant: str = ""
) -> xr.DataArray:
    extra: dict[str, Any] = {"allocation": said, "synthetic": mark}
    if name == "imbalance_ra":
        return array.rename(name).assign_attrs(
            {k: v for k, v in (_IMBALANCE | extra).items() if v is not None}
        )
    if variant:
        side = "Least" if variant == "_lower" else "Largest"
        row = variables[name].long_name
        extra |= {"long_name": f"{side} of the scenarios: {row}", "standard_name": None}
    if name in POOLS:
        extra["cell_methods"] = "area: mean where land time: mean"
    return describe(array, name, **extra).rename(f"{name}{variant}")


def _said(fitted: Any) -> str:
    if not isinstance(fitted, Emulation):
        return _LITERATURE
    models = [name for name in fitted.provenance.get("models", ()) if name]
    of = f"{len(models)} land models" if len(models) > 1 else "a land model"
    how = "free ratios" if fitted.form == "ratio" else "fractions and turnover times"
    return f"{how} emulated from {of}" + (f" ({', '.join(models)})" if models else "")
