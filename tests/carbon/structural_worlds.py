"""Worlds whose causes are known: linear, with months that remember and a season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from xflux.carbon.attribution_kernel import Attribution
from xflux.carbon.causal_graph import CausalGraph, as_graph

#: Direct effects, which every world scales at random.
COEFFICIENTS = {
    ("ta", "swin"): 0.5,
    ("tsoil", "swin"): 0.1,
    ("tsoil", "ta"): 0.6,
    ("vpd", "swin"): 0.3,
    ("vpd", "ta"): 0.5,
    ("vpd", "p"): -0.3,
    ("gpp", "swin"): 0.4,
    ("gpp", "ta"): 0.3,
    ("gpp", "vpd"): -0.5,
    ("gpp", "p"): 0.25,
    ("gpp", "co2"): 0.2,
    ("reco", "ta"): 0.2,
    ("reco", "tsoil"): 0.3,
    ("reco", "p"): 0.15,
    ("reco", "gpp"): 0.4,
}
CHILDREN = ("ta", "tsoil", "vpd", "gpp", "reco", "nep")


@dataclass(frozen=True)
class World:
    """Series (node, month) and the matrix of direct effects (child, parent) behind them."""

    graph: CausalGraph
    series: np.ndarray
    months: np.ndarray
    direct: np.ndarray

    @property
    def total(self) -> np.ndarray:
        one = np.eye(len(self.direct))
        return np.linalg.inv(one - self.direct) - one

    def truth(self, effect: str, child: str, parent: str) -> float:
        """Return the true effect, in the units of the series."""
        nodes, one = self.graph.nodes, np.eye(len(self.direct))
        matrices = {
            "direct": self.direct,
            "indirect": self.total - self.direct,
            "total": self.total,
        }
        effects = matrices[effect]
        column = nodes.index(parent)
        if child != "nep":
            return float(effects[nodes.index(child), column])
        if effect != "indirect":
            effects = effects + one
        return float(effects[nodes.index("gpp"), column] - effects[nodes.index("reco"), column])


def world(seed: int, *, years: int = 20, memory: float = 0.6, season: float = 0.0) -> World:
    """Make a world of the default graph; carbon dioxide is a trend.

    Parameters
    ----------
    season : float
        Amplitude of a seasonal cycle that all nodes share, over the sd of the weather.
    """
    rng = np.random.default_rng([11, seed])
    graph = as_graph(None)
    spin = 60
    months = np.arange(12 * years + spin)
    noise = rng.standard_normal((len(graph.nodes), months.size)) * np.sqrt(1.0 - memory**2)
    noise[:, 0] /= np.sqrt(1.0 - memory**2)
    for k in range(1, months.size):
        noise[:, k] += memory * noise[:, k - 1]
    direct = np.zeros((len(graph.nodes),) * 2)
    series = np.zeros_like(noise)
    for row, (node, parents) in enumerate(graph.links):
        own = noise[row] if not parents else 0.7 * noise[row]
        if node == "co2":
            own = 0.1 * own + 3.5 * (months - months.mean()) / months.size
        for parent in parents:
            column = graph.nodes.index(parent)
            direct[row, column] = COEFFICIENTS[node, parent] * rng.uniform(0.3, 1.5)
            own = own + direct[row, column] * series[column]
        series[row] = own
    phase = rng.uniform(0.0, 0.5, len(graph.nodes))
    cycle = np.cos(2.0 * np.pi * months / 12.0 - phase[:, None])
    series = series + season * rng.uniform(0.5, 1.5, len(graph.nodes))[:, None] * cycle
    return World(graph, series[:, spin:], months[spin:], direct)


def kernel(made: World, *, scale="normal_scores", draws: int = 1000, seed: int = 0) -> Attribution:
    """Return the attribution of a world."""
    return Attribution(
        made.graph, CHILDREN, made.graph.nodes, tuple(made.months.tolist()), "seasonal", "f8",
        scale, 1.0, draws, seed,
    )  # fmt: skip


#: Mean and size of the nodes in nature's units.
NATURE = {
    "swin": (180.0, 20.0, "W m-2"),
    "ta": (10.0, 1.5, "degC"),
    "tsoil": (10.0, 1.0, "degC"),
    "p": (3.0, 0.5, "mm d-1"),
    "vpd": (8.0, 1.0, "hPa"),
    "co2": (390.0, 10.0, "ppm"),
    "gpp": (6.0, 0.5, "g m-2 d-1"),
    "reco": (5.0, 0.4, "g m-2 d-1"),
}


def dataset(made: World) -> xr.Dataset:
    """Return a world as a Dataset (time)."""
    time = pd.date_range("2001-01-01", periods=made.months.size, freq="MS")
    ds = xr.Dataset(coords={"time": time})
    for node, values in zip(made.graph.nodes, made.series, strict=True):
        mean, size, units = NATURE[node]
        ds[node] = ("time", mean + size * values, {"units": units})
    return ds


def grid(cells: int = 3, years: int = 8, **options: float) -> xr.Dataset:
    """Return worlds on the cells of a grid (time, lat, lon); the first cell has no values."""
    rows = [dataset(world(seed, years=years, **options)) for seed in range(2 * cells)]
    lat = xr.DataArray([5.0, 15.0], dims="lat", attrs={"units": "degrees_north"})
    lon = xr.DataArray(10.0 * np.arange(cells) + 5.0, dims="lon", attrs={"units": "degrees_east"})
    ds = xr.concat(
        [xr.concat(rows[k * cells : (k + 1) * cells], "lon") for k in range(2)], "lat"
    ).transpose("time", "lat", "lon")
    ds = ds.assign_coords(lat=lat, lon=lon)
    there = (ds.lat > 10.0) | (ds.lon > 10.0)
    co2 = ds.co2.isel(lat=0, lon=0)
    return ds.drop_vars("co2").where(there).assign(co2=co2.drop_vars(["lat", "lon"]))
