"""The kernel that sums a field over regions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xflux.errors import InputError
from xflux.numerics import regional_sum as module
from xflux.numerics.regional_sum import account, region_weights


def regional_sum(
    field: np.ndarray,
    area: np.ndarray,
    fraction: np.ndarray | None,
    regions: np.ndarray | None,
    *,
    axes: tuple[int, ...],
    count: int,
) -> np.ndarray:
    """Weigh the cells and sum."""
    weights = region_weights(area, fraction, regions, count=count)
    return module.regional_sum(field, weights, axes=axes)[0]


def by_hand(
    field: np.ndarray, area: np.ndarray, fraction: np.ndarray | None, shares: np.ndarray
) -> np.ndarray:
    """Sum (time, y, x) cell by cell, in plain loops over regions and steps."""
    weight = np.nan_to_num(area) * (1.0 if fraction is None else np.nan_to_num(fraction))
    out = np.zeros((len(field), len(shares), 3))
    for t, step in enumerate(field.astype("f8")):
        for r, share in enumerate(np.nan_to_num(shares)):
            there = np.isfinite(step)
            out[t, r, 0] = np.sum((step * weight * share)[there])
            out[t, r, 1] = np.sum((weight * share)[there])
            out[t, r, 2] = np.sum((weight * share)[~there])
    return out


def case(seed: int, dtype: str = "f8", gaps: float = 0.2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    field = rng.normal(size=(7, 6, 8)).astype(dtype)
    field[rng.random(field.shape) < gaps] = np.nan
    fraction = rng.random((6, 8))
    fraction[rng.random((6, 8)) < 0.3] = 0.0
    fraction[0, 0] = np.nan
    return {
        "field": field,
        "area": rng.uniform(1.0, 9.0, (6, 8)),
        "fraction": fraction,
        "index": rng.integers(-1, 4, (6, 8)).astype("i4"),
        "shares": np.where(rng.random((3, 6, 8)) < 0.2, np.nan, rng.random((3, 6, 8))),
    }


@given(
    seed=st.integers(0, 999),
    dtype=st.sampled_from(["f4", "f8"]),
    gaps=st.sampled_from([0.0, 0.2, 1.0]),
    form=st.sampled_from(["globe", "crisp", "shares"]),
    with_fraction=st.booleans(),
    tile=st.sampled_from([1, 50, 1_000_000]),
)
def test_sums_are_those_of_plain_loops(
    seed: int, dtype: str, gaps: float, form: str, with_fraction: bool, tile: int
) -> None:
    c = case(seed, dtype, gaps)
    fraction = c["fraction"] if with_fraction else None
    given_as = {"globe": None, "crisp": c["index"], "shares": c["shares"]}[form]
    layers = {
        "globe": np.ones((1, 6, 8)),
        "crisp": np.stack([c["index"] == k for k in range(4)]).astype("f8"),
        "shares": c["shares"],
    }[form]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_TILE", tile)
        found = regional_sum(
            c["field"], c["area"], fraction, given_as, axes=(1, 2), count=len(layers)
        )
    np.testing.assert_allclose(
        found, by_hand(c["field"], c["area"], fraction, layers), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (2, 0), (1, 0)])
def test_cell_axes_may_stand_anywhere_in_either_order(axes: tuple[int, int]) -> None:
    c = case(1)
    moved = np.moveaxis(c["field"], (1, 2), axes)
    expected = regional_sum(c["field"], c["area"], None, c["index"], axes=(1, 2), count=4)
    found = regional_sum(moved, c["area"], None, c["index"], axes=axes, count=4)
    np.testing.assert_array_equal(found, expected)


def test_float32_is_summed_in_float64() -> None:
    field = np.full((1, 4000, 1000), 0.1, "f4")
    area = np.ones((4000, 1000))
    found = regional_sum(field, area, None, None, axes=(1, 2), count=1)[0, 0, 0]
    assert found == pytest.approx(4e6 * float(np.float32(0.1)), rel=1e-13)


def test_infinity_and_values_without_land_do_not_reach_other_regions() -> None:
    field = np.array([[[np.inf, 1.0, 1e30]]])
    shares = np.array([[[1.0, 0.0, 1.0]], [[0.0, 1.0, 1.0]]])
    fraction = np.array([[1.0, 1.0, 0.0]])
    found = regional_sum(field, np.ones((1, 3)), fraction, shares, axes=(1, 2), count=2)
    np.testing.assert_array_equal(found[0], [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def test_integers_and_regions_without_cells_are_summed() -> None:
    found = regional_sum(
        np.array([[1, 2, 3]]), np.ones(3), None, np.array([2, 2, -1]), axes=(1,), count=4
    )
    np.testing.assert_array_equal(found[0, :, 0], [0, 0, 3, 0])
    nowhere = regional_sum(
        np.ones((2, 3)), np.zeros(3), None, np.array([0, 0, 0]), axes=(1,), count=1
    )
    np.testing.assert_array_equal(nowhere, 0.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"area": np.full(3, -1.0)}, "area of a cell runs from -1 to 0"),
        ({"area": np.array([1.0, np.inf, 1.0])}, "area of a cell runs from 0 to inf"),
        ({"fraction": np.full(3, 40.0)}, "land fraction runs from 0 to 40.*divide percent"),
        ({"regions": np.full((2, 3), 1.5)}, "share of a region runs from 0 to 1.5"),
    ],
)
def test_weights_that_are_none_are_refused(change: dict[str, np.ndarray], said: str) -> None:
    arguments = {"area": np.ones(3), "fraction": None, "regions": None, **change}
    with pytest.raises(InputError, match=said):
        regional_sum(np.ones((1, 3)), **arguments, axes=(1,), count=2)


def test_the_account_is_nan_where_too_little_has_values() -> None:
    sums = np.array([[6.0, 3.0, 1.0], [6.0, 3.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    nan = np.nan
    expected = [[6, 0.25, 3, 2], [6, 0, 3, 2], [nan, 1, 0, nan], [nan, nan, 0, nan]]
    np.testing.assert_array_equal(account(sums, skipna=True, min_valid=0.0), expected)
    np.testing.assert_array_equal(account(sums, skipna=True, min_valid=0.75), expected)
    strict = account(sums, skipna=True, min_valid=0.76)
    np.testing.assert_array_equal(np.isnan(strict[:, 0]), [True, False, True, True])
    np.testing.assert_array_equal(account(sums, skipna=False, min_valid=0.0), strict)


@pytest.mark.parametrize("regions", [None, "blocks", "scattered"])
def test_rounding_does_not_grow_with_the_number_of_cells(regions: str | None) -> None:
    rng = np.random.default_rng(0)
    field, area = rng.normal(size=(1, 1_500_000)) + 1e3, rng.uniform(0.5, 2.0, 1_500_000)
    index = {
        None: None,
        "blocks": np.repeat(np.arange(3), 500_000),
        "scattered": rng.integers(0, 3, 1_500_000),
    }[regions]
    count = 1 if index is None else 3
    found = regional_sum(field, area, None, index, axes=(1,), count=count)[0]
    for k in range(count):
        here = slice(None) if index is None else index == k
        terms = field[0, here] * area[here]
        assert found[k, 0] == pytest.approx(math.fsum(terms), rel=3e-16)
        assert found[k, 1] == pytest.approx(math.fsum(area[here]), rel=3e-16)
        assert found[k, 2] == 0.0


@pytest.mark.parametrize("dtype", ["f4", ">f4", ">f8", "f2", "i2", "u1", "?"])
@pytest.mark.parametrize("index", ["i1", "u1", "u8", ">i4"])
def test_any_numbers_are_summed(dtype: str, index: str) -> None:
    field = np.array([[0, 1, 1, 0, 1]]).astype(dtype)[:, ::-1]
    regions = np.array([1, 0, 0, 1, 1]).astype(index)
    found = regional_sum(field, np.ones(5), None, regions, axes=(1,), count=2)
    np.testing.assert_array_equal(found[0], [[1.0, 2.0, 0.0], [2.0, 3.0, 0.0]])


def test_what_lies_beyond_limits_is_missing_and_counted() -> None:
    weights = region_weights(np.ones(4), None, np.array([0, 0, 1, -1]), count=2)
    field = np.array([[1.0, 900.0, np.nan, 900.0], [1.0, 2.0, 3.0, 4.0]])
    sums, beyond = module.regional_sum(field, weights, axes=(1,), limits=(-250, 250))
    np.testing.assert_array_equal(sums[0], [[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(sums[1], [[3.0, 2.0, 0.0], [3.0, 1.0, 0.0]])
    assert beyond == 1


def test_a_region_that_was_not_counted_is_refused() -> None:
    with pytest.raises(InputError, match="lies in region 4, but there are 4"):
        regional_sum(np.ones((1, 2)), np.ones(2), None, np.array([0, 4]), axes=(1,), count=4)
