"""Print the land flux of the inversions by band of latitude, and the growth that it implies.

Run from the root of the repository, with the folder of the data::

    PYTHONPATH=.:tests python tests/benchmarks/table_inversions.py ../shared/data

1. By band and inversion, of 2000 to 2016: mean [Pg a year], range of the mean seasonal cycle [Pg]
   and month of its minimum, standard deviation of the years [Pg]; then mean and spread of the
   ensemble, in which the TM5-Flux inversions count once.
2. The globe against the Global Carbon Budget in like definition.
3. The growth of carbon in the air that each inversion and each TRENDY model implies, against Mauna
   Loa and against the global mean of the budget.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from real.inversions import budget, by_system, co2, inversions, land_models

import xflux
from xflux.skill.annual import annual_values, interannual_variability
from xflux.skill.growth_rate import RIVERS
from xflux.skill.seasonal import cycle_range, mean_seasonal_cycle

PERIOD = slice("2000", "2016")


def with_globe(flux: xr.DataArray) -> xr.DataArray:
    """Return bands and their sum."""
    globe = flux.sum("region", skipna=False).expand_dims(region=[0])
    globe = globe.assign_coords(names=("region", ["globe"]))
    return xr.concat([flux, globe], "region", combine_attrs="override")


def described(flux: xr.DataArray) -> xr.Dataset:
    """Return mean, seasonal cycle and variability of series of months."""
    cycle = mean_seasonal_cycle(flux)
    return xr.Dataset(
        {
            "mean": annual_values(flux, annual="sum").mean("year"),
            "range": cycle_range(flux),
            "minimum": cycle.idxmin("month"),
            "iav": interannual_variability(flux, annual="sum"),
        }
    )


def print_bands(data: Path) -> None:
    """Print the first two tables."""
    flux = with_globe(inversions(data).sel(time=PERIOD))
    found = described(flux)
    of_mean = described(flux.mean("inversion", keep_attrs=True))
    for k, band in enumerate(flux.names.values):
        table = found.isel(region=k).drop_vars(["region", "names", "file"], errors="ignore")
        frame = table.to_dataframe().round(2)
        means = frame["mean"]
        print(f"\n{band}\n{frame.to_string()}")
        one = of_mean.isel(region=k)
        print(
            f"ensemble: mean {means.mean():.2f}, sd {means.std():.2f}, {means.min():.2f} to "
            f"{means.max():.2f}; of its mean: range {float(one['range']):.2f}, minimum in month "
            f"{int(one.minimum)}, iav {float(one.iav):.2f}"
        )
    systems = described(by_system(flux))["mean"]
    print("\nfive systems, mean and sd between them")
    for band, mean, sd in zip(
        flux.names.values, systems.mean("inversion"), systems.std("inversion", ddof=1), strict=True
    ):
        print(f"{band:10s} {float(mean):6.2f} +- {float(sd):.2f}")
    globe = float(systems.isel(region=-1).mean())
    terms = budget(data).sel(year=slice(2000, 2016)).mean()
    print(
        f"\nglobe, positive to the air: inversions {globe:.2f} (nbp+lateral); less lateral "
        f"(rivers {-RIVERS:g}) {globe + RIVERS:.2f}; budget E_LUC - S_LAND {-float(terms.nbp):.2f} "
        f"(E_LUC {float(terms.e_luc):.2f}, S_LAND {float(terms.s_land):.2f})"
    )


def print_growth(data: Path) -> None:
    """Print the third table."""
    table, record = budget(data), co2(data)
    for called, flux in (("inversion", inversions(data)), ("TRENDY v9", land_models(data))):
        mean = flux.dropna("time").mean("inversion", keep_attrs=True)
        whole = xr.concat(
            [flux.drop_vars("file"), mean.expand_dims(inversion=["mean of all"])],
            "inversion",
            join="outer",
            combine_attrs="override",
        )
        for against, observed in (("Mauna Loa", record), ("g_atm", None)):
            scores = xflux.growth_rate_check(whole, table, observed)
            frame = scores.drop_dims("year").to_dataframe().round(2)
            print(f"\n{called} against {against}\n{frame.to_string()}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with pd.option_context("display.width", 200), np.printoptions(precision=2):
        print_bands(folder)
        print_growth(folder)
