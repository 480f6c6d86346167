"""What may not be compared is refused, with the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from guards import no_compute
from samples import towers

from xflux.errors import (
    GridMismatchError,
    InputError,
    MissingVariableError,
    UnitsError,
    XfluxWarning,
)
from xflux.labels.variables import variables
from xflux.skill.evaluate import evaluate
from xflux.skill.pairs import FLUXES, match


def test_fluxes_are_rows_of_the_table() -> None:
    assert set(FLUXES) <= set(variables)


def test_predictions_are_converted_into_the_units_of_the_observations() -> None:
    observed, predicted = towers()
    expected = evaluate(observed, predicted)
    molar = predicted.copy()
    molar["gpp"] = (predicted.gpp / 12.0107e-6 / 86400).assign_attrs(units="umol m-2 s-1")
    with no_compute():
        found = evaluate(observed.chunk(), molar.chunk())
    xr.testing.assert_allclose(found.compute(), expected, rtol=1e-10)


def test_units_of_another_dimension_are_refused() -> None:
    observed, predicted = towers()
    predicted.gpp.attrs["units"] = "W m-2"
    with pytest.raises(
        UnitsError, match=r"gpp: observed is in 'g m-2 d-1' and predicted in 'W m-2'"
    ):
        evaluate(observed, predicted)
    with pytest.raises(UnitsError):
        evaluate(observed.gpp, predicted.gpp)


def test_units_on_one_side_are_taken_for_both() -> None:
    observed, predicted = towers()
    del observed.gpp.attrs["units"]
    with pytest.warns(XfluxWarning, match="observed bears no units"):
        score = evaluate(observed.gpp, predicted.gpp)
    assert score.rmse.attrs["units"] == "g m-2 d-1"
    del predicted.gpp.attrs["units"]
    assert "units" not in evaluate(observed.gpp, predicted.gpp).rmse.attrs


def test_opposite_signs_are_refused() -> None:
    observed, predicted = towers()
    with pytest.raises(InputError, match="positive upward and predicted positive downward"):
        evaluate(observed.nee, predicted.nee.rename("nep"))
    with pytest.raises(InputError, match="upward"):
        evaluate(observed.nee.assign_attrs(positive="down"), predicted.nee)


def test_nee_and_nep_do_not_meet() -> None:
    observed, predicted = towers()
    with pytest.raises(MissingVariableError, match=r"bring them to one sign"):
        evaluate(observed[["nee"]], predicted[["nee"]].rename(nee="nep"))


def test_unlike_definitions_of_a_net_flux_are_refused() -> None:
    observed, predicted = towers()
    observed.nee.attrs["flux_definition"] = "nee"
    predicted.nee.attrs["flux_definition"] = "nee+fire"
    with pytest.raises(InputError, match=r"'nee' and predicted 'nee\+fire'"):
        evaluate(observed[["nee"]], predicted)
    predicted.nee.attrs["flux_definition"] = "nee"
    assert match(observed.nee, predicted.nee)


def test_other_times_are_refused_with_a_way_to_select() -> None:
    observed, predicted = towers()
    with pytest.raises(
        GridMismatchError, match=r"'time': sizes 48 and 47.*in observed alone.*xr\.align"
    ):
        evaluate(observed, predicted.isel(time=slice(1, None)))
    mid_month = predicted.assign_coords(time=predicted.time + np.timedelta64(14, "D"))
    with pytest.raises(GridMismatchError, match=r"no label in common.*method='nearest'"):
        evaluate(observed, mid_month)


def test_rounded_coordinates_are_refused_and_explained() -> None:
    fine = xr.DataArray(np.zeros(3), {"lat": [0.1, 0.2, 0.3]}, "lat")
    coarse = fine.assign_coords(lat=fine.lat.astype("f4"))
    with pytest.raises(GridMismatchError, match="differ by at most"):
        evaluate(fine, coarse)


def test_another_order_of_sites_is_told_from_other_sites() -> None:
    observed, predicted = towers()
    with pytest.raises(GridMismatchError, match=r"predicted\.sel\(site=observed\['site'\]\)"):
        evaluate(observed, predicted.isel(site=[1, 0, 2, 3, 4]))


def test_all_disagreements_come_at_once() -> None:
    observed, predicted = towers()
    with pytest.raises(GridMismatchError, match="2 problems") as caught:
        evaluate(observed, predicted.isel(site=[0, 1], time=[0, 1]))
    assert "'site'" in str(caught.value)
    assert "'time'" in str(caught.value)


def test_what_is_not_scored_may_lie_elsewhere() -> None:
    observed, predicted = towers()
    observed["tsoil"] = ("depth", [1.0, 2.0])
    predicted["tsoil"] = ("depth", [1.0, 2.0, 3.0])
    assert "tsoil" not in evaluate(observed, predicted)["flux"]


def test_sizes_without_coordinates_must_agree() -> None:
    observed, predicted = (ds.drop_vars("site") for ds in towers())
    assert evaluate(observed, predicted).n.sum() > 0
    with pytest.raises(GridMismatchError, match="no coordinate to select by"):
        evaluate(observed, predicted.isel(site=[0, 1]))


def test_nothing_shared_lists_what_is_held() -> None:
    observed, predicted = towers()
    with pytest.raises(MissingVariableError, match=r"observed holds 'gpp'; predicted holds 'le'"):
        evaluate(observed[["gpp"]], predicted[["le"]])


def test_a_named_variable_must_be_in_both() -> None:
    observed, predicted = towers()
    with pytest.raises(MissingVariableError, match=r"no 'le' in predicted.*looked for 'le'"):
        evaluate(observed, predicted[["gpp"]], variables=["gpp", "le"])


def test_a_dataset_and_an_array_do_not_pair() -> None:
    observed, predicted = towers()
    with pytest.raises(InputError, match=r"both Datasets or both DataArrays"):
        evaluate(observed, predicted.gpp)  # type: ignore[type-var]


def test_text_is_no_flux() -> None:
    text = xr.DataArray(["a", "b"], dims="x")
    with pytest.raises(InputError, match="expected real numbers"):
        evaluate(text, text)


def test_weights_with_a_dimension_of_their_own_are_refused() -> None:
    observed, predicted = towers()
    weights = xr.DataArray(np.ones((5, 2)), dims=("site", "member"))
    with pytest.raises(InputError, match=r"\['member'\]"):
        evaluate(observed, predicted, weights=weights)


def test_quantified_arrays_are_scored_plain() -> None:
    pytest.importorskip("pint_xarray")
    import pint

    observed, predicted = towers()
    quantity = pint.UnitRegistry().Quantity(predicted.gpp.data, "g / m**2 / day")
    quantified = predicted.gpp.copy(data=quantity)
    del quantified.attrs["units"]
    found = evaluate(observed.gpp, quantified)
    xr.testing.assert_allclose(found, evaluate(observed.gpp, predicted.gpp))


def test_observations_carried_along_are_not_scored_as_perfect():
    observed = xr.Dataset(
        {name: ("time", [1.0, 2.0, 3.0], {"units": "g m-2 d-1"}) for name in ("gpp", "reco")}
    )
    predicted = observed.assign(gpp=observed.gpp + 1.0)
    with pytest.warns(XfluxWarning, match=r"reco of the predictions is the observations"):
        assert list(match(observed, predicted)) == ["gpp"]
    assert list(match(observed, observed)) == ["gpp", "reco"]


def test_a_grid_is_not_paired_with_every_tower():
    tower = xr.DataArray([[1.0, 2.0]], dims=("site", "time"), name="gpp")
    grid = xr.DataArray([[1.0, 2.0]], dims=("lat", "time"), name="gpp")
    with pytest.raises(InputError, match=r"observed has the dimensions \['site'\].*grid\.sel"):
        match(tower, grid)


@pytest.mark.parametrize("lazy", [False, True])
def test_fill_values_are_no_observations(lazy):
    observed, predicted = towers()
    spoilt = observed.gpp.copy()
    spoilt[0, :5] = -9999.0
    missing = observed.gpp.copy()
    missing[0, :5] = np.nan
    if lazy:
        spoilt = spoilt.chunk()
    xr.testing.assert_identical(
        evaluate(spoilt, predicted.gpp).compute(), evaluate(missing, predicted.gpp)
    )
