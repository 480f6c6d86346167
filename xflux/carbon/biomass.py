"""`xflux.aboveground_biomass`: leaves and wood, as carbon and as dry matter per hectare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xflux.carbon.carbon_terms import BOUNDS
from xflux.errors import InputError
from xflux.labels.attach import with_coordinate_attributes
from xflux.labels.blockwise import check_same_grid
from xflux.labels.find import check_names
from xflux.labels.standardize import canonical

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CARBON_FRACTION", "aboveground_biomass", "check_fraction"]

#: Carbon in dry matter of above-ground forest biomass; IPCC (2006), vol. 4, table 4.3.
CARBON_FRACTION = 0.47
#: 1 Mg ha-1 is 100 g m-2.
_GRAMS = 100.0


def aboveground_biomass(
    ds: xr.Dataset,
    *,
    carbon_fraction: float = CARBON_FRACTION,
    names: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return the carbon of leaves and wood, and the dry matter that holds it.

    Parameters
    ----------
    ds : Dataset
        ``cLeaf`` and ``cWood`` [g m-2 of carbon, or what converts], any dims; with their
        ``_lower`` and ``_upper`` where these are there.
    carbon_fraction : float
        Mass of carbon in a mass of dry matter, 0 to 1; 0.47 by IPCC (2006).
    names : mapping of str to str, optional
        Your own names, such as ``{"cWood": "cStem"}``.

    Returns
    -------
    Dataset
        Lazy where `ds` is; NaN where either pool is.

        cAGB [Mg ha-1]
            Carbon: ``(cLeaf + cWood) / 100``.
        agb [Mg ha-1]
            Dry matter: ``cAGB / carbon_fraction``, what maps such as ESA CCI Biomass show.
            Attribute ``biomass_basis`` tells the two apart, as their unit does not.
        cAGB_lower, cAGB_upper, agb_lower, agb_upper
            Sums of the bounds of both pools, which enclose those of the sum. Scenarios on a
            dimension have their own sums, and are the better way.

    Raises
    ------
    MissingVariableError, UnitsError
        Without cLeaf or cWood, or with a wrong unit.
    InputError
        For a carbon fraction outside 0 to 1.
    GridMismatchError
        When the pools lie on different grids.

    Notes
    -----
    Wood of land models holds coarse roots in some of them, which are below ground: there cAGB
    is an overestimate by about a fifth (root to shoot ratio of forests, IPCC 2006, table 4.4).

    References
    ----------
    IPCC (2006): Guidelines for National Greenhouse Gas Inventories, vol. 4, chapter 4.

    Examples
    --------
    >>> import xarray as xr
    >>> said = {"units": "kg m-2"}
    >>> ds = xr.Dataset({"cLeaf": ("cell", [0.2], said), "cWood": ("cell", [9.2], said)})
    >>> found = aboveground_biomass(ds)
    >>> found.cAGB.item(), found.agb.item()
    (94.0, 200.0)
    """
    import xarray as xr

    check_fraction(carbon_fraction)
    known = check_names(ds, names)
    result = xr.Dataset()
    for ending in ("", *BOUNDS):
        own = {name: known.get(name, name) + ending for name in ("cLeaf", "cWood")}
        if ending and not all(one in ds for one in own.values()):
            continue
        chosen = known if not ending else own
        kept = [v for v in ds.data_vars if ending or not str(v).endswith(BOUNDS)]
        pools = canonical(
            ds[kept], ["cLeaf", "cWood"], names=chosen, needed_by="aboveground_biomass"
        )
        leaf, wood = pools["cLeaf"], pools["cWood"]
        check_same_grid([leaf, wood], ["cLeaf", "cWood"])
        carbon = (leaf.drop_attrs() + wood.drop_attrs()) / _GRAMS
        bound = {"": "", "_lower": ", lower bound", "_upper": ", upper bound"}[ending]
        said = {"units": "Mg ha-1"}
        source = ds.get(own["cLeaf"])
        if source is not None and "synthetic" in source.attrs:
            said["synthetic"] = source.attrs["synthetic"]
        result[f"cAGB{ending}"] = carbon.assign_attrs(
            long_name=f"Carbon in above-ground biomass (leaves and wood){bound}, mass of carbon",
            cell_methods="area: mean where land",
            biomass_basis="carbon",
            **said,
        )
        result[f"agb{ending}"] = (carbon / carbon_fraction).assign_attrs(
            long_name=f"Above-ground biomass (leaves and wood){bound}, dry matter",
            comment=f"carbon divided by {carbon_fraction:g} (IPCC 2006: 0.47)",
            cell_methods="area: mean where land",
            biomass_basis="dry matter",
            **said,
        )
    return with_coordinate_attributes(result, [ds])


def check_fraction(carbon_fraction: float) -> None:
    """Refuse what is no share of carbon in dry matter."""
    if not 0.0 < carbon_fraction < 1.0:
        raise InputError(
            f"carbon_fraction={carbon_fraction!r} must lie between 0 and 1, such as 0.47"
        )
