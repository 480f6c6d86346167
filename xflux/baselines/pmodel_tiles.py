"""What `PModel` does with one tile: choose the loops, and hand them their coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.baselines import pmodel_kernel as kernel
from xflux.numerics.water import water_viscosity

if TYPE_CHECKING:
    from xflux.baselines.constants import MengoliStress, PModelConstants, StockerStress
    from xflux.baselines.photosynthesis import Pathway, PModel

__all__ = ["DETAILS", "coefficients", "fill_details", "fill_gpp", "mengoli", "stocker"]

Array = NDArray[Any]

_C3_LOOPS = {
    None: kernel.c3_none,
    "wang17": kernel.c3_wang17,
    "smith19": kernel.c3_smith19,
}

#: What `fill_details` writes, in order.
DETAILS = (
    "gpp", "lue", "phi0", "gammastar", "kmm", "ns_star", "xi", "ca", "chi", "ci", "mj", "mc",
    "f_v", "f_j", "vcmax", "jmax", "vcmax25", "jmax25", "gs", "iwue", "soil_stress",
)  # fmt: skip


def coefficients(model: PModel, pathway: Pathway, dtype: np.dtype[Any]) -> kernel.Coefficients:
    """Return what the loops need to know of one pathway, in their dtype."""
    known = model.prepared.get((pathway, dtype))
    if known is None:
        known = model.prepared[pathway, dtype] = _coefficients(model, pathway, dtype)
    return known


def _coefficients(model: PModel, pathway: Pathway, dtype: np.dtype[Any]) -> kernel.Coefficients:
    k = model.constants
    kelvin = k.physics.zero_celsius
    standard = k.physics.standard_pressure
    per_energy = _per_energy(k)
    phi0, temperature = model.quantum_yield(pathway)
    f_v = 1.0 if pathway == "c3" else float(limits(model, np.ones(1))[0][0])
    viscosity = float(water_viscosity(k.reference_temperature, standard))
    without_gamma = pathway == "c4" and model.c4 == "no_gamma"
    values = kernel.Coefficients(
        scale=phi0 * f_v * k.physics.carbon_molar_mass * 1e-6 * k.physics.seconds_per_day,
        yield_0=temperature[0],
        yield_1=temperature[1],
        yield_2=temperature[2],
        zero_celsius=kelvin,
        reference=k.reference_temperature,
        gammastar=k.gammastar_25 / standard,
        gammastar_slope=k.gammastar_energy * per_energy,
        kc=k.kc_25,
        kc_slope=k.kc_energy * per_energy,
        kc_oxygen=k.kc_25 * k.oxygen / k.ko_25,
        kc_oxygen_slope=(k.kc_energy - k.ko_energy) * per_energy,
        cost=(k.beta if pathway == "c3" else k.beta_c4) * viscosity / k.diffusivity_ratio,
        photorespiration=0.0 if without_gamma else 1.0,
        wang17_cost=k.wang17_cost,
        wang17_power=k.wang17_cost ** (2.0 / 3.0),
        smith19_theta=k.smith19_theta,
        smith19_cost=4.0 * k.smith19_cost,
        smith19_limit=_smith19_limit(k.smith19_theta, k.smith19_cost),
        coldest_water=k.coldest_water,
        coldest_air=k.coldest_air,
    )
    return kernel.Coefficients(*map(dtype.type, values))


def fill_gpp(model: PModel, tiles: Sequence[Array], gpp: Array) -> None:
    """Write GPP of a tile; `tiles` are the inputs of `model`, in their order."""
    if gpp.size == 0:
        return
    drivers, fraction, moisture = _split(model, tiles)
    low, high = fraction.min(), fraction.max()
    if low == high == 1.0:
        kernel.c4(*drivers, coefficients(model, "c4", gpp.dtype), gpp)
    else:
        _C3_LOOPS[model.jmax](*drivers, coefficients(model, "c3", gpp.dtype), gpp)
        if not low == high == 0.0:
            kernel.mix_c4(*drivers, fraction, coefficients(model, "c4", gpp.dtype), gpp)
    if moisture:
        gpp *= _stress(model, moisture)


def fill_details(
    model: PModel, pathway: Pathway, tiles: Sequence[Array], outputs: Sequence[Array]
) -> None:
    """Write the quantities of `DETAILS` for one pathway of a tile."""
    made = dict(zip(DETAILS, outputs, strict=True))
    drivers, _, moisture = _split(model, tiles)
    ta, vpd, co2, patm, fapar, ppfd = drivers
    dtype = ta.dtype.type
    zero, nan = dtype(0.0), dtype(np.nan)
    k = model.constants
    c = coefficients(model, pathway, ta.dtype)
    loop = _C3_LOOPS[model.jmax] if pathway == "c3" else kernel.c4
    loop(*drivers, c, made["gpp"])
    gammastar, kmm, ns_star, chi = (made[name] for name in ("gammastar", "kmm", "ns_star", "chi"))
    kernel.optimality(ta, vpd, co2, patm, c, gammastar, kmm, ns_star, made["xi"], chi)

    with np.errstate(all="ignore"):
        viscosity = water_viscosity(k.reference_temperature, k.physics.standard_pressure)
        ns_star[:] = dtype(1.0 / viscosity) / ns_star
        made["ca"][:] = ca = dtype(1e-6) * co2 * patm
        made["ci"][:] = ci = chi * ca
        if pathway == "c3":
            mj = (ci - gammastar) / (ci + 2.0 * gammastar)
            mc = (ci - gammastar) / (ci + kmm)
        else:
            mj = np.where(np.isnan(chi), nan, dtype(1.0))
            mc = mj if model.c4 == "standard" else ci / (ci + kmm)
        f_v, f_j = limits(model, mj)
        made["mj"][:], made["mc"][:], made["f_v"][:], made["f_j"][:] = mj, mc, f_v, f_j

        factor = c.yield_0 + ta * (c.yield_1 + ta * c.yield_2)
        phi0 = dtype(model.quantum_yield(pathway)[0]) * np.maximum(factor, zero)
        made["phi0"][:] = phi0
        # What nothing is turned over for is 0 even where the optimum is undefined.
        lightless = made["gpp"] == zero
        electrons = phi0 * fapar * ppfd
        assimilation = np.where(lightless, zero, electrons * mj * f_v)
        vcmax = np.where(lightless, zero, electrons * (mj / mc) * f_v)
        jmax = np.where(lightless, zero, 4.0 * electrons * f_j)
        made["lue"][:] = dtype(k.physics.carbon_molar_mass) * np.where(
            lightless & (phi0 == zero), zero, phi0 * mj * f_v
        )
        warmth = (ta - c.reference) / (ta + c.zero_celsius)
        per_energy = _per_energy(k)
        made["vcmax"][:], made["jmax"][:] = vcmax, jmax
        made["vcmax25"][:] = vcmax * np.exp(dtype(-k.vcmax_energy * per_energy) * warmth)
        made["jmax25"][:] = jmax * np.exp(dtype(-k.jmax_energy * per_energy) * warmth)
        drawdown = ca - ci
        open_ = (vpd > zero) & (drawdown > zero)
        made["gs"][:] = np.where(open_, assimilation / drawdown, nan)
        made["iwue"][:] = 0.625 * drawdown / (dtype(1e-6) * patm)
    made["soil_stress"][:] = _stress(model, moisture) if moisture else dtype(1.0)
    made["gpp"] *= made["soil_stress"]


def limits(model: PModel, mj: Array) -> tuple[Array, Array]:
    """Return f_v and f_j, the factors on m and on 4 phi0 that the limit to Jmax leaves."""
    k = model.constants
    dtype = mj.dtype.type
    nan = dtype(np.nan)
    if model.jmax is None:
        one = np.where(mj > 0.0, dtype(1.0), nan)
        return one, one
    if model.jmax == "wang17":
        above = np.where(mj > dtype(k.wang17_cost), mj, nan)
        ratio = np.cbrt(above / dtype(k.wang17_cost))
        return np.sqrt(1.0 - 1.0 / (ratio * ratio)), np.sqrt(ratio * ratio - 1.0)
    theta = dtype(k.smith19_theta)
    cost = dtype(4.0 * k.smith19_cost)
    above = np.where(mj > 0.0, mj, nan)
    root = np.abs(above - 2.0 * theta * cost)
    root = root * np.sqrt((1.0 - theta) / (cost * (above - theta * cost)))
    below = above < dtype(_smith19_limit(k.smith19_theta, k.smith19_cost))
    omega = 2.0 * theta - 1.0 + np.where(below, -root, root)
    omega = np.where(omega > 0.0, omega, nan)
    total = 1.0 + omega
    return 2.0 * omega / (total + np.sqrt(total * total - 4.0 * theta * omega)), omega


def stocker(soil_moisture: Array, mean_alpha: float, k: StockerStress) -> Array:
    """Return the stress of Stocker et al. (2020) on contiguous 1-D arrays."""
    dtype = soil_moisture.dtype.type
    driest = k.intercept + k.slope * mean_alpha
    curvature = (1.0 - driest) / (k.driest - k.threshold) ** 2
    stress = np.empty_like(soil_moisture)
    kernel.stocker(soil_moisture, dtype(k.threshold), dtype(curvature), stress)
    return stress


def mengoli(soil_moisture: Array, aridity: Array, k: MengoliStress) -> Array:
    """Return the stress of Mengoli et al. (2023) on contiguous 1-D arrays."""
    values = (k.level, k.level_exponent, k.threshold, k.threshold_exponent)
    stress = np.empty_like(soil_moisture)
    kernel.mengoli(soil_moisture, aridity, *map(soil_moisture.dtype.type, values), stress)
    return stress


def _split(
    model: PModel, tiles: Sequence[Array]
) -> tuple[tuple[Array, ...], Array, tuple[Array, ...]]:
    """Return the six drivers, the fraction of C4, and what the soil stress takes."""
    if model.co2 is None:
        return tuple(tiles[:6]), tiles[6], tuple(tiles[7:])
    ta = tiles[0]
    co2 = np.full(ta.size, model.co2, ta.dtype)
    return (*tiles[:2], co2, *tiles[2:5]), tiles[5], tuple(tiles[6:])


def _stress(model: PModel, moisture: tuple[Array, ...]) -> Array:
    if model.stress == "stocker":
        return stocker(moisture[0], model.mean_alpha, model.constants.stocker)
    return mengoli(moisture[0], moisture[1], model.constants.mengoli)


def _per_energy(k: PModelConstants) -> float:
    """Return 1 / (R T0), which makes of an activation energy an exponent per (T - T0) / T."""
    return 1.0 / (k.physics.gas_constant * (k.reference_temperature + k.physics.zero_celsius))


def _smith19_limit(theta: float, cost: float) -> float:
    """Return the m below which omega is the lower root (Smith et al. 2019, eq. S4)."""
    p = ((1.0 / 1.4) - 0.7) ** 2 / (1.0 - theta) + 3.4
    roots = np.polynomial.polynomial.polyroots([-1.0, p, -p * theta])
    return 4.0 * cost / float(roots[0].real)
