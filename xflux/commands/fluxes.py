"""The baseline fluxes that the inputs allow, and why the others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from xflux.errors import InputError, MissingVariableError
from xflux.labels.derive import recipes_for
from xflux.labels.resolve import resolve
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

    from xflux.baselines.model import FluxModel

__all__ = ["FLUXES", "Baseline", "baseline_of"]

#: What is computed, scored and drawn, in this order.
FLUXES = ("gpp", "reco", "nee", "le")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Fluxes, and what became of the rest.

    Attributes
    ----------
    fluxes : Dataset
        As `xflux.baseline` returns them.
    inputs : dict of str to list of str
        Canonical names of what was read or derived, and the fluxes that need each.
    derived : dict of str to str
        How an input was derived, for those that were.
    left_out : dict of str to str
        Why, by flux.
    """

    fluxes: xr.Dataset
    inputs: Mapping[str, list[str]]
    derived: Mapping[str, str]
    left_out: Mapping[str, str]


def baseline_of(
    ds: xr.Dataset, *, derive: Sequence[str] = (), what: Literal["towers", "grid"]
) -> Baseline:
    """Compute every flux that a Dataset has the inputs for.

    Parameters
    ----------
    ds : Dataset
        Canonical drivers, of towers or on a grid.
    derive : sequence of str
        Inputs that may be estimated.
    what : {"towers", "grid"}
        For messages.

    Returns
    -------
    Baseline
        Lazy where `ds` is.

    Raises
    ------
    InputError
        When no flux can be computed, with the reason for each.
    UnitsError, GridMismatchError
        For what is wrong with the inputs; only a missing input leaves a flux out.
    """
    from xflux.baselines.baseline import baseline
    from xflux.baselines.evapotranspiration import PriestleyTaylor
    from xflux.baselines.photosynthesis import PModel
    from xflux.baselines.respiration import Q10Respiration

    models: dict[str, FluxModel] = {
        "gpp": PModel(), "reco": Q10Respiration(), "le": PriestleyTaylor(),
    }  # fmt: skip
    left_out: dict[str, str] = {}
    inputs: dict[str, list[str]] = {}
    derived: dict[str, str] = {}
    for flux, model in models.items():
        missing = [name for name in model.inputs if not _is_there(ds, name, derive)]
        if missing:
            left_out[flux] = _reason(model, missing, what)
            continue
        plan = resolve(ds, dict.fromkeys(model.inputs, type(model).__name__), derive=derive)
        derived.update(plan.notes)
        for name in [*plan.sources, *plan.notes]:
            inputs.setdefault(name, []).append(flux)
    possible = {flux: model for flux, model in models.items() if flux not in left_out}
    if not possible:
        reasons = "\n".join(f"- {flux}: {reason}" for flux, reason in left_out.items())
        held = ", ".join(name for name in variables if name in ds) or "none"
        raise InputError(
            f"no flux can be computed from the {what}, which hold{'s' * (what == 'grid')} {held}:\n"
            f"{reasons}"
        )
    without = [flux for flux in ("gpp", "reco") if flux in left_out]
    if without:
        left_out["nee"] = f"it is reco - gpp, and there is no {' and no '.join(without)}"
    gpp, reco, le = (possible.get(flux) for flux in ("gpp", "reco", "le"))
    fluxes = baseline(ds, gpp, reco, le, derive=derive)
    ordered = {flux: left_out[flux] for flux in FLUXES if flux in left_out}
    return Baseline(fluxes, inputs, derived, ordered)


def _is_there(ds: xr.Dataset, name: str, derive: Sequence[str]) -> bool:
    try:
        resolve(ds, {name: "the baseline"}, derive=derive)
    except MissingVariableError:
        return False
    return True


def _reason(model: FluxModel, missing: Sequence[str], what: str) -> str:
    """Say what is missing, and by which options it can be had."""
    parts = []
    for name in missing:
        row = variables[name]
        ways = [" and ".join(recipe.needs) for recipe in recipes_for(name) if not recipe.on_request]
        derivable = f"; or derived from {', or from '.join(ways)}" if any(ways) else ""
        parts.append(f"{name} ({row.long_name}, {row.units}{derivable})")
    own = " ".join(f"{name}=<your variable>" for name in missing)
    by = f"--names {own}" if what == "grid" else f"--tower-extra, columns {', '.join(missing)}"
    asked = [name for name in missing if any(recipe.on_request for recipe in recipes_for(name))]
    estimate = f"; --derive {' '.join(asked)} estimates {' and '.join(asked)}" if asked else ""
    return f"{type(model).__name__} needs {' and '.join(parts)}. Give by {by}{estimate}"
