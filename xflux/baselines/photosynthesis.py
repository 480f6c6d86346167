"""Gross primary production by the P-model of Stocker et al. (2020), for C3 and C4."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal

from numpy.typing import ArrayLike, NDArray

from xflux.baselines.constants import PModelConstants
from xflux.baselines.model import repr_of_changes
from xflux.errors import InputError, XfluxError, XfluxWarning, raise_together
from xflux.labels.variables import variables
from xflux.numerics.elementwise import arguments, elementwise

__all__ = ["PHI0_PRESETS", "PModel"]

#: Quantum yield of C3 by preset (mol CO2 per mol absorbed photons): the three calibrations
#: of Stocker et al. (2020), table 1, and the theoretical maximum.
PHI0_PRESETS: Mapping[str, float] = MappingProxyType(
    {"BRC": 0.081785, "ORG": 0.049977, "FULL": 0.087182, "theoretical": 0.125}
)

Array = NDArray[Any]
Preset = Literal["BRC", "ORG", "FULL", "theoretical"]
Limit = Literal["wang17", "smith19"]
Stress = Literal["stocker", "mengoli"]
Pathway = Literal["c3", "c4"]

_CONSTANTS = PModelConstants()
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "phi0_temperature": (True, False),
    "jmax": ("wang17", "smith19", None),
    "soil_stress": ("stocker", "mengoli", None),
    "preset": tuple(PHI0_PRESETS),
    "c4": ("standard", "no_gamma"),
}
_STRESS_INPUTS: Mapping[str | None, tuple[str, ...]] = {
    None: (),
    "stocker": ("soil_moisture",),
    "mengoli": ("soil_moisture", "aridity"),
}


@dataclass(frozen=True, repr=False)
class PModel:
    """Gross primary production from optimal stomata and coordinated photosynthesis.

    Parameters
    ----------
    phi0 : float, optional
        Quantum yield (mol CO2 per mol absorbed photons, 0 to 1) in place of the
        preset's; it serves C4 too unless `phi0_c4` is given.
    phi0_c4 : float, optional
        Quantum yield of C4; 1/8 with every preset, as presets are C3 calibrations.
    phi0_temperature : bool, default True
        Scale the yield by a quadratic function of temperature, of C3 and of C4.
    jmax : {"wang17", "smith19"} or None, default "wang17"
        Limit to electron transport. The calibrated presets hold with "wang17":
        without a limit the same yield gives about 1.8 times the GPP.
    soil_stress : {"stocker", "mengoli"} or None
        Factor on GPP. "stocker" takes the input soil_moisture and was calibrated
        with FULL; "mengoli" takes soil_moisture and aridity and was calibrated with
        "theoretical", in the subdaily form of the model.
    preset : {"BRC", "ORG", "FULL", "theoretical"}, default "BRC"
        Calibration of the yield of C3; see the table in the notes.
    c4 : {"standard", "no_gamma"}, default "standard"
        Stomata of C4 with or without photorespiration. GPP is the same.
    co2 : float, optional
        CO2 (ppm, 100 to 5000) of all cells and times; the input co2 is then not read.
    mean_alpha : float, default 1.0
        Mean annual ratio of actual to potential evapotranspiration, for "stocker";
        the drier, the stronger the stress.
    constants : PModelConstants
        Everything else, with sources.

    Raises
    ------
    InputError
        For a value outside its range, or settings that contradict the preset.

    Warns
    -----
    XfluxWarning
        For soil_stress="stocker" with preset="theoretical": a stress that was
        calibrated together with 0.087, put on a yield of 1/8.

    Notes
    -----
    What a preset says beyond the number of phi0 rules over the other settings:

    ============  ========  ==================  ===========
    preset        phi0      of temperature      soil_stress
    ============  ========  ==================  ===========
    BRC           0.081785  `phi0_temperature`  as given
    ORG           0.049977  no (C3)             as given
    FULL          0.087182  `phi0_temperature`  "stocker"
    theoretical   1/8       `phi0_temperature`  as given
    ============  ========  ==================  ===========

    A phi0 given by hand replaces the number alone.

    With ``ca`` the partial pressure of CO2, ``D`` the vapour pressure deficit,
    ``eta*`` the viscosity of water over that at 25 degC and standard pressure::

        f(H)   = exp(H (T - 298.15) / (298.15 R T))                  T in K
        G      = 4.332 (p / p0) f(37830)                             gammastar, Pa
        K      = 39.97 f(79430) (1 + 0.209476 p / (27480 f(36380)))  Pa
        xi     = sqrt(beta (K + G) / (1.6 eta*))                     beta = 146; C4 146 / 9
        chi    = G / ca + (1 - G / ca) xi / (xi + sqrt(D))
        mj     = (ci - G) / (ci + 2 G)                               ci = chi ca; C4 1
        f_v    = sqrt(1 - (0.41 / mj)^(2/3))                         wang17
        GPP    = 12.0107 phi0(T) mj f_v fapar ppfd

    (Prentice et al. 2014, eq. 8; Wang et al. 2017, eqs 3 and 49; Smith et al. 2019,
    eqs S4 and 18). C4 without photorespiration has ``xi = sqrt(beta K / (1.6 eta*))``
    and ``chi = xi / (xi + sqrt(D))``. A cell with a fraction of C4 is the mixture of
    both. `ppfd` is the mean over 24 hours.

    NaN in any input gives NaN; so do a negative vpd and ta below -55 degC. GPP is 0
    where fapar, ppfd or phi0(T) is 0 (C3 below -13.3, C4 below 2.2 degC). It is NaN
    where the optimum is undefined: mj at or below 0.41 with "wang17" (hot and dry with
    little CO2), 0.21 with "smith19" (which would give a negative GPP) or 0 without a
    limit, and below -25 degC with a yield that does not depend on temperature, as
    liquid water has no viscosity there.

    References
    ----------
    Prentice, I. C. et al. (2014). Ecol. Lett. 17, 82-91.
    Wang, H. et al. (2017). Nature Plants 3, 734-741.
    Smith, N. G. et al. (2019). Ecol. Lett. 22, 506-517.
    Stocker, B. D. et al. (2020). Geosci. Model Dev. 13, 1545-1581.
    Bernacchi, C. J. et al. (2003). Plant Cell Environ. 26, 1419-1430.
    Cai, W. and Prentice, I. C. (2020). Environ. Res. Lett. 15, 124069.

    Examples
    --------
    >>> model = PModel(co2=400.0)
    >>> model.inputs
    ('ta', 'vpd', 'patm', 'fapar', 'ppfd', 'c4_fraction')
    >>> gpp = model(ta=20.0, vpd=10.0, patm=101325.0, fapar=0.8, ppfd=400.0, c4_fraction=0.0)
    >>> round(float(gpp), 3)
    7.043
    """

    phi0: float | None = None
    phi0_c4: float | None = None
    phi0_temperature: bool = True
    jmax: Limit | None = "wang17"
    soil_stress: Stress | None = None
    preset: Preset = "BRC"
    c4: Literal["standard", "no_gamma"] = "standard"
    co2: float | None = None
    mean_alpha: float = 1.0
    constants: PModelConstants = _CONSTANTS

    def __post_init__(self) -> None:
        problems: list[XfluxError] = []
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                problems.append(
                    InputError(
                        f"PModel({name}={getattr(self, name)!r}): expected "
                        f"{' or '.join(map(repr, choices))}"
                    )
                )
        co2 = variables["co2"]
        for name, low, high, units in (
            ("phi0", 0.0, 1.0, "mol mol-1"),
            ("phi0_c4", 0.0, 1.0, "mol mol-1"),
            ("co2", co2.valid_min, co2.valid_max, co2.units),
            ("mean_alpha", 0.0, 1.26, "1"),
        ):
            value = getattr(self, name)
            if value is None and name != "mean_alpha":
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, Real)
                or not low < float(value) <= high
            ):
                problems.append(
                    InputError(
                        f"PModel({name}={value!r}): expected a number between {low:g} and "
                        f"{high:g} {units}"
                    )
                )
        if self.preset == "FULL" and self.soil_stress == "mengoli":
            problems.append(
                InputError(
                    "PModel(preset='FULL', soil_stress='mengoli'): FULL was calibrated with the "
                    "stress 'stocker'; leave soil_stress out, or choose another preset"
                )
            )
        raise_together(problems)
        if self.phi0 is None and self.preset == "theoretical" and self.soil_stress == "stocker":
            warnings.warn(
                "the stress 'stocker' was calibrated together with phi0 = 0.087182, and lowers "
                "GPP further than its authors meant when phi0 is 1/8; use preset='FULL'",
                XfluxWarning,
                stacklevel=3,
            )

    def __repr__(self) -> str:
        # What a preset overrules would otherwise stand here as if it held.
        return repr_of_changes(self, always="preset")

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Canonical names of the arguments, in call order."""
        names = ["ta", "vpd", "co2", "patm", "fapar", "ppfd", "c4_fraction"]
        if self.co2 is not None:
            names.remove("co2")
        return (*names, *_STRESS_INPUTS[self.stress])

    @cached_property
    def prepared(self) -> dict[Any, Any]:
        """Coefficients of the loops by pathway and dtype, as they come to be needed."""
        return {}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Canonical names of what is returned: gpp."""
        return ("gpp",)

    @property
    def stress(self) -> Stress | None:
        """Soil-moisture stress in force, with what the preset implies."""
        return "stocker" if self.preset == "FULL" else self.soil_stress

    def quantum_yield(self, pathway: Pathway) -> tuple[float, tuple[float, float, float]]:
        """Return phi0 in force, and the powers of degC of its temperature factor.

        Parameters
        ----------
        pathway : {"c3", "c4"}
            Which kind of photosynthesis.

        Returns
        -------
        phi0 : float
            mol CO2 per mol absorbed photons.
        temperature : tuple of float
            Coefficients of 1, ta and ta squared; the factor is 0 where they give less.
        """
        constants = self.constants
        scaled = self.phi0_temperature
        if pathway == "c3":
            phi0 = PHI0_PRESETS[self.preset] if self.phi0 is None else self.phi0
            scaled = scaled and self.preset != "ORG"
            temperature = constants.temperature_c3
        else:
            by_hand = self.phi0 if self.phi0_c4 is None else self.phi0_c4
            phi0 = constants.phi0_c4 if by_hand is None else by_hand
            temperature = constants.temperature_c4
        return float(phi0), temperature if scaled else (1.0, 0.0, 0.0)

    def __call__(self, *arrays: ArrayLike, **named: ArrayLike) -> Array:
        """Compute GPP.

        Parameters
        ----------
        *arrays : array_like
            One per name in `inputs`, in that order, that broadcast against each
            other: ta (degC), vpd (hPa), co2 (ppm), patm (Pa), fapar (1), ppfd
            (umol m-2 s-1, mean over 24 hours), c4_fraction (1), soil_moisture (1, of
            plant-available capacity), aridity (1, potential evapotranspiration over
            precipitation).
        **named : array_like
            Inputs by name; c4_fraction is 0 where it is left out.

        Returns
        -------
        ndarray
            GPP [g m-2 d-1 of carbon], of the broadcast shape; float32 where no array
            is wider, else float64.

        Raises
        ------
        InputError
            For missing, unknown or non-numeric inputs.
        """
        from xflux.baselines.pmodel_tiles import fill_gpp

        def fill(_: Any, *tiles: Array) -> None:
            fill_gpp(self, tiles[:-1], tiles[-1])

        (gpp,) = elementwise(fill, (), self._bind(arrays, named))
        return gpp

    def details(
        self, *arrays: ArrayLike, pathway: Pathway = "c3", **named: ArrayLike
    ) -> dict[str, Array]:
        """Compute GPP of one pathway with everything on the way to it.

        Parameters
        ----------
        *arrays, **named : array_like
            As in a call; c4_fraction is not used.
        pathway : {"c3", "c4"}
            Which kind of photosynthesis.

        Returns
        -------
        dict of str to ndarray
            Of the shape and dtype of GPP:

            - gpp [g m-2 d-1 of carbon], after soil-moisture stress
            - lue [g mol-1, carbon per absorbed photons], before it
            - phi0 [mol mol-1], at the temperature
            - gammastar, kmm, ca, ci [Pa], chi [1], xi [Pa1/2]
            - ns_star [1], viscosity over that at 25 degC and standard pressure
            - mj, mc, f_v, f_j [1]
            - vcmax, jmax, vcmax25, jmax25 [umol m-2 s-1], before soil-moisture stress
            - gs [umol m-2 s-1 Pa-1], before it; NaN where vpd is 0
            - iwue [umol mol-1]
            - soil_stress [1]

        Notes
        -----
        ``vcmax = phi0 fapar ppfd (mj / mc) f_v`` and ``jmax = 4 phi0 fapar ppfd f_j``;
        at 25 degC by simple Arrhenius functions. ``gs = A / (ca - ci)``, with A the
        GPP in umol m-2 s-1, and ``iwue = 5/8 (ca - ci) / (1e-6 patm)``.
        """
        if pathway not in ("c3", "c4"):
            raise InputError(f"pathway={pathway!r}: expected 'c3' or 'c4'")
        from xflux.baselines.pmodel_tiles import DETAILS, fill_details

        inputs = self._bind(arrays, named)

        def fill(_: Any, *tiles: Array) -> None:
            fill_details(self, pathway, tiles[: len(inputs)], tiles[len(inputs) :])

        filled = elementwise(fill, (), inputs, outputs=len(DETAILS))
        return dict(zip(DETAILS, filled, strict=True))

    def _bind(self, arrays: Sequence[ArrayLike], named: Mapping[str, ArrayLike]) -> list[Array]:
        """Return one plain array per input."""
        if named or len(arrays) != len(self.inputs):
            given = dict(zip(self.inputs, arrays))
            wrong = [name for name in named if name in given or name not in self.inputs]
            given = {"c4_fraction": 0.0, **given, **named}
            absent = [name for name in self.inputs if name not in given]
            if wrong or absent or len(arrays) > len(self.inputs):
                raise InputError(
                    f"{self!r} takes {', '.join(self.inputs)}, each once, and got {len(arrays)} by "
                    f"position; unknown or given twice: {', '.join(wrong) or 'none'}; missing: "
                    f"{', '.join(absent) or 'none'}"
                )
            arrays = [given[name] for name in self.inputs]
        return list(arguments("PModel", self.inputs, arrays).values())
