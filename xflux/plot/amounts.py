"""Carbon by variable, region and period: integrated lazily, computed once."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import InputError, MissingVariableError, UnitsError
from xflux.labels.calendar import TimeSteps, find_time, time_steps
from xflux.labels.coordinates import as_dataset
from xflux.labels.grid import cell_area, find_lat_lon, land_fraction, match_grid
from xflux.labels.integral import regional_sums
from xflux.labels.periods import Freq, periods
from xflux.labels.regions import as_regions
from xflux.labels.stock_totals import stock_sums
from xflux.labels.units import affine, units_of
from xflux.labels.variables import variables
from xflux.plot.carbon_kinds import BOUNDS, RATE, Carbon, carbon_kinds
from xflux.plot.together import computed
from xflux.plot.wording import generated, reduction, units_text

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NET", "Amounts", "amounts"]

#: Fluxes that go both ways, small beside the ones that they are the difference of.
NET = ("nee", "nep", "nbp")
#: Days of a field without dates: a mean year.
_MEAN_YEAR = 365.25
#: Share of the area without values from which on it is said.
_WORTH_SAYING = 0.005


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts in memory.

    Attributes
    ----------
    values : DataArray
        float64; dims ``variable``, ``region`` (by name), along `x`, and what was kept. NaN
        for periods that are not whole.
    x : str or None
        ``year`` (integers), ``time`` (dates of months) or ``month`` (of a mean year); None
        for one total of each.
    units : str
        As printed, such as "Pg C".
    to_air : dict of str to bool
        Of net fluxes: whether positive is to the atmosphere.
    stocks : frozenset of str
        Variables that are no fluxes.
    bounds : Dataset or None
        ``low`` and ``high`` as `values`, NaN for variables without bounds.
    said : tuple of str
        What a title says of them.
    generated : str
        "synthetic" where they are.
    """

    values: xr.DataArray
    x: str | None
    units: str
    to_air: dict[str, bool]
    stocks: frozenset[str]
    bounds: xr.Dataset | None
    said: tuple[str, ...]
    generated: str = ""


def amounts(
    data: xr.DataArray | xr.Dataset,
    *,
    grid: xr.DataArray | xr.Dataset | None,
    regions: Any,
    freq: Freq,
    units: str,
    keep: Sequence[Hashable],
) -> Amounts:
    """Integrate fluxes, or sum amounts, over months or years; sum stocks; compute once.

    Parameters
    ----------
    data : DataArray or Dataset
        Rates and stocks per area on a grid, or amounts by region and time.
    grid : DataArray or Dataset, optional
        Knows areas, land fraction and time bounds; None: `data` does.
    regions : optional
        Of rates; see `xflux.labels.regions.as_regions`.
    freq : {"MS", "YS"}
    units : str
        Of the result.
    keep : sequence of hashable
        Dimensions that stay besides region and time; over others the mean is taken.

    Raises
    ------
    InputError, UnitsError
        When the data are neither, or their grid or time steps cannot be told.
    """
    import xarray as xr

    if freq not in ("MS", "YS"):
        raise InputError(f"freq={freq!r} is not known; use 'YS' for years or 'MS' for months")
    scale, printed = _scale(units)
    carbon = carbon_kinds(data)
    stocks = frozenset(name for name, one in carbon.items() if one.stock)
    if stocks and freq == "MS":
        raise InputError(f"{', '.join(sorted(stocks))}: stocks are drawn by year, freq='YS'")
    home = as_dataset(data if grid is None else grid)
    per_area = {name: one for name, one in carbon.items() if one.per_area}
    masses = {name: one.array for name, one in carbon.items() if not one.per_area}
    if masses and regions is not None:
        raise InputError(
            f"{', '.join(masses)} in {units_of(next(iter(masses.values())))!r} is integrated "
            "already, so that regions cannot be cut from it; leave regions out, or give the flux "
            f"in {RATE!r}"
        )
    lazy, said = _integrated(per_area, home, regions, freq)
    shares = {f"{name} missing": sums["missing_area"] for name, sums in lazy.items()}
    parts = {name: sums["integral"] for name, sums in lazy.items()}
    ready = computed(
        {**parts, **{name: _by_region(name, a) for name, a in masses.items()}, **shares}
    )
    missing = [ready.pop(name) for name in shares]
    table = {}
    for name, array in ready.items():
        if name in masses:
            array = _summed(array, carbon[name], home, freq)
        table[name] = _by_name(_along_x(array, freq))
    values = xr.Dataset(table).to_dataarray("variable") * scale
    x = next((dim for dim in ("year", "time", "month") if dim in values.dims), None)
    over = [dim for dim in values.dims if dim not in {"variable", "region", x, *keep}]
    if over:
        said.append(reduction("mean", values, over))
        values = values.mean(over, skipna=True)
    values, empty = _with_values(values, x)
    said += [_without_values(missing), empty]
    if x is not None:
        values, which = _whole(values, x)
        said = [*said[:1], *which, *said[1:]]
    to_air = {
        name: str(one.array.attrs.get("positive") or variables[name].positive) != "down"
        for name, one in carbon.items()
        if name in NET
    }
    values, bounds = _apart(values)
    mark = generated(*(one.array for one in carbon.values()))
    return Amounts(values, x, printed, to_air, stocks, bounds, tuple(said), mark)


