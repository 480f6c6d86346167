"""What a network of fluxes pays where it misses the towers or breaks an ecological law.

Every loss takes torch tensors of rows in physical units (fluxes in gC m-2 d-1 or W m-2, PAR in
W m-2, temperature in degC) and returns a scalar to descend. A loss is the mean over the rows to
which its law applies, and 0 where it applies to none. Divided by spreads it has no units, so that
one weight serves every flux. Equations are those of Zhu et al. (2026, UFLUX v2e,
doi 10.1016/j.agrformet.2026.111197).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Laws",
    "data_loss",
    "light_loss",
    "mass_loss",
    "masked_mean",
    "negative_loss",
    "night_loss",
    "slope",
    "temperature_loss",
]

#: PAR below which GPP must not fall with light, W m-2 (eq 14).
DIM = 200.0
#: Slope below which a network counts as flat, standard deviations of the flux by one of the driver.
FLAT = 0.02


def masked_mean(values: Tensor, mask: Tensor, weight: Tensor | None = None) -> Tensor:
    """Average values over the rows of a mask; 0 where there are none.

    Parameters
    ----------
    values : Tensor (row,)
        Finite in every row, since a NaN outside the mask would still spoil the gradient.
    mask : Tensor (row,)
        Boolean.
    weight : Tensor (row,), optional
        Not negative.
    """
    share = mask.to(values.dtype)
    if weight is not None:
        share = share * weight
    total = share.sum()
    return (values * share).sum() / total.where(total > 0.0, total.new_ones(()))


def data_loss(
    predicted: Tensor,
    observed: Tensor,
    *,
    spread: float | Tensor = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Average the squared misfit over the rows that were observed (first term of eq 10).

    Parameters
    ----------
    predicted, observed : Tensor (row,)
        NaN in `observed` is a missing target.
    spread : float or Tensor
        Standard deviation of the observed flux, by which the misfit is divided.
    weight : Tensor (row,), optional
    """
    missing = observed.isnan()
    # Filled before the difference: the gradient of a square of NaN is NaN even where masked.
    misfit = (predicted - observed.where(~missing, predicted.detach())) / spread
    return masked_mean(misfit**2, ~missing, weight)


