"""Draw docs/images/atmosphere.png: python docs/images/make_atmosphere.py.

Needs no data: the idealised Earth, and both models with their defaults (some minutes).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import xarray as xr

import xflux
from xflux.plot.maps import plot_map
from xflux.plot.regional import plot_region_years

COLOURS = {
    "towers alone": "#d55e00",
    "with the atmosphere": "#0072b2",
    "inversions": "#009e73",
    "truth": "#333333",
}
TITLE = {"loc": "left", "fontsize": 11, "color": "#333333"}
#: Standard deviation of NEE [g m-2 d-1] below which a cell has nothing to be correlated with.
ALIVE = 0.05


def fitted() -> tuple[dict[str, xr.Dataset], dict[str, xr.DataArray], xr.DataArray]:
    """Return fields of both models by member, series of regions beside them, and the true NEE."""
    earth = xflux.twin.Earth(resolution=5.0, start="2001", end="2017", seed=0)
    grid, truth = earth.drivers.load(), earth.truth.load()
    drivers, observed = earth.towers(100, night_loss=1.0)
    regions = xflux.transcom_regions(grid)
    inversions = earth.inversions(regions, n=5).load()
    area = grid[["cell_area", "land_fraction"]]

    alone = xflux.DualConstraintNetwork().fit(drivers, observed.nee)
    bridge = xflux.RegionalBridge().fit(alone.apply(grid).assign(area), regions)
    both = xflux.DualConstraintNetwork().fit(
        drivers, observed.nee, drivers=grid, inversions=inversions, bridge=bridge
    )
    models = dict(zip(COLOURS, (alone, both), strict=False))
    fields = {
        name: model.apply(grid, members=True).assign(area).load() for name, model in models.items()
    }
    sums = {
        name: xflux.regional_integral(field, regions=regions).nee for name, field in fields.items()
    }
    known = xflux.regional_integral(truth, regions=regions).nee
    return fields, {**sums, "inversions": inversions, "truth": known}, truth.nee


def draw(fields: dict[str, xr.Dataset], sums: dict[str, xr.DataArray], truth: xr.DataArray) -> None:
    """Draw annual sums of the land, and what months of each cell gain."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 3.8), width_ratios=[1, 1.35], layout="constrained"
    )
    plot_region_years(sums, show="all", ax=left, colors=COLOURS)
    left.set_ylim(-27.0, 0.0)
    left.legend(loc="lower center", ncols=2, fontsize=9, frameon=False)
    left.set_title("Land of an idealised Earth (synthetic)", **TITLE)
    r = [
        xflux.evaluate(
            truth, field.nee.mean("member", keep_attrs=True), dim="time", metrics=["pearson_r"]
        ).pearson_r
        for field in fields.values()
    ]
    gain = (r[1] - r[0]).where(truth.std("time") > ALIVE).rename("gain")
    gain.attrs = {"long_name": "Correlation with the truth, gained", "units": "1"}
    plot_map(gain, ax=right, center=0.0, vmin=-1.0, vmax=1.0)
    right.set_title("Months of each cell, with the atmosphere less alone (synthetic)", **TITLE)
    figure.savefig(Path(__file__).with_name("atmosphere.png"), dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    draw(*fitted())
