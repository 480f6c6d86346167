"""What happened while networks were trained, as a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.regional.dual_data import Member

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["history_of"]

_HISTORY = {
    "ec": "loss of towers, g2 m-4 d-2",
    "atm": "loss of the atmosphere",
    "ec_held": "loss of towers held out, g2 m-4 d-2",
    "atm_held": "loss of the atmosphere in years held out",
    "score": "sum of both held losses over what they were at the start",
    "eta_ec": "logarithm of the variance of towers",
    "eta_atm": "logarithm of the variance of the atmosphere",
    "bridge_r2": "explained variance of the region whose bridge holds least",
}


def history_of(members: Sequence[Member]) -> xr.Dataset:
    """Return losses (member, epoch), NaN after the last epoch of a member."""
    import xarray as xr

    length = max(len(member.history["ec"]) for member in members)
    made = {}
    for name, text in _HISTORY.items():
        values = np.full((len(members), length), np.nan)
        for k, member in enumerate(members):
            values[k, : len(member.history[name])] = member.history[name]
        made[name] = (("member", "epoch"), values, {"long_name": text})
    best = [member.best for member in members]
    return xr.Dataset(
        {**made, "best_epoch": ("member", best, {"long_name": "epoch that is kept"})},
        coords={"member": np.arange(len(members)), "epoch": np.arange(length)},
    )
