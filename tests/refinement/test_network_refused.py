"""What a network cannot be fitted to or with is named."""

from __future__ import annotations

import numpy as np
import pytest
from network_rows import CARBON, PAR, SMALL, TA, fitted, rows, same

from xflux.errors import InputError
from xflux.refinement.network import Network

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nonnegative": "none"}, "nonnegative is 'none'; expected 'hard' or 'soft'"),
        ({"nee": "both"}, "nee is 'both'; expected 'head', or 'derived'"),
        ({"nee": "derived", "fluxes": ("gpp", "nee")}, "where gpp, reco and nee are among"),
        ({"fluxes": ("gpp", "sif")}, "expected some of"),
        ({"fluxes": ()}, "expected some of"),
        ({"mass": -1.0}, "mass is -1.0; expected 0 or more"),
        ({"light": np.nan}, "light is nan"),
        ({"members": 0}, "members is 0; expected 1 or more"),
        ({"rate": 0.0}, "rate is 0.0; expected a positive number"),
        ({"hidden": (64, 0)}, "hidden is"),
        ({"epochs": 0, "batch": 0}, "2 problems"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        Network(**options)


def changed(**changes):
    x, y, groups = rows(count=100)
    given = {"x": x, "y": y, "groups": groups, "light": PAR, "temperature": TA}
    return {**given, **{name: make(given.get(name)) for name, make in changes.items()}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": lambda x: np.where(x > 390.0, np.inf, x)}, "x holds infinite values"),
        ({"x": lambda x: x[:, 0]}, "expected \\(row, feature\\)"),
        ({"y": lambda y: y | {"le": y["le"] * np.nan}}, "no row has le and all needed features"),
        ({"y": lambda y: {f: y[f] for f in CARBON}}, "no row has le and all needed features"),
        ({"x": lambda x: x * np.nan}, "no row has gpp"),
        ({"y": lambda y: y | {"sif": y["le"]}}, "y holds \\['sif'\\]; the fluxes"),
        ({"y": lambda y: y | {"le": y["le"][:-1]}}, "le is float64 \\(99,\\); expected"),
        ({"y": lambda y: y | {"le": y["le"] / 0.0}}, "le holds infinite values"),
        ({"groups": lambda groups: groups * 0}, "1 sites are too few"),
        ({"groups": lambda groups: groups * 1.0}, "groups is float64"),
        ({"groups": lambda groups: groups[:-1]}, "expected int64 \\(100,\\)"),
        ({"weight": lambda _: np.full(100, -1.0)}, "weight is -1.0 somewhere"),
        ({"weight": lambda _: np.full(100, np.nan)}, "weight is nan somewhere"),
        ({"light": lambda _: 3}, "light=3, but x has columns 0 to 2"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_wrong_inputs_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Network(**SMALL).fit(**changed(**changes))


def test_the_night_penalty_asks_for_par():
    with pytest.raises(InputError, match="needs the column of PAR"):
        Network(**SMALL, night=1.0).fit(**changed(light=lambda _: None))


def test_the_night_penalty_is_no_matter_without_gpp():
    made = [
        fitted(fluxes=("le",), night=night, epochs=3, fit={"light": None}).predict(rows()[0])
        for night in (0.0, 1.0)
    ]
    assert same(*made)


def test_a_rate_that_diverges_is_named():
    with pytest.raises(InputError, match="diverged in epoch 1; take a rate below"):
        fitted(rate=1e30)


def test_predicting_before_fitting_or_with_other_features_is_refused():
    with pytest.raises(InputError, match="call fit first"):
        Network().predict(np.zeros((2, 3)))
    with pytest.raises(InputError, match="expected \\(row, 3\\)"):
        fitted(epochs=1).predict(np.zeros((2, 4)))
