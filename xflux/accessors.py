"""The accessors: every method is a thin face of the function of its name."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

if TYPE_CHECKING:
    from xflux.baselines.model import FluxModel
    from xflux.carbon.attribution import Graph
    from xflux.carbon.emulator import AllocationEmulator
    from xflux.carbon.pool_parameters import Given
    from xflux.labels.periods import Freq
    from xflux.plot.accessor import PlotAccessor
    from xflux.refinement.refine import RefinementModel
    from xflux.regional.regional_integral import Bridge

__all__ = ["CarbonAccessor", "FluxAccessor"]

#: Stands for the default model of a flux, which is only imported when it is used.
_DEFAULT: Any = "default"


@xr.register_dataset_accessor("flux")
class FluxAccessor:
    """Fluxes of a Dataset: ``ds.flux``.

    Methods return a new Dataset, with everything of the old one plus what was
    computed, so that they chain. All are lazy.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def standardize(
        self, names: Mapping[str, str] | None = None, derive: Sequence[str] = ()
    ) -> xr.Dataset:
        """Bring the Dataset into canonical names and units; see `xflux.standardize`."""
        from xflux.labels.standardize import standardize

        return standardize(self._ds, names, derive)

    def baseline(
        self,
        gpp: FluxModel | None = _DEFAULT,
        reco: FluxModel | None = _DEFAULT,
        le: FluxModel | None = _DEFAULT,
        *,
        names: Mapping[str, str] | None = None,
        derive: Sequence[str] = (),
    ) -> xr.Dataset:
        """Add process-based gpp, reco, nee and le; see `xflux.baseline`.

        The models are ``PModel()``, ``Q10Respiration()`` and ``PriestleyTaylor()``
        by default; None leaves a flux out. Fluxes that the Dataset holds already, such
        as observations, are replaced, with an `XfluxWarning`: keep them apart with
        ``predicted = xflux.baseline(ds)``.
        """
        from xflux.baselines.baseline import baseline
        from xflux.labels.attach import warn_of_replaced, with_history

        given = {"gpp": gpp, "reco": reco, "le": le}
        models = {flux: model for flux, model in given.items() if model is not _DEFAULT}
        fluxes = baseline(self._ds, **models, names=names, derive=derive)
        replaced = [
            name for name in fluxes if name in self._ds and "model" not in self._ds[name].attrs
        ]
        alone = "xflux.baseline(ds) returns the computed fluxes alone"
        warn_of_replaced(replaced, by="baseline", alone=alone)
        made = ", ".join(f"{name} by {array.attrs['model']}" for name, array in fluxes.items())
        # Variables, not arrays: the coordinates are those of the Dataset, whatever their index.
        added = {name: array.variable for name, array in fluxes.items()}
        return with_history(self._ds.assign(added), f"baseline: {made}")

    def evaluate(
        self, reference: xr.Dataset, *, by: Any = None, decompose: bool = False, **options: Any
    ) -> xr.Dataset:
        """Score the fluxes of the Dataset against a reference; see `xflux.evaluate`."""
        from xflux.skill.evaluate import evaluate

        return evaluate(reference, self._ds, by=by, decompose=decompose, **options)

    def refine(
        self,
        model: RefinementModel,
        *,
        interval: float | None = 0.9,
        members: bool = False,
        applicability: xr.DataArray | None = None,
    ) -> xr.Dataset:
        """Correct fluxes by what towers say the baseline misses; see `xflux.refine`.

        The baseline is kept as ``<flux>_baseline``; where the Dataset holds none, the one that
        was computed for the model.
        """
        from xflux.labels.attach import with_history
        from xflux.refinement.refine import refined_beside

        made = refined_beside(
            self._ds, model, interval=interval, members=members, applicability=applicability
        )
        return with_history(made, f"refine: {model!r}")

    def regional_integral(
        self,
        bridge: Bridge | None = None,
        *,
        regions: Any = None,
        variable: str = "nee",
        freq: Freq = "MS",
        units: str = "PgC",
        **options: Any,
    ) -> xr.Dataset:
        """Integrate a flux over regions, exactly or by a bridge; see `xflux.regional_integral`."""
        from xflux.regional.regional_integral import regional_integral

        return regional_integral(
            self._ds, bridge, regions=regions, variable=variable, freq=freq, units=units, **options
        )

    def to_zarr(
        self,
        path: str | os.PathLike[str],
        *,
        along: Hashable | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = True,
    ) -> Path:
        """Write the Dataset slab by slab, so that it can resume; see `xflux.to_zarr`."""
        from xflux.files.zarr_store import to_zarr

        return to_zarr(
            self._ds, path, along=along, resume=resume, overwrite=overwrite, progress=progress
        )

    @property
    def plot(self) -> PlotAccessor:
        """Maps, series, scatter and budgets: ``ds.flux.plot.map("gpp")``."""
        from xflux.plot.accessor import PlotAccessor

        return PlotAccessor(self._ds)


