"""Tables of the Global Carbon Budget, under the names of several years."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xflux.errors import FileFormatError
from xflux.files.carbon_budget import read_global_carbon_budget


@pytest.mark.parametrize(
    "header",
    [
        "\ufeffyear,e_ff,e_luc,g_atm,s_ocean,s_land,s_cement,imbalance",
        "Year,fossil emissions excluding carbonation,land-use change emissions,atmospheric growth,"
        "ocean sink,land sink,cement carbonation sink,budget imbalance",
    ],
)
def test_the_land_sink_less_land_use_is_nbp(tmp_path: Path, header: str) -> None:
    path = tmp_path / "budget.csv"
    path.write_text(f"{header}\n1959,2.4,1.8,2.0,0.8,0.5,0,0.9\n1960,2.5,1.6,,,1.3,0,0.8\n")
    found = read_global_carbon_budget(path)
    np.testing.assert_array_equal(found.year, [1959, 1960])
    np.testing.assert_allclose(found.nbp, [-1.3, -0.3])
    assert np.isnan(found.g_atm[1])
    assert found.nbp.attrs["units"] == "Pg"
    definitions = [found[name].attrs["flux_definition"] for name in ("s_land", "e_luc", "nbp")]
    assert definitions == ["S_LAND", "E_LUC", "nbp"]


def test_a_table_by_model_has_a_dimension_of_models(tmp_path: Path) -> None:
    path = tmp_path / "sink.csv"
    path.write_text("Year,Terrestrial-Sink,CABLE,JULES,MMM (multi-model mean)\n1959,.5,.2,.8,.5\n")
    found = read_global_carbon_budget(path)
    assert found.s_land_model.dims == ("model", "year")
    assert list(found.model.values) == ["CABLE", "JULES"]
    assert "nbp" not in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "found a, b"),
        ("year,s_land\n1959.5,1\n", "each year once"),
        ("year,s_land\n1959,much\n", "holds text"),
        ("", "cannot be read"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=said):
        read_global_carbon_budget(path)
    with pytest.raises(FileFormatError, match="as CSV"):
        read_global_carbon_budget(tmp_path / "table.xlsx")
