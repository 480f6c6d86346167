"""The report of a validation: what it tells is true, and its page stands alone."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr

import xflux
from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.refinement.validation import KNOWN_SITES
from xflux.reporting.page import write_page
from xflux.reporting.validation_tables import PLACES, compare, tabulate_validation

FLUXES = ("gpp", "le")
#: What must not be read as HTML.
ODD = "<b>&A"


def made(sites=12, years=3, half=2.0):
    """Return what was observed, and a baseline with a bias and a better estimate of it."""
    random = np.random.default_rng(0)
    time = xr.date_range("2001-01-01", periods=12 * years, freq="MS")
    names = [ODD, *(f"S{k:02d}" for k in range(1, sites))]
    classes = {"flag_values": np.array([1, 4, 10], "i1"), "flag_meanings": "ENF DBF GRA"}
    coords = {
        "site": names,
        "time": time,
        "igbp": ("site", np.resize([1, 4], sites).astype("i1"), classes),
    }
    season = np.sin(2 * np.pi * (np.arange(time.size) % 12) / 12.0)
    observed, predicted = xr.Dataset(coords=coords), xr.Dataset(coords=coords)
    for flux, unit, size in (("gpp", "g m-2 d-1", 1.0), ("le", "W m-2", 15.0)):
        level = random.uniform(3.0, 7.0, (sites, 1))
        truth = level + 2.5 * season + random.normal(0.0, 0.7, (sites, time.size))
        better = truth + random.normal(0.0, 0.8, truth.shape)
        better[3] += 3.0  # a site that is predicted badly
        worse = truth * 0.5 + 1.0 + random.normal(0.0, 1.0, truth.shape)
        worse[0, :5], better[1, :7] = np.nan, np.nan
        attrs = {"units": unit}
        observed[flux] = ("site", "time"), size * truth, attrs
        both = np.stack([worse, better])
        predicted[flux] = ("estimate", "site", "time"), size * both, attrs
        for end, sign in (("_lower", -1), ("_upper", 1)):
            predicted[flux + end] = ("site", "time"), size * (better + sign * half), attrs
    predicted = predicted.assign_coords(estimate=["baseline", "refined"])
    return observed, predicted.assign_attrs(
        validation="BySite(k=5, seed=0)", model="<script>alert(1)</script>", interval=0.9
    )


@pytest.fixture(scope="module")
def towers():
    return made()


@pytest.fixture(scope="module")
def report(towers, tmp_path_factory):
    observed, validated = towers
    path = tmp_path_factory.mktemp("report") / "report.html"
    return xflux.report(validated, observed, path), path.read_text(encoding="utf-8")


def test_estimates_are_scored_on_the_same_records(towers, report):
    observed, validated = towers
    tables = report[0].tables
    assert tables["pooled"]["n"].values.tolist() == [[12 * 36 - 12] * 2] * 2
    there = validated[list(FLUXES)].notnull().all("estimate")
    expected = xflux.evaluate(observed.where(there), validated[list(FLUXES)])
    for name in ("r2_nse", "rmse", "bias"):
        found = tables["pooled"][name].transpose(*expected[name].dims)
        np.testing.assert_allclose(found, expected[name])


def test_the_gain_is_the_difference_of_the_scores(report):
    tables = report[0].tables
    r2 = tables["pooled"]["r2_nse"]
    np.testing.assert_allclose(
        tables["gain"]["r2_nse"], r2.sel(estimate="refined") - r2.sel(estimate="baseline")
    )
    assert "refined less baseline in r2_nse" in report[1]


def test_every_group_is_there(report):
    tables = report[0].tables
    assert list(tables["by_class"]["igbp"].values) == ["ENF", "DBF"]
    assert tables["by_class"]["n_sites"].isel(flux=0, estimate=0).values.tolist() == [6, 6]
    assert list(tables["by_season"]["season"].values) == ["DJF", "MAM", "JJA", "SON"]
    assert tables["by_size"].sizes["quarter"] == 4
    assert int(tables["by_size"]["n"].isel(flux=0, estimate=0).sum()) == 12 * 36 - 12
    assert "anomalies" in tables["components"]["component"].values
    assert report[0].left_out == {}


def test_the_site_that_costs_most_comes_first(report):
    share = report[0].tables["by_site"]["error_share"].sel({"flux": "gpp"})
    np.testing.assert_allclose(share.sum(), 1.0)
    assert str(share["site"][int(np.argmax(share.values))].values) == "S03"
    listed = report[1].split("Sites that cost most")[1]
    assert listed.index("S03") < listed.index("S01")


def test_places_add_up_to_what_coverage_says(report):
    tables = report[0].tables
    share = tables["interval_places"]["share"]
    np.testing.assert_allclose(share.sum("place"), 1.0)
    inside = share.isel(place=slice(1, PLACES - 1)).sum("place")
    np.testing.assert_allclose(inside, tables["intervals"]["coverage"])
    # The bad site lies below its intervals, predicted too high.
    assert float(share.sel({"flux": "gpp"})[0]) > float(share.sel({"flux": "gpp"})[-1])


def test_observations_may_have_other_units_than_predictions(towers, report):
    observed, validated = towers
    other = observed.assign(gpp=observed["gpp"] / 1.0377504)
    other["gpp"].attrs["units"] = "umol m-2 s-1"
    data = compare(validated, other)
    np.testing.assert_allclose(data.observed["gpp"], observed["gpp"], rtol=1e-3)
    assert data.observed["gpp"].attrs["units"] == "g m-2 d-1"
    tables, _ = tabulate_validation(data, 0.9)
    for table, name in (("interval_places", "share"), ("intervals", "coverage")):
        np.testing.assert_allclose(tables[table][name], report[0].tables[table][name], atol=0.01)
    other["gpp"].attrs["units"] = "K"
    with pytest.raises(
        UnitsError, match=r"from 'observed gpp'.*found units 'K', expected 'g m-2 d-1'"
    ):
        compare(validated, other)


class _Balance(HTMLParser):
    """Check that what is opened is closed, and collect what is loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.loaded = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.loaded += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed(report):
    page = _Balance()
    page.feed(report[1])
    assert page.open == []
    assert len(page.loaded) == 7
    assert all(found.startswith("data:image/png;base64,") for found in page.loaded)
    for found in page.loaded:
        assert base64.b64decode(found.split(",")[1]).startswith(b"\x89PNG")


