"""Five pools of carbon through 20 years of months, against a loop of NumPy over the months."""

from __future__ import annotations

from collections.abc import Callable

import dask
import numpy as np
import xarray as xr
from standalone import standalone
from tables import Table, number
from timing import Timing, interleave

import xflux
from xflux.carbon.pool_kernel import POOLS

NUMBERS = {
    "npp_to_leaf": 0.3, "npp_to_wood": 0.4, "npp_to_root": 0.3, "tau_leaf": 1.0, "tau_wood": 30.0,
    "tau_root": 3.0, "tau_litter": 2.0, "tau_soil": 60.0, "litter_to_soil": 0.3,
}  # fmt: skip


def grid(months: int, side: int, dtype: str) -> xr.Dataset:
    """Return NPP, and residence times that differ from cell to cell."""
    rng = np.random.default_rng(0)
    season = 1.1 - np.cos(2 * np.pi * np.arange(months) / 12)
    npp = season[:, None, None] * rng.uniform(0.5, 3.0, (side, side))
    time = xr.date_range("2001-01-01", periods=months, freq="MS")
    ds = xr.Dataset({"npp": (("time", "y", "x"), npp.astype(dtype), {"units": "g m-2 d-1"})})
    return ds.assign_coords(time=time)


def maps(side: int) -> dict[str, xr.DataArray]:
    """Return parameters as maps, none like its neighbour."""
    factor = np.random.default_rng(1).uniform(0.7, 1.4, (side, side))
    return {
        name: xr.DataArray(
            np.full((side, side), value) if name.startswith(("npp", "litter")) else value * factor,
            dims=("y", "x"),
            attrs={"units": "year" if name.startswith("tau") else "1"},
        )
        for name, value in NUMBERS.items()
    }


def by_numpy(npp: np.ndarray, days: np.ndarray, given: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Step the same pools as people write it: forward Euler, an array a pool, a loop of months."""
    split = [given[f"npp_to_{part}"] for part in ("leaf", "wood", "root")]
    rate = [1 / given[f"tau_{part}"] for part in ("leaf", "wood", "root", "litter", "soil")]
    to_soil = given["litter_to_soil"]
    mean = np.average(npp, axis=0, weights=days) * 365.25
    pools = [share * mean / k for share, k in zip(split, rate[:3], strict=True)]
    pools += [mean / rate[3], to_soil * mean / rate[4]]
    out = [np.empty_like(npp) for _ in range(6)]
    for k, length in enumerate(days):
        years = length / 365.25
        decay = [rate[i] * pools[i] * years for i in range(5)]
        for i in range(3):
            pools[i] = pools[i] + split[i] * npp[k] * length - decay[i]
        pools[3] = pools[3] + decay[0] + decay[1] + decay[2] - decay[3]
        pools[4] = pools[4] + to_soil * decay[3] - decay[4]
        for target, pool in zip(out, pools, strict=False):
            target[k] = pool
        out[5][k] = ((1 - to_soil) * decay[3] + decay[4]) / length
    return out


def runs(ds: xr.Dataset, given: dict[str, xr.DataArray]) -> dict[str, Callable[[], object]]:
    """Return what is timed."""
    npp = ds.npp.values
    days = ds.time.dt.days_in_month.values
    plain = {name: array.values.astype(npp.dtype) for name, array in given.items()}
    lazy = ds.chunk(y=max(1, ds.sizes["y"] // 5), time=-1)
    wanted = [*POOLS, "rh"]
    return {
        "NumPy, forward Euler": lambda: by_numpy(npp, days, plain),
        "simulate_pools, eager": lambda: xflux.simulate_pools(ds, given),
        "simulate_pools, Dask, one thread": lambda: xflux.simulate_pools(lazy, given)[
            wanted
        ].compute(),
    }


def run(quick: bool = False) -> list[Table]:
    """Time it in both precisions."""
    months, side, repeats = (240, 60, 2) if quick else (240, 200, 4)
    given = maps(side)
    named: dict[str, Callable[[], object]] = {}
    for dtype in ("f8", "f4"):
        for name, call in runs(grid(months, side, dtype), given).items():
            named[f"{'float64' if dtype == 'f8' else 'float32'} {name}"] = call
    with dask.config.set(scheduler="synchronous"):
        for call in named.values():
            call()
        timings: dict[str, Timing] = interleave(named, repeats)
    count = months * side * side
    rows = tuple(
        (
            name,
            number(count / timing.best / 1e6),
            timing.spread,
            number(timings[f"{name[:7]} NumPy, forward Euler"].best / timing.best),
        )
        for name, timing in timings.items()
    )
    note = (
        f"{months} months of {side * side} cells, each with parameters of its own; five pools and "
        "heterotrophic respiration out. The loop of NumPy is not exact: a pool of a year loses "
        "some 4 % too much in a month, and one that turns over within a step would swing."
    )
    return [Table("Pools of carbon", ("", "Mcell/s", "spread", "x NumPy"), rows, note)]


if __name__ == "__main__":
    standalone(run, __doc__)