def _apart(values: xr.DataArray) -> tuple[xr.DataArray, xr.Dataset | None]:
    """Return variables, and the bounds that they have."""
    import xarray as xr

    held = [str(name) for name in values["variable"].values]
    ends = [n for n in held if any(n.endswith(e) and n.removesuffix(e) in held for e in BOUNDS)]
    names = [name for name in held if name not in ends]
    both = [name for name in names if all(f"{name}{end}" in ends for end in BOUNDS)]
    if not both:
        return values.sel(variable=names), None
    sides = {
        side: values.sel(variable=[f"{name}{end}" for name in both])
        .assign_coords(variable=both)
        .reindex(variable=names)
        for side, end in zip(("low", "high"), BOUNDS, strict=True)
    }
    return values.sel(variable=names), xr.Dataset(sides)


def _scale(units: str) -> tuple[float, str]:
    """Return what Pg of carbon are in a unit, and how it is printed."""
    import xarray as xr

    try:
        scale, _ = affine("PgC", units, "carbon")
    except UnitsError as error:
        raise UnitsError(
            f"units={units!r} is no amount of carbon; use such as 'PgC', 'TgC' or 'GtC'"
        ) from error
    mass = xr.DataArray(0.0, name="gpp", attrs={"units": units})
    return scale, re.sub(r"(?<=\w)CO2", " CO2", units_text(mass))


def _lat_lon_dims(array: xr.DataArray, home: xr.Dataset) -> set[Hashable]:
    for known in (array, home):
        try:
            lat, lon = find_lat_lon(known)
        except (MissingVariableError, KeyError):
            continue
        return {*lat.dims, *lon.dims} & set(array.dims)
    return set()


def _integrated(
    carbon: dict[str, Carbon], home: xr.Dataset, regions: Any, freq: Freq
) -> tuple[dict[str, xr.Dataset], list[str]]:
    """Integrate fluxes over regions and periods, and sum stocks, lazily."""
    if not carbon:
        return {}, [""]
    name, first = next((name, one.array) for name, one in carbon.items())
    if "site" in first.dims or not _lat_lon_dims(first, home):
        raise InputError(
            f"{name} in {units_of(first)!r} has the dims {first.dims}, none of them of a grid, and "
            "only grids have an area to sum over; draw the rates of towers and means of regions "
            f"with series({name!r})"
        )
    area, land = cell_area(home), land_fraction(home)
    found = as_regions(regions, match_grid(area, first, what="area"))
    lazy = {}
    options: dict[str, Any] = {
        "area": area, "land_fraction": land, "regions": found, "units": "PgC",
    }  # fmt: skip
    kind = f"{'yearly' if freq == 'YS' else 'monthly'} totals"
    for name, one in carbon.items():
        if one.stock:
            steps = _steps(one.array, home) if find_time(one.array) is not None else None
            lazy[name] = stock_sums(one.array, yearly=steps, **options)
            continue
        length = _length(name, one.array, home)
        dated = isinstance(length, TimeSteps)
        if not isinstance(length, TimeSteps) or length.clock is None:
            kind = f"totals of {'a mean year' if freq == 'YS' else 'the months of a mean year'}"
        lazy[name] = regional_sums(one.array, days=length, freq=freq if dated else None, **options)
    whole = "over whole cells (no land_fraction)" if land is None else "over area x land fraction"
    return lazy, [f"{kind} {whole}"]


def _length(name: str, array: xr.DataArray, home: xr.Dataset) -> TimeSteps | float:
    """Return the time steps of a flux, from time bounds where its Dataset has them."""
    dim = find_time(array)
    if dim is None:
        taken = [when for when in ("time", "month", "year", "season") if when in array.coords]
        if taken:
            what = array[taken[0]]
            at = "several" if what.ndim else what.values[()]
            raise InputError(
                f"{name} is a rate at {taken[0]} = {at}, from which no total of a year can be "
                "told; give it with the dates of all its steps"
            )
        return _MEAN_YEAR
    return _steps(array, home)


def _steps(array: xr.DataArray, home: xr.Dataset) -> TimeSteps:
    """Return the steps of an array that has some, by the bounds of its Dataset if it has them."""
    dim = find_time(array)
    same = dim in home.indexes and home.indexes[dim].equals(array.indexes.get(dim))
    steps = time_steps(home if same else array)
    assert steps is not None
    return steps


