"""Where two models follow a reference in time, and where one does so better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.labels.attach import generated
from xflux.labels.coordinates import find_lat_lon
from xflux.plot.colours import INK
from xflux.plot.maps import plot_map

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_correlations"]


def plot_correlations(
    scores: Mapping[str, xr.DataArray],
    *,
    axes: Sequence[Axes] | NDArray[Any] | None = None,
    figsize: tuple[float, float] | None = None,
    **options: Any,
) -> NDArray[Any]:
    """Draw maps of the correlations of two models, and of their difference.

    Parameters
    ----------
    scores : mapping of str to DataArray (lat, lon) [1]
        Two, by what the models are called: ``pearson_r`` of ``xflux.evaluate(truth, model,
        dim="time", metrics=["pearson_r"])``. Members are averaged.
    axes : sequence of three Axes, optional
        Drawn into; None makes a figure.
    figsize : tuple of float, optional
        Inches.
    **options
        Of `xflux.plot.maps.plot_map`.

    Returns
    -------
    array of Axes
        Of the first, the second, and the second less the first.

    Raises
    ------
    InputError
        For other than two scores, or other than three axes.
    """
    if not isinstance(scores, Mapping) or len(scores) != 2:
        raise InputError("give two maps by name, such as {'towers only': r, 'dual': other}")
    (first_name, first), (second_name, second) = scores.items()
    if axes is None:
        import matplotlib.pyplot as plt

        _, made = plt.subplots(1, 3, figsize=figsize or (13.0, 2.9), layout="constrained")
        axes = made
    panels = np.asarray(axes, dtype=object).ravel()
    if panels.size != 3:
        raise InputError(f"{panels.size} axes for three maps; give one for each")
    flat = []
    for one in (first, second):
        lat, lon = find_lat_lon(one.coords.to_dataset())
        over = [dim for dim in one.dims if dim not in (*lat.dims, *lon.dims)]
        flat.append(one.mean(over, keep_attrs=True))
    difference = (flat[1] - flat[0]).rename("difference")
    mark = generated(flat)
    difference.attrs = {
        "long_name": "Difference of correlations", "units": "1",
        **({"synthetic": mark} if mark else {}),
    }  # fmt: skip
    titles = (first_name, second_name, f"{second_name} - {first_name}")
    for ax, array, title in zip(panels, (*flat, difference), titles, strict=True):
        limits = {} if array is difference else {"vmin": -1.0, "vmax": 1.0}
        plot_map(array, ax=ax, center=0.0, **{**limits, **options})
        ax.set_title(title, loc="left", fontsize=9, color=INK)
    return panels
