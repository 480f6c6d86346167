"""The yearly flux of land against terms of the Global Carbon Budget that hold the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.skill.growth_rate import RIVERS

YEARS = np.arange(2000, 2012)
SINK = 3.0 + 0.02 * np.arange(12) + 0.5 * np.sin(np.arange(12) * 1.3)


def budget(**terms: np.ndarray) -> xr.Dataset:
    held = {"s_land": SINK, "e_luc": np.full(12, 1.4), **terms}
    ds = xr.Dataset({name: ("year", values, {"units": "Pg"}) for name, values in held.items()})
    return ds.assign_coords(year=YEARS)


def land(yearly: np.ndarray, definition: str) -> xr.DataArray:
    """Return a monthly flux in two regions of which the years are given."""
    time = pd.date_range("2000-01-01", periods=144, freq="MS")
    monthly = np.repeat(yearly / 12, 12) + np.tile(np.sin(np.arange(12) * np.pi / 6), 12)
    return xr.DataArray(
        np.stack([0.25 * monthly, 0.75 * monthly]),
        {"region": [1, 2], "time": time},
        ("region", "time"),
        name="nee",
        attrs={"units": "Pg", "positive": "up", "flux_definition": definition},
    )


@pytest.mark.parametrize(
    ("definition", "yearly", "terms"),
    [
        ("nee+fire", -SINK, "-s_land"),
        ("nbp", 1.4 - SINK, "e_luc - s_land"),
        ("nee+fire+luc", 1.4 - SINK, "e_luc - s_land"),
        ("nee+fire+lateral", 1.4 - SINK - RIVERS, "of rivers"),
    ],
)
def test_like_is_compared_with_like(definition: str, yearly: np.ndarray, terms: str) -> None:
    off = yearly + 0.3
    found = xflux.land_sink_skill(land(off, definition), budget(), independent=True)
    np.testing.assert_allclose(found.bias, 0.3)
    np.testing.assert_allclose(found.rmse, 0.3)
    np.testing.assert_allclose(found.pearson_r, 1.0)
    np.testing.assert_allclose(found.anomaly_r2_pearson, 1.0)
    np.testing.assert_allclose(found.mean_reference, yearly.mean())
    np.testing.assert_allclose(found.iav_reference, yearly.std(ddof=1))
    assert found.n_years == 12
    assert terms in found.attrs["reference"]


def test_what_lacks_fire_is_refused_until_it_is_supplied() -> None:
    fire = xr.DataArray(np.full(12, 2.0), {"year": YEARS}, attrs={"units": "Pg"})
    nee = land(-SINK - 2.0, "nee")
    with pytest.raises(InputError, match=r"lacks fire; supply.*supply=\{'fire'"):
        xflux.land_sink_skill(nee, budget(), independent=True)
    found = xflux.land_sink_skill(nee, budget(), independent=False, supply={"fire": fire})
    np.testing.assert_allclose(found.rmse, 0.0, atol=1e-12)
    assert found.attrs["independent"] == "false"
    assert "on training data" in found.bias.attrs["long_name"]


def test_members_are_kept_and_only_common_years_count() -> None:
    flux = xr.concat([land(-SINK, "nee+fire"), land(1.0 - SINK, "nee+fire")], dim="member")
    found = xflux.land_sink_skill(flux, budget().isel(year=slice(2, 10)), independent=True)
    np.testing.assert_allclose(found.bias, [0.0, 1.0], atol=1e-12)
    assert (found.n_years == 8).all()
    with pytest.raises(InputError, match=r"is a Dataset; give one flux"):
        xflux.land_sink_skill(flux.to_dataset(), budget(), independent=True)  # type: ignore[arg-type]
    with pytest.raises(MissingVariableError, match="e_luc"):
        xflux.land_sink_skill(land(-SINK, "nbp"), budget().drop_vars("e_luc"), independent=True)


def test_a_total_beside_its_regions_is_refused_and_alone_is_land() -> None:
    regions = land(-SINK, "nee+fire").assign_coords(names=("region", ["land", "sea"]))
    whole = regions.sum("region", keep_attrs=True).expand_dims(region=[3])
    both = xr.concat([regions, whole.assign_coords(names=("region", ["global"]))], dim="region")
    with pytest.raises(InputError, match=r"holds 'global' beside.*drop_isel\(region=\[2\]\)"):
        xflux.land_sink_skill(both, budget(), independent=True)
    for right in (both.drop_isel(region=[2]), both.isel(region=[2])):
        found = xflux.land_sink_skill(right, budget(), independent=True)
        np.testing.assert_allclose(found.bias, 0.0, atol=1e-12)


def test_years_in_common_are_needed() -> None:
    early = budget().assign_coords(year=YEARS - 100)
    words = r"land flux \(2000 to 2011\) and the budget \(1900 to 1911\) have no year in common"
    with pytest.raises(InputError, match=words):
        xflux.land_sink_skill(land(-SINK, "nee+fire"), early, independent=True)
    unknown = budget(s_land=np.full(12, np.nan))
    with pytest.raises(InputError, match=r"the budget \(no year\)"):
        xflux.land_sink_skill(land(-SINK, "nee+fire"), unknown, independent=True)


def test_more_than_land_exchanges_asks_for_the_units() -> None:
    wrong = land(-1000.0 * SINK, "nee+fire")
    with pytest.raises(InputError, match=r"the land flux is .* a year .* check its units"):
        xflux.land_sink_skill(wrong, budget(), independent=True)
    lazy = xflux.land_sink_skill(wrong.chunk(time=10), budget(), independent=True)
    with pytest.raises(InputError, match="check its units"):
        lazy.bias.compute()
    fire = xr.DataArray(np.full(12, 2000.0), {"year": YEARS}, attrs={"units": "Pg"})
    with pytest.raises(InputError, match=r"supply\['fire'\] is .* check its units"):
        xflux.land_sink_skill(land(-SINK, "nee"), budget(), independent=True, supply={"fire": fire})


def test_one_term_in_place_of_the_budget_is_refused() -> None:
    with pytest.raises(InputError, match="budget is a DataArray; give the Dataset"):
        xflux.land_sink_skill(land(-SINK, "nee+fire"), budget().s_land, independent=True)  # type: ignore[arg-type]


def test_years_in_several_chunks_score_alike() -> None:
    attrs = {"units": "Pg", "positive": "up", "flux_definition": "nee+fire"}
    yearly = xr.DataArray(0.3 - SINK, {"year": YEARS}, ("year",), attrs=attrs)
    expected = xflux.land_sink_skill(yearly, budget(), independent=True)
    for flux, known in ((yearly.chunk(year=5), budget()), (yearly, budget().chunk(year=5))):
        found = xflux.land_sink_skill(flux, known, independent=True)
        xr.testing.assert_allclose(found.compute(), expected)
