"""Where figures go: one folder of PNG files, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.errors import XfluxError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["Figure", "FigureFolder", "map_page", "require_matplotlib", "set_title"]

_DPI = 150


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that was written.

    Attributes
    ----------
    file : str
        Name in the folder of figures.
    title : str
        For readers who do not see it.
    caption : str
        What is seen, for the report.
    """

    file: str
    title: str
    caption: str


def require_matplotlib() -> None:
    """Refuse to start what could not be drawn in the end.

    Raises
    ------
    ImportError
        With the command that installs it.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ImportError(
            "the figures of the report need matplotlib; install it with "
            "python -m pip install 'xflux[demo]'"
        )


class FigureFolder:
    """Draws into one folder; what cannot be drawn is a reason, not the end of the run."""

    def __init__(self, folder: Path, left_out: dict[str, str]) -> None:
        self.folder = folder
        self.left_out = left_out
        self.figures: list[Figure] = []

    def draw(self, name: str, title: str, caption: str, function: Callable[[str], Canvas]) -> None:
        import matplotlib.pyplot as plt

        before = set(plt.get_fignums())
        try:
            canvas = function(title)
            canvas.savefig(self.folder / f"{name}.png", dpi=_DPI, bbox_inches="tight")
        except XfluxError as error:
            self.left_out[f"figure {name}"] = str(error)
        else:
            self.figures.append(Figure(f"{name}.png", title, caption))
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)


def map_page(array: xr.DataArray, title: str, **options: Any) -> Canvas:
    """Draw an array as a map with a title; options are those of `xflux.plot.maps.plot_map`."""
    from xflux.plot.maps import plot_map

    ax: Any = plot_map(array, **options)
    set_title(ax, title)
    canvas: Canvas = ax.figure
    return canvas


def set_title(ax: Axes, title: str) -> None:
    """Write what is seen; what `xflux.plot` says of the data stays below it."""
    from xflux.plot.colours import INK
    from xflux.plot.panels import title_width, wrapped

    said = ax.get_title(loc="left")
    if "(synthetic)" in title:
        parts = [part for part in said.replace("\n", " ").split("; ") if part != "synthetic"]
        said = "; ".join(part for part in parts if part != "Synthetic")
    text = wrapped(title + (f"\n{said}" if said else ""), title_width(ax), 11)
    ax.set_title(text, loc="left", fontsize=11, color=INK)
