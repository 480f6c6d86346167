"""The fit gives back what made the data, with errors that mean what they say."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.baselines.baseline import baseline
from xflux.baselines.respiration import LloydTaylor, Q10Respiration
from xflux.errors import InputError, MissingVariableError, XfluxWarning
from xflux.labels.variables import IGBP

CLASSES = ["ENF", "ENF", "ENF", "DBF", "DBF", "DBF", "GRA", "GRA", "GRA", "CRO"]
TRUTH = {"ENF": 4.0, "DBF": 5.0, "GRA": 7.0, "CRO": 3.0}


def towers(model, *, noise=0.0, between=0.0, months=48, seed=0, classes=CLASSES, units=True):
    """Towers whose respiration is that of a model, with noise by month and by site."""
    rng = np.random.default_rng(seed)
    sites = len(classes)
    season = -np.cos(2.0 * np.pi * np.arange(months) / 12.0)
    ta = 10.0 + 12.0 * season + rng.normal(0.0, 2.0, (sites, months))
    fapar = np.clip(0.5 + 0.3 * season + rng.normal(0.0, 0.05, (sites, months)), 0.0, 1.0)
    code = np.array([IGBP[name] for name in classes])
    given = {"ta": ta, "fapar": fapar, "igbp": code[:, None]}
    reco = model(*(given[name] for name in model.inputs))
    reco = reco * np.exp(rng.normal(0.0, between, (sites, 1)))
    reco = reco + rng.normal(0.0, noise, reco.shape) if noise else reco
    ds = xr.Dataset(
        {
            "ta": (("site", "time"), ta, {"units": "degC"}),
            "fapar": (("site", "time"), fapar, {"units": "1"}),
            "reco": (("site", "time"), reco, {"units": "g m-2 d-1"}),
            "igbp": ("site", classes),
        },
        {"site": [f"S{k}" for k in range(sites)]},
    )
    return ds


MODELS = [
    (Q10Respiration, {"q10": 1.8}, "q10", 1.8),
    (LloydTaylor, {"e0": 190.0}, "e0", 190.0),
]


@pytest.mark.parametrize(("model_type", "extra", "name", "value"), MODELS)
class TestRecovery:
    def test_of_classes_and_sensitivity(self, model_type, extra, name, value):
        truth = model_type(r_ref=TRUTH, scale_by="fapar", **extra)
        fitted = model_type().fit(towers(truth), pooling=0.0)
        assert getattr(fitted, name) == pytest.approx(value, rel=1e-4)
        for key, r_ref in TRUTH.items():
            assert fitted.r_ref[key] == pytest.approx(r_ref, rel=1e-4)
        assert fitted.scale_by == "fapar"
        assert fitted.summary["r2_nse"] == pytest.approx(1.0)

    def test_of_absolute_values(self, model_type, extra, name, value):
        truth = model_type(r_ref=TRUTH, **extra)
        fitted = model_type().fit(towers(truth), scale_by=None, pooling=0.0)
        assert dict(fitted.r_ref) == pytest.approx(TRUTH, rel=1e-4)
        assert getattr(fitted, name) == pytest.approx(value, rel=1e-4)
        assert fitted.inputs == ("ta", "igbp")

    def test_of_one_value_for_all(self, model_type, extra, name, value):
        truth = model_type(r_ref=4.5, scale_by="fapar", **extra)
        fitted = model_type().fit(towers(truth), by=None)
        assert fitted.r_ref == pytest.approx(4.5, rel=1e-4)
        assert fitted.inputs == ("ta", "fapar")

    def test_of_each_site(self, model_type, extra, name, value):
        truth = model_type(r_ref=TRUTH, scale_by="fapar", **extra)
        fitted = model_type().fit(towers(truth), by="site")
        assert fitted.inputs == ("ta", "fapar", "r_ref")
        assert fitted.r_ref.attrs["units"] == "g m-2 d-1"
        expected = [TRUTH[name] for name in CLASSES]
        np.testing.assert_allclose(fitted.labelled["r_ref"], expected, rtol=1e-4)
        assert list(fitted.r_ref["site"].values) == [f"S{k}" for k in range(len(CLASSES))]

    def test_of_the_reference_alone(self, model_type, extra, name, value):
        truth = model_type(r_ref=4.5, scale_by="fapar", **extra)
        start = model_type(**extra)
        fitted = start.fit(towers(truth), by=None, fix_sensitivity=True)
        assert getattr(fitted, name) == value
        assert fitted.r_ref == pytest.approx(4.5, rel=1e-12)
        assert fitted.summary[f"{name}_se"] == 0.0


class TestErrors:
    TRUTH = Q10Respiration(r_ref=5.0, q10=1.7, scale_by="fapar")

    def test_cover_the_truth_as_often_as_they_should(self):
        # Differences between sites are what the errors must account for.
        hits, draws = 0, 60
        for seed in range(draws):
            ds = towers(self.TRUTH, noise=0.3, between=0.2, seed=seed, classes=["ENF"] * 30)
            summary = Q10Respiration().fit(ds, by=None).summary
            off = summary["r_ref_all"] - 5.0 * np.exp(0.5 * 0.2**2)
            hits += bool(abs(off) < 2.0 * summary["r_ref_all_se"])
        assert 0.85 < hits / draws <= 1.0

    def test_are_not_deceived_by_long_records(self):
        options = {"between": 0.3, "noise": 0.1, "seed": 3}
        short = Q10Respiration().fit(towers(self.TRUTH, months=24, **options), by=None).summary
        long = Q10Respiration().fit(towers(self.TRUTH, months=480, **options), by=None).summary
        assert long["r_ref_all_se"] > 0.6 * short["r_ref_all_se"]

    def test_equal_those_of_ordinary_clustering(self):
        # With the sensitivity held, this is a regression through the origin.
        ds = towers(self.TRUTH, noise=0.5, between=0.2)
        fitted = Q10Respiration(q10=1.7).fit(ds, by=None, fix_sensitivity=True, weights="record")
        x = (ds["fapar"] * 1.7 ** ((ds["ta"] - 10.0) / 10.0)).values
        y = ds["reco"].values
        slope = (x * y).sum() / (x * x).sum()
        scores = (x * (y - slope * x)).sum(axis=1)
        sites = len(scores)
        error = np.sqrt(sites / (sites - 1) * (scores**2).sum()) / (x * x).sum()
        assert fitted.r_ref == pytest.approx(slope, rel=1e-10)
        assert fitted.summary["r_ref_all_se"] == pytest.approx(error, rel=1e-8)

    def test_of_a_class_of_one_site_are_unknown(self):
        fitted = Q10Respiration().fit(towers(self.TRUTH, noise=0.3, between=0.1))
        errors = fitted.summary["r_ref_se"].to_series()
        assert np.isnan(errors["CRO"])
        assert (errors.drop("CRO") > 0.0).all()

    def test_of_a_single_tower_are_said_to_be_others(self):
        ds = towers(self.TRUTH, noise=0.3).isel(site=0)
        summary = Q10Respiration().fit(ds, by=None).summary
        assert "one site" in summary.attrs["standard_errors"]
        assert summary["r_ref_all_se"] > 0.0


class TestPooling:
    DS = towers(Q10Respiration(r_ref=TRUTH, q10=1.8, scale_by="fapar"))

    def test_draws_a_class_towards_all_by_its_sites(self):
        free = Q10Respiration().fit(self.DS, pooling=0.0)
        pooled = Q10Respiration().fit(self.DS, pooling=2.0)
        everywhere = float(pooled.summary["r_ref_all"])
        # Three sites of GRA, one of CRO.
        expected = 0.6 * free.r_ref["GRA"] + 0.4 * everywhere
        assert pooled.r_ref["GRA"] == pytest.approx(expected, rel=1e-6)
        expected = (free.r_ref["CRO"] + 2.0 * everywhere) / 3.0
        assert pooled.r_ref["CRO"] == pytest.approx(expected, rel=1e-6)

    def test_of_much_is_one_value_for_all(self):
        pooled = Q10Respiration().fit(self.DS, pooling=1e9)
        assert np.ptp(list(pooled.r_ref.values())) < 1e-6

    def test_does_not_touch_sites(self):
        fitted = Q10Respiration().fit(self.DS, by="site", pooling=5.0)
        np.testing.assert_allclose(fitted.r_ref[-1], TRUTH["CRO"], rtol=1e-4)


class TestFewData:
    MODEL = Q10Respiration(r_ref=TRUTH, q10=1.8, scale_by="fapar")

    def _with_gaps(self):
        ds = towers(self.MODEL)
        reco = ds["reco"].copy()
        reco[9, 5:] = np.nan
        return ds.assign(reco=reco)

    def test_a_class_takes_the_value_of_all_and_says_so(self):
        with pytest.warns(XfluxWarning, match="fewer than 12 valid records take.*CRO"):
            fitted = Q10Respiration().fit(self._with_gaps())
        assert fitted.r_ref["CRO"] == pytest.approx(float(fitted.summary["r_ref_all"]))
        assert not fitted.summary["own"].sel(igbp="CRO")

    def test_a_site_has_none_and_says_so(self):
        with pytest.warns(XfluxWarning, match="fewer than 12 valid records have no value.*S9"):
            fitted = Q10Respiration().fit(self._with_gaps(), by="site")
        assert np.isnan(fitted.r_ref.sel(site="S9"))
        assert np.isfinite(fitted.r_ref[:-1]).all()

    def test_a_class_without_towers_takes_the_value_of_all_where_it_is_green(self):
        fitted = Q10Respiration().fit(towers(self.MODEL))
        assert fitted.r_ref["EBF"] == pytest.approx(float(fitted.summary["r_ref_all"]))
        assert fitted(10.0, 0.0, 16) == 0.0

    def test_a_class_without_towers_has_no_absolute_value(self):
        fitted = Q10Respiration().fit(towers(self.MODEL), scale_by=None)
        assert "EBF" not in fitted.r_ref
        assert np.isnan(fitted(10.0, 2))

    def test_no_valid_record_is_an_error_that_says_why(self):
        ds = towers(self.MODEL)
        with pytest.raises(InputError, match="found 0 records in which ta, reco, fapar"):
            Q10Respiration().fit(ds.assign(reco=ds["reco"] * np.nan), by=None)

    def test_data_that_do_not_tell_the_sensitivity_are_warned_of(self):
        ds = towers(self.MODEL)
        reco = np.exp(-0.2 * ds["ta"]).assign_attrs(units="g m-2 d-1")
        with pytest.warns(XfluxWarning, match="end of its range"):
            Q10Respiration().fit(ds.assign(reco=reco), by=None, scale_by=None)


class TestInput:
    MODEL = Q10Respiration(r_ref=TRUTH, q10=1.8, scale_by="fapar")

    def test_units_and_names_are_read(self):
        ds = towers(self.MODEL)
        kelvin = (ds["ta"] + 273.15).assign_attrs(units="K")
        other = ds.drop_vars(["ta", "reco"]).assign(TA_F=kelvin, mine=ds["reco"])
        fitted = Q10Respiration().fit(other, names={"reco": "mine"})
        expected = Q10Respiration().fit(ds)
        assert fitted.q10 == pytest.approx(expected.q10, rel=1e-6)
        assert dict(fitted.r_ref) == pytest.approx(dict(expected.r_ref), rel=1e-6)

    def test_lazy_and_transposed_towers_give_the_same(self):
        ds = towers(self.MODEL, noise=0.2)
        lazy = ds.transpose().chunk({"time": 7, "site": 3})
        assert Q10Respiration().fit(lazy).q10 == pytest.approx(Q10Respiration().fit(ds).q10)

    def test_class_as_a_coordinate_and_as_codes(self):
        ds = towers(self.MODEL)
        codes = np.array([IGBP[name] for name in CLASSES], "i1")
        other = ds.drop_vars("igbp").assign_coords(igbp=("site", codes))
        assert dict(Q10Respiration().fit(other).r_ref) == dict(Q10Respiration().fit(ds).r_ref)

    def test_the_model_itself_is_not_changed(self):
        model = Q10Respiration()
        fitted = model.fit(towers(self.MODEL))
        assert model == Q10Respiration()
        assert model.summary is None
        assert fitted.summary is not None

    def test_missing_respiration_is_named(self):
        with pytest.raises(MissingVariableError, match=r"Q10Respiration\.fit needs 'reco'"):
            Q10Respiration().fit(towers(self.MODEL).drop_vars("reco"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"by": "koppen"}, "by is 'koppen'"),
            ({"weights": "area"}, "weights is 'area'"),
            ({"scale_by": "lai"}, "scale_by is 'lai'"),
            ({"pooling": -1.0}, "pooling is -1.0"),
        ],
    )
    def test_unknown_options_are_refused(self, options, message):
        with pytest.raises(InputError, match=message):
            Q10Respiration().fit(towers(self.MODEL), **options)

    def test_sites_need_a_dimension(self):
        ds = towers(self.MODEL).isel(site=0)
        with pytest.raises(InputError, match="by='site' needs the dimension 'site'"):
            Q10Respiration().fit(ds, by="site")


def test_fitted_models_run_on_labelled_data():
    model = TestInput.MODEL
    ds = towers(model)
    for by in ("igbp", "site", None):
        fitted = Q10Respiration().fit(ds, by=by)
        reco = baseline(ds, gpp=None, reco=fitted, le=None)["reco"]
        assert reco.notnull().all()
        assert abs(float((reco - ds["reco"]).mean())) < 0.3


@pytest.mark.real
class TestReal:
    @pytest.fixture
    def icos(self, data: Path) -> xr.Dataset:
        folder = data / "towers" / "icos_ww2020"
        return xflux.open_towers(
            folder / "FLX_*_MM_*.csv.gz",
            sites=folder / "sites.csv",
            extra=folder / "fapar_monthly.csv.gz",
            min_qc={"nee": 0.8},
            variables=["ta", "reco", "nee"],
            units={"ppfd_mol_m2_s": "mol m-2 s-1"},
        )[["ta", "reco", "fapar"]]

    def _out_of_fold(self, ds, **options):
        # Whole sites are left out, several at a time.
        folds = np.arange(ds.sizes["site"]) % 8
        predicted = np.full(ds["reco"].shape, np.nan)
        for fold in range(8):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", XfluxWarning)
                fitted = Q10Respiration().fit(ds.isel(site=folds != fold), **options)
                part = baseline(ds.isel(site=folds == fold), gpp=None, reco=fitted, le=None)
            predicted[folds == fold] = part["reco"].transpose("site", "time").values
        observed = ds["reco"].values
        valid = np.isfinite(predicted) & np.isfinite(observed)
        scatter = observed[valid] - observed[valid].mean()
        return 1.0 - np.sum((predicted - observed)[valid] ** 2) / np.sum(scatter**2)

    def test_the_default_fit_is_the_form_that_generalises(self, icos):
        default = self._out_of_fold(icos)
        assert default > 0.5
        assert default > self._out_of_fold(icos, by="igbp", scale_by=None, pooling=0.0)
        assert default > self._out_of_fold(icos, by=None, scale_by=None)

    def test_parameters_are_physiological(self, icos):
        fitted = Q10Respiration().fit(icos)
        assert 1.3 < fitted.q10 < 2.2
        summary = fitted.summary
        assert (summary["r_ref_se"].dropna("igbp") < 0.5 * summary["r_ref"]).all()
        assert 120.0 < LloydTaylor().fit(icos).e0 < 350.0
