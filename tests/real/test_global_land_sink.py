"""The land sink of 12 TRENDY models beside that of the Global Carbon Budget, in one figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def models(data: Path) -> xr.Dataset:
    path = data / "inversions/trendy_v9_transcom/nbp_monthly_1980_2016.csv.gz"
    table = pd.read_csv(path)
    table["time"] = pd.to_datetime(table["yyyymm"].astype(str), format="%Y%m")
    # Amounts of months, positive to the atmosphere, with fire and land use.
    nbp = -table.set_index(["model", "time"])["global"].to_xarray()
    nbp.attrs = {"units": "PgC", "flux_definition": "nbp"}
    return xr.Dataset({"nbp": nbp})


@pytest.fixture
def table(data: Path) -> xr.Dataset:
    return xflux.read_global_carbon_budget(
        data / "budgets" / "Global_Carbon_Budget_2023v1.1_tabHistoricalBudget.csv"
    )


def test_the_budget_of_models_has_the_table_as_its_line(models, table):
    axes = np.ravel(models.flux.plot.budget("nbp", spread="model", reference={"published": table}))
    line = next(line for line in axes[0].lines if line.get_label().startswith("published"))
    years, drawn = line.get_xdata(), np.asarray(line.get_ydata(), float)
    np.testing.assert_allclose(drawn, table["nbp"].sel(year=np.asarray(years, int)))
    yearly = models["nbp"].groupby("time.year").sum().mean("model").sel(year=years)
    assert np.corrcoef(drawn, yearly)[0, 1] > 0.85
    assert 0.8 < drawn.mean() < 1.6
    assert 0.8 < float(yearly.mean()) < 1.6


def test_models_with_land_use_are_not_set_beside_a_sink_without_it(models, table):
    alone = table[["s_land"]].rename(s_land="nbp")
    with pytest.raises(InputError, match="add or subtract"):
        models.flux.plot.budget("nbp", spread="model", reference={"published": alone})
