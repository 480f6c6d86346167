"""Latent heat flux by Priestley and Taylor: scaled by NDVI, and the PT-JPL model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xflux.baselines.model import repr_of_changes
from xflux.baselines.per_class import checked
from xflux.errors import InputError
from xflux.labels.derive import Recipe, series_maximum
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DEVIATIONS", "PTJPL", "PTJPLConstants", "PriestleyTaylor"]

Array = NDArray[Any]


@dataclass(frozen=True)
class PriestleyTaylor:
    """Latent heat by Priestley and Taylor (1972), scaled by NDVI.

    Parameters
    ----------
    alpha : float, default 1.26
        Priestley and Taylor's coefficient, reached at an NDVI of 1.
    gamma : float, optional
        Psychrometric constant, kPa degC-1. None computes it from air pressure, which
        is then an input; at sea level it is 0.067.

    Attributes
    ----------
    inputs, outputs : tuple of str
        ``("ta", "rnet", "g", "ndvi", "patm")``, without ``patm`` where `gamma` is given,
        and ``("le",)``.

    Notes
    -----
    ::

        LE = alpha max(0, min(1, (NDVI - 0.2) / 0.8)) Delta / (Delta + gamma) (R_n - G)
        Delta = 4098 e_s / (T + 237.3)^2,  e_s = 0.6108 exp(17.27 T / (T + 237.3))

    in W m-2, kPa and degC: the equation of UFLUX (Zhu et al.) with the slope of FAO-56
    (Allen et al. 1998, eqs 8, 11 and 13; in the paper a bracket and the square are lost),
    ground heat flux, and an alpha that cannot be negative. It has none of the
    constraints of PT-JPL, by whose name it is sometimes called: see `PTJPL`.

    LE has the sign of the available energy: where that is negative, dew or frost forms.

    References
    ----------
    Priestley and Taylor (1972), Monthly Weather Review 100, 81-92.
    Allen, Pereira, Raes and Smith (1998), FAO Irrigation and Drainage Paper 56.

    Examples
    --------
    >>> PriestleyTaylor(gamma=0.066)(20.0, 400.0, 0.0, 0.8).round(2)
    np.float64(259.62)
    """

    alpha: float = 1.26
    gamma: float | None = None

    outputs: ClassVar[tuple[str, ...]] = ("le",)

    def __post_init__(self) -> None:
        checked(self.alpha, "alpha", low=0.0)
        if self.gamma is not None:
            checked(self.gamma, "gamma", low=1e-6)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Canonical names of the arguments, in call order."""
        names = ("ta", "rnet", "g", "ndvi")
        return names if self.gamma is not None else (*names, "patm")

    def __call__(self, *arrays: ArrayLike) -> Array:
        """Compute latent heat.

        Parameters
        ----------
        *arrays : array_like
            One per name in `inputs`, in that order, that broadcast against each
            other: ``ta`` (degC), ``rnet`` and ``g`` (W m-2), ``ndvi`` (1), ``patm`` (Pa).

        Returns
        -------
        ndarray
            Latent heat, W m-2, positive upward, in float32 where all arrays are. NaN
            where an input is NaN or ta is outside -55 to 60 degC.

        Raises
        ------
        InputError
            For a wrong number of arrays, and for labelled or lazy ones.
        """
        from xflux.baselines import evapotranspiration_kernels as kernels
        from xflux.numerics.elementwise import arguments, elementwise

        given = arguments(type(self).__name__, self.inputs, arrays)
        fixed = self.gamma is not None
        loop = kernels.priestley_taylor if fixed else kernels.priestley_taylor_by_pressure
        row = variables["ta"]
        parameters = (self.alpha, self.gamma or 0.0, row.valid_min, row.valid_max)
        return elementwise(loop, parameters, list(given.values()))[0]


