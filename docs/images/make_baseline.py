"""Draw docs/images/baseline.png: python docs/images/make_baseline.py DATA_FOLDER.

DATA_FOLDER holds towers/icos_ww2020 and grids/global_1deg.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import xflux
from xflux.plot.maps import plot_map
from xflux.plot.scatter import plot_scatter

data = Path(sys.argv[1])
warnings.simplefilter("ignore", xflux.XfluxWarning)
folder = data / "towers" / "icos_ww2020"
towers = xflux.open_towers(folder, extra=folder / "fapar_monthly.csv.gz", min_qc=0.8)
predicted = xflux.baseline(towers, gpp=xflux.PModel(co2=400.0))
grid = xflux.open_drivers(data / "grids" / "global_1deg" / "global_monthly_drivers.nc")
globe = grid.flux.baseline(gpp=xflux.PModel(co2=400.0))

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 4.2), width_ratios=[2.2, 1], layout="constrained"
)
plot_map(globe.gpp, ax=left)
left.set_title("Baseline GPP of a mean year, 1 degree", loc="left", fontsize=11)
plot_scatter(
    towers.gpp,
    predicted.gpp,
    ax=right,
    colorbar=False,
    legend=False,
    xlabel="Observed GPP [g C m-2 d-1]",
    ylabel="Baseline GPP [g C m-2 d-1]",
)
right.set_title("Monthly GPP, 54 ICOS towers", loc="left", fontsize=11)
figure.savefig(Path(__file__).with_name("baseline.png"), dpi=110, bbox_inches="tight")
