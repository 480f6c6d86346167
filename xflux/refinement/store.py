"""Keep fitted refinements in one file of arrays and text: nothing in it is ever executed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xflux.errors import FileFormatError
from xflux.learning.features import Feature, sources, unit_of
from xflux.learning.learners import keep_learners, rebuild_learners
from xflux.learning.model_file import read_model, under, write_model
from xflux.refinement.ensemble import Ensemble, Member
from xflux.refinement.intervals import Spread
from xflux.refinement.network import Network
from xflux.refinement.network_refinement import NetworkRefinement
from xflux.refinement.refinement import Refinement
from xflux.refinement.site_memory import KnownSites, SiteMemory

__all__ = ["read", "write"]

#: Raised when older versions could not read what is written any more.
SCHEMA = 2
_FORMAT = "xflux refinement"
#: Models by what they leave.
_MODELS: dict[type[Refinement], str] = {
    Refinement: "ResidualModel",
    NetworkRefinement: "ConstrainedNetwork",
}


def write(path: str | os.PathLike[str], refinement: Refinement, parameters: dict[str, Any]) -> Path:
    """Write a refinement; the file is there when it is complete.

    Parameters
    ----------
    path : path
        Of the file, such as ``model.safetensors``.
    refinement : Refinement
    parameters : dict
        Of the model, as JSON holds them.

    Raises
    ------
    InputError
        When the folder is not there, parameters are not of what JSON holds, or a learner is of
        scikit-learn.
    """
    arrays: dict[str, NDArray[Any]] = {}
    fluxes: dict[str, dict[str, Any]] = {}
    for flux in refinement.fluxes:
        fluxes[flux] = {"variance": refinement.variances[flux]}
        if flux in refinement.spreads:
            spread = refinement.spreads[flux]
            arrays |= {
                f"{flux}/spread/{name}": getattr(spread, name)
                for name in ("line", "scores", "shares", "classes", "factors")
            }
            fluxes[flux]["sites"] = spread.sites
    for flux, ensemble in refinement.ensembles.items():
        for k, member in enumerate(ensemble.members):
            fluxes[flux].setdefault("members", []).append(_kept(member, arrays, f"{flux}/{k}"))
        for k, member in enumerate(ensemble.full):
            fluxes[flux].setdefault("full", []).append(_kept(member, arrays, f"{flux}/full{k}"))
        arrays[f"{flux}/weights"] = ensemble.weights
    learned: dict[str, Any] = {"fluxes": fluxes}
    if refinement.covariance is not None:
        arrays["covariance"] = refinement.covariance
    if refinement.known is not None:
        learned["known"] = list(refinement.known.names)
        arrays["known/position"] = refinement.known.position
        for flux, memory in refinement.known.memories.items():
            arrays |= {
                f"known/{flux}/{name}": getattr(memory, name)
                for name in ("site", "time", "weights")
            }
    if isinstance(refinement, NetworkRefinement):
        held, learned["network"] = refinement.network.state()
        arrays |= {f"network/{name}": array for name, array in held.items()}
    described = {
        "parameters": parameters,
        "features": [asdict(feature) for feature in refinement.features],
        "expanded": [asdict(feature) for feature in refinement.expanded],
        "units": {
            source: unit_of(source)
            for source in sources(f for f in refinement.features if f.kind != "pixel")
        },
        "codes": {name: list(codes) for name, codes in refinement.codes.items()},
        "closure": refinement.closure,
        "baseline": dict(refinement.baseline),
        "provenance": dict(refinement.provenance),
        "net_gives_way": refinement.net_gives_way,
        **learned,
    }
    return write_model(path, arrays, described, kind=_FORMAT, schema=SCHEMA)


def read(
    path: str | os.PathLike[str], kind: type[Refinement] = Refinement
) -> tuple[Refinement, dict[str, Any]]:
    """Read a refinement, and the parameters of its model.

    Parameters
    ----------
    path : path
    kind : type
        `Refinement`, or `NetworkRefinement`.

    Raises
    ------
    FileFormatError
        When the file is no refinement, of another kind, truncated or edited, or of a newer
        schema.
    """
    arrays, described = read_model(path, kind=_FORMAT, schema=SCHEMA, called="refinement")
    file = Path(path).expanduser()
    # Files of schema 1 have no units: they were those of now.
    for source, unit in described.get("units", {}).items():
        if unit != unit_of(source):
            raise FileFormatError(
                f"{file} learned from {source} in {unit!r}, and this xflux has it in "
                f"{unit_of(source)!r}; fit and save the model anew"
            )
    found = NetworkRefinement if "network" in described else Refinement
    if found is not kind:
        raise FileFormatError(
            f"{file} holds a {_MODELS[found]}, and no {_MODELS[kind]}; load it with "
            f"xflux.{_MODELS[found]}.load"
        )
    return _rebuilt(described, arrays), described["parameters"]


def _rebuilt(described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Refinement:
    ensembles, spreads, errors = {}, {}, {}
    for flux, held in described["fluxes"].items():
        errors[flux] = float(held["variance"])
        if "sites" in held:
            spreads[flux] = Spread(**under(arrays, f"{flux}/spread/"), sites=int(held["sites"]))
        if "members" in held:
            members = [
                _member(member, arrays, f"{flux}/{k}") for k, member in enumerate(held["members"])
            ]
            full = [
                _member(member, arrays, f"{flux}/full{k}")
                for k, member in enumerate(held.get("full", ()))
            ]
            weights = arrays[f"{flux}/weights"]
            ensembles[flux] = Ensemble(members, weights, errors[flux], full=full)
    parts = (
        tuple(Feature(**feature) for feature in described["features"]),
        tuple(Feature(**feature) for feature in described["expanded"]),
        {name: tuple(codes) for name, codes in described["codes"].items()},
        ensembles,
        spreads,
        described["closure"],
        described["baseline"],
        described["provenance"],
        described.get("net_gives_way", False),
        arrays.get("covariance"),
        _known(described, arrays),
    )
    if "network" not in described:
        return Refinement(*parts)
    network = Network.from_state(under(arrays, "network/"), described["network"])
    return NetworkRefinement(*parts, network=network, errors=errors)


def _known(described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> KnownSites | None:
    if "known" not in described:
        return None
    memories = {
        flux: SiteMemory(**under(arrays, f"known/{flux}/"))
        for flux in described["fluxes"]
        if f"known/{flux}/site" in arrays
    }
    return KnownSites(tuple(described["known"]), arrays["known/position"], memories)


def _kept(member: Member, arrays: dict[str, NDArray[Any]], at: str) -> dict[str, Any]:
    arrays[f"{at}/columns"] = member.columns
    return {"line": list(member.line), "learners": keep_learners(member.learners, arrays, at)}


def _member(described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], at: str) -> Member:
    learners = rebuild_learners(described["learners"], arrays, at)
    line = (float(described["line"][0]), float(described["line"][1]))
    return Member(arrays[f"{at}/columns"], line, learners)
