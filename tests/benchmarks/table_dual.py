"""Print what towers alone and towers with inversions make of the idealised Earth.

Run from the root of the repository::

    PYTHONPATH=.:tests python tests/benchmarks/table_dual.py --seeds 0 1 2

Towers that are biased in the tropics (``night_loss=1``), five inversions, 11 TransCom regions, 5
degrees, 2001 to 2017, ten folds. All is scored against the truth, not against the inversions:

1. The globe: annual mean and RMSE [Pg a year], RMSE of the mean seasonal cycle [Pg a month], years
   whose inversions no member saw.
2. Towers out of fold, against what they recorded and against what is true there; those beyond the
   tropics by themselves [g m-2 d-1].
3. Pixels: RMSE and correlation of months, beside towers alone with the constant of each region that
   the same inversions ask for.

``--subsets`` fits also to some of the inversions at a time, three folds each, and prints how far
the globe and the regions then lie from the truth: one against many.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import xarray as xr

import xflux

TROPICS = 23.0


def rmse(error: xr.DataArray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt((error**2).mean()))


class World:
    """The twin in memory, and what is known of it."""

    def __init__(self, towers: int, night_loss: float) -> None:
        earth = xflux.twin.Earth(resolution=5.0)
        self.grid, self.truth = earth.drivers.load(), earth.truth.load()
        self.towers, observed = earth.towers(towers, night_loss=night_loss)
        self.recorded, self.true = observed.nee, earth.tower_truth(towers).nee
        self.regions = xflux.transcom_regions(self.grid).load()
        self.inversions = earth.inversions(self.regions, n=5).load()
        self.sums = self.of_regions(self.truth)

    def field(self, model: xflux.DualConstraintNetwork) -> xr.Dataset:
        """Return NEE of a model with the area of cells."""
        made = model.apply(self.grid).load()
        return made.assign({name: self.grid[name] for name in ("cell_area", "land_fraction")})

    def of_regions(self, field: xr.Dataset) -> xr.DataArray:
        """Return exact integrals."""
        return xflux.regional_integral(field, regions=self.regions).nee


def print_globe(world: World, label: str, field: xr.Dataset, away: tuple[int, ...]) -> None:
    """Print the first table."""
    sums = world.of_regions(field)
    yearly = (sums.groupby("time.year").sum("time"), world.sums.groupby("time.year").sum("time"))
    error = yearly[0].sum("region") - yearly[1].sum("region")
    cycles = [one.sum("region").groupby("time.month").mean() for one in (sums, world.sums)]
    print(
        f"{label:12} globe {float(yearly[0].sum('region').mean()):7.2f} "
        f"(true {float(yearly[1].sum('region').mean()):.2f})  annual rmse {rmse(error):6.2f}  "
        f"cycle rmse {rmse(cycles[0] - cycles[1]):.3f}  years held out "
        + " ".join(f"{year}: {float(error.sel(year=year)):+.2f}" for year in away)
    )
    print("   regions", yearly[0].mean("year").values.round(2))


def print_towers(world: World, label: str, model: xflux.DualConstraintNetwork) -> None:
    """Print the second table."""
    out = model.out_of_fold_
    beyond = abs(out.lat) > TROPICS
    print(
        f"{label:12} towers: records {rmse(out - world.recorded):.3f}, truth "
        f"{rmse(out - world.true):.3f}; beyond the tropics: records "
        f"{rmse((out - world.recorded).where(beyond)):.3f}, truth "
        f"{rmse((out - world.true).where(beyond)):.3f}"
    )


def print_pixels(world: World, fields: dict[str, xr.Dataset]) -> None:
    """Print the third table."""
    sums = world.of_regions(fields["towers"])
    ones = fields["towers"].assign(nee=fields["towers"].nee * 0 + 1)
    ones.nee.attrs = fields["towers"].nee.attrs
    area = world.of_regions(ones).mean("time")
    offset = (world.inversions.mean("inversion") - sums).mean("time") / area
    layer = sum(
        offset.isel(region=k).item() * (world.regions == number)
        for k, number in enumerate(offset.region.values)
    )
    shown = {**fields, "offset": fields["towers"].assign(nee=fields["towers"].nee + layer)}
    weight = (world.grid.cell_area * world.grid.land_fraction).where(world.regions > 0, 0.0)
    for called, within in (("tropics", abs(world.grid.lat) < 20.0), ("land", True)):
        own = weight.where(within, 0.0) if called == "tropics" else weight
        for label, field in shown.items():
            error = ((field.nee - world.truth.nee) ** 2).mean("time")
            alike = xr.corr(field.nee, world.truth.nee, "time")
            print(
                f"   {called:8} {label:8} pixel rmse "
                f"{float(np.sqrt(error.weighted(own).mean())):.3f}  r "
                f"{float(alike.weighted(own).mean()):.3f}"
            )


def print_seed(world: World, folds: int, seed: int) -> None:
    """Fit both, from the same start, and print all tables."""
    start = time.perf_counter()
    towers = xflux.DualConstraintNetwork(folds=folds, seed=seed)
    towers.fit(world.towers, world.recorded, progress=False)
    fields = {"towers": world.field(towers)}
    bridge = xflux.RegionalBridge().fit(fields["towers"], world.regions, progress=False)
    dual = xflux.DualConstraintNetwork(folds=folds, seed=seed).fit(
        world.towers, world.recorded, drivers=world.grid, inversions=world.inversions,
        bridge=bridge, progress=False,
    )  # fmt: skip
    fields["dual"] = world.field(dual)
    print(f"seed {seed}: {time.perf_counter() - start:.0f} s")
    for label, model in (("towers", towers), ("dual", dual)):
        print_globe(world, label, fields[label], dual.away_years_)
        print_towers(world, label, model)
        members = model.apply(world.grid, members=True)
        members = members.assign(
            {name: world.grid[name] for name in ("cell_area", "land_fraction")}
        )
        yearly = xflux.regional_integral(members, regions=world.regions, freq="YS").nee
        mean = yearly.sum("region").mean("time")
        print(f"   members {mean.values.round(1)} sd {float(mean.std(ddof=1)):.2f}")
    print_pixels(world, fields)
    found = dual.check_bridge(world.grid).compute()
    print("   bridges at last: r2", found.r2.values.round(2))
    looks = dual.history.bridge_r2
    last = [one.dropna("epoch").values[-1] for one in looks]
    print("   worst bridge at looks, r2 by member: least", looks.min("epoch").values.round(2))
    print("   at the last look", np.round(last, 2), flush=True)


def print_subsets(world: World, seed: int) -> None:
    """Fit to one, two, three and all of the inversions."""
    options = {"folds": 3, "seed": seed}
    towers = xflux.DualConstraintNetwork(**options)
    towers.fit(world.towers, world.recorded, drivers=world.grid, progress=False)
    bridge = xflux.RegionalBridge().fit(world.field(towers), world.regions, progress=False)
    dual = xflux.DualConstraintNetwork(**options).fit(
        world.towers, world.recorded, drivers=world.grid, inversions=world.inversions,
        bridge=bridge, progress=False,
    )  # fmt: skip
    found = dual.sensitivity()
    print(f"one against many, seed {seed}, three folds; PgC a year")
    for subset in found.subset.values:
        one = found.sel(subset=subset)
        mean = one[["nee", "target"]].groupby("time.year").sum().mean("year")
        error = mean - world.sums.groupby("time.year").sum().mean("year").values
        print(
            f"   {subset:45} globe {float(mean.nee.sum()):6.2f} of {float(mean.target.sum()):6.2f}"
            f"  off {float(error.nee.sum()):+.2f}; regions rmse from truth "
            f"{rmse(error.nee):.2f}, of the inversions {rmse(error.target):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--towers", type=int, default=100)
    parser.add_argument("--night-loss", type=float, default=1.0)
    parser.add_argument("--subsets", action="store_true")
    given = parser.parse_args()
    twin = World(given.towers, given.night_loss)
    for number in given.seeds:
        print_seed(twin, given.folds, number)
        if given.subsets:
            print_subsets(twin, number)
