"""Errors of observations on plain arrays: weights, draws, and their share of intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xflux.refinement.blend import left_out
from xflux.refinement.ensemble import Ensemble, Sampling
from xflux.refinement.intervals import Spread

__all__ = ["Errors", "RowErrors", "decompose"]

Floats = NDArray[np.float64]
_CARBON = ("gpp", "reco", "nee")
#: Standard deviations of the normal distribution from the middle to the end of its central 90 %.
_NORMAL_90 = 1.645


@dataclass(frozen=True)
class Errors:
    """Standard deviations of errors, by flux and cause.

    Attributes
    ----------
    terms : mapping of str to mapping of str to ndarray (site, time)
        Signed where sites err to one side: towards the other partitioning, or towards what is
        corrected for energy balance. NaN where it is not known.
    seed : int
    """

    terms: Mapping[str, Mapping[str, Floats]]
    seed: int

    def draw(self, flux: str, member: int) -> Floats:
        """Draw the errors of one member, (site, time).

        Random errors are drawn for each record. Those of the ustar threshold, the partitioning
        and the energy balance are one number for each site, times the standard deviation of each
        record. Draws of gpp, reco and nee of one member belong together, whichever is asked for:
        ``nee = reco - gpp`` but for the partitioning, which leaves nee as it was measured. A cause
        that is not known of a record errs there as it does in the median of the others.
        """
        terms = {cause: _completed(term) for cause, term in self.terms[flux].items()}
        shape = next(iter(terms.values())).shape
        random = np.random.default_rng([self.seed, 13, member])
        threshold = random.standard_normal((2, shape[0], 1))
        divided, balance = random.standard_normal((2, shape[0], 1))
        net, respired, other = random.standard_normal((3, *shape))
        # The standard deviation of gpp is root 2 times that of the others: GPP = RECO - NEE.
        unit = {"nee": net, "reco": respired, "gpp": (respired - net) / np.sqrt(2.0)}
        total = np.zeros(shape)
        if "random" in terms:
            total += terms["random"] * unit.get(flux, other)
        if "ustar" in terms:
            total += self._threshold(flux, threshold)
        if "partitioning" in terms:
            total += terms["partitioning"] * divided
        if "energy_balance" in terms:
            total += terms["energy_balance"] * balance
        return total

    def _threshold(self, flux: str, unit: Floats) -> Floats:
        """Draw errors of the ustar threshold that keep both their sizes and nee = reco - gpp.

        A higher threshold raises respiration, and with it gross production: how closely they go
        together follows from how little of it nee shows.
        """
        held = {
            name: _completed(self.terms[name]["ustar"])
            for name in _CARBON
            if "ustar" in self.terms.get(name, {})
        }
        if not {"gpp", "reco"} <= set(held):
            return held[flux] * unit[0]
        gpp, reco = held["gpp"], held["reco"]
        both = 2.0 * gpp * reco
        left = gpp**2 + reco**2 - held.get("nee", gpp - reco) ** 2
        together = np.clip(np.divide(left, both, out=np.ones_like(both), where=both > 0), -1.0, 1.0)
        respired = reco * unit[0]
        produced = gpp * (together * unit[0] + np.sqrt(1.0 - together**2) * unit[1])
        return {"gpp": produced, "reco": respired, "nee": respired - produced}[flux]


@dataclass(frozen=True)
class RowErrors:
    """Errors of the observations of one flux at the rows of a fit.

    Attributes
    ----------
    errors : Errors
    flux : str
    rows : ndarray of bool (site x time,)
    """

    errors: Errors
    flux: str
    rows: NDArray[np.bool_]

    def draw(self, member: int) -> Floats:
        """Draw the errors of one member, (row,)."""
        return self.errors.draw(self.flux, member).reshape(-1)[self.rows]

    def variances(self) -> dict[str, Floats]:
        """Return the variance of each cause, (row,); NaN where it is not known."""
        return {
            cause: term.reshape(-1)[self.rows] ** 2
            for cause, term in self.errors.terms[self.flux].items()
        }

    def weights(self, observed: Floats, baseline: Floats) -> Floats:
        """Return a weight for each row, of mean 1.

        Parameters
        ----------
        observed, baseline : ndarray (row,)

        Notes
        -----
        ``1 / (s_obs^2 + s_model^2)``, the optimum when a model errs by s_model beside what the
        observation errs by. s_model^2 is the variance that a line through the baseline leaves,
        less the mean of s_obs^2, and at least a quarter of it: so no record weighs more than
        five times as much as one whose error is as large as that variance, and no well-measured
        site outweighs the others. A row whose uncertainty is not known has the median weight.
        """
        known = np.sum(list(self.variances().values()), axis=0)
        there = np.isfinite(known)
        if not there.any():
            return np.ones(len(observed))
        left = float(np.var(observed))
        if np.ptp(baseline) > 0:
            left *= 1.0 - float(np.corrcoef(baseline, observed)[0, 1]) ** 2
        model = max(left - float(known[there].mean()), 0.25 * left, 1e-12)
        weight = _completed(1.0 / (known + model))
        return np.asarray(weight / weight.mean(), np.float64)


def decompose(
    errors: RowErrors,
    fitted: Ensemble,
    plain: Ensemble | None,
    x: NDArray[np.float32],
    base: Floats,
    *,
    spread: Spread,
    groups: NDArray[np.int64],
    sampling: Sampling,
    cover: Floats | None = None,
) -> dict[str, float]:
    """Return which parts of the variance of intervals are errors of observations.

    Parameters
    ----------
    errors : RowErrors
    fitted : Ensemble
    plain : Ensemble, optional
        The same, fitted without draws; None when `fitted` had none.
    x : ndarray (row, column)
    base : ndarray (row,)
    spread : Spread
        Of which intervals are made: their variance is that of a normal error with the same
        90 %, in the mean over sites.
    groups : ndarray (row,)
        Site of each row.
    sampling : Sampling
        By which members leave out sites.
    cover : ndarray (row,), optional
        Codes of land cover.

    Returns
    -------
    dict of str to float
        Of each cause, the part that is error of the records by which intervals were found; of
        ``members``, that of the errors which went through the fit into a member, at sites that
        it did not see.
    """
    away = np.isfinite(fitted.left_out)
    ground = None if cover is None else cover[away]
    size = spread.size(fitted.left_out[away], ground)
    reach = spread.reach(0.9) * size / _NORMAL_90
    variance = _by_site(reach**2, groups[away])
    shares = {
        cause: _by_site(_completed(values)[away], groups[away]) / variance
        for cause, values in errors.variances().items()
    }
    if plain is not None:
        change = fitted.predict(x, base) - plain.predict(x, base)
        unseen = left_out(groups, sampling.members, sampling.rows, sampling.seed)
        rows = [np.isin(groups, list(sites)) for sites in unseen]
        squares = np.concatenate([part[seen] ** 2 for part, seen in zip(change, rows, strict=True)])
        shares["members"] = _by_site(squares, np.concatenate([groups[seen] for seen in rows]))
        shares["members"] /= variance
    return shares


def _by_site(values: Floats, groups: NDArray[np.int64]) -> float:
    return float(np.average(values, weights=1.0 / np.bincount(groups)[groups]))


def _completed(values: Floats) -> Floats:
    """Put the median of the sizes that are known where none is."""
    known = np.abs(values[~np.isnan(values)])
    return np.where(np.isnan(values), np.median(known) if known.size else 0.0, values)