@xr.register_dataset_accessor("carbon")
class CarbonAccessor:
    """Carbon of a Dataset: ``ds.carbon``.

    All methods are lazy.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def allocate(
        self,
        emulator: AllocationEmulator | None = None,
        *,
        names: Mapping[str, str] | None = None,
        scenarios: bool = False,
    ) -> xr.Dataset:
        """Add ra, rh, npp, nep and the pools of plants, litter and soil; see `xflux.allocate`.

        Without an emulator, by the literature. What the Dataset holds already, such as
        observations, is replaced, with an `XfluxWarning`.
        """
        from xflux.carbon.allocate import allocate
        from xflux.labels.attach import warn_of_replaced, with_history

        made = allocate(self._ds, emulator, names=names, scenarios=scenarios)
        replaced = [
            name for name in made if name in self._ds and "allocation" not in self._ds[name].attrs
        ]
        alone = "xflux.allocate(ds) returns what is computed alone"
        warn_of_replaced(replaced, by="allocate", alone=alone)
        said = "the literature" if emulator is None else repr(emulator)
        stale = [name for name in self._ds.data_vars if "allocation" in self._ds[name].attrs]
        kept = self._ds.drop_vars({*stale, *replaced})
        return with_history(kept.merge(made, join="exact"), f"allocate: by {said}")

    def simulate_pools(
        self,
        parameters: Given = None,
        *,
        initial: xr.Dataset | Literal["steady"] = "steady",
        spinup: int | None = None,
        losses: bool | Sequence[str] = True,
        **options: Any,
    ) -> xr.Dataset:
        """Carry NPP through leaf, wood, root, litter and soil; see `xflux.simulate_pools`."""
        from xflux.carbon.pools import simulate_pools

        return simulate_pools(
            self._ds, parameters, initial=initial, spinup=spinup, losses=losses, **options
        )

    def mass_balance(self, **options: Any) -> xr.Dataset:
        """Return the residual of every identity that can be formed; see `xflux.mass_balance`.

        A Dataset of its own: residuals and totals are no variables of this one.
        """
        from xflux.carbon.balance import mass_balance

        return mass_balance(self._ds, **options)

    def budget(self, regions: Any = None, *, freq: Freq = "YS", **options: Any) -> xr.Dataset:
        """Return the carbon of regions by period, with trend; see `xflux.budget`.

        A Dataset of its own, of regions and years.
        """
        from xflux.carbon.budget import budget

        return budget(self._ds, regions, freq=freq, **options)

    def aboveground_biomass(
        self, *, carbon_fraction: float = 0.47, names: Mapping[str, str] | None = None
    ) -> xr.Dataset:
        """Add the biomass of leaves and wood; see `xflux.aboveground_biomass`."""
        from xflux.carbon.biomass import aboveground_biomass
        from xflux.labels.attach import with_history

        made = aboveground_biomass(self._ds, carbon_fraction=carbon_fraction, names=names)
        return with_history(
            self._ds.assign(made.data_vars),
            f"aboveground_biomass: carbon_fraction={carbon_fraction:g}",
        )

    def attribute(
        self,
        graph: Graph | None = None,
        *,
        target: str | Sequence[str] = ("gpp", "reco", "nep"),
        regions: Any = None,
        method: Literal["scm", "rank"] = "scm",
        draws: int = 2000,
        seed: int = 0,
        **options: Any,
    ) -> xr.Dataset:
        """Tell how much each climate driver does to the fluxes; see `xflux.attribute`.

        The effects come alone, as they have other dimensions than the fluxes.
        """
        from xflux.carbon.attribution import attribute

        return attribute(
            self._ds, graph, target=target, regions=regions, method=method, draws=draws,
            seed=seed, **options,
        )  # fmt: skip
