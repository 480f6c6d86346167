"""Interval scores: known values, groups, sites that count the same, laziness."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from samples import towers
from scipy import stats

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.skill.intervals import evaluate_intervals, interval_score


def with_ends(observed: xr.Dataset, below: float = 1.0, above: float = 2.0) -> xr.Dataset:
    """Return intervals around what was observed, wide enough to hold it."""
    ends = {}
    for flux in ("gpp", "nee", "le"):
        for end, shift in (("lower", -below), ("upper", above)):
            ends[f"{flux}_{end}"] = (observed[flux] + shift).assign_attrs(observed[flux].attrs)
    return xr.Dataset(ends, attrs={"interval": 0.9})


def test_a_miss_costs_2_over_alpha_times_its_size() -> None:
    # Gneiting and Raftery (2007), eq. 43, by hand; scoringrules 0.10.0 gives the same.
    observed = np.array([0.5, -1.0, 4.0, np.nan])
    np.testing.assert_allclose(
        interval_score(observed, 0.0, 3.0, 0.8), [3.0, 3.0 + 10.0, 3.0 + 10.0, np.nan]
    )


def test_the_score_of_true_quantiles_is_the_closed_form_and_no_other_is_better() -> None:
    level = 0.9
    z = stats.norm.ppf(0.95)
    draws = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    scores = {
        k: float(interval_score(draws, -k * z, k * z, level).mean()) for k in (0.8, 1.0, 1.25)
    }
    # Width 2 z and, on both sides, the mean excess phi(z) - z (1 - Phi(z)): 2/alpha phi(z) x 2.
    assert scores[1.0] == pytest.approx(4.0 / (1.0 - level) * stats.norm.pdf(z), rel=1e-4)
    assert scores[1.0] < min(scores[0.8], scores[1.25])


def test_coverage_counts_what_is_inside_ends_included() -> None:
    time = xr.date_range("2001-01-01", periods=4, freq="MS")
    units = {"units": "g m-2 d-1"}
    observed = xr.Dataset({"gpp": ("time", [1.0, 3.0, 5.0, np.nan], units)}, {"time": time})
    predicted = xr.Dataset(
        {
            "gpp_lower": ("time", [1.0, 2.0, 1.0, 0.0], units),
            "gpp_upper": ("time", [2.0, 4.0, 3.0, 9.0], units),
        },
        {"time": time},
    )
    found = xflux.evaluate_intervals(observed, predicted, level=0.8).sel({"flux": "gpp"})
    assert float(found.coverage) == pytest.approx(2 / 3)
    assert float(found.width) == pytest.approx(5 / 3)
    assert float(found.interval_score) == pytest.approx((1 + 2 + 2 + 10 * 2.0) / 3)
    assert int(found.n) == 3
    assert found.width.attrs["units"] == "g m-2 d-1"


def test_each_site_counts_once_where_it_is_the_unit() -> None:
    observed, _ = towers(gaps=0.0)
    predicted = with_ends(observed)
    # One site lies outside all along, and has a tenth of the records of others.
    away = (observed.site == "S0") * 100.0
    observed = (observed + away).where((observed.site != "S0") | (observed.time.dt.year == 2003))
    for flux in ("gpp", "nee", "le"):
        observed[flux].attrs = predicted[f"{flux}_lower"].attrs
    pooled, mean = (
        evaluate_intervals(observed, predicted, unit=unit, variables=["gpp"])
        for unit in (None, "site")
    )
    assert pooled.coverage.item() == pytest.approx(192 / 204)
    assert mean.coverage.item() == pytest.approx(4 / 5)
    assert (mean.n.item(), mean.n_units.item()) == (204, 5)


def test_groups_are_those_of_evaluate() -> None:
    observed, _ = towers()
    predicted = with_ends(observed)
    by_site = evaluate_intervals(observed, predicted, by="site")
    assert by_site.coverage.dims == ("flux", "site")
    assert bool((by_site.coverage == 1.0).all())
    by_class = evaluate_intervals(observed, predicted, by=["igbp", "season"], unit="site")
    assert by_class.coverage.dims == ("flux", "igbp", "season")
    assert int(by_class.n_units.sel(igbp="DBF", season="JJA")[0]) == 3
    assert bool(by_class.coverage.sel(igbp="GRA").isnull().all())
    np.testing.assert_allclose(by_class.width.sel(igbp="ENF"), 3.0)


def test_bins_are_of_the_observed_value() -> None:
    observed, _ = towers(gaps=0.0)
    found = evaluate_intervals(
        observed, with_ends(observed), by={"observed": [3, 5]}, variables=["gpp"]
    )
    assert int(found.n[0, 0]) == int(((observed.gpp >= 3) & (observed.gpp < 5)).sum())


def test_lazy_stays_lazy_and_gives_the_same() -> None:
    observed, _ = towers()
    predicted = with_ends(observed, below=-0.2)
    eager = evaluate_intervals(observed, predicted, by="igbp", unit="site")
    with no_compute():
        lazy = evaluate_intervals(
            observed.chunk(site=2), predicted.chunk(site=2), by="igbp", unit="site"
        )
    xr.testing.assert_allclose(lazy.compute(), eager)


def test_units_of_the_ends_are_converted() -> None:
    observed, _ = towers()
    predicted = with_ends(observed)[["gpp_lower", "gpp_upper"]]
    other = (predicted / 1000.0).assign_attrs(predicted.attrs)
    for name in other:
        other[name].attrs["units"] = "kg m-2 d-1"
    xr.testing.assert_allclose(
        evaluate_intervals(observed, other), evaluate_intervals(observed, predicted)
    )


def test_exchanged_ends_are_refused() -> None:
    observed, _ = towers()
    predicted = with_ends(observed).rename(gpp_lower="gpp_upper", gpp_upper="gpp_lower")
    with pytest.raises(InputError, match="lower end above"):
        evaluate_intervals(observed, predicted)


def test_an_unknown_level_and_missing_intervals_are_refused() -> None:
    observed, predicted = towers()
    with pytest.raises(InputError, match=r"level=0\.9"):
        evaluate_intervals(observed, with_ends(observed).drop_attrs(deep=False))
    with pytest.raises(InputError, match="between 0 and 1"):
        evaluate_intervals(observed, with_ends(observed), level=90)
    with pytest.raises(MissingVariableError, match="no interval of any flux"):
        evaluate_intervals(observed, predicted, level=0.9)
    with pytest.raises(MissingVariableError, match="no interval of reco"):
        evaluate_intervals(observed, with_ends(observed), variables=["gpp", "reco"])
