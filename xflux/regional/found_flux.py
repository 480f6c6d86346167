"""A flux as it stands in a Dataset, and what brings it into the unit and direction of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xflux.labels.find import find
from xflux.labels.flux_definition import NET, direction, named_definition
from xflux.labels.pipeline import materialise
from xflux.labels.plan import Plan
from xflux.labels.resolve import resolve
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["KEPT", "FoundFlux", "found_flux"]

#: Attributes that a flux of regions has as well.
KEPT = ("flux_definition", "synthetic", "cell_methods", "model")


@dataclass(frozen=True)
class FoundFlux:
    """A flux of a Dataset.

    Attributes
    ----------
    array : DataArray
        As it stands, with the attributes of what it becomes when scaled.
    scale : float
        Negative where it is positive the other way.
    plan : Plan
    """

    array: xr.DataArray
    scale: float
    plan: Plan

    @property
    def canonical(self) -> xr.DataArray:
        """The flux in the unit and direction of the table, what is out of range NaN; lazy."""
        values = materialise(self.plan, str(self.array.name))
        return (-values if self.scale < 0 else values).assign_attrs(self.array.attrs)


def found_flux(
    ds: xr.Dataset, variable: str, names: Mapping[str, str] | None, *, needed_by: str
) -> FoundFlux:
    """Find a flux.

    Parameters
    ----------
    ds : Dataset
    variable : str
        Canonical name.
    names : mapping of str to str, optional
        The user's own.
    needed_by : str
        For messages.

    Raises
    ------
    MissingVariableError, UnitsError, AmbiguousVariableError
        For what is not there, or of another unit.
    InputError
        For a net flux that says that it is another.
    """
    row = variables[variable]
    plan = resolve(ds, {variable: needed_by}, names=names)
    if plan.steps:
        # What is derived is in canonical units, and within the range of the table.
        flux, scale = materialise(plan, variable), 1.0
    else:
        flux, scale = plan.sources[variable].array, plan.sources[variable].scale
    own = find(ds, variable, names)
    source = flux if own is None else ds[own]
    attrs = {key: source.attrs[key] for key in KEPT if key in source.attrs}
    if variable in NET:
        attrs["flux_definition"] = named_definition(source, variable)
    if row.positive:
        if direction(source) not in (None, row.positive):
            scale = -scale
        attrs["positive"] = row.positive
    flux = flux.rename(variable).drop_attrs()
    described = flux.assign_attrs({"units": row.units, "long_name": row.long_name, **attrs})
    return FoundFlux(described, scale, plan)
