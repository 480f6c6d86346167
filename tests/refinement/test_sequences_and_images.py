"""Sequences of drivers and images around towers, through `ResidualModel` and onto grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

import xflux
from xflux.errors import InputError, MissingVariableError
from xflux.learning.boosted import Boosted
from xflux.learning.cascade import SmartForest
from xflux.learning.sequence_network import SequenceNetwork

EARTH = xflux.twin.Earth(resolution=20.0, start="2001", end="2003", seed=1)
ONE = SmartForest(
    members=(Boosted(trees=30, rate=0.2, depth=4, min_child_weight=5.0),), layers=1, folds=3
)
FOREST = xflux.SmartForest4D(
    ("ta", "gpp_baseline"),
    steps=3,
    embed="statistics",
    cascade=ONE,
    sequence_network=SequenceNetwork(epochs=3, hidden=8, width=4),
    folds=2,
)


def model(learner=FOREST, **changes):
    options = {"fluxes": ("le",), "features": ("ta", "rnet", "fapar"), "members": 1} | changes
    return xflux.ResidualModel(learner, columns=1.0, **options)


@pytest.fixture(scope="module")
def towers():
    return EARTH.towers(n=20)


@pytest.fixture(scope="module")
def fitted(towers):
    return model().fit(*towers)


@pytest.fixture(scope="module")
def scenes(towers):
    """Return towers whose latent heat grows with the texture around them, and nothing else."""
    drivers, observed = towers
    random = np.random.default_rng(0)
    shape = (drivers.sizes["site"], drivers.sizes["time"], 6, 5)
    grain = random.random(shape[:2])
    image = grain[..., None, None] * random.choice([-1.0, 1.0], size=shape)
    drivers = drivers.assign(scene=(("site", "time", "row", "col"), image))
    le = drivers["rnet"] * 0.0 + 300.0 * grain
    kept = observed["le"].notnull()
    return drivers, observed.assign(le=le.where(kept).assign_attrs(observed["le"].attrs))


def test_a_sequence_is_made_of_the_present_step_and_those_before(fitted):
    names = [f"{source}{lag}" for source in ("ta", "gpp_baseline") for lag in
             ("", "_lag1", "_lag2", "_lag3")]  # fmt: skip
    assert list(fitted.feature_names_in_) == ["ta", "rnet", "fapar", *names[1:]]
    assert fitted.refinement_.memory == 3
    (learner,) = fitted.refinement_.ensembles["le"].members[0].learners
    made = learner._inputs(np.arange(10.0)[None], None, None)
    np.testing.assert_array_equal(made["table"][0], [0, 1, 2, 6])
    np.testing.assert_array_equal(made["sequence"][0].T, [[5, 4, 3, 0], [9, 8, 7, 6]])


def test_chunks_of_a_grid_change_nothing(fitted):
    drivers = EARTH.drivers.isel(time=slice(0, 30)).compute()
    whole = fitted.apply(drivers)
    for chunks in ({"time": 30, "lat": 3}, {"time": 7}, {"time": 2, "lat": 4, "lon": 5}):
        lazy = fitted.apply(drivers.chunk(chunks))
        assert lazy["le"].chunks is not None
        xr.testing.assert_identical(lazy.compute(), whole)


def test_drivers_of_other_months_before_change_the_flux_and_those_after_do_not(fitted, towers):
    drivers = towers[0].isel(site=slice(4)).copy(deep=True)
    before = fitted.apply(drivers)["le"]
    drivers["ta"][:, 10] += 15.0
    changed = (fitted.apply(drivers)["le"] != before).any("site")
    assert bool(changed[11:14].any())
    assert not bool(changed[:10].any())
    assert not bool(changed[14:].any())


@pytest.mark.parametrize("embed", ["statistics", "network"])
def test_a_model_with_sequences_is_kept_and_cloned(embed, towers, tmp_path):
    if embed == "network":
        pytest.importorskip("torch")
    made = clone(model(replace(FOREST, embed=embed))).fit(*towers)
    again = xflux.ResidualModel.load(made.save(tmp_path / "model.safetensors"))
    xr.testing.assert_identical(again.apply(towers[0]), made.apply(towers[0]))
    assert again.learner == made.learner
    refitted = again.fit(*towers).apply(towers[0])
    xr.testing.assert_identical(refitted, made.apply(towers[0]))


def test_members_that_do_not_see_a_variable_do_without(towers):
    made = xflux.ResidualModel(
        FOREST, fluxes=("le",), features=("ta", "rnet"), members=5, columns=0.4
    ).fit(*towers)
    seen = [
        set(member.learners[0]._inputs(np.zeros((1, len(member.columns))), None, None))
        for member in made.refinement_.ensembles["le"].members
    ]
    assert {"table", "sequence"} in seen
    assert bool(made.apply(towers[0])["le"].notnull().any())


def test_sequences_of_what_has_none_are_refused(towers):
    for sequence, words in ((("igbp",), "class"), (("tair",), "no feature")):
        with pytest.raises(InputError, match=words):
            model(replace(FOREST, sequence=sequence)).fit(*towers)


def test_texture_around_towers_is_seen_by_images_alone(scenes):
    drivers, observed = scenes
    r2 = {}
    for image in ((), ("scene",)):
        learner = replace(FOREST, sequence=(), image=image)
        made = model(learner).cross_validate(drivers, observed, splitter=4, interval=None)
        scores = xflux.evaluate(observed[["le"]], made[["le"]].sel(estimate="refined"))
        r2[image] = float(scores["r2_nse"].sel(flux="le"))
    assert r2[()] < 0.1
    assert r2["scene",] > 0.8


def test_a_model_with_images_is_kept_and_members_draw_images_whole(scenes, tmp_path):
    drivers, observed = scenes
    made = xflux.ResidualModel(
        replace(FOREST, image=("scene",)), fluxes=("le",), features=("ta", "rnet"), members=3,
        columns=0.5,
    ).fit(drivers, observed)  # fmt: skip
    shapes = [
        member.learners[0]._shapes.get("image")
        for member in made.refinement_.ensembles["le"].members
    ]
    assert set(shapes) == {None, (1, 6, 5)}
    again = xflux.ResidualModel.load(made.save(tmp_path / "model.safetensors"))
    whole = made.apply(drivers)
    xr.testing.assert_identical(again.apply(drivers), whole)
    xr.testing.assert_identical(again.apply(drivers.chunk(site=5, time=9)).compute(), whole)


def test_an_image_of_a_site_is_that_of_all_its_months(scenes):
    drivers, observed = scenes
    still = drivers.assign(scene=drivers["scene"].isel(time=0, drop=True))
    made = model(replace(FOREST, sequence=(), image=("scene",))).fit(still, observed)
    assert bool(made.apply(still)["le"].notnull().any())


def test_images_that_are_not_what_was_fitted_are_refused(scenes, towers):
    drivers, observed = scenes
    learner = replace(FOREST, sequence=(), image=("scene",))
    with pytest.raises(MissingVariableError, match="'scene' is not among"):
        model(learner).fit(*towers)
    made = model(learner).fit(drivers, observed)
    with pytest.raises(InputError, match="crop"):
        made.apply(drivers.isel(col=slice(3)))
    grid = EARTH.drivers.assign(scene=EARTH.drivers["fapar"])
    with pytest.raises(InputError, match="On grids images are not offered"):
        made.apply(grid)
    with pytest.raises(InputError, match="On grids images are not offered"):
        made.apply(grid.expand_dims(row=6, col=5))