def test_text_is_escaped(report):
    page = _Balance()
    page.feed(report[1])
    assert not {"script", "b"} & page.seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in report[1]
    assert "&lt;b&gt;&amp;A" in report[1]


def test_the_page_says_how_it_was_validated(report):
    assert "BySite(k=5, seed=0)" in report[1]
    assert "synthetic" not in report[1]


def test_no_figure_is_left_open(report):
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_known_sites_and_synthetic_data_are_called_so(towers):
    observed, validated = made(sites=4, years=1)
    validated.attrs["left_out"] = KNOWN_SITES
    observed["gpp"].attrs["synthetic"] = "of an idealised Earth"
    found = xflux.report(validated, observed)
    labels = re.findall(r'class="label">([^<]*)', found.html)
    assert len(labels) == 2
    assert "synthetic" in labels[0]
    assert "known already" in labels[1]


def test_what_is_missing_is_told(towers):
    observed, validated = towers
    fewer = validated.drop_vars([f"{flux}{end}" for flux in FLUXES for end in ("_lower", "_upper")])
    data = compare(fewer.drop_vars("igbp"), observed.drop_vars("igbp"))
    tables, left_out = tabulate_validation(data, None)
    assert set(left_out) == {"scores by land cover", "calibration of intervals"}
    assert not {"by_class", "intervals"} & set(tables)


def test_lazy_data_are_read_and_left_lazy(towers):
    observed, validated = (ds.chunk(site=4) for ds in towers)
    found = tabulate_validation(compare(validated, observed), 0.9)[0]
    eager = tabulate_validation(compare(*towers[::-1]), 0.9)[0]
    xr.testing.assert_allclose(found["pooled"], eager["pooled"])
    assert observed.chunks
    assert validated.chunks


def test_an_interrupted_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_page("old", path)

    def fail(number):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_page("new", path)
    assert path.read_text() == "old"


def test_what_is_no_validation_is_refused(towers, tmp_path):
    observed, validated = towers
    with pytest.raises(InputError, match="as cross_validate returns them"):
        xflux.report(validated.isel(estimate=0), observed)
    with pytest.raises(MissingVariableError, match="no gpp, reco, nee or le"):
        xflux.report(validated, observed.rename(gpp="a", le="b"))
    with pytest.raises(InputError, match="gpp: no record is observed and predicted"):
        xflux.report(validated, observed * np.nan)
    with pytest.raises(InputError, match="is no folder"):
        xflux.report(validated, observed, tmp_path / "none" / "report.html")
    with pytest.raises(InputError, match="is a folder"):
        xflux.report(validated, observed, tmp_path)
