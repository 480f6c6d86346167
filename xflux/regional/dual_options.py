"""Options of `DualConstraintNetwork` as its training takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xflux.errors import InputError
from xflux.regional.dual_data import Design
from xflux.regional.dual_losses import Norm

if TYPE_CHECKING:
    from xflux.regional.dual_network import DualConstraintNetwork

__all__ = ["design_of"]


def design_of(model: DualConstraintNetwork) -> Design:
    """Return the options of a network, checked.

    Raises
    ------
    InputError
        For what does not fit.
    """
    counts = {"folds": 2, "epochs": 1, "batch": 1, "patience": 1}
    for name, least in counts.items():
        value = getattr(model, name)
        if value is not None and value < least:
            raise InputError(f"{name}={value!r}; expected {least} or more")
    if not 0.0 <= model.dropout < 1.0:
        raise InputError(f"dropout={model.dropout!r}; expected a share from 0 to below 1")
    if model.check_every < 0 or not model.rate > 0.0 or not model.norm >= 1.0:
        raise InputError(
            f"check_every={model.check_every!r}, rate={model.rate!r}, norm={model.norm!r}; "
            "expected 0 or more, above 0, and 1 or more"
        )
    fixed: tuple[float, float] | None = None
    if model.weighting != "kendall":
        try:
            ec, air = (float(one) for one in model.weighting)
        except (TypeError, ValueError):
            ec = air = -1.0
        if ec < 0.0 or air < 0.0 or ec + air == 0.0:
            raise InputError(
                f"weighting={model.weighting!r}; expected 'kendall' or two weights, such as "
                "(1.0, 1.0)"
            )
        fixed = (ec, air)
    return Design(
        tuple(model.hidden), Norm(float(model.norm), model.root), fixed, model.epochs, model.rate,
        model.batch, model.patience, model.dropout, model.check_every,
    )  # fmt: skip
