"""How the carbon of a run is divided: by a saved emulator, land models, or the literature."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xflux.commands.allocated import FLUXES, POOLS, Allocated, over_same_land
from xflux.commands.carbon_tables import emulator_tables
from xflux.commands.progress import Progress
from xflux.commands.request import RunRequest
from xflux.commands.tables import Table

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.emulator import AllocationEmulator

__all__ = ["Divider", "divider_of", "models_budget", "open_models"]

#: Of blocks of cells: more cost more, and say little more.
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Divider:
    """What says where carbon goes.

    Attributes
    ----------
    emulator : AllocationEmulator or None
        None: the literature.
    models : Dataset or None
        Land models on the grid, lazy.
    facts : list of str
    tables : list of Table
        How good the emulator is.
    files : dict of str to str
    """

    emulator: AllocationEmulator | None = None
    models: xr.Dataset | None = None
    facts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fitted(
        cls, emulator: AllocationEmulator, models: xr.Dataset | None, folder: Path | None
    ) -> Divider:
        """Tell of an emulator, and keep it in a folder."""
        of = emulator.emulation_.provenance
        years = of.get("years")
        span = "a mean year" if not years else f"years from {years[0]} to {years[1]}"
        count = len([name for name in of.get("models", ()) if name]) or 1
        facts = [
            f"Emulator: learner {emulator.learner!r}, fitted to {of.get('cells')} cells of {count} "
            f"land model{'s' * (count > 1)}, {span}"
        ]
        files = {}
        if folder is not None:
            emulator.save(folder / "emulator.safetensors")
            files["emulator.safetensors"] = (
                "the emulator of the land models: `xflux.AllocationEmulator.load`, or --emulator"
            )
        return cls(emulator, models, facts, emulator_tables(emulator.validation), files)


def open_models(request: RunRequest, grid: xr.Dataset) -> xr.Dataset | None:
    """Open the land models of a request on the grid, lazily; None without any.

    Raises
    ------
    XfluxError, FileNotFoundError
        For files that cannot be used.
    """
    if not request.land_models:
        return None
    from xflux.files.land_models import open_land_models

    wanted = [name for name in (*FLUXES, *POOLS) if name not in ("reco", "nep")]
    models: xr.Dataset = open_land_models(
        list(request.land_models), grid=grid, scenario=request.land_scenario
    )
    extra = ("npp_leaf", "npp_wood", "npp_root")
    return models[[name for name in (*wanted, *extra) if name in models]]


def divider_of(
    request: RunRequest, drivers: xr.Dataset, models: xr.Dataset | None, folder: Path,
    progress: Progress,
) -> Divider:  # fmt: skip
    """Read an emulator, fit one, or leave it to the literature.

    Parameters
    ----------
    request : RunRequest
    drivers : Dataset
        Canonical, lazy.
    models : Dataset, optional
        Of `open_models`.
    folder : Path
        Where an emulator that was fitted is kept.
    progress : Progress

    Raises
    ------
    XfluxError
        For land models that nothing can be learned from, or a file that holds no emulator.
    """
    from xflux.carbon.emulator import AllocationEmulator

    if request.emulator is not None:
        emulator = AllocationEmulator.load(Path(request.emulator).expanduser())
        return Divider.fitted(emulator, None, None)
    if models is None:
        return Divider()
    emulator = AllocationEmulator(request.learner, folds=min(request.folds, _FOLDS))
    progress.say(
        f"learning from {models.sizes.get('model', 1)} land models where carbon goes, and "
        f"{emulator.folds} times without a fold of blocks"
    )
    emulator.fit(drivers, models, progress=not request.quiet)
    return Divider.fitted(emulator, models, folder)


def models_budget(models: xr.Dataset, result: Allocated, progress: Progress) -> xr.Dataset:
    """Sum land models over the land and the years that were divided, each by itself.

    Parameters
    ----------
    models : Dataset
        On the grid of the result, in any unit that converts.
    result : Allocated
    progress : Progress

    Returns
    -------
    Dataset
        Dims (model, year), or (model) of a mean year; in memory.
    """
    import xarray as xr

    from xflux.carbon.budget import budget

    carbon = result.carbon
    beside = {n: carbon[n].variable for n in ("cell_area", "land_fraction") if n in carbon}
    models = models.drop_vars([n for n in ("cell_area", "land_fraction") if n in models.variables])
    models = models.assign(beside)
    made: dict[str, Any] = {}
    for name, (first, second, sign) in {
        "reco": ("ra", "rh", 1), "nep": ("npp", "rh", -1),
    }.items():  # fmt: skip
        if first in models and second in models:
            units = models[first].attrs["units"]
            made[name] = (models[first] + sign * models[second]).assign_attrs(units=units)
    models = models.assign(made)
    if result.years and "time" in models.dims:
        years = result.budget["year"].values
        common = models["time"].dt.year.isin(years)
        if bool(common.any()):
            models = models.isel(time=common.values)
            if "year" in models.dims:
                models = models.sel(year=models["year"].isin(years))
    names = [name for name in result.names if name in models]
    sums = budget(over_same_land(models, carbon), variables=names)
    with progress.computing("summing land models over the same land") as compute:
        (found,) = compute(
            sums[[str(n) for n in sums if n in names or str(n).endswith("_missing_area")]]
        )
    kept = {}
    for name in names:
        here = 1.0 - result.budget[f"{name}_missing_area"].mean().item()
        theirs = 1.0 - found[f"{name}_missing_area"]
        kept[name] = found[name] * (here / theirs.where(theirs > 0.0))
        kept[name].attrs = found[name].attrs
    return xr.Dataset(kept).squeeze("region", drop=True)
