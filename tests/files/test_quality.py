"""Masks by quality flags, and the mark of what the partitioning does not close."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xflux.errors import InputError, XfluxWarning
from xflux.files.quality import apply_min_qc, blank_impossible, mark_partitioning

QC = np.array([[0.2, 0.8, 0.9, np.nan]])


def towers(*names, **others):
    values = {name: (("site", "time"), np.ones((1, 4)), {"units": "1"}) for name in names}
    values |= {name: (("site", "time"), value) for name, value in others.items()}
    return xr.Dataset(values, {"site": ["FI-Hyy"]})


def kept(ds, name):
    return ds[name].notnull().values[0].tolist()


def test_a_flux_goes_by_its_own_flag():
    ds = towers("nee", "le", "ta", nee_qc=QC, le_qc=QC[:, ::-1])

    masked = apply_min_qc(ds, 0.8)

    assert kept(masked, "nee") == [False, True, True, False]
    assert kept(masked, "le") == [False, True, True, False][::-1]
    assert kept(masked, "ta") == [True] * 4


def test_gpp_and_reco_go_by_the_flag_of_nee():
    masked = apply_min_qc(towers("nee", "gpp", "reco", nee_qc=QC), {"nee": 0.85})

    assert kept(masked, "gpp") == kept(masked, "reco") == [False, False, True, False]


def test_gpp_goes_by_its_own_flag_where_there_is_one():
    masked = apply_min_qc(towers("nee", "gpp", nee_qc=QC, gpp_qc=QC[:, ::-1]), 0.85)

    assert kept(masked, "gpp") == [False, True, False, False]


def test_gpp_may_have_a_threshold_of_its_own():
    masked = apply_min_qc(towers("nee", "gpp", nee_qc=QC), {"nee": 0.85, "gpp": 0.1})

    assert kept(masked, "nee") == [False, False, True, False]
    assert kept(masked, "gpp") == [True, True, True, False]


def test_variants_of_a_flux_go_with_it_and_flags_stay():
    ds = towers("nee", "nee_25", "nee_randunc", "gpp", "gpp_dt", "nee_flag", nee_qc=QC)

    masked = apply_min_qc(ds, 0.8)

    for name in ("nee_25", "nee_randunc", "gpp_dt"):
        assert kept(masked, name) == kept(masked, "nee")
    assert kept(masked, "nee_flag") == [True] * 4
    np.testing.assert_array_equal(masked["nee_qc"], QC)


def test_the_constant_threshold_has_a_flag_of_its_own():
    ds = towers("nee", "nee_cut", "gpp", "gpp_cut", nee_qc=QC, nee_cut_qc=QC[:, ::-1])

    masked = apply_min_qc(ds, 0.8)

    assert kept(masked, "nee_cut") == kept(masked, "gpp_cut") == [False, True, True, False][::-1]


def test_the_flux_of_what_is_masked_keeps_its_attributes_and_says_how():
    masked = apply_min_qc(towers("nee", nee_qc=QC), 0.8)

    assert masked["nee"].attrs == {"units": "1", "quality_filter": "nee_qc >= 0.8"}


def test_sites_of_which_nothing_is_left_for_want_of_a_flag_are_named():
    masked = apply_min_qc(towers("le", le_qc=np.full((1, 4), np.nan)), 0.8)

    assert not any(kept(masked, "le"))
    assert "nothing is left of FI-Hyy" in masked["le"].attrs["quality_filter"]


def test_a_driver_may_have_a_threshold():
    masked = apply_min_qc(towers("nee", "ta", ta_qc=QC), {"ta": 0.85})

    assert kept(masked, "ta") == [False, False, True, False]
    assert kept(masked, "nee") == [True] * 4


def test_a_flux_without_flag_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match=r"'le' has no quality flag \('le_qc'.*by variable"):
        apply_min_qc(towers("nee", "le", nee_qc=QC), 0.8)


@pytest.mark.parametrize("threshold", [-0.1, 80, float("nan")])
def test_a_threshold_that_is_no_fraction_is_an_error(threshold):
    with pytest.raises(InputError, match="expected 0 to 1"):
        apply_min_qc(towers("nee", nee_qc=QC), threshold)


def test_a_variable_that_is_not_there_is_an_error_that_lists_what_is():
    with pytest.raises(InputError, match=r"'LE' not among the variables; there are nee"):
        apply_min_qc(towers("nee", nee_qc=QC), {"LE": 0.5})


def test_times_at_which_the_partitioning_misses_nee_are_marked():
    ds = towers(
        gpp=np.array([[5.0, 5.0, 5.0, np.nan]]),
        reco=np.array([[3.0, 3.0, 3.0, 3.0]]),
        nee=np.array([[-2.0, -2.4, -1.4, -2.0]]),
    )

    flag = mark_partitioning(ds)["partitioning_flag"]

    assert flag.values[0].tolist() == [0, 0, 1, -1]
    assert flag.dtype == np.int8


def test_without_all_three_fluxes_nothing_is_marked():
    ds = towers("gpp", "reco")

    assert mark_partitioning(ds) is ds


def test_what_cannot_be_true_is_blanked_and_said():
    units = {"units": "mm d-1"}
    ds = xr.Dataset({"p": ("time", [-1e-14, 3.0, -6999.0], units), "own": ("time", [-1e9] * 3)})
    with pytest.warns(XfluxWarning, match="'p': 1 values outside 0 to 5000 mm d-1"):
        blanked = blank_impossible(ds)
    np.testing.assert_array_equal(blanked.p, [0.0, 3.0, np.nan])
    assert blanked.p.attrs == units
    xr.testing.assert_identical(blanked.own, ds.own)
