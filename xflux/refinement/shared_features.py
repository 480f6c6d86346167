"""Which features do towers and grids both hold?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from xflux.errors import InputError
from xflux.labels.calendar import find_time
from xflux.labels.find import find
from xflux.learning.features import BASELINES, DEFAULT_FEATURES, parse
from xflux.refinement.steps import same_steps
from xflux.refinement.tower_rows import held_features

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["common_features", "shared_features"]


def shared_features(
    *datasets: xr.Dataset, among: Sequence[str] = DEFAULT_FEATURES
) -> tuple[str, ...]:
    """Name the features that all Datasets hold, so that a model serves them all.

    Parameters
    ----------
    *datasets : Dataset
        Towers and grids, with variables under names that xflux knows. Nothing is read but
        coordinates.
    among : sequence of str, optional
        Features to choose from, such as ``xflux.learning.features.FLUXCOM_FEATURES``; the
        default ones.

    Returns
    -------
    tuple of str
        For ``ResidualModel(features=...)``. Of the baseline, what a Dataset does not hold is
        computed, so that its features are always among them. Features that look at earlier steps
        are left out unless all have dates, with steps of about one length.

    Raises
    ------
    InputError
        When they share nothing but the baseline, or none is given; for what is no feature.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=30.0, start="2001", end="2003")
    >>> drivers, observed = earth.towers(n=30)
    >>> grid = earth.drivers.drop_vars("koppen", errors="ignore")
    >>> "koppen" in xflux.shared_features(drivers, grid)
    False
    >>> model = xflux.ResidualModel(features=xflux.shared_features(drivers, grid))
    """
    if not datasets:
        raise InputError("no Dataset was given; give the towers and the grid")
    shared = common_features(*datasets, among=among)
    if not any(parse(name).source.removesuffix("_baseline") not in BASELINES for name in shared):
        raise InputError(
            "the Datasets share no driver under a name that xflux knows; bring them to its names "
            "with xflux.standardize(ds, names=...)"
        )
    return shared


def common_features(
    *datasets: xr.Dataset, among: Sequence[str] = DEFAULT_FEATURES
) -> tuple[str, ...]:
    """Return the features that all Datasets hold, with a memory where all can have one."""
    remembers = same_steps(*datasets)
    held = [held_features(among, ds) for ds in datasets]
    return tuple(
        name
        for name in among
        if all(name in names for names in held)
        and (not parse(name).steps or remembers)
        and (not _is_series(name) or _moves(parse(name).source, datasets))
    )


def _is_series(name: str) -> bool:
    """Tell whether a feature is made of more steps than one."""
    return parse(name).kind in ("lag", "mean", "site", "anomaly", "cycle")


def _moves(source: str, datasets: Iterable[xr.Dataset]) -> bool:
    """Tell whether a variable has time in each Dataset that holds it."""
    found = [(ds, find(ds, source)) for ds in datasets if not source.endswith("_baseline")]
    return all(name is None or find_time(ds[name]) is not None for ds, name in found)
