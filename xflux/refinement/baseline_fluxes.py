"""The baseline that a refinement starts from: held by the drivers, or computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from xflux.errors import InputError, MissingVariableError
from xflux.labels.attach import describe
from xflux.learning.features import BASELINES
from xflux.learning.sources import canonical

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["baseline_fluxes", "held_as"]

_NEEDED_BY = "the refinement"


def baseline_fluxes(ds: xr.Dataset, models: Mapping[str, Any], wanted: Sequence[str]) -> xr.Dataset:
    """Return the baseline: what the drivers hold of it, else computed.

    A flux of the drivers is taken for the baseline when its attribute ``model`` says who
    computed it; observations have none.

    Parameters
    ----------
    ds : Dataset
        Drivers, as `with_net_radiation` returns them, and maybe fluxes.
    models : mapping of str to FluxModel
        Of gpp, reco and le.
    wanted : sequence of str
        Fluxes; where the drivers hold them all, nothing is computed, and what they hold goes
        before what is computed in any case.

    Returns
    -------
    Dataset
        The fluxes; lazy where the drivers are.

    Raises
    ------
    MissingVariableError, InputError
        When a driver or a model of the baseline is missing.
    UnitsError
        For a baseline of another unit.
    """
    wanted = list(dict.fromkeys(wanted))
    names = {flux: name for flux in BASELINES if (name := held_as(ds, flux)) is not None}
    held = {
        flux: canonical(ds[[name]].rename({name: flux}), flux, needed_by=_NEEDED_BY)
        for flux, name in names.items()
    }
    missing = {flux for flux in wanted if flux not in held}
    # nee is the difference of the gpp and reco that are held, not of two others.
    parts = {"gpp", "reco"} if "nee" in missing else set()
    missing = (missing | parts) - set(held) - ({"nee"} if parts <= set(held) else set())
    if missing:
        made = _computed(ds, models, missing)
        new = [flux for flux in BASELINES if flux in made and flux not in held]
        held |= {flux: canonical(made, flux, needed_by=_NEEDED_BY) for flux in new}
    if "nee" not in held and parts and parts <= set(held):
        mark = held["gpp"].attrs.get("synthetic")
        net = held["reco"] - held["gpp"]
        held["nee"] = describe(net, "nee", model="reco - gpp", synthetic=mark)
    absent = [flux for flux in wanted if flux not in held]
    if absent:
        raise InputError(
            f"there is no baseline of {' and '.join(absent)}, which the refinement starts from or "
            "has as a feature; leave these out with fluxes= and features=, or give a model with "
            "baseline="
        )
    return ds[[]].assign({flux: held[flux] for flux in wanted})


def held_as(ds: xr.Dataset, flux: str) -> str | None:
    """Return the name under which drivers hold the baseline of a flux.

    Its own, or that which it has beside what was refined; None where they hold none.
    """
    names = (flux, f"{flux}_baseline")
    return next((name for name in names if name in ds and "model" in ds[name].attrs), None)


def _computed(ds: xr.Dataset, models: Mapping[str, Any], missing: Set[str]) -> xr.Dataset:
    """Compute what is missing, by the models of it alone."""
    from xflux.baselines.baseline import baseline

    drivers = ds.drop_vars([flux for flux in BASELINES if flux in ds])
    chosen = dict(models)
    for key in ("gpp", "reco", "le"):
        if not missing & set(getattr(models.get(key), "outputs", (key,))):
            chosen[key] = None
    if all(chosen.get(key, key) is None for key in ("gpp", "reco", "le")):
        return ds[[]]
    try:
        return baseline(drivers, **chosen, derive=("rnet",))
    except MissingVariableError as error:
        raise MissingVariableError(
            "a refinement starts from the baseline, which cannot be computed here; call "
            "ds.flux.baseline(...) first, with names= and models of your own where they are "
            f"needed. It said: {error}"
        ) from error
