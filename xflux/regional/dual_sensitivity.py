"""One against many: what some of the inversions alone make of the regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError
from xflux.skill.regional_series import regional_series

if TYPE_CHECKING:
    import xarray as xr

    from xflux.regional.dual_network import DualConstraintNetwork

__all__ = ["sensitivity"]


def sensitivity(
    model: DualConstraintNetwork,
    given: Mapping[str, Any],
    subsets: Sequence[int | str],
    draws: int,
) -> xr.Dataset:
    """Fit to subsets of the inversions, and integrate the regions; computes them.

    Parameters
    ----------
    model : DualConstraintNetwork
        Its parameters count.
    given : mapping
        Data of its fit.
    subsets : sequence of int or "all"
        How many inversions at a time: 1, each alone; more, `draws` of their combinations.
    draws : int

    Returns
    -------
    Dataset
        Regions by name. Dims (subset, region, time): ``nee`` [Pg per month] by exact integrals, and
        ``target``, the mean of the inversions fitted to; (subset, region): ``bias`` and ``rmse``
        against the target, ``bias_all`` and ``rmse_all`` against the mean of all inversions
        [Pg per month].
        ``subset`` names the inversions.
    """
    import xarray as xr

    from xflux.regional.dual_atmosphere import rows_of_regions
    from xflux.regional.dual_bridges import grid_of, regions_of
    from xflux.regional.regional_integral import regional_integral

    inversions, drivers = given["inversions"], given["drivers"]
    made = given["bridge"].to_dataset()
    rows = rows_of_regions(made, inversions)
    series, targets, names = [], [], []
    for chosen in _chosen(inversions.sizes["inversion"], subsets, draws, model.seed):
        part = inversions.isel(inversion=list(chosen))
        one = type(model)(**model.get_params(deep=False)).fit(
            *given["towers"], drivers=drivers, inversions=part, bridge=given["bridge"],
            rebridge=given["rebridge"], ensemble=inversions, device=given["device"],
            progress=False,
        )  # fmt: skip
        field = one.apply(drivers).assign(grid_of(drivers))
        regions = regions_of(made, field).isel(region=rows)
        found = regional_series(regional_integral(field, regions=regions), called="the network")
        # In the order of the inversions, and called as there: bridges have numbers and names.
        series.append(found.assign_coords(region=inversions["region"]).compute())
        targets.append(part.mean("inversion"))
        names.append("+".join(str(name) for name in part["inversion"].values))
    label = xr.Variable("subset", names, {"long_name": "inversions fitted to"})
    nee = xr.concat(series, dim="subset", join="exact").assign_coords(subset=label)
    target = xr.concat(targets, dim="subset").assign_coords(subset=label)
    target = target.reindex(time=nee["time"])
    whole = inversions.mean("inversion").reindex(time=nee["time"])
    ds = xr.Dataset({"nee": nee, "target": target})
    for name, reference in (("", target), ("_all", whole)):
        error = nee.drop_attrs() - reference
        ds[f"bias{name}"] = error.mean("time")
        ds[f"rmse{name}"] = np.sqrt((error**2).mean("time"))
    for variable in ds.data_vars.values():
        variable.attrs["units"] = "Pg"
    return ds


def _chosen(
    count: int, subsets: Sequence[int | str], draws: int, seed: int
) -> list[tuple[int, ...]]:
    """Return the positions of the inversions of each subset."""
    made: list[tuple[int, ...]] = []
    for size in subsets:
        number = count if size == "all" else size
        if not isinstance(number, int) or not 1 <= number <= count:
            raise InputError(f"subsets hold {size!r}; expected 1 to {count}, or 'all'")
        every = list(combinations(range(count), number))
        if number > 1 and len(every) > draws:
            random = np.random.default_rng([seed, 8, number])
            picked = np.sort(random.choice(len(every), draws, replace=False))
            every = [every[k] for k in picked]
        made += [one for one in every if one not in made]
    return made
