"""A grid that is larger than the memory allowed is reduced chunk by chunk."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import dask, dask.array as da, numpy as np, xarray as xr
import xflux
from xflux.labels.grid import cell_area
from xflux.labels.integral import regional_mean

shape, chunks = (STEPS, 360, 720), (12, 360, 720)
steps = da.arange(shape[0], chunks=12).astype("f4")[:, None, None]
wave = da.sin(steps) * da.ones(shape, chunks=chunks, dtype="f4")
units = {"ta": "degC", "vpd": "hPa", "swin": "W m-2", "fapar": "1", "rnet": "W m-2"}
low_high = {
    "ta": (-5, 25), "vpd": (2, 18), "swin": (60, 280), "fapar": (0.1, 0.8), "rnet": (10, 140),
}
data = {
    name: (("time", "lat", "lon"), 0.5 * (a + b) + 0.5 * (b - a) * wave, {"units": units[name]})
    for name, (a, b) in low_high.items()
}
ds = xr.Dataset(
    data,
    coords={
        "time": xr.date_range("1950-01", periods=shape[0], freq="MS"),
        "lat": np.arange(-89.75, 90, 0.5), "lon": np.arange(-179.75, 180, 0.5),
    },
)
ds["elevation"] = ((), 0.0, {"units": "m"})
fluxes = ds.flux.baseline(gpp=xflux.PModel(co2=400.0))
means = {flux: regional_mean(fluxes[flux], area=cell_area(ds)).mean() for flux in ("gpp", "le")}
with dask.config.set(scheduler="threads", num_workers=2):
    means = dask.compute(means)[0]
assert all(np.isfinite(float(mean)) for mean in means.values())
# Of this program: ru_maxrss is at least what the one had that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = float(status["VmHWM"].split()[0]) * 1.024
print(ds.nbytes / 1e9, peak / 1e6)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_grid():
    read, peak = {}, {}
    for steps in (120, 960):
        code = CODE.replace("STEPS", str(steps))
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        read[steps], peak[steps] = map(float, done.stdout.split())
    assert read[960] > 4.9
    assert peak[960] < 1.5
    assert peak[960] < 1.3 * peak[120]
