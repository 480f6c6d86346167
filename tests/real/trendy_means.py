"""Ratios of three TRENDY v9 models in the mean over land, each predicted from the other two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from xflux.carbon.emulator_fit import makers_of
from xflux.carbon.fitting import Rows, fit_targets

#: What is held, or respired, per NPP of the year.
RATIOS = {"cVeg/NPP": "cVeg", "cSoil/NPP": "cSoil", "Rh/NPP": "rh"}
MODELS = ("JULES-ES-1p0", "SDGVM", "YIBs")
#: CO2 is given to 2014. A model's own climatology is known of the years before 1960.
YEARS, KNOWN = np.arange(1900, 2015), 60


@dataclass(frozen=True)
class LeftOut:
    """A ratio of a model that was left out.

    Attributes
    ----------
    mean, others : float
        Of the model, and of the other two.
    rmse_climatology, rmse_emulated : float
        Of the ratio over all years, for the mean of the other two, and as learned from them.
    skill_of_change : float
        From 1960 on, of the change since 1900 to 1959: 1 - SSE / SSE of no change.
    change, emulated_change : float
        Of the last ten years since then, as shares.
    """

    mean: float
    others: float
    rmse_climatology: float
    rmse_emulated: float
    skill_of_change: float
    change: float
    emulated_change: float


def left_out(data: Path) -> dict[tuple[str, str], LeftOut]:
    """Score each ratio of each model, from CO2 and temperature alone."""
    table = pd.read_csv(data / "land_models/trendy_v9_means/global_means_long.csv.gz")
    table["year"] = table["time"].str[:4].astype(int)
    means = table.groupby(["model", "variable", "year"])["value"].mean().unstack("variable")
    co2 = pd.read_csv(data / "budgets/cmip6_ghg_annual_global.csv", encoding="utf-8-sig")
    co2 = np.log(co2.set_index("year")["CO2"].loc[YEARS].to_numpy())
    # One climate drives all models; one of them came with its temperature.
    warmth = means.loc["YIBs"]["tas"].loc[YEARS].to_numpy()
    drivers = np.column_stack([co2, warmth])
    scores = {}
    for ratio, above in RATIOS.items():
        y = {}
        for model in MODELS:
            own = means.loc[model].loc[YEARS]
            length = 1.0 if above == "rh" else 365.25
            y[model] = np.log((own[above] / (own["npp"] * length)).to_numpy())
        for model in MODELS:
            others = [y[name] for name in MODELS if name != model]
            scores[ratio, model] = _scored(drivers, y[model], others)
    return scores


def _scored(drivers: np.ndarray, own: np.ndarray, others: list[np.ndarray]) -> LeftOut:
    level = _predicted(drivers, others)
    mean = float(np.mean(others))
    since = [y - y[:KNOWN].mean() for y in others]
    change, made = (own - own[:KNOWN].mean())[KNOWN:], _predicted(drivers, since)[KNOWN:]
    truth = np.exp(own)
    return LeftOut(
        float(truth.mean()),
        float(np.exp(mean)),
        float(np.sqrt(np.mean((np.exp(mean) - truth) ** 2))),
        float(np.sqrt(np.mean((np.exp(level) - truth) ** 2))),
        float(1.0 - np.sum((made - change) ** 2) / np.sum(change**2)),
        float(np.expm1(change[-10:].mean())),
        float(np.expm1(made[-10:].mean())),
    )


def _predicted(drivers: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Learn from other models as the emulator learns turnover of years, and predict."""
    x = np.tile(drivers, (len(others), 1)).astype(np.float32)
    place = np.repeat(np.arange(len(others)), len(drivers))
    rows = Rows(x, np.zeros(len(x), np.int64), place, makers_of("blend")[False])
    fitted = fit_targets(
        {"y": np.concatenate(others)}, {"y": rows}, np.ones(len(others), bool), most=len(x), seed=0
    )
    return fitted["y"].predict(x[: len(drivers)], np.zeros(len(drivers), np.int64))
