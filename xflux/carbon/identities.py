"""Which identities of carbon the fluxes and pools at hand can form.

None of this looks at numbers: an identity is a signed sum of names that ought to be zero.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

__all__ = ["LOSSES", "POOLS", "Identity", "NetProduction", "gross", "identities", "net_production"]

#: What land loses besides respiration, positive to the atmosphere.
LOSSES = ("f_fire", "f_luc", "f_harvest", "f_grazing")
#: What the stock of carbon on land is the sum of.
POOLS = ("cVeg", "cLitter", "cCwd", "cSoil")
_PARTS = ("cLeaf", "cWood", "cRoot")

Signs = dict[str, int]


@dataclass(frozen=True, slots=True)
class Identity:
    """A sum that ought to be zero.

    Attributes
    ----------
    name : str
        Of the variable on its left.
    text : str
        Such as "gpp = npp + ra".
    signs : dict
        Of each variable in left side minus right side.
    """

    name: str
    text: str
    signs: Signs


@dataclass(frozen=True, slots=True)
class NetProduction:
    """Where NEP comes from: a variable, or the difference of two."""

    text: str
    signs: Signs = field(default_factory=dict)

    def less(self, losses: Collection[str]) -> str:
        """Return the text of this minus losses."""
        if not losses or " " not in self.text:
            return self.text + "".join(f" - {name}" for name in losses)
        return f"({self.text})" + "".join(f" - {name}" for name in losses)


def identities(
    held: Collection[str], *, fire_in_nee: bool = False
) -> tuple[list[Identity], dict[str, str]]:
    """Return the identities that can be formed, and what the others lack.

    Parameters
    ----------
    held : collection of str
        Canonical names.
    fire_in_nee : bool
        Whether nee holds fire (``flux_definition`` "nee+fire").

    Returns
    -------
    formed : list of Identity
    lacking : dict of str to str
        By the identity, as text, the variables that are missing; only where some are there.
    """
    losses = [name for name in LOSSES if name in held]
    fire: Signs = {"f_fire": -1} if fire_in_nee else {}
    added = " + f_fire" if fire_in_nee else ""
    wanted = [
        Identity("gpp", "gpp = npp + ra", {"gpp": 1, "npp": -1, "ra": -1}),
        Identity("reco", "reco = ra + rh", {"reco": 1, "ra": -1, "rh": -1}),
        Identity("nep", "nep = gpp - reco", {"nep": 1, "gpp": -1, "reco": 1}),
        Identity("nep_of_npp", "nep = npp - rh", {"nep": 1, "npp": -1, "rh": 1}),
        Identity("nee", f"nee = -nep{added}", {"nee": 1, "nep": 1, **fire}),
    ]
    if "nep" not in held:
        # What goes by nep where that is there goes without it where it is not.
        without = [
            Identity("nee", f"nee = reco - gpp{added}", {"nee": 1, "reco": -1, "gpp": 1, **fire}),
            Identity(
                "nee_of_npp", f"nee = rh - npp{added}", {"nee": 1, "rh": -1, "npp": 1, **fire}
            ),
        ]
        if "nee" in held:
            wanted = [*wanted[:2], *without]
        elif "ra" in held:
            wanted = wanted[:2]  # the two imply that both ways to nep agree
        else:
            both = {"gpp": 1, "reco": -1, "npp": -1, "rh": 1}
            wanted = [*wanted[:2], Identity("nep", "gpp - reco = npp - rh", both)]
    production = net_production(held, fire_in_nee=fire_in_nee)
    source = "nep" if production is None else production.less(losses)
    signs = production.signs if production is not None else {"nep": 1}
    if "nbp" in held:
        wanted.append(Identity("nbp", f"nbp = {source}", {"nbp": 1, **_minus(signs, losses)}))
    wanted.append(
        Identity("cVeg", "cVeg = cLeaf + cWood + cRoot", {"cVeg": 1, **dict.fromkeys(_PARTS, -1)})
    )
    formed, lacking = [], {}
    for identity in wanted:
        missing = [name for name in identity.signs if name not in held]
        if not missing:
            formed.append(identity)
        elif len(missing) < len(identity.signs):
            lacking[identity.text] = ", ".join(missing)
    return formed, lacking


def _minus(signs: Signs, losses: Collection[str]) -> Signs:
    """Return minus NEP plus losses, where fire may stand in both and then goes out."""
    total = {name: -sign for name, sign in signs.items()}
    for name in losses:
        total[name] = total.get(name, 0) + 1
    return {name: sign for name, sign in total.items() if sign}


def net_production(held: Collection[str], *, fire_in_nee: bool = False) -> NetProduction | None:
    """Return how NEP is had: nep, gpp - reco, npp - rh, else -nee; None if by none."""
    for text, signs in (
        ("nep", {"nep": 1}),
        ("gpp - reco", {"gpp": 1, "reco": -1}),
        ("npp - rh", {"npp": 1, "rh": -1}),
        ("-nee", {"nee": -1}),
    ):
        if all(name in held for name in signs):
            if text != "-nee" or not fire_in_nee:
                return NetProduction(text, signs)
            if "f_fire" in held:
                return NetProduction("-nee + f_fire", {"nee": -1, "f_fire": 1})
    return None


def gross(held: Collection[str]) -> NetProduction | None:
    """Return how GPP + RECO is had, which relative residuals are taken against.

    By other fluxes where these are not there, by one of the two where the other cannot be had.
    """
    uptake = _first(held, ({"gpp": 1}, {"npp": 1, "ra": 1}))
    release = _first(held, ({"reco": 1}, {"ra": 1, "rh": 1}, {"gpp": 1, "nep": -1}))
    signs: Signs = {}
    for side in (uptake, release):
        for name, sign in (side or {}).items():
            signs[name] = signs.get(name, 0) + sign
    return (
        NetProduction(" + ".join(_sum(x) for x in (uptake, release) if x), signs) if signs else None
    )


def _first(held: Collection[str], ways: tuple[Signs, ...]) -> Signs | None:
    return next((way for way in ways if all(name in held for name in way)), None)


def _sum(signs: Signs) -> str:
    terms = [("- " if sign < 0 else "+ ") + name for name, sign in signs.items()]
    text = " ".join(terms).removeprefix("+ ")
    return f"({text})" if len(signs) > 1 else text
