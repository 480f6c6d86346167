"""Print what each deviation of JPL's code from Fisher et al. (2008) does.

Run from the root of the repository, with the folder of the data::

    python tests/benchmarks/table_ptjpl_deviations.py ../shared/data

On the ECOSTRESS overpasses at AmeriFlux towers: r, RMSE and bias against the latent
heat of the towers (as measured, and closed by the Bowen ratio at 50 %), and by how much
LE changes (mean, and root mean square) when one deviation is added to Fisher et al.
(2008), or taken away from JPL's code. The temperature of the overpass stands in for the
daily maximum.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from xflux.baselines.evapotranspiration import DEVIATIONS, PTJPL
from xflux.numerics import meteorology

COLUMNS = {
    "ta": "Ta_C",
    "ta_max": "Ta_C",
    "rh_air": "RH",
    "rnet": "Rn",
    "g": "G_Wm2",
    "ndvi": "NDVI",
    "t_opt": "Topt_C",
    "fapar_max": "fAPARmax",
}


def inputs(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return canonical inputs of the model from the table of overpasses."""
    values = {name: table[column].to_numpy(float) for name, column in COLUMNS.items()}
    values["vpd"] = meteorology.vpd_from_relative_humidity(values["ta"], values["rh_air"])
    values["patm"] = meteorology.pressure_from_elevation(table["Elev"].to_numpy(float))
    return values


def latent_heat(model: PTJPL, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the latent heat of a model."""
    return model(*(values[name] for name in model.inputs))


def scores(le: np.ndarray, observed: np.ndarray) -> str:
    """Return r, RMSE and bias, as text."""
    valid = np.isfinite(le) & np.isfinite(observed)
    error = le[valid] - observed[valid]
    r = np.corrcoef(le[valid], observed[valid])[0, 1]
    return f"{r:6.3f} {np.sqrt(np.mean(error**2)):6.1f} {error.mean():+7.1f}"


def change(le: np.ndarray, other: np.ndarray) -> str:
    """Return by how much a result differs from another, as text."""
    step = le - other
    return f"{np.nanmean(step):+8.2f} {np.sqrt(np.nanmean(step**2)):7.2f}"


def main(data: Path) -> None:
    folder = data / "towers" / "ptjpl_ecostress"
    table = pd.read_csv(folder / "ECOv002-cal-val-PT-JPL-outputs.csv")
    values = inputs(table)
    measured, closed = table["LE"].to_numpy(float), table["LEcorr50"].to_numpy(float)

    jpl, fisher = latent_heat(PTJPL("jpl"), values), latent_heat(PTJPL("fisher2008"), values)
    skill = f"{'r':>6s} {'RMSE':>6s} {'bias':>7s}"
    print(f"{'':34s} {'n':>5s} {skill} | {skill} |  change    rms  (W m-2)")
    print(f"{'':34s} {'':>5s} {'LE as measured':>21s} | {'LE closed':>21s}")

    def row(label: str, le: np.ndarray, against: np.ndarray | None) -> None:
        step = "" if against is None else change(le, against)
        count = int(np.isfinite(le).sum())
        print(f"{label:34s} {count:5d} {scores(le, measured)} | {scores(le, closed)} | {step}")

    row("JPL's own table", table["LE_Wm2"].to_numpy(float), None)
    row("jpl", jpl, None)
    row("fisher2008", fisher, jpl)
    for name in DEVIATIONS:
        row(f"fisher2008 + {name}", latent_heat(PTJPL(deviations=[name]), values), fisher)
    for name in DEVIATIONS:
        rest = [other for other in DEVIATIONS if other != name]
        row(f"jpl - {name}", latent_heat(PTJPL(deviations=rest), values), jpl)
    print("\n" + "\n".join(f"{name}: {what}" for name, what in DEVIATIONS.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
