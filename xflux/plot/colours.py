"""Colours: maps of even lightness, limits, and which map suits which variable.

The lightness (CIELAB L*) of every map is linear in the value, so that equal steps of a
flux look equally large; both arms of a diverging map are equally steep. The diverging
pairs (green and brown, blue and red) and the lines stay apart for colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.labels.variables import Variable

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

__all__ = [
    "FLUX_COLOURS",
    "INK",
    "MAPS",
    "MISSING",
    "MUTED",
    "PAPER",
    "ColourScale",
    "class_scale",
    "colour_map",
    "line_styles",
    "own_colours",
    "scale",
]

Extend = Literal["neither", "min", "max", "both"]

#: Text and axes; secondary text; cells without data; behind points.
INK, MUTED, MISSING, PAPER = "#333333", "#6e6e6e", "#e2e2e2", "#f7f7f7"

#: Colour maps, each as colours at even steps.
MAPS: dict[str, tuple[str, ...]] = {
    "growth": ("#fbf6dd", "#d7df9f", "#aaca70", "#74b558", "#4f9c44", "#298341", "#0f683c",
               "#0a4e30", "#07361f"),
    "respiration": ("#fcf4df", "#f0d49f", "#e3b26b", "#d09249", "#b8742f", "#9c5925", "#7c411c",
                    "#5d2c15", "#3b1a10"),
    "water": ("#f3f8ee", "#c0e2d2", "#8bcac9", "#5eb0c4", "#3595bb", "#2a77ad", "#265b97",
              "#1e427c", "#1a2a5c"),
    "warmth": ("#1b1d4d", "#412873", "#7b2d80", "#b03675", "#d84f5c", "#ef744a", "#f69e4a",
               "#fbc467", "#fbe9a0"),
    "sink_source": ("#0d4b3d", "#126f5a", "#3f9379", "#6ab79c", "#abd7c5", "#f4f4f0", "#e3cb9b",
                    "#cda15c", "#ae7a38", "#895819", "#61390d"),
    "difference": ("#18417c", "#2664a6", "#4789c4", "#7aaed9", "#b0d2ea", "#f4f4f2", "#f2c4b1",
                   "#e7937a", "#d26358", "#af383a", "#80192c"),
}  # fmt: skip

_SUITS = {
    "growth": "gpp npp fapar fapar_max lai ndvi evi nirv c4_fraction cVeg cLeaf cWood cRoot",
    "respiration": "reco ra rh f_fire f_luc f_harvest f_grazing cLitter cCwd cSoil",
    "water": "le et p swc soil_moisture q ea rh_air",
    "warmth": "ta ta_min ta_max td tsoil t_opt swin lwin rnet par ppfd ppfd_in vpd h g",
}
_MAP_OF = {name: colours for colours, names in _SUITS.items() for name in names.split()}
#: Fluxes whose sign says whether land is a sink or a source.
_NET = ("nee", "nep", "nbp")
#: Share of the larger limit that the other one reaches before zero becomes the centre.
_BOTH_SIGNS = 0.1

#: Lines: Okabe and Ito (2008), without their yellow, which is too light on white.
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6bb1")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
#: Fluxes and stocks, by the same colours wherever they are drawn.
FLUX_COLOURS = {"gpp": "#009e73", "reco": "#d55e00", "nee": "#0072b2", "nep": "#0072b2",
                "npp": "#e69f00", "ra": "#cc79a7", "rh": "#8c6bb1", "nbp": "#000000",
                "le": "#56b4e9", "h": "#d55e00", "et": "#56b4e9",
                "cVeg": "#298341", "cLeaf": "#74b558", "cWood": "#9c5925", "cRoot": "#d09249",
                "cLitter": "#a8a23c", "cCwd": "#7c411c", "cSoil": "#3b1a10",
                "f_fire": "#af383a", "f_luc": "#dd8a6f", "f_harvest": "#c8a200",
                "f_grazing": "#6b8e4e"}  # fmt: skip

#: IGBP classes: forests green, shrubs and savannas ochre, crops red, ice and water blue.
_IGBP_COLOURS = {
    "ENF": "#0b4d36", "EBF": "#1a6b38", "DNF": "#3f8f7a", "DBF": "#5fae5b", "MF": "#2f7d5d",
    "CSH": "#9a6f3c", "OSH": "#d3b98a", "WSA": "#a8a23c", "SAV": "#dcc14f", "GRA": "#c3d977",
    "WET": "#4f9bb8", "CRO": "#c8553d", "URB": "#6b6b6b", "CVM": "#e79a6b", "SNO": "#dbeef5",
    "BSV": "#efe6cf", "WAT": "#2b5f9e",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColourScale:
    """From values to colours.

    Attributes
    ----------
    cmap : Colormap
    norm : Normalize
    extend : {"neither", "min", "max", "both"}
        Where values lie beyond the limits.
    ends : tuple of str
        What either end means ("sink", "source"); empty where that is plain.
    """

    cmap: Colormap
    norm: Normalize
    extend: Extend
    ends: tuple[str, ...] = ()


def colour_map(name: str | Colormap, *, reverse: bool = False) -> Colormap:
    """Return a colour map: one of `MAPS`, or one that matplotlib knows."""
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    if not isinstance(name, str):
        cmap = name
    elif name in MAPS:
        cmap = LinearSegmentedColormap.from_list(name, MAPS[name])
    else:
        try:
            cmap = matplotlib.colormaps[name]
        except KeyError:
            raise InputError(
                f"cmap={name!r} is not known; use one of {', '.join(MAPS)}, or a name of "
                "matplotlib.colormaps"
            ) from None
    return cmap.reversed() if reverse else cmap


def scale(
    values: NDArray[Any],
    row: Variable | None = None,
    *,
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    center: float | bool | None = None,
    robust: bool = True,
    levels: int | Sequence[float] | None = None,
    positive: str = "",
) -> ColourScale:
    """Choose colours and limits for values.

    Parameters
    ----------
    values : ndarray
        At least one of them finite.
    row : Variable, optional
        What they are.
    cmap : str or Colormap, optional
        None: what suits the variable.
    vmin, vmax : float, optional
        Limits.
    center : float or bool, optional
        Value of the neutral colour of a diverging map, in the middle between the limits.
        None: 0 for net fluxes and for what has both signs, temperatures apart. False:
        none.
    robust : bool
        Limits from the 2 to the 98 % quantile, else from all values.
    levels : int or sequence of float, optional
        Steps of colour in place of a gradient.
    positive : {"", "up", "down"}
        Direction of a positive net flux, where it is not that of the table.
    """
    from matplotlib.colors import BoundaryNorm, Normalize

    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = np.quantile(finite, (0.02, 0.98))
    if not robust or low == high:  # of rare events, such as fires, all but a few are 0
        low, high = finite.min(), finite.max()
    net = row is not None and row.name in _NET
    middle = _middle(center, row, low, high, vmin, vmax)
    if middle is None:
        shades = colour_map(
            cmap if cmap is not None else _MAP_OF.get(row.name if row else "", "viridis")
        )
        # A scale that nearly starts at zero is read more easily when it does.
        low = 0.0 if 0.0 <= low < 0.2 * high else low
        bottom, top = _apart(low if vmin is None else vmin, high if vmax is None else vmax)
    else:
        up = (positive or (row.positive if row else "")) != "down"
        chosen = cmap if cmap is not None else "sink_source" if net else "difference"
        shades = colour_map(chosen, reverse=net and cmap is None and not up)
        bottom, top, shades = _around(middle, low, high, vmin, vmax, shades)
    ends: tuple[str, ...] = ()
    if net and middle == 0.0 and cmap is None:
        ends = ("sink", "source") if up else ("source", "sink")
    norm: Normalize = Normalize(bottom, top)
    extend = _extend(finite, bottom, top)
    if levels is not None:
        edges = _edges(levels, bottom, top)
        extend = _extend(finite, edges[0], edges[-1])
        norm = BoundaryNorm(edges, shades.N, extend=extend)
    return ColourScale(shades, norm, extend, ends)


def _middle(
    center: float | bool | None,
    row: Variable | None,
    low: float,
    high: float,
    vmin: float | None,
    vmax: float | None,
) -> float | None:
    if center is not None and center is not False:
        return 0.0 if center is True else float(center)
    if center is False:
        return None
    if row is not None and row.name in _NET:
        return 0.0
    if row is not None and row.units == "degC":
        return None  # zero Celsius is no sign
    low, high = (low if vmin is None else vmin), (high if vmax is None else vmax)
    both = low < 0.0 < high and min(-low, high) >= _BOTH_SIGNS * max(-low, high)
    return 0.0 if both else None


def _around(
    middle: float,
    low: float,
    high: float,
    vmin: float | None,
    vmax: float | None,
    shades: Colormap,
) -> tuple[float, float, Colormap]:
    """Return limits around a middle, and the part of the colours between them."""
    given = [abs(limit - middle) for limit in (vmin, vmax) if limit is not None]
    half = max(given) if given else max(abs(low - middle), abs(high - middle))
    half = half or 1.0
    if vmin is None or vmax is None:
        return middle - half, middle + half, shades
    # Unequal limits: the neutral colour stays in the middle, one arm is cut.
    from matplotlib.colors import ListedColormap

    bottom, top = _apart(vmin, vmax)
    if np.isclose(middle - bottom, top - middle):
        return bottom, top, shades
    share = (np.array([bottom, top]) - (middle - half)) / (2.0 * half)
    start, stop = np.clip(share, 0.0, 1.0)
    part = ListedColormap(shades(np.linspace(start, stop, 256)), name=shades.name)
    return bottom, top, part


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return limits that differ: of a constant, half a unit on either side."""
    if high < low:
        raise InputError(
            f"the lower limit of the colours, {low:g}, is above the upper one, {high:g}; give a "
            "vmin below vmax"
        )
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _edges(levels: int | Sequence[float], bottom: float, top: float) -> NDArray[np.float64]:
    from matplotlib.ticker import MaxNLocator

    if isinstance(levels, int):
        return np.asarray(MaxNLocator(levels).tick_values(bottom, top))
    edges = np.asarray(levels, np.float64)
    if edges.size < 2 or np.any(np.diff(edges) <= 0):
        raise InputError(
            f"levels={list(levels)} must be two or more increasing numbers, or a count"
        )
    return edges


