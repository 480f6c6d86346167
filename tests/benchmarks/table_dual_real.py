"""Print what towers alone and towers with a regional ensemble make of the real land.

Run from the root of the repository, with the folder of the data::

    PYTHONPATH=.:tests python tests/benchmarks/table_dual_real.py ../shared/data --seeds 0 1 2

Towers: the mean year of those of FLUXNET2015 (monthly table) with at least six of its months,
their drivers those of the 1 degree grid at their place. Grid: its mean year. Atmosphere: the mean
year 2001 to 2016 of the net land flux of 12 TRENDY models in 11 TransCom regions. They are no
inversions: they have the shape of an ensemble of these, hold land use and fire, which towers do
not, and are taken for NEE here. A mean year says nothing of variability between years.

That the sum meets the ensemble it was trained on is a fit. ``--leave-out`` trains without a region
at a time and scores it: there the ensemble is independent. Towers are scored in folds
that a member never saw.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from real.inversions import BANDS, by_system, inversions

import xflux

NAMES = [
    "NA_boreal", "NA_temperate", "SA_tropical", "SA_temperate", "N_Africa", "S_Africa",
    "EurAsia_boreal", "EurAsia_temperate", "Tropical_Asia", "Australia", "Europe",
]  # fmt: skip
MONTHS = pd.date_range("2008-01-01", periods=12, freq="MS")
DRIVERS = ["ta", "vpd", "swin", "rnet", "p", "fapar", "lai", "patm", "elevation"]
FEATURES = (*DRIVERS, "ta_site", "p_site", "fapar_site")
#: Few rows of towers make few steps in an epoch.
OPTIONS = {"features": FEATURES, "epochs": 400, "batch": 512, "check_every": 20}
#: Least months of a mean year.
FEWEST = 6


class Land:
    """The data, in memory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        ds = xr.open_dataset(data / "grids/global_1deg/global_monthly_drivers.nc").load()
        ds = ds.rename(month="time").assign_coords(time=MONTHS)
        self.grid = ds[[*DRIVERS, "cell_area", "land_fraction"]]
        self.regions = ds["transcom"].rename("region").astype("i4")
        self.regions.attrs = {"flag_values": np.arange(1, 12), "flag_meanings": " ".join(NAMES)}
        self.drivers, self.nee = self._towers(data / "towers/fluxnet2015_monthly")
        self.ensemble = self._ensemble(data / "inversions/trendy_v9_transcom")

    def _towers(self, folder: Path) -> tuple[xr.Dataset, xr.DataArray]:
        table = pd.read_csv(folder / "monthly.csv.gz", parse_dates=["time"])
        sites = pd.read_csv(folder / "sites.csv").set_index("site")
        table["month"] = table.time.dt.month
        year = table.groupby(["site", "month"]).nee_gC_m2_d.mean().unstack()
        year = year[(year.notna().sum(axis=1) >= FEWEST) & year.index.isin(sites.index)]
        site = {"site": list(year.index)}
        place = {
            name: xr.DataArray(sites.loc[year.index, name].to_numpy(), dims="site", coords=site)
            for name in ("lat", "lon")
        }
        near = self.grid[DRIVERS].sel(place, method="nearest").drop_vars(["lat", "lon"])
        near = near.assign_coords(place).transpose("site", "time", ...)
        whole = np.isfinite(near["fapar"]).all("time").values
        nee = xr.DataArray(
            year.to_numpy(), dims=("site", "time"), coords={**site, "time": MONTHS}, name="nee",
            attrs={"units": "g m-2 d-1", "flux_definition": "nee"},
        )  # fmt: skip
        return near.isel(site=whole), nee.isel(site=whole)

    def _ensemble(self, folder: Path) -> xr.DataArray:
        table = pd.read_csv(folder / "nbp_monthly_1980_2016.csv.gz")
        table = table[table.yyyymm.between(200101, 201612)]
        mean = table.groupby(["model", table.yyyymm % 100])[NAMES].mean()
        return xr.DataArray(
            mean.to_numpy().reshape(-1, 12, 11),
            dims=("inversion", "time", "region"),
            coords={
                "inversion": list(mean.index.unique(0)), "time": MONTHS,
                "region": np.arange(1, 12), "names": ("region", NAMES),
            },
            attrs={
                "units": "Pg", "positive": "up", "flux_definition": "nee",
                "comment": "net land flux of models with land use and fire, taken for NEE",
            },
        ).transpose("inversion", "region", "time")  # fmt: skip

    def weighed(self, field: xr.Dataset) -> xr.Dataset:
        """Return a field with the area of its cells."""
        return field.assign({name: self.grid[name] for name in ("cell_area", "land_fraction")})

    def sums(self, model: xflux.DualConstraintNetwork) -> xr.DataArray:
        """Return exact integrals (region, time)."""
        field = self.weighed(model.apply(self.grid))
        return xflux.regional_integral(field, regions=self.regions).nee.compute()

    def fit(
        self,
        seed: int,
        folds: int,
        inversions: xr.DataArray | None,
        bridge: xflux.RegionalBridge | None,
    ) -> xflux.DualConstraintNetwork:
        """Fit a network, to towers alone without inversions."""
        model = xflux.DualConstraintNetwork(seed=seed, folds=folds, **OPTIONS)
        air = {} if bridge is None else {
            "drivers": self.grid, "inversions": inversions, "bridge": bridge
        }  # fmt: skip
        return model.fit(self.drivers, self.nee, progress=False, **air)


