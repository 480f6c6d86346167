"""Carbon that drains away at night before the towers of the tropics see it.

On calm nights what soils and plants respire pools under the canopy and flows downhill, past
the instruments. Rules on friction velocity mend that where winds are strong enough for long
enough, and little in the wet tropics. Functions of plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.twin.climate import Steps
from xflux.twin.land import of_class
from xflux.twin.towers import Sites

__all__ = ["DRAINAGE", "DrainageParameters", "drained", "share_lost"]

Floats = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DrainageParameters:
    """Numbers of what drains away at night.

    Attributes
    ----------
    reach : float
        Latitude beyond which winds are strong, degrees.
    calm_rain : float
        Rain at which nights are half as calm as under the rain belt, mm d-1.
    tall : float
        Conductance of the air above a tall canopy, m s-1.
    spread : float
        Standard deviation of the logarithm of what differs by the lie of the land, 1.
    """

    reach: float = 26.0
    calm_rain: float = 2.0
    tall: float = 0.055
    spread: float = 0.5


DRAINAGE = DrainageParameters()


def share_lost(
    seed: int, sites: Sites, rain: Floats, first: Days, last: Days, night_loss: float
) -> tuple[Floats, Floats]:
    """Return the share of night-time respiration that towers miss, and how long nights are.

    Parameters
    ----------
    seed : int
    sites : Sites
    rain : ndarray (step, site)
        mm d-1.
    first, last : ndarray (step,)
        Days since 1900-01-01 at which steps begin and end.
    night_loss : float
        Share that is lost in the calmest nights of a tall tropical forest, 0 to 1.

    Returns
    -------
    share, night : ndarray (step, site)
        Of the respiration of the night, and of the day of 24 hours.

    Notes
    -----
    ``night_loss c t l exp(s z)``, at most 1: calm ``c = p^2 / (p^2 + p_0^2)`` where the rain belt
    lies above, with its doldrums, and none in the season of the trade winds; tall canopies ``t =
    sqrt(conductance / tall)``, at most 1; latitude ``l = exp(-(lat / reach)^6)``; and the lie of
    the land z, one draw of a standard normal for each site.
    """
    calm = rain**2 / (rain**2 + DRAINAGE.calm_rain**2)
    tall = np.sqrt(np.minimum(of_class(sites.land.igbp, "roughness") / DRAINAGE.tall, 1.0))
    tropical = np.exp(-((sites.lat / DRAINAGE.reach) ** 6))
    lie = [np.random.default_rng([seed, 7, k]).normal() for k in range(sites.lat.size)]
    at_site = tall * tropical * np.exp(DRAINAGE.spread * np.array(lie))
    return np.minimum(night_loss * at_site, 1.0) * calm, _night(sites.lat, first, last)


def drained(
    seed: int,
    sites: Sites,
    truth: dict[str, Floats],
    first: Days,
    last: Days,
    night_loss: float,
) -> dict[str, Floats]:
    """Return what is left for instruments to record.

    Parameters
    ----------
    seed, sites, first, last, night_loss
        As in `share_lost`.
    truth : dict of str to ndarray (step, site)
        True ``gpp`` and ``reco``, rain ``p``, and others, which stay.

    Notes
    -----
    NEE lacks ``share night reco``. Respiration of the day is taken from that of the night, so
    that it lacks ``share reco``, and uptake, ``reco - nee``, lacks ``share (1 - night) reco``.
    """
    share, night = share_lost(seed, sites, truth["p"], first, last, night_loss)
    lost = share * truth["reco"]
    return truth | {
        "gpp": truth["gpp"] - (1.0 - night) * lost,
        "reco": truth["reco"] - lost,
    }


def _night(lat: Floats, first: Days, last: Days) -> Floats:
    """Return the share of the day without sun: FAO-56, eqs 24 and 25."""
    days = Steps.between(first, last).days
    total = np.zeros((first.size, lat.size))
    for day in days:
        declination = 0.409 * np.sin(2.0 * np.pi * day / 365.0 - 1.39)
        cosine = -np.tan(np.deg2rad(lat)) * np.tan(declination)
        total += 1.0 - np.arccos(np.clip(cosine, -1.0, 1.0)) / np.pi
    return total / len(days)
