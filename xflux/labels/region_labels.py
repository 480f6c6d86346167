"""By what regions of two objects are matched: their names where both have them, else numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["labels_of_both"]


def labels_of_both(
    a: xr.DataArray | xr.Dataset, b: xr.DataArray | xr.Dataset
) -> tuple[list[str], list[str]]:
    """Return what the regions of two objects are called, so that they can be compared.

    Parameters
    ----------
    a, b : DataArray or Dataset
        With ``region``, and ``names`` beside it or not.

    Examples
    --------
    >>> import xarray as xr
    >>> coords = {"region": [1, 2], "names": ("region", ["N", "S"])}
    >>> a = xr.DataArray([0, 0], coords, dims="region")
    >>> labels_of_both(a, a.isel(region=[1]))
    (['N', 'S'], ['S'])
    >>> labels_of_both(a, a.isel(region=[1]).drop_vars("names"))
    (['1', '2'], ['2'])
    """
    key = "names" if "names" in a.coords and "names" in b.coords else "region"
    first, second = ([str(label) for label in one[key].values] for one in (a, b))
    return first, second