def mass_loss(
    nee: Tensor,
    gpp: Tensor,
    reco: Tensor,
    *,
    spread: float | Tensor = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Penalise an NEE that is not RECO less GPP (eq 11).

    Parameters
    ----------
    nee : Tensor (row,)
        Of the network's own head (the paper's text), or observed with NaN where it was not (the
        authors' code).
    gpp, reco : Tensor (row,)
    spread : float or Tensor
        Standard deviation of NEE.
    weight : Tensor (row,), optional

    Notes
    -----
    ``L_mass = mean |NEE - (RECO - GPP)| / sd(NEE)``. The paper leaves the norm open.
    """
    closed = reco - gpp
    missing = nee.isnan()
    imbalance = nee.where(~missing, closed.detach()) - closed
    return masked_mean(imbalance.abs() / spread, ~missing, weight)


def negative_loss(flux: Tensor, *, spread: float | Tensor = 1.0) -> Tensor:
    """Penalise a negative GPP or RECO, averaged over all rows (eq 13).

    Notes
    -----
    ``L_pos = mean max(0, -flux) / sd(flux)``, the soft form of eq 12.
    """
    return (-flux).clamp(min=0.0).div(spread).mean()


def slope(flux: Tensor, drivers: Tensor, column: int) -> Tensor:
    """Differentiate a flux by one driver, row by row, so that it can be descended itself.

    Parameters
    ----------
    flux : Tensor (row,)
        Computed from `drivers`, each row from its own.
    drivers : Tensor (row, feature)
        With ``requires_grad``, in physical units.
    column : int

    Returns
    -------
    Tensor (row,)
        In units of the flux per unit of the driver.
    """
    import torch

    (gradient,) = torch.autograd.grad(flux.sum(), drivers, create_graph=True)
    return gradient[:, column]


def light_loss(
    gpp_slope: Tensor, par: Tensor, *, scale: float | Tensor = 1.0, limit: float = DIM
) -> Tensor:
    """Penalise a GPP that falls with light where light is scarce (eq 14).

    Parameters
    ----------
    gpp_slope : Tensor (row,)
        dGPP/dPAR, of `slope`.
    par : Tensor (row,)
        W m-2.
    scale : float or Tensor
        sd(PAR) / sd(GPP), by which a flat network is told in any units.
    limit : float
        PAR below which the law holds, W m-2.

    Notes
    -----
    ``L_light = mean of max(0, -s) / rms(s) over PAR < limit``, where s is dGPP/dPAR.
    """
    return _falling(gpp_slope * scale, par < limit)


def temperature_loss(
    reco_slope: Tensor, temperature: Tensor, *, scale: float | Tensor = 1.0, limit: float = 40.0
) -> Tensor:
    """Penalise a RECO that falls with warming where it is not too hot (eq 15).

    Parameters
    ----------
    reco_slope : Tensor (row,)
        dRECO/dTa, of `slope`.
    temperature : Tensor (row,)
        Air temperature, degC.
    scale : float or Tensor
        sd(Ta) / sd(RECO).
    limit : float
        Temperature below which the law holds, degC: 40 in the paper, 30 in its code.

    Notes
    -----
    ``L_temp = mean of max(0, -s) / rms(s) over Ta < limit``, where s is dRECO/dTa.
    """
    return _falling(reco_slope * scale, temperature < limit)


def _falling(slope: Tensor, mask: Tensor) -> Tensor:
    """Average how far slopes are below 0, in units of their own size.

    Features that move together share what one driver does: among dozens of them the slope by
    one is a few hundredths of a standard deviation, and a loss of slopes as such would be lost
    beside the misfit. The size is the root mean square over the mask, at least `FLAT`, and not
    descended itself.
    """
    size = masked_mean(slope.detach() ** 2, mask).sqrt().clamp(min=FLAT)
    return masked_mean((-slope).clamp(min=0.0) / size, mask)


def night_loss(gpp: Tensor, par: Tensor, *, spread: float | Tensor = 1.0) -> Tensor:
    """Penalise photosynthesis in the dark (in the authors' code alone).

    Notes
    -----
    ``L_night = mean of |GPP| / sd(GPP) over PAR <= 0``: radiation sensors read slightly below 0
    at night.
    """
    return masked_mean(gpp.abs() / spread, par <= 0.0)


@dataclass(frozen=True, slots=True)
class Laws:
    """The losses that count, by how much, and the columns of the drivers they need.

    Attributes
    ----------
    weights : mapping of str to float
        Of ``mass``, ``light``, ``temperature``, ``night`` and ``negativity`` (the lambdas of
        eq 10). A law acts where its weight is not 0 and the fluxes and the driver it needs are
        there.
    light, temperature : int, optional
        Columns of PAR (W m-2) and of air temperature (degC).
    temperature_limit : float
        Of `temperature_loss`.
    derived : bool
        NEE is RECO - GPP itself, and its observations count as mass loss, not as data loss.
    """

    weights: Mapping[str, float]
    light: int | None = None
    temperature: int | None = None
    temperature_limit: float = 40.0
    derived: bool = False

    def losses(
        self,
        flux: Mapping[str, Tensor],
        drivers: Tensor,
        *,
        observed: Mapping[str, Tensor],
        spread: Mapping[str, Tensor],
        driver_spread: Tensor,
        weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute each loss before its weight, and ``total``, their weighted sum (eq 10).

        Parameters
        ----------
        flux : mapping of str to Tensor (row,)
            Predicted from `drivers`.
        drivers : Tensor (row, feature)
            With ``requires_grad``.
        observed : mapping of str to Tensor (row,)
            NaN where there is none.
        spread : mapping of str to Tensor
            Standard deviation of each flux.
        driver_spread : Tensor (feature,)
        weight : Tensor (row,), optional
            Of the misfit to observations.
        """
        fitted = [name for name in flux if not (self.derived and name == "nee")]
        found = {
            "data": sum(
                (
                    data_loss(flux[name], observed[name], spread=spread[name], weight=weight)
                    for name in fitted
                ),
                drivers.new_zeros(()),
            )
        }
        if self._acts("mass") and {"gpp", "reco", "nee"} <= set(flux):
            nee, share = (observed["nee"], weight) if self.derived else (flux["nee"], None)
            found["mass"] = mass_loss(
                nee, flux["gpp"], flux["reco"], spread=spread["nee"], weight=share
            )
        if self.light is not None and "gpp" in flux:
            par = drivers.detach()[:, self.light]
            if self._acts("light"):
                found["light"] = light_loss(
                    slope(flux["gpp"], drivers, self.light),
                    par,
                    scale=driver_spread[self.light] / spread["gpp"],
                )
            if self._acts("night"):
                found["night"] = night_loss(flux["gpp"], par, spread=spread["gpp"])
        if self._acts("temperature") and self.temperature is not None and "reco" in flux:
            found["temperature"] = temperature_loss(
                slope(flux["reco"], drivers, self.temperature),
                drivers.detach()[:, self.temperature],
                scale=driver_spread[self.temperature] / spread["reco"],
                limit=self.temperature_limit,
            )
        carbon = [name for name in ("gpp", "reco") if name in flux]
        if self._acts("negativity") and carbon:
            found["negativity"] = sum(
                (negative_loss(flux[name], spread=spread[name]) for name in carbon),
                drivers.new_zeros(()),
            )
        weighted = (self.weights.get(name, 1.0) * loss for name, loss in found.items())
        return {**found, "total": sum(weighted, drivers.new_zeros(()))}

    def _acts(self, name: str) -> bool:
        return self.weights.get(name, 0.0) > 0.0