def misfit(model: xflux.DualConstraintNetwork, nee: xr.DataArray) -> float:
    """Return the RMSE at towers that members did not see."""
    return float(np.sqrt(((model.out_of_fold_ - nee) ** 2).mean()))


def print_seed(land: Land, seed: int, folds: int, leave_out: bool) -> None:
    """Fit both from the same start, and print sums, cycles and towers."""
    start = time.perf_counter()
    towers = land.fit(seed, folds, None, None)
    members = land.weighed(towers.apply(land.grid, members=True))
    bridge = xflux.RegionalBridge().fit(members, land.regions, progress=False)
    dual = land.fit(seed, folds, land.ensemble, bridge)
    target = land.ensemble.mean("inversion")
    sums = {"towers": land.sums(towers), "dual": land.sums(dual), "ensemble": target}
    print(f"seed {seed}: {land.nee.sizes['site']} towers, {time.perf_counter() - start:.0f} s")
    for label, series in sums.items():
        globe = series.sum("region")
        print(
            f"   {label:9} globe {float(globe.sum()):7.2f} PgC a year, range of the cycle "
            f"{float(globe.max() - globe.min()):.2f}, least in month "
            f"{int(globe.argmin('time')) + 1}; regions {series.sum('time').values.round(2)}"
        )
    print(f"   towers out of fold: {misfit(towers, land.nee):.3f}, {misfit(dual, land.nee):.3f}")
    found = dual.check_bridge(land.grid).compute()
    print("   bridges at last: r2", found.r2.values.round(2), flush=True)
    print_bands(land, {"towers": towers, "dual": dual})
    if leave_out:
        print_left_out(land, seed, folds, bridge, sums["towers"])


def print_bands(land: Land, models: dict[str, xflux.DualConstraintNetwork]) -> None:
    """Print bands of latitude beside inversions, which no model was trained on.

    They hold what the ensemble holds, net biome flux, and what rivers carry besides.
    """
    flux = inversions(land.data, "nbp+lateral").sel(time=slice("2001", "2016"))
    yearly = by_system(flux).groupby("time.year").sum("time", skipna=False).mean("year")
    bands = xflux.latitude_bands(land.grid, edges=BANDS)
    rows = {
        label: xflux.regional_integral(land.weighed(model.apply(land.grid)), regions=bands)
        .nee.sum("time")
        .values
        for label, model in models.items()
    }
    print("   bands, south to north, PgC a year (edges", *BANDS, ")")
    for label, values in rows.items():
        print(f"   {label:10}", values.round(2))
    print("   inversions", yearly.mean("inversion").values.round(2))
    print("   their sd  ", yearly.std("inversion").values.round(2), flush=True)


def print_left_out(
    land: Land, seed: int, folds: int, bridge: xflux.RegionalBridge, towers: xr.DataArray
) -> None:
    """Train without each region in turn, and score it."""
    errors = []
    for k, name in enumerate(NAMES):
        others = land.ensemble.isel(region=[r for r in range(11) if r != k])
        made = land.sums(land.fit(seed, folds, others, bridge)).isel(region=k)
        target = land.ensemble.isel(region=k)
        mean, alone = target.mean("inversion"), towers.isel(region=k)
        spread = float(target.sum("time").std())
        errors.append([float(one.sum() - mean.sum()) for one in (alone, made)])
        cycle = [float(np.sqrt(((one - mean) ** 2).mean())) for one in (alone, made)]
        alike = [float(np.corrcoef(one, mean)[0, 1]) for one in (alone, made)]
        print(
            f"   without {name:18} annual: towers {float(alone.sum()):6.2f} dual "
            f"{float(made.sum()):6.2f} ensemble {float(mean.sum()):6.2f} (sd {spread:.2f}); "
            f"months: rmse {cycle[0]:.3f} {cycle[1]:.3f}, r {alike[0]:.2f} {alike[1]:.2f}",
            flush=True,
        )
    size = np.sqrt(np.mean(np.square(errors), axis=0))
    print(f"   RMSE of annual sums of regions left out: towers {size[0]:.2f}, dual {size[1]:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--leave-out", action="store_true")
    given = parser.parse_args()
    # Bridges of a mean year are cross-validated by members, and some regions of few pixels warn.
    warnings.simplefilter("ignore", xflux.XfluxWarning)
    real = Land(given.data)
    for number in given.seeds:
        print_seed(real, number, given.folds, given.leave_out)
