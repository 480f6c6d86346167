"""Boxes of budgets by region or scenario."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from budgets import grid, legend, rows

from xflux.carbon.budget import budget
from xflux.errors import InputError
from xflux.plot.boxes import plot_boxes


def medians(ax):
    """Return the medians from the top row to the bottom."""
    found = []
    for one in ax.collections:
        for segment in getattr(one, "get_segments", list)():
            (x0, y0), (x1, y1) = segment[0], segment[-1]
            if x0 == x1 and y0 != y1:
                found.append((float(min(y0, y1)), float(x0)))
    return [x for _, x in sorted(found)]


def test_rows_are_regions_by_name_the_largest_first() -> None:
    ds = grid()
    found = budget(ds, ds.zone)
    ax = ds.flux.plot.boxes("gpp", regions="zone")
    expected = found.gpp.median("year").sortby(found.gpp.median("year"), ascending=False)
    np.testing.assert_allclose(medians(ax), expected)
    assert rows(ax) == [str(n).replace("_", " ") for n in expected["names"].values]
    assert ax.get_xlabel() == "Gross primary production [Pg C per year]"
    assert "6 years" in ax.get_title(loc="left")


def test_references_stand_next_to_the_dataset() -> None:
    ds = grid()
    other = ds.assign(gpp=(1.2 * ds.gpp).assign_attrs(ds.gpp.attrs))
    ax = ds.flux.plot.boxes("gpp", regions="zone", reference={"more": other}, label="ours")
    assert legend(ax) == ["ours", "more"]
    found = medians(ax)
    np.testing.assert_allclose(found[1::2], 1.2 * np.array(found[::2]))


def test_boxes_run_between_quartiles_of_all_that_is_pooled() -> None:
    values = xr.DataArray(
        np.random.default_rng(0).normal(size=(3, 5, 7)),
        dims=("scenario", "member", "year"), attrs={"units": "Pg"}, name="gpp",
    )  # fmt: skip
    ax = plot_boxes(values, by="scenario", order=False)
    box = ax.containers[0].patches[0] if ax.containers else ax.patches[-3]
    low, high = np.quantile(values[0], [0.25, 0.75])
    assert box.get_x() == pytest.approx(low)
    assert box.get_x() + box.get_width() == pytest.approx(high)
    assert rows(ax) == ["scenario 0", "scenario 1", "scenario 2"]
    assert "5 members x 7 years" in ax.get_title(loc="left")


def test_regions_without_values_have_no_row_and_axes_go_through() -> None:
    ds = grid()
    total = budget(ds, ds.zone).gpp
    total = total.where(total.region != 2)
    _, given = plt.subplots()
    ax = plot_boxes(total, ax=given)
    assert ax is given
    assert len(rows(ax)) == 3


def test_what_cannot_be_compared_is_refused() -> None:
    ds = grid()
    total = budget(ds, ds.zone)
    with pytest.raises(InputError, match="no dimension 'model'"):
        plot_boxes(total.gpp, by="model")
    with pytest.raises(InputError, match="one unit"):
        plot_boxes({"a": total.gpp, "b": total.gpp.assign_attrs(units="Tg")})
    with pytest.raises(InputError, match="nothing finite"):
        plot_boxes(total.gpp.where(False))
    with pytest.raises(InputError, match="whiskers"):
        plot_boxes(total.gpp, whiskers=(5, 95))
    with pytest.raises(InputError, match="unlike fluxes"):
        plot_boxes({"a": total.nee, "b": total.nee.assign_attrs(flux_definition="nbp")})
    with pytest.raises(InputError, match="empty"):
        plot_boxes({})
