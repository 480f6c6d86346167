"""Rows that a network learns from: fluxes that obey the laws, and noise."""

from __future__ import annotations

import numpy as np

from xflux.refinement.network import Network

__all__ = ["CARBON", "LAWLESS", "PAR", "SMALL", "TA", "fitted", "r2", "rows", "same"]

#: Columns.
PAR, TA = 0, 1
SMALL = {"hidden": (16, 16), "members": 1, "epochs": 30, "batch": 128, "rate": 5e-3}
CARBON = ("gpp", "reco", "nee")
LAWLESS = dict.fromkeys(("mass", "light", "temperature", "negativity"), 0.0)


def rows(count=600, seed=0, noise=0.3):
    """Draw drivers (PAR, Ta, fapar), fluxes that obey the laws, and sites."""
    random = np.random.default_rng(seed)
    par, ta = random.uniform(0.0, 400.0, count), random.uniform(-5.0, 35.0, count)
    fapar = random.uniform(0.0, 1.0, count)
    gpp, reco = 8.0 * par / (par + 100.0) * fapar, 2.0 * 1.5 ** ((ta - 10.0) / 10.0)
    y = {"gpp": gpp, "reco": reco, "nee": reco - gpp, "le": 0.3 * par}
    y = {flux: values + random.normal(0.0, noise, count) for flux, values in y.items()}
    x = np.stack([par, ta, fapar], axis=1).astype(np.float32)
    return x, y, random.integers(0, 12, count)


def fitted(*, y=None, data=None, fit=None, **options):
    x, known, groups = data or rows()
    network = Network(**{**SMALL, **options})
    y = {flux: known[flux] for flux in network.fluxes} if y is None else y
    return network.fit(x, y, groups=groups, **{"light": PAR, "temperature": TA, **(fit or {})})


def r2(predicted, observed):
    return 1.0 - ((predicted - observed) ** 2).mean() / observed.var()


def same(one, other):
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
