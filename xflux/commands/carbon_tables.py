"""Tables of carbon: budgets beside land models and what is known, and skill of an emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.carbon.trend import FEWEST
from xflux.commands.allocated import FLUXES, Allocated
from xflux.commands.tables import Table
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["budget_table", "class_table", "emulator_tables"]

#: What others find for the land of the Earth, PgC a year and PgC: GPP 123 +- 8, NPP 56.2 +- 14.3,
#: Rh 43.6 +- 19.3. Not checked against the original: the spread of NPP (its median there is 56.4),
#: the range of cVeg (about 450 there) and that of cSoil (Batjes 1996, Eur. J. Soil Sci. 47, 151:
#: 1462 to 1548 to a depth of 1 m, 2376 to 2456 to 2 m).
_KNOWN = {
    "gpp": "115 to 131", "npp": "42 to 71", "rh": "24 to 63", "cVeg": "380 to 536",
    "cSoil": "1500 to 2400",
}  # fmt: skip
#: Least share of the land that must be summed over to be set beside that [%].
_COVERED = 75.0
_SOURCES = (
    "known: of the Earth's land; GPP, Beer et al. (2010); NPP, Ito (2011); Rh, Konings et al. "
    "(2019); cVeg, Erb et al. (2018); cSoil, with litter and without wetlands and frozen soils, "
    "Ciais et al. (2013)."
)


def budget_table(
    result: Allocated, models: xr.Dataset | None, *, domain: str, synthetic: bool
) -> Table:
    """Hold carbon of the grid beside that of land models.

    Parameters
    ----------
    result : Allocated
    models : Dataset, optional
        Budget of land models over the same land, dims (model, ...); in memory.
    domain : str
        What is summed over; ``global`` for the Earth.
    synthetic : bool
        Whether the Earth is a generated one, of which nothing else is known.
    """
    budget, rows = result.budget, []
    of_earth = domain == "global" and not synthetic
    without = 100.0 * float(budget["npp_missing_area"].max())
    known = of_earth and without <= 100.0 - _COVERED
    for name in result.names:
        row: dict[str, object] = {"carbon": short_name(name)}
        row["units"] = "PgC per year" if name in FLUXES else "PgC"
        mean = f"{name}_mean" if result.years else name
        row["here"] = _number(budget[mean])
        if f"{name}_lower" in budget:
            for end, words in (("_lower", "low"), ("_upper", "high")):
                row[words] = _number(budget[f"{name}{end}"])
        if models is not None:
            row |= _of_models(models, name)
        if known:
            row["known"] = _KNOWN.get(name, "")
        if result.years > 1:
            row["sd of years"] = _number(budget[f"{name}_iav"])
            row["sd / mean"] = _number(budget[f"{name}_iav_relative"])
        if result.years >= FEWEST:
            row["trend a year"] = _number(budget[f"{name}_trend"])
            row |= {"from": _number(budget[f"{name}_trend_low"])}
            row |= {"to": _number(budget[f"{name}_trend_high"])}
            row["p"] = _number(budget[f"{name}_trend_p"])
        row["land without [%]"] = 100.0 * float(budget[f"{name}_missing_area"].max())
        rows.append(row)
    frame = pd.DataFrame(rows)
    over = f"mean of {result.years} years" if result.years > 1 else "one year"
    return Table(
        "carbon_budget", f"Carbon of plants and soils, {domain}, {over}", frame,
        _note(result, frame, without if of_earth and not known else None),
        digits={"sd / mean": 3, "trend a year": 2, "from": 2, "to": 2, "p": 3}
        | dict.fromkeys(("here", "low", "high", "land without [%]"), 1)
        | dict.fromkeys(("land models", "least", "largest"), 1),
    )  # fmt: skip


def _note(result: Allocated, frame: pd.DataFrame, without: float | None) -> str:
    said = [
        "All over the land that could be divided; the last column is the share of the land that "
        "could not: fluxes are missing, or GPP is no more than 10 g m-2 a year, as in deserts."
    ]
    if "low" in frame:
        said.append(
            "low, high: the least and the largest total of the scenarios, each of which is one "
            "world."
        )
    if "land models" in frame:
        said.append(
            "land models: their mean over the same land and years, and the least and largest of "
            "them; where some of that land has no cell of theirs, their mean per area stands for "
            "it. Carbon here follows GPP and RECO of this run, of which they know nothing."
        )
    if "known" in frame:
        said.append(_SOURCES)
    if without is not None:
        said.append(
            f"Not set beside what is known of the Earth, as {without:.0f} % of its land is missing."
        )
    if "trend a year" in frame:
        said.append(
            "from, to: 95 % interval of the trend, by t with the effective number of years."
        )
    elif result.years:
        said.append(f"A trend needs {FEWEST} years.")
    else:
        said.append("A mean year has no variability and no trend.")
    return " ".join(said)


def _of_models(models: xr.Dataset, name: str) -> dict[str, float]:
    """Return mean, least and largest of the models; NaN for what they do not hold."""
    if name not in models:
        return dict.fromkeys(("land models", "least", "largest"), float("nan"))
    held = models[name]
    if "year" in held.dims:
        held = held.mean("year")
    values = np.ravel(np.asarray(held.values, np.float64))
    values = values[np.isfinite(values)]
    if not values.size:
        return dict.fromkeys(("land models", "least", "largest"), float("nan"))
    return {
        "land models": float(values.mean()), "least": float(values.min()),
        "largest": float(values.max()),
    }  # fmt: skip


def class_table(by_class: xr.Dataset, area: xr.DataArray) -> Table:
    """Show carbon of each land cover class, per area.

    Parameters
    ----------
    by_class : Dataset
        Budget by class, dims (region, ...), with coordinate ``names``; in memory.
    area : DataArray (region)
        Land that was divided, m2.
    """
    kept = np.flatnonzero(np.asarray(area.values) > 0.0)
    names = np.asarray(by_class["names"].values)
    frame = pd.DataFrame({"igbp": names[kept], "area [Mkm2]": area.values[kept] * 1e-12})
    for name in (name for name in ("gpp", "npp", "rh", "cVeg", "cLitter", "cSoil")
                 if name in by_class):  # fmt: skip
        values = by_class[name]
        values = values.mean("year") if "year" in values.dims else values
        per = "kgC m-2 per year" if name in FLUXES else "kgC m-2"
        frame[f"{short_name(name)} [{per}]"] = values.values[kept] * 1e12 / area.values[kept]
    return Table(
        "carbon_by_igbp", "Carbon by land cover", frame,
        "Means over the land of a class that could be divided.",
        digits={str(column): 2 for column in frame if column != "igbp"},
    )  # fmt: skip


def emulator_tables(validation: xr.Dataset) -> list[Table]:
    """Show how well land models are emulated where they were left out.

    Parameters
    ----------
    validation : Dataset
        Of `xflux.AllocationEmulator.validation`.
    """
    mean = validation.sel(scenario="mean", drop=True)
    rows = [
        {
            "carbon": short_name(name),
            **{
                label: _number(mean[key].sel({"variable": name}))
                for label, key in (
                    ("r2_pearson", "r2_pearson"), ("r2_nse", "r2_nse"), ("nrmse", "nrmse"),
                    ("r2_pearson of class means", "null_r2_pearson"),
                    ("nrmse of class means", "null_nrmse"),
                )
                if key in mean
            },
        }
        for name in map(str, mean["variable"].values)
    ]  # fmt: skip
    tables = [
        Table(
            "scores_emulator", "Land models emulated where they were left out", pd.DataFrame(rows),
            f"{validation.attrs.get('comment', '')}. Of the mean of the models: their own GPP and "
            "RECO, divided by fractions learned elsewhere; beside them those of the mean fractions "
            "of land cover classes. A share of GPP scores high by GPP alone: see the fractions.",
            digits={key: 3 for key in rows[0] if key != "carbon"},
        )
    ]  # fmt: skip
    if "fraction_skill" in mean:
        frame = pd.DataFrame(
            {
                "fraction": [str(name) for name in mean["fraction"].values],
                "skill": np.asarray(mean["fraction_skill"].values, np.float64),
            }
        )
        tables.append(
            Table(
                "skill_fractions", "Skill on the fractions themselves", frame,
                "1 - SSE / SSE of the means of land cover classes, at the places left out: 0 is no "
                "better than these means, 1 is perfect. Of turnover times their logarithm.",
            )
        )  # fmt: skip
    return tables


def _number(array: xr.DataArray) -> float:
    values = np.asarray(array.values, np.float64)
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")
