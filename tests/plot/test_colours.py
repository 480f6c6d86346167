from __future__ import annotations

import numpy as np
import pytest

from xflux.errors import InputError
from xflux.labels.variables import variables
from xflux.plot.colours import MAPS, class_scale, colour_map, line_styles, scale


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIELAB L* of sRGB colours (IEC 61966-2-1)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126729, 0.7151522, 0.0721750]
    return np.where(y > 0.008856, 116.0 * np.cbrt(y) - 16.0, 903.3 * y)


def drawn(name: str) -> np.ndarray:
    return np.asarray(colour_map(name)(np.linspace(0.0, 1.0, 101)))[:, :3]


@pytest.mark.parametrize("name", ["growth", "respiration", "water", "warmth"])
def test_lightness_is_linear_in_the_value(name):
    light = lightness(drawn(name))
    straight = np.linspace(light[0], light[-1], light.size)
    assert abs(light[-1] - light[0]) > 60.0
    np.testing.assert_allclose(light, straight, atol=1.5)


@pytest.mark.parametrize("name", ["sink_source", "difference"])
def test_arms_of_diverging_maps_are_equally_steep(name):
    light = lightness(drawn(name))
    assert np.argmax(light) == 50
    np.testing.assert_allclose(light, light[::-1], atol=1.5)
    np.testing.assert_allclose(light[:51], np.linspace(light[0], light[50], 51), atol=2.0)


@pytest.mark.parametrize("name", list(MAPS))
def test_ends_stay_apart_without_red_or_green(name):
    # Machado et al. (2009), severity 1, on linear RGB: protanopia and deuteranopia.
    protan = [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    deutan = [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ends = drawn(name)[[20, 80]]
    for matrix in (protan, deutan):
        seen = ends @ np.transpose(matrix)
        assert np.abs(seen[0] - seen[1]).max() > 0.2


def test_robust_limits_leave_outliers_out():
    values = np.concatenate([np.linspace(1.0, 2.0, 1000), [1e6]])
    assert scale(values).norm.vmax < 2.1
    assert scale(values).extend == "both"
    assert scale(values, robust=False).norm.vmax == 1e6


def test_limits_of_rare_events_are_not_empty():
    values = np.zeros(1000)
    values[:3] = 5.0
    colours = scale(values, variables["f_fire"])
    assert (colours.norm.vmin, colours.norm.vmax) == (0.0, 5.0)


@pytest.mark.parametrize("name", ["nee", "nep", "nbp"])
def test_net_fluxes_are_centred_even_when_of_one_sign(name):
    colours = scale(np.linspace(0.5, 2.0, 50), variables[name])
    assert colours.norm.vmin == -colours.norm.vmax


def test_a_sink_is_green_whatever_the_sign():
    nee = scale(np.linspace(-2.0, 2.0, 9), variables["nee"])
    nep = scale(np.linspace(-2.0, 2.0, 9), variables["nep"])
    sink = nee.cmap(nee.norm(-1.5))
    assert sink[1] > sink[0]
    np.testing.assert_allclose(sink, nep.cmap(nep.norm(1.5)), atol=0.02)
    assert (nee.ends, nep.ends) == (("sink", "source"), ("source", "sink"))
    assert scale(np.linspace(-2, 2, 9), variables["nee"], positive="down").ends[0] == "source"


def test_values_of_both_signs_are_centred_but_temperatures_are_not():
    values = np.linspace(-20.0, 30.0, 100)
    assert scale(values).norm.vmin == -scale(values).norm.vmax
    assert scale(values, variables["ta"]).norm.vmin > -20.0
    assert scale(values, variables["ta"], center=0.0).norm.vmin < -28.0
    assert scale(values, center=False).norm.vmin > -20.0


def test_noise_below_zero_does_not_centre():
    assert scale(np.linspace(-0.1, 10.0, 100), variables["gpp"]).norm.vmin > -0.2


def test_unequal_limits_keep_the_neutral_colour_at_the_centre():
    colours = scale(np.linspace(-5.0, 5.0, 11), variables["nee"], vmin=-1.0, vmax=4.0)
    whole = scale(np.linspace(-5.0, 5.0, 11), variables["nee"], vmin=-4.0, vmax=4.0)
    assert (colours.norm.vmin, colours.norm.vmax) == (-1.0, 4.0)
    for value in (-1.0, 0.0, 2.0, 4.0):
        np.testing.assert_allclose(
            colours.cmap(colours.norm(value)), whole.cmap(whole.norm(value)), atol=0.02
        )


def test_one_limit_sets_the_other_of_a_centred_scale():
    colours = scale(np.linspace(-1.0, 3.0, 9), center=0.0, vmax=2.0)
    assert (colours.norm.vmin, colours.norm.vmax) == (-2.0, 2.0)


def test_a_constant_has_limits():
    colours = scale(np.full(10, 3.0))
    assert colours.norm.vmin < 3.0 < colours.norm.vmax


def test_levels_make_steps():
    colours = scale(np.linspace(0.0, 10.0, 100), levels=[0.0, 5.0, 10.0])
    shades = {tuple(colours.cmap(colours.norm(value))) for value in (1.0, 4.0, 6.0, 9.0)}
    assert len(shades) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cmap": "grren"}, "growth"),
        ({"vmin": 3.0, "vmax": 1.0}, "vmin below vmax"),
        ({"levels": [2.0, 1.0]}, "increasing"),
    ],
)
def test_wrong_options_say_what_to_do(options, message):
    with pytest.raises(InputError, match=message):
        scale(np.linspace(0.0, 1.0, 5), **options)


def test_classes_have_colours_of_their_own():
    names = {float(code): name for name, code in variables["igbp"].classes.items()}
    colours, there = class_scale(names, np.array([1.0, 4.0, 4.0, 12.0]))
    assert there == ["ENF", "DBF", "CRO"]
    shades = {tuple(colours.cmap(colours.norm(code))) for code in (1.0, 4.0, 12.0)}
    assert len(shades) == 3
    with pytest.raises(InputError, match="flag_values"):
        class_scale(names, np.array([99.0]))


def test_every_line_of_many_looks_different():
    for names in (
        ["ENF", "DBF", "CRO"],
        [f"class {k}" for k in range(20)],
        list(range(2001, 2018)),
    ):
        looks = {(str(style["color"]), str(style["linestyle"])) for style in line_styles(names)}
        assert len(looks) == len(names)


def test_a_flux_has_one_colour_in_any_company():
    both, alone = line_styles(["reco", "gpp"]), line_styles(["gpp"])
    assert both[1] == alone[0]