def _by_region(name: str, array: xr.DataArray) -> xr.DataArray:
    """Give an amount its region, where it has none."""
    grid = _lat_lon_dims(array, as_dataset(array))
    if grid or "site" in array.dims:
        raise InputError(
            f"{name} is an amount in each cell or at each site ({array.dims}); sum it over "
            f"regions first, or give the flux in {RATE!r}"
        )
    if "region" in array.dims:
        return array
    called = next((array[key] for key in ("names", "region") if key in array.coords), None)
    bare = array.drop_vars("region", errors="ignore")
    return bare.expand_dims(region=["total" if called is None else str(called.values[()])])


def _summed(array: xr.DataArray, carbon: Carbon, home: xr.Dataset, freq: Freq) -> xr.DataArray:
    """Sum amounts of steps into months or years, and average stocks; NaN where not whole."""
    import xarray as xr

    dim = find_time(array)
    if dim is None:
        return array
    if array.sizes[dim] == 1 and "bounds" not in array[dim].attrs:
        raise InputError(
            f"{carbon.array.name or 'the amount'} has a single stamp, {array[dim].values[0]}, "
            f"which may be a month or a year; .isel({dim}=0, drop=True) takes its amount as it is"
        )
    steps = _steps(array, home)
    if steps.clock is None and freq == "MS":
        return array
    cut = periods(steps, freq)
    array = array.transpose(..., dim)
    values = np.asarray(array.values, np.float64)
    if carbon.stock:
        totals = cut.total(values) / cut.total(np.ones(steps.days.size))
    else:
        totals = cut.total(values / steps.days)
    totals = np.where(cut.coverage >= 1.0 - 1e-9, totals, np.nan)
    coords = {name: c for name, c in array.coords.items() if dim not in c.dims}
    summed = xr.DataArray(totals, dims=array.dims, coords=coords)
    return summed.isel({dim: 0}) if cut.dates is None else summed.assign_coords({dim: cut.dates})


def _along_x(array: xr.DataArray, freq: Freq) -> xr.DataArray:
    """Number years; leave the dates of months."""
    dim = find_time(array)
    if dim is None or dim == "month":
        return array
    if freq == "MS":
        return array.rename({dim: "time"}) if dim != "time" else array
    years = array[dim].dt.year.values
    array = array.drop_vars([name for name, c in array.coords.items() if dim in c.dims])
    return array.rename({dim: "year"}).assign_coords(year=years)


def _by_name(array: xr.DataArray) -> xr.DataArray:
    """Call regions by their names, and drop what is not shown."""
    named = next((array[key] for key in ("names", "abbrevs") if key in array.coords), None)
    labels = array["region"].values
    if named is not None and named.dims == ("region",):
        called = [str(name).replace("_", " ") for name in named.values]
    elif labels.dtype.kind in "OUS":
        called = [str(name).replace("_", " ") for name in labels]
    else:
        called = [f"region {label:g}" for label in labels]
    repeated = {name for name in called if called.count(name) > 1}
    called = [
        f"{name} ({label})" if name in repeated else name
        for name, label in zip(called, labels, strict=True)
    ]
    array = array.drop_vars([name for name in array.coords if name not in array.dims])
    return array.assign_coords(region=called)


def _with_values(values: xr.DataArray, x: str | None) -> tuple[xr.DataArray, str]:
    """Leave out regions without any value, and name them."""
    there = values.notnull().any([dim for dim in values.dims if dim != "region"]).values
    if there.all() or not there.any():
        return values, ""
    gone = [str(name) for name in values["region"].values[~there]]
    listed = ", ".join(gone) if len(gone) <= 4 else f"{len(gone)} regions"
    return values.isel(region=np.flatnonzero(there)), f"without any value: {listed}"


def _without_values(missing: list[xr.DataArray]) -> str:
    """Say which share of the area has no values."""
    shares = [
        float(share.mean([dim for dim in share.dims if dim != "region"], skipna=True).max())
        for share in missing
    ]
    largest = max([share for share in shares if np.isfinite(share)], default=0.0)
    if largest < _WORTH_SAYING:
        return ""
    several = any(share.sizes["region"] > 1 for share in missing)
    percent = f"{100.0 * largest:.2g} %"
    return (
        f"{f'up to {percent} of a region' if several else f'{percent} of the area'} has no values"
    )


def _whole(values: xr.DataArray, x: str) -> tuple[xr.DataArray, list[str]]:
    """Name periods that are not whole; leave them out where no other follows or precedes."""
    there = values.notnull()
    others = [dim for dim in values.dims if dim != x]
    some, full = there.any(others).values, there.all(others).values
    if not some.any():
        return values, []
    said = [
        _listed(values[x].values[~some], "left out, as not whole"),
        _listed(values[x].values[some & ~full], "not whole everywhere"),
    ]
    where = np.flatnonzero(some)
    return values.isel({x: slice(where[0], where[-1] + 1)}), said


def _listed(labels: Any, what: str) -> str:
    if len(labels) == 0:
        return ""
    texts = [str(label)[:7] for label in labels]
    shown = ", ".join(texts) if len(texts) <= 4 else f"{texts[0]} ... {texts[-1]} ({len(texts)})"
    return f"{what}: {shown}"
