"""Conservative regridding: integrals are kept, constants stay, and the same grid is untouched."""

from __future__ import annotations

import numpy as np
import pytest

from xflux.numerics.conservative import latitude_overlap, longitude_overlap, regrid
from xflux.numerics.sphere import latitude_bounds, longitude_bounds, row_factor


def grid(rows, columns, west=-180.0):
    lat = -90.0 + (np.arange(rows) + 0.5) * 180.0 / rows
    lon = west + (np.arange(columns) + 0.5) * 360.0 / columns
    return latitude_bounds(lat), longitude_bounds(lon)


def area(lat, lon):
    return row_factor(lat)[:, None] * np.abs(np.diff(np.deg2rad(lon), axis=1)[:, 0])


GRIDS = [
    grid(18, 36), grid(36, 72), grid(23, 48, 0.0), grid(45, 90, -1.25), grid(90, 144, 30.0),
]  # fmt: skip


@pytest.mark.parametrize("source", GRIDS)
@pytest.mark.parametrize("target", GRIDS)
def test_the_integral_is_kept_and_a_constant_stays(source, target):
    overlap = latitude_overlap(source[0], target[0]), longitude_overlap(source[1], target[1])
    values = np.random.default_rng(1).normal(3.0, 1.0, (2, len(source[0]), len(source[1])))
    means, covered = regrid(values, *overlap, 0.5)
    assert means.shape == (2, len(target[0]), len(target[1]))
    np.testing.assert_allclose(covered, 1.0, rtol=1e-12)
    before = (values * area(*source)).sum(axis=(1, 2))
    after = (means * area(*target)).sum(axis=(1, 2))
    np.testing.assert_allclose(after, before, rtol=1e-12)
    constant, _ = regrid(np.full_like(values, 7.0), *overlap, 0.5)
    np.testing.assert_allclose(constant, 7.0, rtol=1e-13)


@pytest.mark.parametrize("source", GRIDS)
def test_the_same_grid_is_untouched(source):
    overlap = latitude_overlap(source[0], source[0]), longitude_overlap(source[1], source[1] + 360)
    values = np.random.default_rng(2).normal(size=(len(source[0]), len(source[1])))
    np.testing.assert_allclose(regrid(values, *overlap, 1.0)[0], values, rtol=1e-12)


def test_the_integral_of_what_has_values_is_kept_by_the_share_covered():
    source, target = grid(36, 72), grid(23, 48, 0.0)
    overlap = latitude_overlap(source[0], target[0]), longitude_overlap(source[1], target[1])
    values = np.random.default_rng(3).normal(3.0, 1.0, (36, 72))
    values[np.random.default_rng(4).random((36, 72)) < 0.4] = np.nan
    means, covered = regrid(values, *overlap, 0.0)
    before = np.nansum(values * area(*source))
    np.testing.assert_allclose(np.nansum(means * covered * area(*target)), before, rtol=1e-12)


def test_cells_that_too_little_covers_are_missing():
    source, target = grid(36, 72), grid(18, 36)
    overlap = latitude_overlap(source[0], target[0]), longitude_overlap(source[1], target[1])
    values = np.ones((36, 72))
    values[0:2, 0] = np.nan  # half of the first cell
    values[0:2, 2:4] = np.nan  # the second one
    values[0, 4] = values[1, 4:6] = np.nan  # most of the third
    means, covered = regrid(values, *overlap, 0.4)
    np.testing.assert_array_equal(np.isnan(means[0, :4]), [False, True, True, False])
    assert covered[0, 0] == pytest.approx(0.5)


def test_what_lies_outside_a_regional_grid_is_missing():
    source, target = grid(36, 72), grid(18, 36)
    here = source[0][20:30], source[1][30:40]
    overlap = latitude_overlap(here[0], target[0]), longitude_overlap(here[1], target[1])
    means, _ = regrid(np.ones((10, 10)), *overlap, 0.5)
    assert np.isfinite(means).sum() == 25


def test_float32_stays_float32():
    source, target = grid(36, 72), grid(18, 36)
    overlap = latitude_overlap(source[0], target[0]), longitude_overlap(source[1], target[1])
    assert regrid(np.ones((36, 72), np.float32), *overlap, 0.5)[0].dtype == np.float32
