"""Stored refinements come back bit for bit, and what was changed is refused."""

from __future__ import annotations

import json

import pytest
import xarray as xr

import xflux
from xflux.errors import FileFormatError, InputError

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)


@pytest.fixture(scope="module")
def model():
    return xflux.ResidualModel(members=2, rows=0.5, fluxes=("gpp", "le")).fit(*EARTH.towers(n=25))


def test_a_model_comes_back_bit_for_bit(model, tmp_path):
    path = model.save(tmp_path / "model.safetensors")
    again = xflux.ResidualModel.load(path)
    drivers = EARTH.drivers.isel(time=slice(12, 15)).compute()
    xr.testing.assert_identical(
        again.apply(drivers, interval=0.9), model.apply(drivers, interval=0.9)
    )
    assert again.get_params() == {**model.get_params(), "fluxes": ["gpp", "le"]}
    assert list(tmp_path.iterdir()) == [path]


def test_every_learner_of_ours_can_be_stored(tmp_path):
    drivers, observed = EARTH.towers(n=15)
    for learner in ("xgboost", "kernel", "smartforest"):
        model = xflux.ResidualModel(
            learner, fluxes=("le",), members=1, rows=1.0, features=("ta", "rnet", "fapar")
        ).fit(drivers, observed)
        again = xflux.ResidualModel.load(model.save(tmp_path / learner))
        xr.testing.assert_identical(again.apply(drivers), model.apply(drivers))


@pytest.mark.parametrize("cut", [10, 1000, -1])
def test_a_truncated_file_is_refused(model, tmp_path, cut):
    path = model.save(tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileFormatError, match="truncated"):
        xflux.ResidualModel.load(path)


def test_an_edited_file_is_refused(model, tmp_path):
    path = model.save(tmp_path / "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FileFormatError, match="was changed"):
        xflux.ResidualModel.load(path)


def test_a_newer_schema_and_other_files_are_refused(model, tmp_path):
    path = model.save(tmp_path / "model.safetensors")
    content = path.read_bytes()
    newer = content.replace(b'"schema":"2"', b'"schema":"9"')
    assert newer != content
    path.write_bytes(newer)
    with pytest.raises(FileFormatError, match="schema '9'"):
        xflux.ResidualModel.load(path)
    path.write_text(json.dumps({}))
    with pytest.raises(FileFormatError):
        xflux.ResidualModel.load(path)
    with pytest.raises(FileFormatError, match="no file"):
        xflux.ResidualModel.load(tmp_path / "absent")


def test_what_is_not_fitted_or_has_no_folder_is_not_saved(model, tmp_path):
    with pytest.raises(InputError, match="not fitted"):
        xflux.ResidualModel().save(tmp_path / "model")
    with pytest.raises(InputError, match="no folder"):
        model.save(tmp_path / "absent" / "model")
