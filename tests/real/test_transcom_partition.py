"""The drawn TransCom regions against the published map, on its land."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.labels.grid import cell_area

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def published(data: Path) -> xr.DataArray:
    """The map on the centres of its cells: it states their west edges."""
    with xr.open_dataset(data / "regions/transcom_1deg/TRANSCOM_mask_original_1x1.nc") as ds:
        mask = ds["mask64"].load()
    mask = mask.assign_coords(
        latitude=mask.latitude.astype(float), longitude=mask.longitude.astype(float) + 0.5
    )
    return mask.where(mask < 11.5, 0).round().astype(int)


def test_drawn_regions_agree_with_the_published_ones(published: xr.DataArray) -> None:
    drawn = xflux.transcom_regions(published)
    area = cell_area(published).where(published > 0, 0)
    right = area.where(drawn == published, 0)
    # Of the land area of the map; measured 0.992.
    assert float(right.sum() / area.sum()) > 0.99
    confusion = np.array(
        [
            [
                float(area.where((published == row) & (drawn == column)).sum())
                for column in range(12)
            ]
            for row in range(1, 12)
        ]
    )
    confusion /= confusion.sum(axis=1, keepdims=True)
    assert np.diag(confusion[:, 1:]).min() > 0.965
    # Nothing is lost to Greenland and Antarctica.
    assert confusion[:, 0].max() < 0.002


def test_names_are_those_of_the_land_models(data: Path, published: xr.DataArray) -> None:
    path = data / "inversions/trendy_v9_transcom/nbp_monthly_1980_2016.csv.gz"
    columns = set(pd.read_csv(path, nrows=2).columns)
    assert set(xflux.transcom_regions(published).attrs["flag_meanings"].split()) <= columns
