"""Shares of classes: named, in the unit 1, and refused where they are none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute

from xflux.errors import InputError
from xflux.labels.class_fractions import class_fractions, fractions_of_map


def shares(labels, values, **attrs):
    return xr.DataArray(
        np.array(values, "f4"), dims=("class", "lat"), coords={"class": labels}, attrs=attrs
    )


@pytest.mark.parametrize("labels", [[1, 12], ["ENF", "CRO"], ["evergreen_needleleaf", "Croplands"]])
def test_classes_come_by_code_or_name(labels):
    made = class_fractions(shares(labels, [[0.25, 0.5], [0.75, 0.5]]))
    assert made["class"].values.tolist() == ["ENF", "CRO"]
    assert made.dtype == np.float32


def test_percent_become_shares():
    made = class_fractions(shares([1, 2], [[25, 100], [75, 0]], units="%"))
    np.testing.assert_allclose(made.sum("class"), 1.0)


@pytest.mark.parametrize(
    ("labels", "values", "attrs", "says"),
    [
        ([1, 2], [[60, 40], [40, 60]], {}, "sum to up to 100"),
        ([1, 2], [[-0.5, 0], [1.0, 1.0]], {}, "run from -0.5"),
        ([1, 99], [[0, 0], [1, 1]], {}, "expected classes of"),
        ([1, 1], [[0, 0], [1, 1]], {}, "each once"),
        ([1, 2], [[0, 0], [1, 1]], {"units": "km2"}, "in '1', or '%'"),
    ],
)
def test_what_is_no_share_is_refused(labels, values, attrs, says):
    with pytest.raises(InputError, match=says):
        class_fractions(shares(labels, values, **attrs))


def test_without_classes_there_are_no_shares():
    with pytest.raises(InputError, match="dimension 'class'"):
        class_fractions(shares([1, 2], [[0, 0], [1, 1]]).rename({"class": "pft"}))
    with pytest.raises(InputError, match="no variable of classes"):
        class_fractions(shares([1, 2], [[0, 0], [1, 1]]), "fapar")


def test_a_map_is_shares_of_one():
    cover = xr.DataArray([[1.0, 12.0, np.nan]], dims=("lat", "lon"))
    with no_compute():
        lazy = fractions_of_map(cover.chunk())
    made = fractions_of_map(cover)
    xr.testing.assert_identical(lazy.compute(), made)
    assert made.sel({"class": "CRO"}).values.tolist()[0][:2] == [0.0, 1.0]
    assert made.isel(lon=2).isnull().all()
    np.testing.assert_array_equal(made.sum("class")[0, :2], 1.0)
