"""Small lazy Datasets, what is stored of them, and writes that are interrupted."""

from __future__ import annotations

from datetime import timedelta
from math import prod
from pathlib import Path

import cftime
import dask
import numpy as np
import pytest
import xarray as xr
from strategies import drivers

import xflux
from xflux.files import slabs

SIZES = {"time": 6, "lat": 5, "lon": 4}


def one_row_a_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small Datasets as large ones are cut."""
    monkeypatch.setattr(slabs, "SMALLEST_SLAB", 1)
    monkeypatch.setattr(slabs, "_threads", lambda: 0)


def lazy(model: xflux.FluxModel | None = None, **chunks: int) -> xr.Dataset:
    model = model or xflux.Q10Respiration()
    ds = drivers(tuple(SIZES.values()))
    ds = ds.chunk(chunks or {"time": 1, "lat": 3}).flux.baseline(reco=model, le=None)
    return ds[["gpp", "reco", "ta", "elevation"]]


def stored(path: Path) -> xr.Dataset:
    with xr.open_zarr(path, decode_coords="all") as ds:
        return ds.load()


class Breaks:
    """Passes blocks on, until it is told to fail at one."""

    def __init__(self, at: int, error: type[BaseException] = RuntimeError) -> None:
        self.at, self.error, self.calls = at, error, 0

    def __call__(self, block):
        self.calls += 1
        if self.calls == self.at:
            raise self.error("out of order")
        return block

    def after(self, ds: xr.Dataset, name: str = "gpp") -> xr.Dataset:
        data = ds[name].data.map_blocks(
            self, dtype=ds[name].dtype, meta=np.empty((0,) * ds[name].ndim)
        )
        return ds.assign({name: ds[name].copy(data=data)})


def interrupted(path: Path, ds: xr.Dataset, *, rows: int = 3, **options) -> None:
    """Write `ds` until that many slabs are done."""
    blocks = ds.gpp.data.numblocks
    fails = Breaks(rows * prod(blocks[1:]) + 1)
    with (
        dask.config.set(scheduler="synchronous"),
        pytest.raises(RuntimeError, match="out of order"),
    ):
        xflux.to_zarr(fails.after(ds), path, **options)


def record(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial") / "manifest.json"


def rich() -> xr.Dataset:
    """Every kind of value that a Dataset of ours may hold, and attributes of many types."""
    n = 7
    values = {
        "f4": np.linspace(-1, 1, n, dtype="f4"),
        "f8": np.where(np.arange(n) % 3, 0.1, np.nan),
        "all_missing": np.full(n, np.nan),
        "i1": np.arange(n, dtype="i1"),
        "i8": np.arange(n) * 2**40,
        "zero": np.zeros(n, dtype="i4"),
        "u2": np.arange(n, dtype="u2"),
        "flag": np.arange(n) % 2 == 0,
        "text": np.array([f"AT-{i}" for i in range(n)]),
        "objects": np.array([f"AT-{'x' * i}" for i in range(n)], dtype=object),
        "when": np.datetime64("2015-01-01T00:30:00", "ns") + np.arange(n) * np.timedelta64(1, "h"),
        "long": np.arange(n) * np.timedelta64(90, "m"),
    }
    attrs = {"units": "1", "flag_values": np.array([1, 2], dtype="i1"), "scale": np.float32(0.5)}
    dates = [cftime.DatetimeNoLeap(2015, 2, 26) + timedelta(hours=6 * i) for i in range(n)]
    return xr.Dataset(
        {
            name: ("time", array, {} if array.dtype.kind in "mM" else attrs)
            for name, array in values.items()
        },
        coords={
            "time": ("time", dates, {"axis": "T"}),
            "site": ("time", np.array([f"S{i}" for i in range(n)])),
            "depth": ("time", np.arange(n) / 3),
        },
        attrs={"title": "ä", "number": 3, "missing": float("nan")},
    )


def partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
