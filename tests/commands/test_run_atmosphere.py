"""`xflux run --inversions`: NEE by towers and the atmosphere, from files, beside towers alone."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.commands.advice import in_options
from xflux.commands.atmosphere import over_regions_of
from xflux.commands.inversion_inputs import Partition, open_air
from xflux.commands.request import RunRequest
from xflux.commands.run import run
from xflux.commands.store import reopen
from xflux.errors import InputError

pytest.importorskip("torch")

_EARTH = xflux.twin.Earth(resolution=10.0, start="2001", end="2005")
_UNITS = {"ta": "degC", "swin": "W m-2", "rnet": "W m-2", "vpd": "hPa", "nee": "g m-2 d-1"}
_SITES = 24


def write_towers(folder: Path) -> Path:
    """Write towers of the twin as a tidy table."""
    drivers, observed = _EARTH.towers(_SITES, night_loss=1.0)
    table = drivers[[*set(_UNITS) - {"nee"}, "fapar"]].assign(nee=observed["nee"])
    frame = table.drop_vars(["lat", "lon", "elevation", "igbp"]).to_dataframe().reset_index()
    frame.to_csv(folder / "towers.csv", index=False)
    names = dict(
        zip(drivers.igbp.attrs["flag_values"], drivers.igbp.attrs["flag_meanings"].split())
    )
    sites = {name: drivers[name].values for name in ("site", "lat", "lon", "elevation")}
    igbp = [names[code] for code in drivers.igbp.values]
    pd.DataFrame(sites | {"igbp": igbp}).to_csv(folder / "sites.csv", index=False)
    return folder / "towers.csv"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """Write towers, drivers and inversions of the twin."""
    folder = tmp_path_factory.mktemp("twin")
    write_towers(folder)
    names = [name for name in _UNITS if name != "nee"]
    beside = ["fapar", "elevation", "cell_area", "land_fraction"]
    _EARTH.drivers[[*names, *beside]].load().to_netcdf(folder / "drivers.nc")
    regions = xflux.transcom_regions(_EARTH.truth)
    xflux.twin.write_inversions(_EARTH, folder / "inversions.nc", regions, n=3)
    regions.load().to_netcdf(folder / "mask.nc")
    return folder


def request_of(files: Path, out: Path, **options) -> RunRequest:
    """Return a request that stops at what is asked here."""
    given = {
        "towers": (str(files / "towers.csv"),), "sites": (str(files / "sites.csv"),),
        "units": _UNITS, "drivers": (str(files / "drivers.nc"),), "co2": 400.0,
        "inversions": (str(files / "inversions.nc"),), "refine": False, "allocate": False,
        "folds": 3, "quiet": True, "format": "netcdf",
    }  # fmt: skip
    return RunRequest(out=out, **(given | options))


def run_quickly(request: RunRequest, *, draw: bool = False) -> str:
    """Run with few epochs; return the report."""
    from xflux.regional.dual_network import DualConstraintNetwork

    quick = partial(DualConstraintNetwork, hidden=(8,), epochs=4, check_every=4)
    drawn = (
        "run.draw_towers",
        "run.draw_grid",
        *(() if draw else ("run_atmosphere.draw_atmosphere",)),
    )
    patches = [patch(f"xflux.commands.{name}", return_value=[]) for name in drawn]
    patches.append(patch("xflux.regional.dual_network.DualConstraintNetwork", quick))
    for one in patches:
        one.start()
    try:
        run(request)
    finally:
        for one in patches:
            one.stop()
    return (request.out / "report.md").read_text()


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    """Run once, with figures."""
    out = tmp_path_factory.mktemp("dual") / "out"
    report = run_quickly(request_of(files, out), draw=True)
    return out, report


def section(report: str) -> str:
    """Return what is said of towers and the atmosphere."""
    return report.partition("## Towers and the atmosphere")[2].partition("\n## ")[0]


def test_nee_of_both_lies_on_the_grid_and_is_that_of_the_saved_network(done, files):
    out, _ = done
    model = xflux.DualConstraintNetwork.load(out / "dual.safetensors")
    drivers = xr.open_dataset(files / "drivers.nc").assign(
        co2=xr.DataArray(np.float32(400), attrs={"units": "ppm"})
    )
    written = reopen(out / "grid_nee_dual.nc").load()
    expected = model.apply(drivers)["nee"]
    np.testing.assert_allclose(
        written["nee"].transpose(*expected.dims), expected, rtol=1e-4, atol=1e-4
    )
    alone = reopen(out / "grid_nee_towers.nc")
    for ds in (written, alone):
        assert ds["nee"].attrs["units"] == "g m-2 d-1"
        assert {"cell_area", "land_fraction"} <= set(ds.variables)
        assert ds["nee"].dtype == np.float32
    assert float(abs(written["nee"] - alone["nee"]).max()) > 0.01
    bridge = xflux.RegionalBridge.load(out / "bridge.nc")
    assert bridge.to_dataset().sizes["region"] == 11


def test_sums_are_exact_integrals_of_what_was_written(done):
    out, _ = done
    years = pd.read_csv(out / "tables" / "atmosphere_years.csv")
    regions = xflux.transcom_regions(_EARTH.truth).load()
    for name, store in (("towers alone", "towers"), ("with the atmosphere", "dual")):
        field = reopen(out / f"grid_nee_{store}.nc").load().reset_coords()
        sums = xflux.regional_integral(field, regions=regions, freq="YS").nee
        globe = years[years.region == "sum of all"].set_index("year")[name]
        np.testing.assert_allclose(globe, sums.sum("region"), rtol=1e-4)
        europe = years[years.region == "Europe"][name]
        np.testing.assert_allclose(europe, sums[sums.names == "Europe"][0], rtol=1e-3, atol=1e-4)


def test_inversions_are_those_of_the_file_and_scores_against_them_say_that_they_were_trained_on(
    done, files
):
    out, report = done
    globe = pd.read_csv(out / "tables" / "atmosphere_globe.csv", index_col="estimate")
    assert list(globe["trained on it"][:2]) == ["no", "yes"]
    told = xflux.open_inversions(files / "inversions.nc", regions=xflux.transcom_regions)
    expected = float(told.sum("region").groupby("time.year").sum().mean())
    assert globe.loc["mean of the inversions", "annual mean"] == pytest.approx(expected, rel=1e-4)
    regions = pd.read_csv(out / "tables" / "atmosphere_regions.csv")
    assert "nnse, with the atmosphere, on training data" in regions
    assert "nnse, towers alone" in regions
    assert "independent=False" in section(report)


def test_years_that_were_held_out_are_told_and_scored_apart(done):
    out, report = done
    model = xflux.DualConstraintNetwork.load(out / "dual.safetensors")
    assert len(model.away_years_) == 2
    years = pd.read_csv(out / "tables" / "atmosphere_years.csv")
    away = set(years.loc[years["seen in training"] == "no", "year"])
    assert away == set(model.away_years_)
    globe = pd.read_csv(out / "tables" / "atmosphere_globe.csv", index_col="estimate")
    whole = years[years.region == "sum of all"].set_index("year")
    error = (whole["with the atmosphere"] - whole["mean of the inversions"])[list(away)]
    found = globe.loc["with the atmosphere", "rmse of years not seen"]
    assert found == pytest.approx(float(np.sqrt((error**2).mean())), rel=1e-3)
    assert "Years whose inversions no network saw" in report


def test_towers_out_of_fold_are_scored_by_land_cover_for_both(done):
    out, _ = done
    table = pd.read_csv(out / "tables" / "atmosphere_towers.csv")
    both = table.groupby("estimate")
    assert set(both.groups) == {"towers alone", "with the atmosphere"}
    for _, one in both:
        by_class = one[one["land cover"] != "all"]
        assert by_class["n"].sum() == one.loc[one["land cover"] == "all", "n"].item()
        assert by_class["sites"].sum() == _SITES


def test_figures_and_links_of_the_section(done):
    out, report = done
    drawn = {path.stem for path in (out / "figures").iterdir()}
    assert {
        "atmosphere_years",
        "atmosphere_seasons",
        "atmosphere_skill",
        "atmosphere_maps",
    } == drawn
    assert "Left out" not in section(report)
    for name in ("grid_nee_towers.nc", "grid_nee_dual.nc", "dual.safetensors", "bridge.nc"):
        assert f"`{name}`" in report
        assert (out / name).exists()


def test_the_grid_stays_lazy_until_it_is_written(files, tmp_path):
    request = request_of(files, tmp_path / "out", inversions=(str(files / "inversions.nc"),))
    with xr.open_dataset(files / "drivers.nc", chunks={"time": 12}) as grid:
        air = open_air(request, grid)
    assert air.inversions.chunks is not None
    assert air.regions.chunks is None


def test_inversions_on_another_grid_are_summed_over_the_regions_laid_on_it(files, tmp_path):
    other = replace(_EARTH, resolution=6.0)
    regions = xflux.transcom_regions(other.truth)
    path = xflux.twin.write_inversions(other, tmp_path / "fine.nc", regions, n=2)
    grid = xr.open_dataset(files / "drivers.nc", chunks={})
    air = open_air(request_of(files, tmp_path / "out", inversions=(str(path),)), grid)
    expected = other.inversions(regions, n=2)
    np.testing.assert_allclose(air.inversions, expected, rtol=1e-4, atol=2e-6)
    assert air.regions.shape == (18, 36)
    masked = request_of(
        files, tmp_path / "out", inversions=(str(path),), regions=(str(files / "mask.nc"),)
    )
    with pytest.raises(InputError, match=r"no mask in .*mask.nc lies on the grid of 30 latitudes"):
        open_air(masked, grid)
    regions.load().to_netcdf(tmp_path / "mask_fine.nc")
    both = replace(masked, regions=(*masked.regions, str(tmp_path / "mask_fine.nc")))
    np.testing.assert_allclose(open_air(both, grid).inversions, expected, rtol=1e-4, atol=2e-6)


def test_bands_of_latitude_are_regions(files, tmp_path):
    grid = xr.open_dataset(files / "drivers.nc", chunks={})
    edges = (-90.0, -23.5, 23.5, 90.0)
    air = open_air(request_of(files, tmp_path / "out", bands=edges), grid)
    expected = xflux.open_inversions(files / "inversions.nc", bands=edges)
    np.testing.assert_allclose(air.inversions, expected, rtol=1e-12)
    assert air.regions.sizes["region"] == 3


def test_shares_of_regions_by_name_are_a_mask(files, tmp_path):
    numbers = xr.open_dataarray(files / "mask.nc")
    names = numbers.attrs["flag_meanings"].split()
    shares = xr.concat([(numbers == k + 1).astype("f4") for k in range(11)], dim="part")
    shares.assign_coords(part=names).rename("share").to_netcdf(tmp_path / "shares.nc")
    made = Partition([str(tmp_path / "shares.nc")])(xr.open_dataset(files / "drivers.nc"))
    assert list(made["names"].values) == names
    assert made.dims[0] == "region"


def test_what_towers_do_not_see_is_taken_out_or_refused_with_the_options(files, tmp_path):
    with xr.open_dataset(files / "inversions.nc") as ds:
        ds = ds.load()
    flux = ds["land_flux_only_fossil_cement_adjusted"]
    flux.attrs["flux_definition"] = "nee+fire+lateral"
    ds.to_netcdf(tmp_path / "real.nc")
    grid = xr.open_dataset(files / "drivers.nc", chunks={})
    request = request_of(files, tmp_path / "out", inversions=(str(tmp_path / "real.nc"),))
    with pytest.raises(InputError, match="--subtract fire=FILE lateral=FILE") as refused:
        open_air(request, grid)
    assert "--flux-definition nee" in str(refused.value)
    fire = (0.0 * flux.isel(ensemble_member=0, drop=True) + 1e-13).assign_attrs(
        units="PgC/m2/yr", positive="up"
    )
    fire.drop_attrs().assign_attrs(units="PgC/m2/yr").rename("burnt").to_netcdf(tmp_path / "f.nc")
    rows = [("time", "region", "flux [PgC/month]")]
    names = xflux.transcom_regions(grid).attrs["flag_meanings"].split()
    rows += [(str(t)[:10], name, -0.01) for t in grid.time.values for name in names]
    table = pd.DataFrame(rows[1:], columns=rows[0])
    table = table.rename(columns={"flux [PgC/month]": "uptake [PgC/month]"})
    table["uptake [PgC/month]"] *= -1.0
    table.to_csv(tmp_path / "rivers.csv", index=False)
    subtract = {"fire": str(tmp_path / "f.nc"), "lateral": str(tmp_path / "rivers.csv")}
    air = open_air(replace(request, subtract=subtract), grid)
    assert air.inversions.attrs["flux_definition"] == "nee"
    whole = xflux.open_inversions(tmp_path / "real.nc", regions=xflux.transcom_regions)
    burnt = xflux.open_inversions(
        tmp_path / "f.nc", variable="burnt", regions=xflux.transcom_regions, positive="up",
        flux_definition="fire",
    )  # fmt: skip
    np.testing.assert_allclose(
        air.inversions, whole - burnt.isel(inversion=0, drop=True) + 0.01, atol=1e-6
    )
    assert any("fire (f.nc)" in fact for fact in air.facts)


def test_a_table_of_regions_is_told_what_it_holds(files, tmp_path):
    grid = xr.open_dataset(files / "drivers.nc", chunks={})
    series = _EARTH.inversions(xflux.transcom_regions(_EARTH.truth), n=1).isel(inversion=0).load()
    frame = pd.DataFrame(series.T.values, columns=series.names.values)
    frame.insert(0, "time", [str(t)[:10] for t in series.time.values])
    frame.to_csv(tmp_path / "one.csv", index=False)
    request = request_of(
        files, tmp_path / "out", inversions=(str(tmp_path / "one.csv"),),
        inversion_units="PgC month-1", inversion_positive="up",
    )  # fmt: skip
    with pytest.raises(InputError, match="flux_definition=") as refused:
        open_air(request, grid)
    assert "--flux-definition TERMS" in in_options(str(refused.value))
    air = open_air(replace(request, flux_definition="nee"), grid)
    np.testing.assert_allclose(air.inversions[0], series, rtol=1e-6)
    frame.rename(columns={"Europe": "Utopia"}).to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(InputError, match="regions Utopia, which are not among regions of TransCom"):
        open_air(replace(request, flux_definition="nee"), grid)


def test_sums_are_of_the_regions_that_inversions_tell_of():
    regions = xflux.transcom_regions(_EARTH.truth)
    inversions = _EARTH.inversions(regions, n=1)
    some = inversions.isel(region=[10, 2])
    told = some.assign_coords(region=[1, 2])  # by columns of a table
    np.testing.assert_array_equal(over_regions_of(inversions, told), some)
    plain = inversions.drop_vars("names")
    np.testing.assert_array_equal(over_regions_of(plain, some), some)


def test_drivers_of_a_part_of_the_earth_are_not_held_against_whole_regions(files, tmp_path):
    grid = xr.open_dataset(files / "drivers.nc", chunks={}).isel(lon=slice(0, 20))
    with pytest.raises(InputError, match="regions of TransCom reach beyond"):
        open_air(request_of(files, tmp_path / "out"), grid)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ds: ds.isel(time=slice(0, 12)).rename(time="month").assign_coords(
            month=np.arange(1, 13)), "is a mean year"),
        (lambda ds: ds.assign_coords(time=pd.date_range("1981", periods=60, freq="MS")),
         "no whole year of months in common.*run from 1981-01 to 1985-12, and from 2001-01"),
    ],
)  # fmt: skip
def test_drivers_without_years_of_the_inversions_leave_the_rest_of_the_run(
    files, tmp_path, change, said
):
    with xr.open_dataset(files / "drivers.nc") as ds:
        change(ds.load()).to_netcdf(tmp_path / "drivers.nc")
    out = tmp_path / "out"
    report = run_quickly(request_of(files, out, drivers=(str(tmp_path / "drivers.nc"),)))
    text = " ".join(section(report).split())
    assert "**NEE by towers and inversions**" in text
    assert re.search(said, text)
    assert (out / "grid_baseline.nc").exists()
    assert not (out / "grid_nee_towers.nc").exists()


def test_without_torch_the_reason_says_how_to_install_it(files, tmp_path):
    out = tmp_path / "out"
    with patch.dict("sys.modules", {"torch": None}):
        report = run_quickly(request_of(files, out))
    assert "pip install 'xflux[nn]'" in section(report)
    assert (out / "grid_baseline.nc").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"towers": ("t",), "inversions": ("i",)}, "pass --towers and --drivers"),
        ({"drivers": ("d",), "inversions": ("i",)}, "pass --towers and --drivers"),
        ({"drivers": ("d",), "regions": ("r",)}, "--regions belongs to --inversions"),
        ({"drivers": ("d",), "subtract": {"fire": "f"}}, "--subtract belongs to --inversions"),
        ({"drivers": ("d",), "flux_definition": "nee"}, "--flux-definition belongs"),
        ({"drivers": ("d",), "inversion_units": "PgC"}, "--inversion-units belongs"),
        ({"drivers": ("d",), "bands": (-90.0, 90.0)}, "--bands belongs"),
        (
            {
                "towers": ("t",),
                "drivers": ("d",),
                "inversions": ("i",),
                "regions": ("r",),
                "bands": (-90.0, 90.0),
            },
            "--regions and --bands exclude each other",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        RunRequest(out=tmp_path, **options)


def test_inversions_may_be_named(files, tmp_path):
    """Two files whose members are called alike are told apart by names of their own."""
    path = str(files / "inversions.nc")
    with xr.open_dataset(path) as ds:
        flux = ds["land_flux_only_fossil_cement_adjusted"]
        less = (0.9 * flux).assign_attrs(flux.attrs)
        ds.assign({flux.name: less}).to_netcdf(tmp_path / "other.nc")
    paths = [path, str(tmp_path / "other.nc")]
    grid = xr.open_dataset(files / "drivers.nc")
    with pytest.raises(InputError, match="called") as caught:
        open_air(request_of(files, tmp_path / "out", inversions=tuple(paths)), grid)
    assert "--inversions FIRST=FILE SECOND=FILE" in in_options(str(caught.value))
    named = tuple(f"{name}={one}" for name, one in zip("AB", paths))
    air = open_air(request_of(files, tmp_path / "out", inversions=named), grid)
    assert [str(name)[:2] for name in air.inversions["inversion"].values] == [
        *3 * ["A "],
        *3 * ["B "],
    ]
    with pytest.raises(InputError, match="write NAME=PATH for all"):
        open_air(request_of(files, tmp_path / "out", inversions=(named[0], paths[1])), grid)


def test_land_that_varies_by_month_is_told(files):
    from xflux.labels.partitions import transcom_regions

    year = xr.open_dataset(files / "drivers.nc").groupby("time.month").mean()
    if "month" not in year["land_fraction"].dims:
        year["land_fraction"] = year["land_fraction"].expand_dims(month=year["month"])
    with pytest.raises(InputError, match="give it without time"):
        transcom_regions(year)
