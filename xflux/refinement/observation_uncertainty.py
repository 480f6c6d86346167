"""How uncertain the fluxes of towers are, by cause, from what their files say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xflux.errors import MissingVariableError
from xflux.labels.attach import attributes
from xflux.labels.find import find, require_known
from xflux.labels.units import convert
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "COMPONENTS",
    "error_terms",
    "observation_uncertainty",
    "require_uncertainties",
    "share_table",
    "uncertainty_variables",
]

#: Causes, and what has one and the same error of each.
COMPONENTS = {
    "random": "record",
    "ustar": "site",
    "partitioning": "site",
    "energy_balance": "site",
}
#: Which causes touch which flux.
_TOUCHED = {
    "gpp": ("random", "ustar", "partitioning"),
    "reco": ("random", "ustar", "partitioning"),
    "nee": ("random", "ustar"),
    "le": ("random", "energy_balance"),
    "h": ("random", "energy_balance"),
}
#: Percentiles over ustar thresholds, and how many standard deviations of the normal
#: distribution lie between them. SUBSET files hold the second pair alone.
_PERCENTILES = (("16", "84", 2.0), ("25", "75", 1.349), ("05", "95", 3.29))
#: Standard deviation of two estimates over their difference.
_TWO = 1.0 / np.sqrt(2.0)


def observation_uncertainty(
    towers: xr.Dataset, *, fluxes: Sequence[str] | None = None
) -> xr.Dataset:
    """Return the standard deviation of the error of tower fluxes, by cause.

    Parameters
    ----------
    towers : Dataset
        As `xflux.open_towers` returns it, eager or lazy: fluxes, and beside them
        ``*_randunc``, percentiles over ustar thresholds (``*_16``, ``*_84``), the other
        partitioning (``*_dt`` or ``*_nt``) and what is corrected for energy balance
        (``*_corr``).
    fluxes : sequence of str, optional
        Of gpp, reco, nee, le and h; None: those with an uncertainty.

    Returns
    -------
    Dataset
        ``<flux>_uncertainty`` [g m-2 d-1 of carbon, W m-2], with the dims of the flux and
        ``component``: random, ustar, partitioning, energy_balance, total. 0 where a cause
        does not touch the flux; NaN where the towers hold nothing of it. The total is of the
        causes that they hold, and NaN where one of these is missing. The coordinate
        ``shared_by`` says what has one error of each. Lazy where `towers` is.

    Raises
    ------
    MissingVariableError
        When a flux that is named, or every flux, has no uncertainty.
    UnitsError
        For a variable without unit, or with a wrong one.

    Notes
    -----
    random
        ``*_randunc`` as it stands: in files coarser than half-hourly, the root of the sum of
        squares of the half-hours over their number, that is, of independent errors that
        average out (Pastorello et al. 2020). Files hold it for nee, le and h. Respiration is
        given that of nee, as it is fitted to the net exchange of nights; gpp has root 2 times
        as much, being the difference of the two (Reichstein et al. 2005).
    ustar
        Half of the distance of the 84th and the 16th percentile over 40 thresholds of the
        friction velocity, as in the joint uncertainty of the files (else, of the 75th and the
        25th over 1.349). Nearly one error of a whole site, as thresholds of neighbouring years
        are found together.
    partitioning
        Night-time (Reichstein et al. 2005) and daytime partitioning (Lasslop et al. 2010) are
        two estimates of one flux: their standard deviation is their difference over root 2.
        nee is measured and has none.
    energy_balance
        Likewise of le and h as they stand and corrected for closure with their Bowen ratio
        kept (Pastorello et al. 2020).

    Random errors are independent of record and record. The others are biases: they do not
    average out over the months of a site. Causes are taken to be independent of each other:
    the total is the root of the sum of squares.

    References
    ----------
    Lasslop, G. et al. (2010) Global Change Biol. 16:187-208, doi 10.1111/j.1365-2486.2009.02041.x
    Pastorello, G. et al. (2020) Sci. Data 7:225, doi 10.1038/s41597-020-0534-3
    Reichstein, M. et al. (2005) Global Change Biol. 11:1424-1439,
    doi 10.1111/j.1365-2486.2005.001002.x

    Examples
    --------
    >>> import xarray as xr
    >>> carbon = {"units": "g m-2 d-1"}
    >>> towers = xr.Dataset(
    ...     {
    ...         "nee": ("time", [-1.0], carbon),
    ...         "nee_randunc": ("time", [0.3], carbon),
    ...         "nee_16": ("time", [-1.4], carbon),
    ...         "nee_84": ("time", [-0.6], carbon),
    ...     }
    ... )
    >>> observation_uncertainty(towers)["nee_uncertainty"].sel(component="total").round(3).item()
    0.5
    """
    import xarray as xr

    wanted = tuple(_TOUCHED) if fluxes is None else tuple(fluxes)
    terms = error_terms(towers)
    held = [flux for flux in wanted if terms.get(flux)]
    lacking = [flux for flux in wanted if flux not in held]
    if not held or (fluxes is not None and lacking):
        raise MissingVariableError(_missing(lacking))
    result = {f"{flux}_uncertainty": _stacked(flux, terms[flux]) for flux in held}
    shared = [*COMPONENTS.values(), ""]
    ds = xr.Dataset(result).assign_coords(shared_by=("component", shared))
    ds["component"].attrs["long_name"] = "Cause of the uncertainty"
    ds["shared_by"].attrs["long_name"] = "What has one and the same error"
    return ds


def error_terms(towers: xr.Dataset) -> dict[str, dict[str, xr.DataArray]]:
    """Return standard deviations of errors by flux and cause, in canonical units, lazily.

    Those of partitioning and energy balance are signed: towards the other estimate. A flux
    without any has no entry.
    """
    terms: dict[str, dict[str, xr.DataArray]] = {}
    for flux, touched in _TOUCHED.items():
        made = {cause: _term(towers, flux, cause) for cause in touched}
        there = {cause: array for cause, array in made.items() if array is not None}
        if there:
            terms[flux] = there
    return terms


def uncertainty_variables(towers: xr.Dataset) -> list[str]:
    """Return the names of what `error_terms` reads beside the fluxes."""
    ends = ("randunc", "nt", "dt", "corr", *(p for pair in _PERCENTILES for p in pair[:2]))
    return [name for flux in _TOUCHED for end in ends if (name := f"{flux}_{end}") in towers]


def require_uncertainties(terms: dict[str, dict[str, xr.DataArray]], fluxes: Sequence[str]) -> None:
    """Refuse fluxes of which nothing is known."""
    lacking = [flux for flux in fluxes if flux not in terms]
    if lacking:
        raise MissingVariableError(_missing(lacking))


def share_table(shares: Mapping[str, Mapping[str, float]]) -> xr.Dataset | None:
    """Return shares of the variance of intervals, by flux and cause, as a Dataset.

    Parameters
    ----------
    shares : mapping of str to mapping of str to float
        By flux, of each cause and of ``members``; None is returned where there is none.
    """
    import xarray as xr

    if not shares:
        return None
    fluxes = list(shares)
    parts = np.array(
        [
            [
                shares[flux].get(cause, np.nan if cause in _TOUCHED[flux] else 0.0)
                for cause in COMPONENTS
            ]
            for flux in fluxes
        ]
    )
    records = np.column_stack([parts, np.nansum(parts, axis=1)])
    of = "in the variance of intervals"
    return xr.Dataset(
        {
            "record_share": (
                ("flux", "component"),
                records,
                {"long_name": f"Share of the error of observations {of}", "units": "1"},
            ),
            "member_share": (
                "flux",
                [shares[flux].get("members", np.nan) for flux in fluxes],
                {"long_name": f"Share of what members hold of it {of}", "units": "1"},
            ),
        },
        {"flux": fluxes, "component": [*COMPONENTS, "total"]},
    )


def _term(towers: xr.Dataset, flux: str, cause: str) -> xr.DataArray | None:
    if cause == "random":
        owner = "nee" if flux in ("gpp", "reco") else flux
        random = _read(towers, owner, "randunc")
        return random * np.sqrt(2.0) if flux == "gpp" and random is not None else random
    if cause == "ustar":
        for low, high, deviations in _PERCENTILES:
            ends = _read(towers, flux, low), _read(towers, flux, high)
            if ends[0] is not None and ends[1] is not None:
                return abs(ends[1] - ends[0]) / deviations
        return None
    suffixes = ("dt", "nt") if cause == "partitioning" else ("corr",)
    other = next((a for s in suffixes if (a := _read(towers, flux, s)) is not None), None)
    found = find(towers, flux)
    if other is None or found is None:
        return None
    return (other - convert(towers[found], variables[flux], found).drop_attrs()) * _TWO


def _read(towers: xr.Dataset, flux: str, suffix: str) -> xr.DataArray | None:
    name = f"{flux}_{suffix}"
    return convert(towers[name], variables[flux], name).drop_attrs() if name in towers else None


def _stacked(flux: str, terms: dict[str, xr.DataArray]) -> xr.DataArray:
    import xarray as xr

    first = next(iter(terms.values()))
    squares = [array**2 for array in terms.values()]
    parts = [
        abs(terms[cause])
        if cause in terms
        else xr.full_like(first, np.nan if cause in _TOUCHED[flux] else 0.0)
        for cause in COMPONENTS
    ]
    # Adding up, not skipping: what is missing of a cause that is known makes the total unknown.
    parts.append(sum(squares[1:], start=squares[0]) ** 0.5)
    names = xr.Variable("component", [*COMPONENTS, "total"])
    whole = xr.concat(parts, names, coords="minimal", compat="override")
    row = attributes(flux)
    unknown = [cause for cause in _TOUCHED[flux] if cause not in terms]
    whole.attrs = {
        "long_name": f"Standard deviation of the error of observed {row['long_name'].lower()}",
        "units": row["units"],
    } | ({"comment": f"nothing is known of: {', '.join(unknown)}"} if unknown else {})
    whole.name = f"{flux}_uncertainty"
    return whole.transpose("component", *first.dims)


def _missing(fluxes: Sequence[str]) -> str:
    lines = []
    for flux in fluxes:
        require_known(flux, "fluxes")
        named = {
            "random": "nee_randunc" if flux in ("gpp", "reco") else f"{flux}_randunc",
            "ustar": f"{flux}_16 and {flux}_84",
            "partitioning": f"{flux}_dt or {flux}_nt",
            "energy_balance": f"{flux}_corr",
        }
        looked = ", ".join(named[cause] for cause in _TOUCHED.get(flux, ()))
        lines.append(f"{flux} (looked for: {looked or 'nothing; only gpp, reco, nee, le, h'})")
    return (
        f"the towers hold no uncertainty of {'; '.join(lines)}. xflux.open_towers reads them from "
        "FULLSET files; without them leave observation_uncertainty=() as it is"
    )
