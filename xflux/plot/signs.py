"""Net fluxes: a sink is green and a source brown, and the axis says which way is which."""

from __future__ import annotations

from typing import Any

import numpy as np

from xflux.plot.colours import MAPS

__all__ = ["SINK", "SOURCE", "direction", "ends", "number", "sign_colours"]

#: Of the map of net fluxes, dark enough for a bar on white.
SINK, SOURCE = MAPS["sink_source"][2], MAPS["sink_source"][-3]


def sign_colours(values: Any, to_air: bool) -> list[str]:
    """Colour each value of a net flux as the sink or the source that it is.

    Parameters
    ----------
    values : array
    to_air : bool
        Whether positive is to the atmosphere.
    """
    return [SOURCE if (value > 0.0) == to_air else SINK for value in np.asarray(values).flat]


def ends(to_air: bool, low: float, high: float) -> str:
    """Say what the two directions of an axis mean, those that are shown.

    Parameters
    ----------
    to_air : bool
        Whether positive is to the atmosphere.
    low, high : float
        Limits of the axis.

    Returns
    -------
    str
        Such as "← sink   source →".
    """
    down, up = ("sink", "source") if to_air else ("source", "sink")
    slack = 0.1 * (high - low)
    said = [f"← {down}"] if low < -slack else []
    return "   ".join([*said, f"{up} →"] if high > slack else said)


def direction(to_air: bool) -> str:
    """Say where a positive net flux goes."""
    return "to the atmosphere" if to_air else "to the land"


def number(value: float, scale: float, *, signed: bool = False) -> str:
    """Write a number to the second digit of another, such as its uncertainty.

    Parameters
    ----------
    value : float
        At most four of its digits are written.
    scale : float
        NaN or 0: three digits of the value itself.
    signed : bool
        Write the plus as well.
    """
    # Of 0.99 one digit is enough, so that it stands beside 1.1 as 1.0.
    size = 1.2 * abs(scale) if np.isfinite(scale) and scale != 0.0 else 0.1 * abs(value)
    digits = int(np.clip(1 - np.floor(np.log10(size)), 0, 12)) if size > 0.0 else 0
    if abs(value) > abs(scale):
        digits = min(digits, int(max(3 - np.floor(np.log10(abs(value))), 0)))
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.replace("-", "\u2212")