#: What JPL's code (PT-JPL 1.8) computes otherwise than Fisher et al. (2008).
DEVIATIONS: Mapping[str, str] = {
    "gamma": "a psychrometric constant of 0.0662 kPa degC-1 at any pressure",
    "temperature": "air temperature at the overpass in place of the daily maximum",
    "saturation": "vpd from rh_air, by 0.611 exp(17.27 T / (T + 237.7)) kPa",
    "saturation_floor": "vpd from rh_air, saturation being at least 1 kPa (wrong below 7 degC)",
    "slope": "237.7 in the exponent of the slope, 237.3 in its denominator",
    "wetness": "a wet fraction of 1e-4 where rh_air is below 0.7",
    "t_opt": "the optimum temperature raised to the temperature where that is higher, and to 0.1",
    "limits": "no part below 0, their sum not above potential",
    "bare": "NaN where NDVI is 0.05 or less",
}


@dataclass(frozen=True, slots=True)
class PTJPLConstants:
    """Constants of PT-JPL (Fisher et al. 2008, table 1, but where another source stands)."""

    #: Coefficient of Priestley and Taylor (1972).
    alpha: float = 1.26
    #: Extinction of net radiation, per unit of leaf area (Impens and Lemur 1969).
    k_rn: float = 0.6
    #: Extinction of photosynthetically active radiation (Ross 1976).
    k_par: float = 0.5
    #: Sensitivity of soil evaporation to the deficit, kPa.
    beta: float = 1.0
    #: fAPAR = m1 index + b1 for EVI or SAVI (Gao et al. 2000; Huete et al. 2006).
    m1: float = 1.2 * 1.136
    b1: float = 1.2 * -0.04
    #: SAVI from NDVI, where no index is at hand: slope and intercept of JPL's code.
    savi_slope: float = 0.45
    savi_intercept: float = 0.132
    #: fIPAR = NDVI - 0.05.
    fipar_offset: float = 0.05


