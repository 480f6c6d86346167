"""Units of carbon fluxes as inversions and tables write them."""

from __future__ import annotations

import pytest

from xflux.errors import UnitsError
from xflux.files.carbon_units import read_carbon_unit


@pytest.mark.parametrize(
    ("text", "of", "amount", "scale"),
    [
        ("PgC/m2/yr", "area", False, 1e15 / 365.25),
        ("kgC m-2 s-1", "area", False, 86400e3),
        ("mol m-2 s-1", "area", False, 12.0107 * 86400),
        ("kgC m-2 month-1", "area", True, 1e3),
        ("PgC yr-1", "whole", False, 1 / 365.25),
        ("PgC/yr", "whole", False, 1 / 365.25),
        ("TgC per month", "whole", True, 1e-3),
        ("PgC month^-1", "whole", True, 1.0),
        ("Pg", "whole", True, 1.0),
        ("mol region-1 s-1", "whole", False, 12.0107e-15 * 86400),
        ("Pg C yr$^{-1}$ degree$^{-1}$", "degree", False, 1 / 365.25),
        ("kgCO2 s-1", "whole", False, 86400e-12 * 12.0107 / 44.0095),
    ],
)
def test_a_unit_says_of_what_it_is_and_how_much(text, of, amount, scale):
    unit = read_carbon_unit(text, "nee")
    assert (unit.of, unit.amount) == (of, amount)
    assert unit.scale == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize("text", [None, "", "W m-2", "gC m-2", "ppm", "PgC2", "degree-1"])
def test_what_is_no_flux_of_carbon_is_refused(text):
    with pytest.raises(UnitsError, match=r"nee.*expected such as 'PgC month-1'"):
        read_carbon_unit(text, "nee")
