"""A refinement says what it was fitted to, and the same fit says the same."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from safetensors import safe_open

import xflux
from xflux.errors import FileFormatError
from xflux.learning import model_file
from xflux.refinement import store
from xflux.refinement.provenance import provenance
from xflux.refinement.store import read, write


@pytest.fixture(scope="module")
def towers():
    return xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1).towers(n=15)


@pytest.fixture(scope="module")
def records(towers):
    """Return towers, of which one has no record."""
    drivers, observed = towers
    kept = observed.where(observed["site"] != "TW-003")
    for name in kept:
        kept[name].attrs = observed[name].attrs
    return drivers, kept


def fit(records):
    return xflux.ResidualModel("kernel", fluxes=("gpp", "le"), members=2, rows=0.5).fit(*records)


@pytest.fixture(scope="module")
def model(records):
    return fit(records)


def test_it_names_sites_period_records_and_versions(model, records):
    said = model.refinement_.provenance
    assert "TW-003" not in said["sites"]
    assert len(said["sites"]) == 14
    assert (said["first"], said["last"]) == ("2001-01-01T00:00:00", "2003-12-01T00:00:00")
    counts = {flux: int(records[1][flux].notnull().sum()) for flux in ("gpp", "le")}
    assert said["records"] == counts
    assert {"python", "xflux", "numpy", "xgboost", "scikit-learn"} <= set(said["versions"])
    assert json.loads(json.dumps(said)) == said
    for name in ("lightgbm", "torch"):
        assert (name in said["versions"]) == (find_spec(name) is not None)


def test_the_same_fit_has_the_same_digest(model, records, tmp_path):
    digests = []
    for name, each in (("one", model), ("two", fit(records))):
        with safe_open(each.save(tmp_path / name), framework="numpy") as opened:
            digests.append(opened.metadata()["digest"])
    assert digests[0] == digests[1]


def test_it_is_kept_with_the_units_of_features(model, tmp_path, monkeypatch):
    path = model.save(tmp_path / "model")
    assert xflux.ResidualModel.load(path).refinement_.provenance == model.refinement_.provenance
    monkeypatch.setattr(store, "unit_of", lambda source: "K" if source == "ta" else "1")
    with pytest.raises(FileFormatError, match="learned from ta in 'degC', and this xflux has it"):
        xflux.ResidualModel.load(path)


def test_files_of_the_first_schema_are_still_read(model, tmp_path, monkeypatch):
    dumps = json.dumps

    def first(described, **options):
        for late in ("units", "net_gives_way"):
            del described[late]
        for feature in described["features"] + described["expanded"]:
            del feature["part"], feature["limit"]
        return dumps(described | {"provenance": {}}, **options)

    monkeypatch.setattr(model_file.json, "dumps", first)
    monkeypatch.setattr(store, "SCHEMA", 1)
    path = write(tmp_path / "old", model.refinement_, {})
    monkeypatch.undo()
    assert b'"schema":"1"' in path.read_bytes()
    refinement, _ = read(path)
    assert refinement.expanded == model.refinement_.expanded


def test_sites_and_times_without_names_are_told_by_their_numbers():
    bare = xr.Dataset({"le": (("site", "time"), np.ones((2, 3)))})
    used = {"le": np.array([[False, False, False], [False, True, True]])}
    said = provenance(bare, used)
    assert (said["sites"], said["first"], said["last"]) == (["1"], "1", "2")
    days = xr.date_range("2001-02-28", periods=3, calendar="noleap", use_cftime=True)
    assert provenance(bare.assign_coords(time=days), used)["last"] == "2001-03-02T00:00:00"
    days = pd.date_range("2001-02-28", periods=3)
    assert provenance(bare.assign_coords(time=days), used)["first"] == "2001-03-01T00:00:00"


def test_the_extent_is_that_of_the_sites_with_records():
    towers = xr.Dataset(
        {"le": (("site", "time"), np.ones((3, 1)))},
        {
            "lat": ("site", [10.0, 50.0, -20.0], {"units": "degrees_north"}),
            "lon": ("site", [355.0, 6.0, 7.0], {"units": "degrees_east"}),
        },
    )
    used = {"le": np.array([[True], [False], [True]])}
    assert provenance(towers, used)["extent"] == {"lat": [-20.0, 10.0], "lon": [-5.0, 7.0]}
    unknown = towers.assign_coords(lat=towers["lat"].where(towers["lat"] > 0.0))
    assert "extent" not in provenance(unknown, used)
    assert "extent" not in provenance(towers.drop_vars("lon"), used)


def test_what_comes_of_generated_records_or_drivers_says_so():
    earth = xflux.twin.Earth(start="2001", end="2002", seed=3)
    drivers, observed = earth.towers(n=12)
    model = xflux.ResidualModel(
        "kernel", fluxes=("gpp",), features=("ta", "gpp_baseline"), members=2
    )
    fitted = model.fit(drivers, observed)
    mark = earth.drivers["ta"].attrs["synthetic"]
    made = fitted.apply(earth.drivers, interval=0.9)
    assert {array.attrs["synthetic"] for array in made.values()} == {mark}
    validated = model.cross_validate(drivers, observed, splitter=3)
    assert {array.attrs["synthetic"] for array in validated.values()} == {mark}
    # Grids of the real Earth by what an idealised one taught.
    real = earth.drivers.copy()
    for array in real.values():
        array.attrs.pop("synthetic", None)
    assert fitted.apply(real)["gpp"].attrs["synthetic"] == mark
