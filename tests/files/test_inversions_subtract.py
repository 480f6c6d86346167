"""Fire, fossil fuel and rivers, taken out of inversions with their units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from files.inversion_files import RATES, days_of, global_budget_file, grid, months, uniform
from guards import no_compute

import xflux
from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.grid import cell_area

BANDS = (-90, 0, 90)
HEMISPHERE = 2 * np.pi * 6371007.2**2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return global_budget_file(tmp_path / "gcb.nc")


def series(values: float, units: str, **attrs: str) -> xr.DataArray:
    time = pd.date_range("2000-06-01", periods=30, freq="MS")
    return xr.DataArray(
        np.full((2, time.size), values),
        {"region": [1, 2], "names": ("region", ["90S-0", "0-90N"]), "time": time},
        ("region", "time"),
        attrs={"units": units, **attrs},
    )


def test_fire_on_a_grid_is_summed_over_the_same_regions(path: Path) -> None:
    fire = uniform(0.05, months(), "kg m-2 s-1", 1e-3 / 86400)
    found = xflux.open_inversions(path, bands=BANDS, subtract={"fire": fire})
    expected = (RATES[0] - 0.05) * HEMISPHERE * 1e-15 * days_of(found)
    np.testing.assert_allclose(found[0], np.stack([expected] * 2), rtol=1e-6)
    assert found.attrs["flux_definition"] == "nee+lateral"
    assert "fire" in found.attrs["history"]


def test_rivers_that_are_constant_are_taken_out_of_every_month(path: Path) -> None:
    rivers = uniform(-0.01, months(1), "PgC/m2/yr", 365.25 / 1e15).isel(time=0, drop=True)
    rivers.attrs["positive"] = "up"
    found = xflux.open_inversions(path, bands=BANDS, subtract={"lateral": rivers})
    expected = (RATES[0] + 0.01) * HEMISPHERE * 1e-15 * days_of(found)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-9)
    assert found.attrs["flux_definition"] == "nee+fire"


def test_series_by_region_are_rates_or_amounts(path: Path) -> None:
    plain = xflux.open_inversions(path, bands=BANDS)
    amounts = xflux.open_inversions(
        path, bands=BANDS, subtract={"fire": series(20.0, "TgC month-1")}
    )
    np.testing.assert_allclose(plain - amounts, 0.02, rtol=1e-9)
    rates = xflux.open_inversions(path, bands=BANDS, subtract={"fire": series(0.24, "PgC yr-1")})
    np.testing.assert_allclose((plain - rates)[0, 0], 0.24 * days_of(plain) / 365.25, rtol=1e-9)
    both = {"fire": series(0.02, "Pg"), "lateral": series(0.01, "Pg", positive="down")}
    none = xflux.open_inversions(path, bands=BANDS, subtract=both)
    np.testing.assert_allclose(plain - none, 0.01, rtol=1e-9)
    assert none.attrs["flux_definition"] == "nee"


def test_subtraction_stays_lazy(tmp_path: Path) -> None:
    field = uniform(0.1, months(), "gC m-2 d-1", 1.0)
    field.to_dataset(name="co2flux_land").to_netcdf(tmp_path / "a.nc")
    with no_compute():
        found = xflux.open_inversions(tmp_path / "a.nc", subtract={"fire": field.chunk(time=4)})
    np.testing.assert_allclose(found, 0.0, atol=1e-12)


def test_fire_of_a_table_is_matched_by_the_names_of_regions(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("yyyymm,0-90N,90S-0\n200101,0.5,0.25\n200102,0.5,0.25\n")
    fire = series(0.0, "Pg")
    fire[1] = 0.1
    found = xflux.open_inversions(
        path, units="Pg", positive="up", flux_definition="nee+fire", subtract={"fire": fire}
    )
    np.testing.assert_allclose(found[0], [[0.4, 0.4], [0.25, 0.25]])


@pytest.mark.parametrize(
    ("flux", "error", "words"),
    [
        (series(1.0, "W m-2"), UnitsError, "no flux of carbon"),
        (series(1.0, "g m-2 d-1"), InputError, "no latitude and longitude"),
        (series(1.0, "Pg").isel(region=0, drop=True).drop_vars("names", errors="ignore"),
         InputError, "each region as a whole"),
        (series(1.0, "Pg").isel(time=0, drop=True), InputError, "an amount .* without time"),
        (series(1.0, "Pg").isel(time=slice(12)), InputError, "lacks 2001-06-01"),
        (series(1.0, "Pg").isel(region=[0]), InputError, "lacks 0-90N"),
        (series(1.0, "Pg").drop_isel(time=[3]), InputError, "lacks 2000-09"),
        (2.0, InputError, "expected a DataArray"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(path, flux, error, words):
    with pytest.raises(error, match=words):
        xflux.open_inversions(path, bands=BANDS, subtract={"fire": flux})


def test_a_term_that_is_not_held_or_lies_elsewhere_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="holds no luc"):
        xflux.open_inversions(path, bands=BANDS, subtract={"luc": series(1.0, "Pg")})
    mask = xr.ones_like(cell_area(grid()), dtype=int).drop_attrs()
    fire = uniform(0.1, months(), "gC m-2 d-1", 1.0)
    shifted = fire.assign_coords(longitude=fire.longitude + 15)
    with pytest.raises(GridMismatchError):
        xflux.open_inversions(path, regions=mask, subtract={"fire": shifted})


def test_a_grid_has_no_regions_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("yyyymm,Europe\n200101,0.5\n200102,0.5\n")
    fire = uniform(0.1, months(), "gC m-2 d-1", 1.0)
    with pytest.raises(InputError, match="known by name alone"):
        xflux.open_inversions(path, units="Pg", positive="up", flux_definition="nee+fire",
                              subtract={"fire": fire})  # fmt: skip