def _extend(values: NDArray[np.float64], bottom: float, top: float) -> Extend:
    slack = 1e-6 * (top - bottom)
    below, above = values.min() < bottom - slack, values.max() > top + slack
    if below:
        return "both" if above else "min"
    return "max" if above else "neither"


def class_scale(names: Mapping[float, str], values: NDArray[Any]) -> tuple[ColourScale, list[str]]:
    """Choose one colour for each class that is there.

    Parameters
    ----------
    names : mapping
        Classes by code.
    values : ndarray
        Codes, finite.

    Returns
    -------
    ColourScale
    list of str
        Names of the classes in the order of the colours.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap

    codes = np.intersect1d(np.array(list(names), np.float64), values)
    if codes.size == 0:
        raise InputError(
            f"the values {np.unique(values)[:5].tolist()} are none of the classes "
            f"{dict(list(names.items())[:5])} ...; correct the codes or attrs['flag_values']"
        )
    there = [names[code] for code in codes]
    if all(name in _IGBP_COLOURS for name in there):
        shades: Any = [_IGBP_COLOURS[name] for name in there]
    else:
        few = codes.size <= 20
        places = np.arange(codes.size) if few else np.linspace(0.02, 0.98, codes.size)
        shades = colour_map("tab20" if few else "turbo")(places)
    edges = np.concatenate([[codes[0] - 0.5], 0.5 * (codes[1:] + codes[:-1]), [codes[-1] + 0.5]])
    cmap = ListedColormap(shades)
    return ColourScale(cmap, BoundaryNorm(edges, codes.size), "neither"), there


def line_styles(names: Sequence[object]) -> list[dict[str, Any]]:
    """Return colour and dash of each line.

    A flux has a colour of its own; few lines differ in colour, more also in dash; numbers
    such as years run along a gradient.

    Parameters
    ----------
    names : sequence
        What the lines are.
    """
    own = [FLUX_COLOURS.get(str(name)) for name in names]
    if all(own) and len(set(own)) == len(own):
        return [{"color": colour, "linestyle": "-"} for colour in own]
    ordered = all(isinstance(name, (int, float, np.number)) for name in names)
    if len(names) > len(_LINES) and (ordered or len(names) > len(_LINES) * len(_DASHES)):
        shades = colour_map("viridis")(np.linspace(0.0, 0.92, len(names)))
        return [{"color": shade, "linestyle": "-"} for shade in shades]
    return [
        {"color": _LINES[k % len(_LINES)], "linestyle": _DASHES[k // len(_LINES)]}
        for k in range(len(names))
    ]


def own_colours(
    colors: Mapping[Any, Any] | Sequence[Any], names: Sequence[Any], what: str
) -> dict[Any, Any]:
    """Return the colours that a user gives, by name.

    Parameters
    ----------
    colors : mapping or sequence
        By some of the names, or one for each in their order.
    names : sequence
        Of what is drawn.
    what : str
        Those are, such as "lines".

    Raises
    ------
    InputError
        When there are too few, or some are of what is not drawn.
    """
    if not isinstance(colors, Mapping):
        if len(colors) < len(names):
            raise InputError(f"{len(colors)} colors for {len(names)} {what}; give one for each")
        colors = dict(zip(names, colors, strict=False))
    unknown = [name for name in colors if name not in names]
    if unknown:
        raise InputError(
            f"colors names {unknown}, which are no {what} and not drawn; the {what} are {names}"
        )
    return dict(colors)
