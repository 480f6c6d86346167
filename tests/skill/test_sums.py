"""Sums for means, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xflux.errors import InputError
from xflux.skill import sums
from xflux.skill.sums import SUMS, sums_of_pairs


@pytest.mark.parametrize("tile", [1, 50, 1 << 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_each_group(
    tile: int, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "_TILE", tile)
    rng = np.random.default_rng(0)
    observed, predicted = rng.normal(3, 1, (2, 4, 30)).astype("f4")
    observed[rng.random((4, 30)) < 0.3] = np.nan
    weights = rng.uniform(-1, 2, 30).clip(0) if weighted else None
    codes = rng.integers(0, 5, 30)
    found = sums_of_pairs(observed, predicted, weights, codes, 6)
    assert found.shape == (4, 6, SUMS)
    for row in range(4):
        table = pd.DataFrame(
            {
                "w": 1.0 if weights is None else weights,
                "o": observed[row].astype("f8"),
                "p": predicted[row].astype("f8"),
                "code": codes,
            }
        ).dropna()
        table = table[table.w > 0]
        table = table.assign(n=1.0, o=table.o * table.w, p=table.p * table.w)
        expected = table.groupby("code")[["n", "w", "o", "p"]].sum().reindex(range(6)).fillna(0)
        np.testing.assert_allclose(found[row], expected, rtol=1e-12)


def test_no_pairs_add_up_to_nothing() -> None:
    nothing = np.empty((3, 0))
    assert (sums_of_pairs(nothing, nothing, None, np.empty(0, "i8"), 2) == 0).all()


def test_missing_weight_is_refused() -> None:
    with pytest.raises(InputError, match=r"fillna\(0\)"):
        sums_of_pairs([1.0], [1.0], [np.nan], np.array([0]), 1)
