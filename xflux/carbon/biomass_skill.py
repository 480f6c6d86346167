"""`xflux.compare_biomass`: above-ground biomass against a map, such as that of ESA CCI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from xflux.carbon.biomass import CARBON_FRACTION, aboveground_biomass, check_fraction
from xflux.carbon.biomass_basis import Basis, as_carbon, one_map
from xflux.carbon.carbon_terms import BOUNDS
from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import with_coordinate_attributes
from xflux.labels.find import find
from xflux.labels.grid import cell_area, land_fraction, match_grid
from xflux.skill.evaluate import evaluate

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Basis", "compare_biomass"]


def compare_biomass(
    ds: xr.Dataset,
    reference: xr.DataArray | xr.Dataset,
    *,
    carbon_fraction: float = CARBON_FRACTION,
    basis: Basis | None = None,
    smallest: float = 1.0,
    names: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Compare above-ground biomass with a reference map, cell by cell and in all.

    Parameters
    ----------
    ds : Dataset
        With ``cAGB`` of `aboveground_biomass`, or with ``cLeaf`` and ``cWood``; a dimension of
        years, scenarios or members is kept. ``cell_area`` and ``land_fraction`` weigh the
        cells where they are there.
    reference : DataArray or Dataset
        Map on the same grid: of carbon (``MgC ha-1``, ``kg C m-2``) or of dry matter
        (``Mg ha-1``, ``t ha-1``). Of a Dataset its ``cAGB``, else its ``agb``.
    carbon_fraction : float
        Mass of carbon in a mass of dry matter.
    basis : {"carbon", "dry matter"}, optional
        What the reference is a mass of. None: what is said first by

        1. its unit, where that names C;
        2. its attribute ``biomass_basis``, which `aboveground_biomass` writes;
        3. its ``standard_name`` or ``long_name`` ("mass of carbon", "dry matter");
        4. its name (``cAGB``, ``cVeg`` and such, or ``agb``).

        Else dry matter, as of ESA CCI Biomass. Attribute ``reference_basis`` of the result
        tells which it was, and by what.
    smallest : float
        Reference [MgC ha-1] from which on the relative difference is given.
    names : mapping of str to str, optional
        Your own names, such as ``{"cWood": "cStem"}``.

    Returns
    -------
    Dataset
        Carbon, lazy where the inputs are. Dimension ``estimate`` holds ``mean``, and
        ``lower`` and ``upper`` where `ds` has bounds.

        r2_pearson, r2_nse, slope [1]; rmse, bias, mae, intercept [Mg ha-1]; n [1]
            Over all cells with both, weighted by area (`xflux.evaluate`).
        difference [Mg ha-1]
            Estimate minus reference in each cell.
        relative_difference [1]
            Divided by the reference.
        reference [Mg ha-1]
            As carbon.

    Raises
    ------
    UnitsError
        When the reference has no mass per area.
    GridMismatchError
        When the grids differ; regrid one of them first.
    InputError, MissingVariableError
        For options that are not valid, missing pools, and a Dataset without a biomass.

    Warns
    -----
    XfluxWarning
        When the reference has values outside the range of a stock, below 0 or above 10000 Mg of
        carbon per hectare, which become NaN; of a lazy one while it is computed.

    Notes
    -----
    Zhu et al. (2026) compare cLeaf + cWood with ESA CCI Biomass v5.01 times 0.47 at half a
    degree: r2 (squared correlation, here ``r2_pearson``) 0.70, RMSE 19.11 MgC ha-1; without
    weights by area.

    References
    ----------
    Santoro, M. et al. (2021), Earth System Science Data 13, 3927-3950.

    Zhu, S. et al. (2026), Agricultural and Forest Meteorology,
    doi:10.1016/j.agrformet.2026.111197.
    """
    import xarray as xr

    check_fraction(carbon_fraction)
    if basis is not None and basis not in get_args(Basis):
        raise InputError(f"basis={basis!r} is not known; use 'carbon' or 'dry matter'")
    made = (
        ds
        if "cAGB" in ds
        else aboveground_biomass(ds, carbon_fraction=carbon_fraction, names=names)
    )
    observed, told = as_carbon(one_map(reference), carbon_fraction, basis)
    estimates = {"mean": made["cAGB"]}
    for ending in BOUNDS:
        if f"cAGB{ending}" in made:
            estimates[ending[1:]] = made[f"cAGB{ending}"]
    predicted = xr.concat(list(estimates.values()), dim="estimate", combine_attrs="drop")
    predicted = predicted.assign_coords(estimate=list(estimates)).rename("cAGB")
    predicted.attrs = {"units": "Mg ha-1", "long_name": "Carbon in above-ground biomass"}
    try:
        weights = _weights(ds, observed)
    except (InputError, MissingVariableError) as error:
        raise InputError(
            f"the area of the cells, by which they are weighted, cannot be told ({error})"
        ) from error
    observed = match_grid(observed, weights, what="reference")
    predicted = match_grid(predicted, weights, what="biomass")
    score = evaluate(observed, predicted, dim=list(observed.dims), weights=weights)
    difference = predicted.drop_attrs() - observed.drop_attrs()
    relative = difference / observed.drop_attrs().where(observed >= smallest)
    said = {"units": "Mg ha-1"}
    score["difference"] = difference.assign_attrs(
        long_name="Above-ground biomass minus reference, mass of carbon", **said
    )
    score["relative_difference"] = relative.assign_attrs(
        long_name="Above-ground biomass minus reference, relative to the reference", units="1",
        comment=f"where the reference is at least {smallest:g} MgC ha-1",
    )  # fmt: skip
    score["reference"] = observed.assign_attrs(
        long_name="Carbon in above-ground biomass of the reference, mass of carbon",
        biomass_basis="carbon", **said,
    )  # fmt: skip
    score.attrs |= {
        "title": "Above-ground biomass against a reference map",
        "reference_basis": told,
        "weights": "area of cells"
        + (" x land fraction" if find(ds, "land_fraction") is not None else ""),
    }
    return with_coordinate_attributes(score, [ds, reference])


def _weights(ds: xr.Dataset, observed: xr.DataArray) -> xr.DataArray:
    """Return area times land fraction of the cells."""
    area = cell_area(ds)
    if set(area.dims) - set(observed.dims):
        raise InputError(f"the reference has the dims {observed.dims}, the cells {area.dims}")
    land = land_fraction(ds)
    if land is not None:
        area = area * match_grid(land, area, what="land_fraction")
    return area.fillna(0.0)
