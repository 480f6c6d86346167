"""The numbers of the errors of atmospheric inversions on the idealised Earth, frozen."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INVERSIONS", "InversionParameters"]


@dataclass(frozen=True, slots=True)
class InversionParameters:
    """How wrong inversions are; sizes are standard deviations among models and years.

    Attributes
    ----------
    world : float
        Of the annual flux of all regions together, PgC per year.
    tropics, elsewhere : float
        Of what a region trades with its neighbours in a year, within and outside of the tropics,
        for a region of `area`, PgC per year.
    area : float
        Land of a region that these hold for, m2; errors grow with the square root of it.
    tropic : float
        Latitude to which the tropics reach, degrees.
    bias : float
        Share of the variance of annual errors that a model keeps for ever, 1.
    memory : float
        Months by which the rest lasts.
    season : float
        Amplitude of the seasonal error, PgC per month, over the annual error, PgC per year.
    """

    world: float = 0.35
    tropics: float = 0.80
    elsewhere: float = 0.25
    area: float = 12e12
    tropic: float = 23.5
    bias: float = 0.5
    memory: float = 6.0
    season: float = 0.12


INVERSIONS = InversionParameters()
