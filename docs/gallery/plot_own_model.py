"""
A model of your own
===================

Any class with ``inputs``, ``outputs`` and ``__call__`` is a flux model: it gets plain arrays in
canonical units, and xflux does units, labels and chunks. Here a light-use model that thirsts for
rain, against the P-model and the truth.
"""

import numpy as np

import xflux


class DryLightUse:
    """Light use that falls with dry air and rises with rain."""

    inputs = ("swin", "fapar", "ta", "vpd", "p")
    outputs = ("gpp",)

    def __call__(self, swin, fapar, ta, vpd, p):
        light = 0.5 * 0.0864 * swin * fapar  # MJ m-2 d-1 of absorbed PAR
        warmth = np.clip(ta / 15.0, 0.0, 1.0)
        return 1.8 * light * warmth * np.exp(-vpd / 40.0) * (p + 0.5) / (p + 1.5)


earth = xflux.twin.Earth(seed=0)
truth = earth.truth[["gpp"]].compute()
for model in (xflux.PModel(), DryLightUse()):
    fluxes = xflux.baseline(earth.drivers, gpp=model, reco=None, le=None).compute()
    scores = xflux.evaluate(truth, fluxes).sel({"flux": "gpp"})
    print(fluxes.gpp.attrs["model"], *(f"{m} {float(scores[m]):.2f}" for m in ("r2_nse", "bias")))

# %%
# The last one beside the truth, cell by cell and month by month. Rain tells it of dry seasons,
# which the P-model does not see; its numbers were chosen by hand.

fluxes.flux.plot.scatter("gpp", truth, xlabel="True GPP [g C m-2 d-1]")
