"""The real inversions, land models and budgets, opened as a user would."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

import xflux

#: Edges of the bands of the table of inversions.
BANDS = (-90, -23.5, 0, 23.5, 50, 90)
#: The regions of the table in the order of `BANDS`.
NAMES = ("S_extratropics_90S_23S", "S_tropics_23S_0", "N_tropics_0_23N", "N_midlat_23N_50N",
         "N_highlat_50N_90N")  # fmt: skip
TRANSCOM = ("NA_boreal", "NA_temperate", "SA_tropical", "SA_temperate", "N_Africa", "S_Africa",
            "EurAsia_boreal", "EurAsia_temperate", "Tropical_Asia", "Australia",
            "Europe")  # fmt: skip

#: Inversions of one system by the beginning of their names.
SYSTEMS = {"CAMS": "CAMS", "CarbonTracker": "CT2", "CTE": "CTE", "TM5-Flux": "TM5",
           "CarboScope": "s99oc"}  # fmt: skip


def paths(data: Path) -> dict[str, Path]:
    """Return the files by latitude, by the names that the table gives the inversions."""
    found = sorted((data / "inversions").glob("zonal_*.nc"))
    return {path.stem.removeprefix("zonal_"): path for path in found}


def inversions(data: Path, definition: str | None = None) -> xr.DataArray:
    """Return the land flux by band of the inversions, one of each land flux."""
    return xflux.open_inversions(
        paths(data), bands=BANDS, identical="first", flux_definition=definition
    )


def by_system(flux: xr.DataArray) -> xr.DataArray:
    """Average the inversions of each of the five systems."""
    means = [
        flux.isel(inversion=[str(i).startswith(begin) for i in flux.inversion.values]).mean(
            "inversion", keep_attrs=True
        )
        for begin in SYSTEMS.values()
    ]
    joined = xr.concat(means, "inversion", combine_attrs="override")
    return joined.assign_coords(inversion=list(SYSTEMS))


def land_models(data: Path) -> xr.DataArray:
    """Return nbp of the TRENDY models by TransCom region, positive to the atmosphere."""
    return xflux.open_inversions(
        data / "inversions" / "trendy_v9_transcom" / "nbp_monthly_1980_2016.csv.gz",
        regions=TRANSCOM,
        units="PgC month-1",
        positive="up",
        flux_definition="nbp",
    )


def budget(data: Path) -> xr.Dataset:
    """Return the Global Carbon Budget of 2023."""
    return xflux.read_global_carbon_budget(
        data / "budgets" / "Global_Carbon_Budget_2023v1.1_tabHistoricalBudget.csv"
    )


def co2(data: Path) -> xr.DataArray:
    """Return the record of Mauna Loa."""
    return xflux.read_co2(data / "budgets" / "co2_mm_mlo.csv")
