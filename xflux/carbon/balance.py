"""`xflux.mass_balance`: does carbon add up? Every identity, and stocks against fluxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xflux.carbon.carbon_terms import Terms, alike, carbon_terms
from xflux.carbon.identities import Identity, Signs, gross, identities
from xflux.carbon.lazy_sums import by_year, flux_totals, stock_totals, yearly_sums
from xflux.carbon.relative_residuals import (
    net_residual,
    relative_residuals,
    rounding_of_stocks,
)
from xflux.carbon.stock_change import StockChange, stock_change
from xflux.carbon.time_axis import YEAR, Axis, StockTime
from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import generated, with_coordinate_attributes
from xflux.labels.calendar import Step
from xflux.labels.named_regions import named_regions

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["mass_balance"]


def mass_balance(
    ds: xr.Dataset,
    *,
    names: Mapping[str, str] | None = None,
    regions: Any = None,
    stock_time: StockTime | None = None,
    stamp: Step | None = None,
) -> xr.Dataset:
    """Return the residual of every identity of carbon that a Dataset can form.

    Parameters
    ----------
    ds : Dataset
        Fluxes and stocks of carbon, eager or lazy, in one of two forms:

        - per area (``g m-2 d-1``, ``kg m-2 s-1``, ..., stocks ``g m-2``) on a grid or at
          sites, fluxes along ``time`` or ``year``, stocks along ``year`` or ``time``;
        - totals (``PgC yr-1``, or ``PgC`` of each step; stocks ``PgC``), with or without a
          dimension of regions.

        Other dims (``scenario``, ``member``, ``model``) pass through. Variables that end in
        ``_lower`` or ``_upper`` are left out: minimum and maximum over scenarios carry no
        identity.
    names : mapping of str to str, optional
        Your own names, such as ``{"ra": "AR", "cVeg": "TOTVEGC"}``.
    regions : optional
        What cells are summed over: a variable of `ds` (``"igbp"``), integers on the grid,
        fractions, or regionmask (see `xflux.labels.regions.as_regions`); None: the globe.
    stock_time : {"end", "mean"}, optional
        What a stock is the state of: the end of its year (or step), or the mean over it.
        None: as ``cell_methods`` say ("time: point": end, "time: mean": mean), else the end;
        attributes say which it was.
    stamp : {"D", "MS", "YS"}, optional
        What a time stamp stands for, where that cannot be told: the day, month or year in
        which it lies.

    Returns
    -------
    Dataset
        Lazy where the inputs are; x is an identity (gpp, reco, nep, nep_of_npp, nee,
        nee_of_npp, nbp, cVeg) or ``stocks``.

        residual_x [g m-2 d-1; cVeg and stocks g m-2]
            Left side minus right side, in each cell and step. NaN where a term is. Not of
            totals.
        total_x [Pg]
            Its sum over each region and year, dims (..., region, year). NaN for a year that
            lacks steps.
        missing_area_x [1]
            Share of the area of the region without a residual.
        max_relative_x [1]
            Its largest size relative to GPP + RECO of that cell and step (cVeg: to cVeg), over all
            cells and steps; attribute ``relative_to`` says by which fluxes that was had.
        mean_relative_x [1]
            Its mean size relative to the mean of these fluxes, weighted by area: one cell where
            next to nothing flows counts for next to nothing.
        net_relative_stocks [1]
            The residuals of all cells and steps added up, relative to the same.
        rounding_stocks [1]
            What ``mean_relative_stocks`` would be by the rounding of the stocks alone.
        stock_change, accumulated_nbp [g m-2], total_stock_change, total_accumulated_nbp [Pg]
            Change of the stocks since the state before, and NBP between the two;
            ``residual_stocks`` is the first minus the second.
        total_f_fire, ... [Pg]
            The losses that are part of it, for comparison.
        total_fire_beside_nee, total_fire_beside_nee_of_npp [Pg]
            ``f_fire`` summed as ``total_nee`` is, where `nee` does not say that it holds it.

        Attributes say which identities were formed, which losses are in NBP and which are
        not, what is missing, what a stock is the state of, and by what cells count
        (``weights``). `xflux.balance_report` puts all of this into words.

    Raises
    ------
    MissingVariableError
        When no identity can be formed; the message says what each lacks.
    UnitsError
        For a missing or wrong unit, or totals beside fluxes per area.
    InputError
        When steps differ or cannot be told, or a flux has the opposite sign.
    GridMismatchError
        When variables or regions lie on different grids.

    Notes
    -----
    The identities are ``GPP = NPP + Ra``, ``RECO = Ra + Rh``, ``NEP = GPP - RECO = NPP - Rh``,
    ``NEE = -NEP``, ``NBP = NEP - fire - land use - harvest - grazing``, ``cVeg = cLeaf + cWood
    + cRoot``, and ::

        d(cVeg + cLitter + cCwd + cSoil) = sum over the days between of NBP

    Stocks follow NBP, not NEP (Chapin et al. 2006): where fire is left out, the gap is the
    fire. A ``nee`` that holds fire says so by ``flux_definition`` = "nee+fire". NBP is the
    variable of that name where there is one, else NEP less the losses that are given.
    Between two stocks at the end of a year lies the NBP of the later year; between two means
    of a year lie the last parts of the earlier and the first parts of the later year, weighted
    as their steps fill them (see `xflux.carbon.accumulation.accumulation_weights`).

    References
    ----------
    Chapin, F. S. et al. (2006): Reconciling carbon-cycle concepts, terminology, and methods.
    Ecosystems 9, 1041-1050, doi:10.1007/s10021-005-0105-7.

    Examples
    --------
    >>> import xarray as xr
    >>> year = {"year": [2001, 2002]}
    >>> said = {"units": "PgC yr-1"}
    >>> ds = xr.Dataset(
    ...     {
    ...         "gpp": ("year", [120.0, 121.0], said),
    ...         "npp": ("year", [60.0, 60.5], said),
    ...         "ra": ("year", [60.0, 59.5], said),
    ...     },
    ...     coords=year,
    ... )
    >>> mass_balance(ds).total_gpp.values.round(6)
    array([0., 1.])
    """
    import xarray as xr

    regions = named_regions(regions, ds)
    terms = carbon_terms(ds, names=names, stamp=stamp, needed_by="mass_balance")
    _check_regions(terms, regions)
    fire_in_nee = _fire_in_nee(terms)
    formed, lacking = identities(terms.arrays, fire_in_nee=fire_in_nee)
    change = None
    stocks = stock_change(terms, ds, names, stock_time, fire_in_nee=fire_in_nee)
    if not isinstance(stocks, str):
        change = stocks
    elif stocks:
        lacking["change in stocks = accumulated NBP"] = stocks
    if not formed and change is None:
        listed = "; ".join(f"{text} lacks {missing}" for text, missing in lacking.items())
        raise MissingVariableError(
            f"no identity can be formed of {', '.join(terms.arrays)}"
            f"{f': {listed}' if listed else ''}. Pass names={{'gpp': '<your variable>'}}"
        )
    parts: dict[str, xr.DataArray] = {}
    for identity in formed:
        parts |= _of_identity(terms, identity, regions)
    if change is not None:
        parts |= _of_stocks(terms, change, regions)
    result = with_coordinate_attributes(xr.Dataset(_aligned(parts)), terms.arrays.values())
    if YEAR in result.coords:
        result[YEAR].attrs = {"long_name": "calendar year"}
    result.attrs = _said(terms, formed, lacking, change)
    mark = generated(terms.arrays.values())
    return result.assign_attrs(synthetic=mark) if mark else result


def _check_regions(terms: Terms, regions: Any) -> None:
    if regions is None or terms.area is not None:
        return
    why = terms.why_no_area if terms.per_area else "the variables are totals already"
    raise InputError(f"regions need cells with an area, and there are none: {why}; leave them out")


def _fire_in_nee(terms: Terms) -> bool:
    """Read what nee says that it holds.

    Raises
    ------
    InputError
        For another definition than those that identities are known of.
    """
    known = {"nee": ("nee", "nee+fire"), "nep": ("nep",), "nbp": ("nbp",)}
    for name, accepted in known.items():
        said = terms.arrays[name].attrs.get("flux_definition") if name in terms.arrays else None
        if said is not None and said not in accepted:
            raise InputError(
                f"{name!r} says flux_definition={said!r}, with which no identity is known; "
                f"expected {' or '.join(map(repr, accepted))}. Leave it out, or add what differs"
            )
    return "nee" in terms.arrays and (
        terms.arrays["nee"].attrs.get("flux_definition") == "nee+fire"
    )


def _combined(terms: Terms, signs: Signs) -> xr.DataArray:
    """Add variables up by their signs."""
    total: Any = None
    for name, sign in signs.items():
        array = terms.arrays[name].drop_attrs()
        scaled = array if sign == 1 else sign * array
        total = scaled if total is None else total + scaled
    result: xr.DataArray = total
    return result


def _sizes(terms: Terms, signs: Signs) -> tuple[xr.DataArray, str]:
    """Add up the sizes of variables, and say so."""
    total: Any = sum(abs(terms.arrays[name].drop_attrs()) for name in signs)
    return total, " + ".join(f"|{name}|" for name in signs)


def _of_identity(terms: Terms, identity: Identity, regions: Any) -> dict[str, xr.DataArray]:
    """Return residual, totals and the largest relative residual of one identity."""
    residual = _combined(terms, identity.signs)
    axis = terms.axis(list(identity.signs))
    is_stock = identity.name == "cVeg"
    said = f"residual of {identity.text}"
    if is_stock:
        against, of = terms.arrays["cVeg"].drop_attrs(), "cVeg"
    elif (both := gross(terms.arrays)) is not None:
        against, of = _combined(terms, both.signs), both.text
    else:
        against, of = _sizes(terms, identity.signs)
    parts = relative_residuals(terms, identity.name, residual, against, said, of)
    if terms.per_area:
        units = "g m-2" if is_stock else "g m-2 d-1"
        parts[f"residual_{identity.name}"] = residual.assign_attrs(
            long_name=f"{said}, mass of carbon", units=units
        )
    parts |= _totals(terms, identity.name, residual, axis, regions, said, is_stock=is_stock)
    return parts | _fire_beside(terms, identity, residual, axis, regions)


def _fire_beside(
    terms: Terms, identity: Identity, residual: xr.DataArray, axis: Axis | None, regions: Any
) -> dict[str, xr.DataArray]:
    """Return totals of the fire that nee does not say it holds: what its residual may be."""
    if "nee" not in identity.signs or {"nbp", "f_fire"} & set(identity.signs):
        return {}
    burnt = terms.axes.get("f_fire")
    if axis is None or burnt is None or not alike(axis, burnt):
        return {}
    fire = terms.arrays["f_fire"].drop_attrs().where(residual.notnull())
    called = f"fire_beside_{identity.name}"
    return _totals(
        terms, called, fire, axis, regions, "f_fire, which nee does not say that it holds",
        is_stock=False, missing=False,
    )  # fmt: skip


def _totals(
    terms: Terms,
    name: str,
    values: xr.DataArray,
    axis: Any,
    regions: Any,
    said: str,
    *,
    is_stock: bool,
    missing: bool = True,
) -> dict[str, xr.DataArray]:
    """Return sums over regions and years."""
    attrs = {"long_name": f"{said}, mass of carbon, summed over the region", "units": "Pg"}
    if not terms.per_area:
        total = values if is_stock else yearly_sums(values, axis)
        return {f"total_{name}": _numbered(total, axis).assign_attrs(attrs)}
    if terms.area is None:
        return {}
    options: dict[str, Any] = {"area": terms.area, "land": terms.land, "regions": regions}
    if is_stock:
        sums = _numbered(stock_totals(values, None, **options), axis)
    else:
        sums = flux_totals(values, axis, **options)
    methods = {"cell_methods": sums["integral"].attrs["cell_methods"]}
    parts = {f"total_{name}": sums["integral"].drop_attrs().assign_attrs({**attrs, **methods})}
    if missing:
        parts[f"missing_area_{name}"] = sums["missing_area"]
    return parts


def _numbered(totals: Any, axis: Axis | None) -> Any:
    """Number years in place of dates, where steps are whole years."""
    if axis is None or axis.dim == YEAR or axis.dim not in totals.dims or not axis.yearly:
        return totals
    return by_year(totals, axis.dim)


def _of_stocks(terms: Terms, change: StockChange, regions: Any) -> dict[str, xr.DataArray]:
    """Return the change in stocks, what has accumulated, and the difference."""
    residual = change.change - change.nbp
    said = "change in stocks minus accumulated NBP"
    parts: dict[str, xr.DataArray] = {}
    if change.gross is not None:
        of = change.said["stocks_relative_to"]
        parts |= relative_residuals(terms, "stocks", residual, change.gross, said, of)
        parts["net_relative_stocks"] = net_residual(terms, residual, change.gross)
        parts["rounding_stocks"] = rounding_of_stocks(terms, change.stock, residual, change.gross)
    words = {"stock_change": "change in stocks", "accumulated_nbp": "accumulated NBP"}
    # Sums of the parts run over the same cells as that of their difference.
    there = residual.notnull()
    masked = {
        "stock_change": change.change.where(there), "accumulated_nbp": change.nbp.where(there)
    }  # fmt: skip
    if terms.per_area:
        parts["residual_stocks"] = residual.assign_attrs(
            long_name=f"{said}, mass of carbon", units="g m-2"
        )
        for name, array in masked.items():
            parts[name] = array.assign_attrs(
                long_name=f"{words[name]} since the state before, mass of carbon", units="g m-2"
            )
    total = {"is_stock": True}
    parts |= _totals(terms, "stocks", residual, change.axis, regions, said, **total)
    for name, array in masked.items():
        parts |= _totals(
            terms, name, array, change.axis, regions, words[name], missing=False, **total
        )
    for name, loss in change.losses.items():
        parts |= _totals(
            terms, name, loss.where(there), change.axis, regions,
            f"{name} between the two states", missing=False, **total,
        )  # fmt: skip
    return parts


def _aligned(parts: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Give all results one axis; the first step has no state before it, and is NaN."""
    aligned = dict(parts)
    for dim in (YEAR, "time"):
        indexed = [array.indexes[dim] for array in parts.values() if dim in array.indexes]
        if not indexed:
            continue
        whole = indexed[0]
        for index in indexed[1:]:
            whole = whole.union(index)
        for name, array in aligned.items():
            if dim in array.indexes and not array.indexes[dim].equals(whole):
                aligned[name] = array.reindex({dim: whole})
    return aligned


def _said(
    terms: Terms, formed: list[Identity], lacking: dict[str, str], change: StockChange | None
) -> dict[str, str]:
    """Say what was formed and what is missing."""
    attrs = {
        "title": "Balance of carbon: left side minus right side of each identity",
        "identities": "; ".join(identity.text for identity in formed),
    }
    if lacking:
        attrs["not_formed"] = "; ".join(f"{text} (lacks {x})" for text, x in lacking.items())
    if change is not None:
        attrs |= change.said
    if terms.per_area and terms.area is None:
        attrs["no_totals"] = terms.why_no_area
    elif terms.per_area:
        attrs["weights"] = terms.weights
    if (both := gross(terms.arrays)) is not None:
        attrs["relative_to"] = both.text
    return attrs
