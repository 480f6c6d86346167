"""Scores of the flux of regions and of their sum, as of Upton et al. (2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from guards import no_compute

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError

NAMES = ["North", "South", "Tropics"]
SAID = {"units": "Pg", "positive": "up", "flux_definition": "nee"}


def series(seed: int = 0, years: int = 6, members: int = 0, start: str = "2001") -> xr.DataArray:
    """Return a flux of three regions with season, trend and noise."""
    random = np.random.default_rng(seed)
    time = pd.date_range(f"{start}-01-01", periods=12 * years, freq="MS")
    season = np.cos(2 * np.pi * np.arange(12 * years) / 12)
    scale = np.array([1.0, -0.5, 0.2])[:, None]
    values = (
        scale * season - 0.1 + random.normal(0, 0.1, (*((members,) * bool(members)), 3, time.size))
    )
    dims = (*(("member",) * bool(members)), "region", "time")
    coords = {"region": [1, 2, 3], "names": ("region", NAMES), "time": time}
    return xr.DataArray(values, coords, dims, "nee", SAID)


def inversions(n: int = 4) -> xr.DataArray:
    made = [series(10 + k) for k in range(n)]
    return xr.concat(
        made, dim=pd.Index([f"I{k}" for k in range(n)], name="inversion")
    ).assign_attrs(SAID)


def test_scores_are_those_of_the_definitions() -> None:
    reference, predicted = series(1), series(2)
    found = xflux.regional_skill(reference, predicted, independent=True)
    assert found.region.values.tolist() == [*NAMES, "all"]
    for k, name in enumerate(found.region.values):
        a, b = (x.values[k] if k < 3 else x.values.sum(0) for x in (reference, predicted))
        one = found.sel(region=name)
        years = [x.reshape(6, 12).sum(1) for x in (a, b)]
        cycles = [x.reshape(6, 12).mean(0) for x in (a, b)]
        nse = 1 - ((b - a) ** 2).sum() / ((a - a.mean()) ** 2).sum()
        lines = [y - np.polyval(np.polyfit(np.arange(6), y, 1), np.arange(6)) for y in years]
        expected = {
            "annual_mean_reference": years[0].mean(),
            "annual_mean_predicted": years[1].mean(),
            "annual_bias": years[1].mean() - years[0].mean(),
            "annual_rmse": np.sqrt(np.mean((years[1] - years[0]) ** 2)),
            "rmse": np.sqrt(np.mean((b - a) ** 2)),
            "pearson_r": np.corrcoef(a, b)[0, 1],
            "nnse": 1 / (2 - nse),
            "cycle_rmse": np.sqrt(np.mean((cycles[1] - cycles[0]) ** 2)),
            "cycle_range_reference": np.ptp(cycles[0]),
            "cycle_range_predicted": np.ptp(cycles[1]),
            "anomaly_r2_pearson": np.corrcoef(*lines)[0, 1] ** 2,
            "iav_reference": years[0].std(ddof=1),
            "iav_predicted": years[1].std(ddof=1),
            "n": 72,
            "n_years": 6,
        }
        for score, value in expected.items():
            np.testing.assert_allclose(one[score], value, rtol=1e-9, err_msg=score)
    assert found.annual_rmse.attrs["units"] == "Pg yr-1"
    assert found.attrs["flux_definition"] == "nee"


def test_the_reference_is_the_mean_of_its_ensemble_and_members_are_kept() -> None:
    ensemble, predicted = inversions(), series(2, members=2)
    found = xflux.regional_skill(ensemble, predicted, independent=False)
    mean = xflux.regional_skill(
        ensemble.mean("inversion", keep_attrs=True), predicted, independent=False
    )
    assert found.nnse.dims == ("member", "region")
    xr.testing.assert_allclose(found, mean)
    assert found.attrs["reference"] == "mean over inversion (n = 4)"


def test_a_dimension_of_both_is_paired() -> None:
    reference, predicted = series(1, members=2), series(2, members=2)
    found = xflux.regional_skill(reference, predicted, independent=True)
    one = xflux.regional_skill(reference[1], predicted[1], independent=True)
    xr.testing.assert_allclose(found.isel(member=1), one)
    first, second = reference.assign_coords(member=[0, 1]), predicted.assign_coords(member=[1, 2])
    with pytest.raises(InputError, match="unlike labels along 'member'"):
        xflux.regional_skill(first, second, independent=True)


def test_a_score_on_training_data_says_so() -> None:
    found = xflux.regional_skill(inversions(), series(2), independent=False)
    assert found.attrs["independent"] == "false"
    assert not found.independent
    assert all("on training data" in found[name].attrs["long_name"] for name in found)
    free = xflux.regional_skill(inversions(), series(2), independent=True)
    assert free.independent
    assert "training" not in str(free)
    with pytest.raises(InputError, match="True or False"):
        xflux.regional_skill(inversions(), series(2), independent="yes")  # type: ignore[arg-type]


def test_regions_are_matched_by_name_and_units_and_signs_converted() -> None:
    reference, predicted = series(1), series(2)
    expected = xflux.regional_skill(reference, predicted, independent=True)
    turned = (-1e15 * reference.isel(region=[2, 0, 1])).assign_coords(region=[7, 8, 9])
    turned.attrs = {**SAID, "units": "g", "positive": "down"}
    found = xflux.regional_skill(turned.to_dataset(name="nee"), predicted, independent=True)
    xr.testing.assert_allclose(found, expected)
    fewer = xflux.regional_skill(reference, predicted.isel(region=[1]), independent=True)
    xr.testing.assert_allclose(fewer.isel(region=0), expected.sel(region="South"))
    np.testing.assert_allclose(fewer.nnse[0], fewer.nnse[1])
    with pytest.raises(InputError, match=r"reference lacks the regions North, Tropics"):
        xflux.regional_skill(reference.isel(region=[1]), predicted, independent=True)


def test_months_are_those_that_both_have_in_any_calendar() -> None:
    reference, predicted = series(1, years=8, start="2000"), series(2)
    other = predicted.assign_coords(
        time=xr.date_range("2001-01-01", periods=72, freq="MS", calendar="noleap", use_cftime=True)
    )
    found = xflux.regional_skill(reference, other, independent=True)
    expected = xflux.regional_skill(reference.sel(time=predicted.time), predicted, independent=True)
    xr.testing.assert_allclose(found, expected)
    assert found.attrs["period"] == "2001-01 to 2006-12"
    with pytest.raises(InputError, match=r"share 0 months"):
        xflux.regional_skill(series(1, start="1980"), predicted, independent=True)
    with pytest.raises(InputError, match=r"share 1 months; a score needs a year"):
        xflux.regional_skill(reference, predicted.isel(time=[5]), independent=True)


@pytest.mark.parametrize("blank", [True, False])
def test_a_year_with_a_gap_has_no_annual_sum(blank: bool) -> None:
    predicted = series(2)
    gap = predicted.time == np.datetime64("2003-05-01")
    predicted = predicted.where(~gap) if blank else predicted.isel(time=~gap.values)
    found = xflux.regional_skill(series(1), predicted, independent=True)
    assert (found.n == 71).all()
    assert (found.n_years == 5).all()
    assert np.isfinite(found.iav_predicted).all()
    assert ("2003-05" in found.attrs.get("comment", "")) is not blank


def test_a_mean_year_has_no_variability_and_says_so() -> None:
    first, second = (series(k).groupby("time.month").mean(keep_attrs=True) for k in (1, 2))
    found = xflux.regional_skill(first, second, independent=True)
    for name in ("iav_reference", "iav_predicted", "anomaly_r2_pearson", "annual_rmse"):
        assert found[name].isnull().all()
    np.testing.assert_allclose(
        found.annual_bias[-1], (second - first).sum(["month", "region"]), rtol=1e-9
    )
    np.testing.assert_allclose(found.cycle_rmse, found.rmse)
    assert "variability between years" in found.attrs["comment"]
    with pytest.raises(InputError, match=r"groupby"):
        xflux.regional_skill(series(1), second, independent=True)


def test_what_may_not_be_compared_is_refused() -> None:
    good = series(1)
    with pytest.raises(InputError, match="fire only in the reference"):
        xflux.regional_skill(good.assign_attrs(flux_definition="nee+fire"), good, independent=True)
    silent = good.assign_attrs({})
    del silent.attrs["flux_definition"]
    with pytest.raises(InputError, match="flux_definition"):
        xflux.regional_skill(good, silent, independent=True)
    with pytest.raises(UnitsError, match="regional_integral"):
        xflux.regional_skill(good.assign_attrs(units="g m-2 d-1"), good, independent=True)
    with pytest.raises(UnitsError, match="regional_integral"):
        xflux.regional_skill(good, good.assign_attrs(units="kg s-1"), independent=True)
    with pytest.raises(MissingVariableError, match="no 'nee'"):
        xflux.regional_skill(good.to_dataset(name="flux"), good, independent=True)
    twice = good.assign_coords(names=("region", ["a", "a", "b"]))
    with pytest.raises(InputError, match="several regions of one name"):
        xflux.regional_skill(twice, good, independent=True)
    doubled = xr.concat([good, good], dim="time").assign_attrs(SAID)
    with pytest.raises(InputError, match="several values in one month"):
        xflux.regional_skill(doubled, good, independent=True)
    yearly = good.isel(time=slice(None, None, 12))
    with pytest.raises(InputError, match="steps longer than a month"):
        xflux.regional_skill(yearly, good, independent=True)


def test_a_total_beside_its_regions_is_refused_and_alone_is_scored() -> None:
    first, second = (
        series(k).assign_coords(names=("region", ["North", "South", "globe"])) for k in (1, 2)
    )
    with pytest.raises(InputError, match=r"'globe' beside.*drop_isel\(region=\[2\]\)"):
        xflux.regional_skill(first, second, independent=True)
    alone = xflux.regional_skill(first, second.isel(region=[2]), independent=True)
    assert alone.region.values.tolist() == ["globe", "all"]


def test_more_than_land_exchanges_asks_for_the_units() -> None:
    wrong = (1e3 * series(2)).assign_attrs(SAID)
    with pytest.raises(InputError, match=r"the prediction is .* Pg of carbon .* check its units"):
        xflux.regional_skill(series(1), wrong, independent=True)
    lazy = wrong.chunk(time=7).assign_coords(names=wrong["names"].variable)
    with pytest.raises(InputError, match="check its units"):
        xflux.regional_skill(series(1), lazy, independent=True).nnse.compute()


def test_bounds_of_a_dataset_tell_the_months() -> None:
    reference, predicted = series(1), series(2)
    expected = xflux.regional_skill(reference, predicted, independent=True)
    starts = predicted.time.values
    ends = (starts.astype("datetime64[M]") + 1).astype("datetime64[ns]")
    late = predicted.assign_coords(time=ends).to_dataset()
    late["time_bnds"] = (("time", "bnds"), np.stack([starts, ends], axis=-1))
    late["time"].attrs["bounds"] = "time_bnds"
    found = xflux.regional_skill(reference, late, independent=True)
    xr.testing.assert_allclose(found, expected)
    assert found.attrs["period"] == "2001-01 to 2006-12"
    late["time_bnds"][:, 0] = late["time_bnds"][:, 0] - np.timedelta64(2, "D")
    with pytest.raises(InputError, match="overlaps the step before"):
        xflux.regional_skill(reference, late, independent=True)
    with pytest.raises(InputError, match="steps longer than a month, as time_bnds say"):
        xflux.regional_skill(reference, late.isel(time=slice(None, None, 2)), independent=True)


def test_lazy_series_stay_lazy_and_score_alike() -> None:
    first, second = inversions(), series(2, members=2)
    expected = xflux.regional_skill(first, second, independent=True)
    lazy = (
        array.chunk(chunks).assign_coords(names=array["names"].variable)
        for array, chunks in ((first, {"time": 7}), (second, {"region": 2, "time": 50}))
    )
    with no_compute():
        found = xflux.regional_skill(*lazy, independent=True)
    assert found.nnse.chunks is not None
    xr.testing.assert_allclose(found.compute(), expected)


def test_scores_survive_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    found = xflux.regional_skill(inversions(), series(2), independent=False)
    found.to_netcdf(tmp_path / "scores.nc")
    with xr.open_dataset(tmp_path / "scores.nc") as read:
        xr.testing.assert_allclose(read, found)
        assert read.attrs == found.attrs
