"""Which way a flux may go with its drivers: the signs of columns, for trees that keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xflux.errors import InputError
from xflux.learning.features import Feature
from xflux.learning.learner import Traits

__all__ = ["SPLIT", "Signs", "signs", "slope", "traits"]

#: Sign of the effect of features, by their names.
Signs = Mapping[str, int]

#: Where the laws end: light up to 200 W m-2 of photosynthetically active radiation, 0.446 of the
#: shortwave and 4.57 umol per J, and air temperature up to 40 degC.
SPLIT: dict[str, float] = {
    "swin": 200.0 / 0.446, "par": 200.0, "ppfd": 200.0 * 4.57, "ta": 40.0
}  # fmt: skip
#: What moves a flux up or down together with the driver of its law: the driver itself, the
#: flux's own baseline, which rises with it, and that of net exchange.
_LAWS: dict[str, dict[str, int]] = {
    "gpp": {"swin": 1, "par": 1, "ppfd": 1, "gpp_baseline": 1, "nee_baseline": -1},
    "reco": {"ta": 1, "reco_baseline": 1, "nee_baseline": 1},
}
_DRIVERS = {"gpp": ("swin", "par", "ppfd"), "reco": ("ta",)}
#: Kinds of features that hold the present step.
_PRESENT = ("now", "mean", "site", "anomaly", "cycle")


def signs(
    monotone: Any, fluxes: Sequence[str], features: Sequence[Feature], *, closure: str
) -> dict[str, Signs]:
    """Read ``monotone=`` of a refinement.

    Parameters
    ----------
    monotone : None, bool or mapping
        True: the laws of light and temperature; else, by flux and feature, 1 or -1.
    fluxes : sequence of str
        That are refined.
    features : sequence of Feature
        As the user named them.
    closure : str

    Returns
    -------
    dict
        By flux, the signs of features by name.

    Raises
    ------
    InputError
        For what is not among the fluxes or features, or could not be kept.
    """
    if monotone is None or monotone is False:
        return {}
    if monotone is True:
        return {flux: _law(flux, features) for flux in _LAWS if flux in fluxes} or _nothing(fluxes)
    if not isinstance(monotone, Mapping) or not monotone:
        raise InputError(
            f"monotone={monotone!r}; expected True, or a mapping such as "
            "{'gpp': {'swin': 1, 'vpd': -1}}"
        )
    plain = {f.name for f in features if f.kind not in ("class", "code")}
    for flux, wanted in monotone.items():
        if flux not in fluxes or not isinstance(wanted, Mapping):
            raise InputError(
                f"monotone={monotone!r}: expected some of {', '.join(fluxes)}, each with a mapping "
                "of features to 1 or -1"
            )
        for name, sign in wanted.items():
            if name not in plain:
                raise InputError(
                    f"monotone: {name!r} is no numeric feature of this model; they are "
                    f"{', '.join(sorted(plain))}"
                )
            if isinstance(sign, bool) or sign not in (-1, 1):
                raise InputError(f"monotone: {flux} with {name} is {sign!r}; expected 1 or -1")
    if "nee" in monotone and closure == "project" and {"gpp", "reco"} <= set(fluxes):
        raise InputError(
            "monotone: nee is reconciled with gpp and reco, which would undo its signs; constrain "
            "gpp and reco, or give closure='none'"
        )
    return {flux: dict(wanted) for flux, wanted in monotone.items()}


def _law(flux: str, features: Sequence[Feature]) -> Signs:
    """Return the signs of the features that rise or fall with the driver of the law."""
    held = {
        f.name: _LAWS[flux][f.source]
        for f in features
        if f.source in _LAWS[flux] and f.kind in _PRESENT
    }
    if not any(f.name in _DRIVERS[flux] for f in features):
        raise InputError(
            f"monotone=True holds {flux} monotone with {_DRIVERS[flux][0]}, which is not among the "
            "features; name it there, or leave monotone out"
        )
    return held | {f"{flux}_baseline": 1}


def _nothing(fluxes: Sequence[str]) -> dict[str, Signs]:
    raise InputError(
        f"monotone=True holds gpp and reco monotone, and fluxes={tuple(fluxes)!r} has neither"
    )


def traits(expanded: Sequence[Feature], held: Signs) -> Traits:
    """Return the traits of columns; of what lies above a limit the effect is free."""
    return Traits(
        tuple(
            0 if f.part == "above" else held.get(f.source if f.part else f.name, 0)
            for f in expanded
        ),
        tuple(f.kind == "code" for f in expanded),
        tuple(expanded),
    )


def slope(flux: str, held: Signs) -> int:
    """Return the sign that the slope on the baseline may have."""
    return held.get(f"{flux}_baseline", 0)
