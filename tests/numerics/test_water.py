"""Density and viscosity of water against published values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xflux.numerics.jit import jit
from xflux.numerics.water import water_density, water_fluidity, water_viscosity

STANDARD = 101325.0


@jit
def fill(ta, patm, density, viscosity):
    for i in range(ta.size):
        density[i] = water_density(ta[i], patm[i])
        viscosity[i] = water_viscosity(ta[i], patm[i])


def both(ta, patm, dtype=np.float64):
    ta, patm = (np.ascontiguousarray(a, dtype) for a in np.broadcast_arrays(ta, patm))
    density, viscosity = np.empty_like(ta), np.empty_like(ta)
    fill(ta, patm, density, viscosity)
    return density, viscosity


def twin_density(ta, patm):
    low = np.polynomial.polynomial.polyval
    lam = low(ta, [1788.316, 21.55053, -0.4695911, 3.096363e-3, -7.341182e-6])
    p0 = low(ta, [5918.499, 58.05267, -1.1253317, 6.6123869e-3, -1.4661625e-5])
    v = low(ta, [0.6980547, -7.435626e-4, 3.704258e-5, -6.315724e-7, 9.829576e-9, -1.197269e-10,
                 1.005461e-12, -5.437898e-15, 1.69946e-17, -2.295063e-20])  # fmt: skip
    return 1e3 / (v + lam / (p0 + 1e-5 * patm))


def twin_viscosity(ta, patm):
    h = np.zeros((6, 7))
    h[0, :] = [0.520094, 0.222531, -0.281378, 0.161913, -0.0325372, 0.0, 0.0]
    h[1, :] = [0.0850895, 0.999115, -0.906851, 0.257399, 0.0, 0.0, 0.0]
    h[2, :] = [-1.08374, 1.88797, -0.772479, 0.0, 0.0, 0.0, 0.0]
    h[3, :] = [-0.289555, 1.26613, -0.489837, 0.0, 0.0698452, 0.0, -0.00435673]
    h[4, :] = [0.0, 0.0, -0.25704, 0.0, 0.0, 0.00872102, 0.0]
    h[5, :] = [0.0, 0.120573, 0.0, 0.0, 0.0, 0.0, -0.000593264]
    t = (ta + 273.15) / 647.096
    r = twin_density(ta, patm) / 322.0
    mu0 = 100 * np.sqrt(t) / (1.67752 + 2.20462 / t + 0.6366564 / t**2 - 0.241605 / t**3)
    return 1e-6 * mu0 * np.exp(r * np.polynomial.polynomial.polyval2d(1 / t - 1, r - 1, h))


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_the_equations_are_those_in_print(dtype, rtol):
    ta, patm = np.meshgrid(np.linspace(-25, 60, 18), np.linspace(5e4, 1.1e5, 4))
    density, viscosity = both(ta.ravel(), patm.ravel(), dtype)
    np.testing.assert_allclose(density, twin_density(ta, patm).ravel(), rtol=rtol)
    np.testing.assert_allclose(viscosity, twin_viscosity(ta, patm).ravel(), rtol=rtol)


def test_viscosity_at_20_degrees_is_the_recommended_value():
    # Huber et al. (2009) recommend 1001.6 uPa s at 20 degC and 0.1 MPa.
    _, viscosity = both([20.0], [1e5])
    assert viscosity[0] == pytest.approx(1.0016e-3, abs=5e-8)


def test_water_is_densest_at_four_degrees():
    ta = np.linspace(0.0, 10.0, 101)
    density, _ = both(ta, STANDARD)
    assert ta[density.argmax()] == pytest.approx(4.0, abs=0.15)
    assert density.max() == pytest.approx(999.97, abs=0.02)


def test_fluidity_is_one_over_viscosity():
    assert float(water_fluidity(12.0, STANDARD)) * float(water_viscosity(12.0, STANDARD)) == (
        pytest.approx(1.0, rel=1e-15)
    )


def test_scalars_keep_their_precision():
    ta, patm = np.array([20.0], np.float32), np.array([STANDARD], np.float32)
    assert both(ta, patm, np.float32)[1].dtype == np.float32


@pytest.mark.real
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_density_and_viscosity_agree_with_the_physics_reference(data, dtype, rtol):
    reference = pd.read_csv(data / "reference" / "physics_reference.csv")
    density, viscosity = both(reference.tc, reference.patm_Pa, dtype)
    np.testing.assert_allclose(density, reference.density_kg_m3, rtol=rtol)
    np.testing.assert_allclose(viscosity, reference.viscosity_Pa_s, rtol=rtol)


@pytest.mark.real
def test_density_and_viscosity_agree_with_what_rpmodel_publishes(data):
    published = pd.read_csv(data / "reference" / "rpmodel_published_functions_array100.csv")
    density, viscosity = both(published.tc, published.patm)
    np.testing.assert_allclose(density, published.dens_h20, rtol=1e-9)
    # Printed to 8 decimals of Pa s.
    np.testing.assert_allclose(viscosity, published.viscosity_h2o, atol=5.1e-9)