@dataclass(frozen=True, repr=False)
class PTJPL:
    """Latent heat of soil, canopy and intercepted water (Fisher et al. 2008).

    Parameters
    ----------
    variant : {"fisher2008", "jpl"}
        As published, or as the code of JPL (PT-JPL 1.8.1) computes it. They differ in
        what `DEVIATIONS` lists, and in what of it matters, the optimum temperature.
    gamma : float, optional
        Psychrometric constant, kPa degC-1. None: from air pressure ("fisher2008") or
        0.0662 ("jpl").
    fapar_from : {"ndvi", "evi", "fapar"}
        What fAPAR is: ``m1 SAVI + b1`` with SAVI = 0.45 NDVI + 0.132; ``m1 EVI + b1``; or
        itself, measured. Fisher et al. write it for EVI and use SAVI where there is
        none; the line from NDVI to SAVI is JPL's. `fapar_max` must be the maximum of
        the same quantity: see `fapar`.
    deviations : collection of str, optional
        Which of `DEVIATIONS` to take over, to switch them singly; None: those of
        `variant`, none or all.
    constants : PTJPLConstants

    Attributes
    ----------
    inputs, outputs : tuple of str
        ``("ta", "ta_max", "vpd", "rh_air", "rnet", "g", "ndvi", "t_opt", "fapar_max",
        "patm")`` as published, ``("ta", "rh_air", "rnet", "g", "ndvi", "t_opt",
        "fapar_max")`` for "jpl"; and ``("le",)``.

    Notes
    -----
    With ``F = alpha Delta / (Delta + gamma)``::

        LE_soil = (f_wet + f_SM (1 - f_wet)) F (R_ns - G)
        LE_canopy = (1 - f_wet) f_g f_T f_M F R_nc
        LE_interception = f_wet F R_nc
        R_ns = R_n exp(-0.6 LAI),  R_nc = R_n - R_ns,  LAI = -log(1 - f_IPAR) / 0.5
        f_wet = RH^4,  f_SM = RH^(VPD / beta),  f_g = fAPAR / fIPAR,  f_M = fAPAR / fAPAR_max
        f_T = exp(-((T_max - T_opt) / T_opt)^2),  fIPAR = NDVI - 0.05

    Fractions are held in 0 to 1. Below an NDVI of 0.05 there is no canopy and all
    radiation is the soil's. An optimum temperature of 0 degC or less stops the canopy.
    As published, each part has the sign of its energy: the soil's is negative where
    G exceeds its radiation, all are at night.

    T_opt far below the temperatures of the growing season, as in the static map of
    ECOSTRESS, stops the canopy too: of the deviations it is "t_opt" that repairs that
    (r with towers 0.05 without, 0.80 with it). With T_opt from the series itself, the
    model as published does well (r 0.84 with monthly LE of the ICOS towers).

    References
    ----------
    Fisher, Tu and Baldocchi (2008), Remote Sensing of Environment 112, 901-919,
    doi:10.1016/j.rse.2007.06.025.

    Examples
    --------
    >>> model = PTJPL("jpl")
    >>> model(24.2, 0.46, 643.5, 81.3, 0.61, 1.4, 0.49).round(0)
    np.float64(377.0)
    """

    variant: Literal["fisher2008", "jpl"] = "fisher2008"
    gamma: float | None = None
    fapar_from: Literal["ndvi", "evi", "fapar"] = "ndvi"
    deviations: Collection[str] | None = field(default=None, kw_only=True)
    constants: PTJPLConstants = field(default=PTJPLConstants(), kw_only=True)

    outputs: ClassVar[tuple[str, ...]] = ("le",)

    def __repr__(self) -> str:
        return repr_of_changes(self, always="variant")

    def __post_init__(self) -> None:
        if self.variant not in ("fisher2008", "jpl"):
            raise InputError(f"variant is {self.variant!r}; expected 'fisher2008' or 'jpl'")
        if self.fapar_from not in ("ndvi", "evi", "fapar"):
            raise InputError(
                f"fapar_from is {self.fapar_from!r}; expected 'ndvi', 'evi' or 'fapar'"
            )
        if self.gamma is not None:
            checked(self.gamma, "gamma", low=1e-6)
        if self.deviations is not None:
            unknown = sorted(set(self.deviations) - set(DEVIATIONS))
            if unknown:
                raise InputError(
                    f"deviations holds {', '.join(map(repr, unknown))}; known are "
                    f"{', '.join(DEVIATIONS)}"
                )
            object.__setattr__(self, "deviations", tuple(sorted(set(self.deviations))))

    @property
    def _active(self) -> frozenset[str]:
        if self.deviations is not None:
            return frozenset(self.deviations)
        return frozenset(DEVIATIONS if self.variant == "jpl" else ())

    @property
    def _from_rh(self) -> bool:
        return bool(self._active & {"saturation", "saturation_floor"})

    @property
    def inputs(self) -> tuple[str, ...]:
        """Canonical names of the arguments, in call order."""
        names = ["ta"]
        if "temperature" not in self._active:
            names.append("ta_max")
        if not self._from_rh:
            names.append("vpd")
        names += ["rh_air", "rnet", "g", "ndvi"]
        if self.fapar_from != "ndvi":
            names.append(self.fapar_from)
        names += ["t_opt", "fapar_max"]
        if self.gamma is None and "gamma" not in self._active:
            names.append("patm")
        return tuple(names)

    def fapar(self, index: ArrayLike) -> Array:
        """Return the fAPAR that the model works with.

        Parameters
        ----------
        index : array_like
            NDVI, EVI or fAPAR, as `fapar_from` says.

        Returns
        -------
        ndarray
            fAPAR, 0 to 1; its maximum over time is the input ``fapar_max``.
        """
        slope, intercept = self._line()
        values = np.asarray(index)
        return np.clip(slope * values + intercept, 0.0, 1.0)

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """How `fapar_max` follows from a series: as the largest of the model's own fAPAR."""
        note = f"largest fapar of the series, by the line of PT-JPL from {self.fapar_from}"
        return (Recipe("fapar_max", (self.fapar_from,), self._largest_fapar, note, series=True),)

    def _largest_fapar(self, index: xr.DataArray) -> xr.DataArray:
        slope, intercept = self._line()
        return (slope * series_maximum(index) + intercept).clip(0.0, 1.0)

    def _line(self) -> tuple[float, float]:
        """Return slope and intercept of fAPAR by what it is taken from."""
        c = self.constants
        if self.fapar_from == "fapar":
            return 1.0, 0.0
        if self.fapar_from == "evi":
            return c.m1, c.b1
        return c.m1 * c.savi_slope, c.m1 * c.savi_intercept + c.b1

    def __call__(self, *arrays: ArrayLike) -> Array:
        """Compute latent heat.

        Parameters
        ----------
        *arrays : array_like
            One per name in `inputs`, in that order, that broadcast against each
            other: temperatures in degC, ``vpd`` in hPa, radiation in W m-2, ``patm`` in
            Pa, the others 1.

        Returns
        -------
        ndarray
            Latent heat, W m-2, positive upward, in float32 where all arrays are. NaN
            where an input is NaN or ta is outside -55 to 60 degC.

        Raises
        ------
        InputError
            For a wrong number of arrays, and for labelled or lazy ones.
        """
        from xflux.baselines import evapotranspiration_kernels as kernels

        return self._run(kernels.ptjpl, arrays, 1)[0]

    def details(self, *arrays: ArrayLike) -> dict[str, Array]:
        """Compute latent heat and its parts.

        Parameters
        ----------
        *arrays : array_like
            As for the model itself.

        Returns
        -------
        dict of str to ndarray
            W m-2: ``le``, ``le_soil``, ``le_canopy``, ``le_interception``; ``pet``, what
            evaporates where nothing limits; and ``rnet_soil``. The parts sum to ``le`` but
            where "jpl" limits it to ``pet``.
        """
        from xflux.baselines import evapotranspiration_kernels as kernels

        names = ("le_soil", "le_canopy", "le_interception", "le", "pet", "rnet_soil")
        return dict(zip(names, self._run(kernels.ptjpl_details, arrays, len(names)), strict=True))

    def _run(
        self, loop: Callable[..., None], arrays: Sequence[ArrayLike], outputs: int
    ) -> tuple[Array, ...]:
        from xflux.numerics.elementwise import arguments, elementwise

        given = arguments(type(self).__name__, self.inputs, arrays)
        # An input that a variant does without is not read: the air temperature fills in.
        absent = given["ta"]
        index = given["ndvi"] if self.fapar_from == "ndvi" else given[self.fapar_from]
        ordered = [
            absent,
            given.get("ta_max", absent),
            given.get("vpd", absent),
            *(given[name] for name in ("rh_air", "rnet", "g", "ndvi")),
            index,
            given["t_opt"],
            given["fapar_max"],
            given.get("patm", absent),
        ]
        return elementwise(loop, self._parameters(), ordered, outputs=outputs)

    def _parameters(self) -> tuple[float, ...]:
        """Return the parameters of the loops, in their order."""
        active, c, row = self._active, self.constants, variables["ta"]
        fixed = 0.0662 if "gamma" in active else 0.0
        own = "saturation" in active
        return (
            c.alpha,
            self.gamma or fixed,
            c.k_rn / c.k_par,
            c.beta,
            *self._line(),
            c.fipar_offset,
            0.611 if own else 0.6108,
            237.7 if own else 237.3,
            1.0 if "saturation_floor" in active else 0.0,
            float(self._from_rh),
            237.7 if "slope" in active else 237.3,
            0.7 if "wetness" in active else -math.inf,
            1e-4 if "wetness" in active else 0.0,
            float("t_opt" in active),
            float("limits" in active),
            float("bare" in active),
            row.valid_min,
            row.valid_max,
        )
