"""The true laws: richer than the baselines, with the sense an ecologist expects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xflux.labels.variables import variables
from xflux.twin.climate import Air, dew_point, saturation
from xflux.twin.land import Cover, of_class, soil_moisture
from xflux.twin.laws import REFERENCE_CO2, State, evaporation, pools, respiration, uptake
from xflux.twin.parameters import EARTH

DBF = float(variables["igbp"].classes["DBF"])
SAV = float(variables["igbp"].classes["SAV"])


def cell(*values: float) -> np.ndarray:
    return np.array([values], float)


def summer(**changes: np.ndarray) -> Air:
    air = {
        "ta": cell(20.0), "td": cell(12.0), "swin": cell(220.0), "lwin": cell(340.0),
        "p": cell(2.0),
    }  # fmt: skip
    return Air(**(air | changes))


def state(**changes: np.ndarray) -> State:
    co2 = np.full((1, 1), REFERENCE_CO2)
    usual = State(cell(18.0), cell(16.0), cell(0.6), cell(0.7), co2, co2)
    return replace(usual, **changes)


def stand(igbp: float = DBF, c4: float = 0.0, regrowth: float = 0.0) -> Cover:
    return Cover(*(np.array([value]) for value in (igbp, c4, 0.0, regrowth)))


def gpp(air: Air | None = None, now: State | None = None, grows: Cover | None = None) -> float:
    return float(uptake(air or summer(), now or state(), grows or stand())[0, 0])


def test_uptake_saturates_with_light():
    light = [gpp(summer(swin=cell(s))) for s in (0.0, 80.0, 160.0, 320.0)]
    assert light[0] == 0.0
    assert np.all(np.diff(light) > 0.0)
    assert light[3] < 2.0 * light[2] < 4.0 * light[1]
    assert light[3] < float(of_class(np.array([DBF]), "saturation")[0])


def test_uptake_falls_with_dry_air_and_dry_soil():
    dry_air = summer(td=cell(4.0))
    assert gpp(dry_air) < gpp()
    assert gpp(now=state(moisture=cell(0.1))) < 0.8 * gpp()


def test_the_optimum_follows_the_warmth_of_the_last_weeks():
    def best(felt: float) -> float:
        ta = np.arange(5.0, 35.0, 0.25)
        td = dew_point(saturation(ta) - 8.0)  # the same dryness at each
        taken = [
            gpp(summer(ta=cell(t), td=cell(d)), state(felt=cell(felt)))
            for t, d in zip(ta, td, strict=True)
        ]
        return float(ta[int(np.argmax(taken))])

    assert best(24.0) == pytest.approx(best(12.0) + 12.0 * EARTH.optimum_slope, abs=0.5)


def test_nothing_is_taken_up_in_frost():
    assert gpp(summer(ta=cell(-8.0), td=cell(-12.0)), state(felt=cell(-10.0))) < 0.05


def test_carbon_dioxide_fertilises_and_less_so_where_photosynthesis_is_c4():
    more = state(co2=np.full((1, 1), 420.0))
    gain = gpp(now=more) / gpp()
    gain_c4 = gpp(now=more, grows=stand(SAV, 1.0)) / gpp(grows=stand(SAV, 1.0))
    assert gain == pytest.approx(1.0 + EARTH.fertilisation * np.log(420.0 / REFERENCE_CO2))
    assert 1.0 < gain_c4 < gain


def test_places_respire_over_a_mean_year_what_they_take_up():
    months = np.cos(2 * np.pi * (np.arange(12)[:, None] - 6) / 12.0)
    air = Air(
        12.0 + 10.0 * months, 6.0 + 8.0 * months, 170.0 + 90.0 * months, 320.0 + 30.0 * months,
        2.0 + 0.0 * months,
    )  # fmt: skip
    co2 = np.full((1, 1), REFERENCE_CO2)
    now = State(air.ta, air.ta, 0.5 + 0.0 * months, 0.5 + 0.3 * months, co2, co2)
    taken = uptake(air, now, stand())
    ra, rh = respiration(taken, air, now, stand(), pools(air, now, stand()))
    assert (ra + rh).mean() == pytest.approx(taken.mean(), rel=1e-12)
    share = float(of_class(np.array([DBF]), "respired")[0])
    assert ra.mean() / taken.mean() == pytest.approx(share, rel=1e-12)
    # Stands that regrow are a sink; those just disturbed, a source.
    for recent, sign in ((0.4, -1.0), (1.0, 1.0)):
        grows = stand(regrowth=recent)
        taken = uptake(air, now, grows)
        ra, rh = respiration(taken, air, now, grows, pools(air, now, grows))
        assert sign * float((ra + rh - taken).mean()) > 0.0


def test_respiration_rises_with_warmth_and_less_where_plants_are_used_to_it():
    def respired(ta: float, felt: float, soil: float) -> tuple[float, float]:
        air, now = summer(ta=cell(ta)), state(felt=cell(felt), soil=cell(soil))
        rates = pools(summer(), state(), stand())
        ra, rh = respiration(cell(0.0), air, now, stand(), rates)
        return float(ra[0, 0]), float(rh[0, 0])

    usual, warm, used = respired(15, 15, 15), respired(25, 15, 25), respired(25, 25, 25)
    assert warm[0] > used[0] > usual[0]
    assert warm[1] > 1.5 * usual[1]


def test_soils_remember_rain():
    supply = np.array([[1.0]])
    assert soil_moisture(supply, np.array([[-0.5]])) < soil_moisture(supply, np.zeros((1, 1)))
    assert float(soil_moisture(supply, np.zeros((1, 1)))[0, 0]) == pytest.approx(0.5)


def test_latent_heat_follows_uptake_and_wet_soil_and_stays_below_the_energy():
    patm = np.array([1e5])

    def le(taken: float, moisture: float = 0.6) -> float:
        now = state(moisture=cell(moisture))
        return float(evaporation(summer(), now, stand(), cell(taken), patm)[0, 0])

    assert 0.0 <= le(0.0, 0.0) < le(0.0) < le(3.0) < le(9.0) < 160.0
