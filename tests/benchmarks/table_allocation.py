"""Print how well an emulator of land models knows places that it did not learn from.

Run from the root of the repository, with the folder of the data::

    python tests/benchmarks/table_allocation.py ../shared/data --resolution 5

The idealised Earth has 21 land models; the table stands beside Table 4 of Zhu et al. (2026),
whose hold-out was random pixels. CASA-CNP is one real model on its map. The null is the fraction
of each land cover class, which knows much of a flux for nothing: the skill of the fraction itself
over these means is what was learned. Free ratios (eq. 16 of the paper) leave a gap in GPP.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr
from tables import Table

import xflux
from xflux.labels.grid import cell_area

sys.path.insert(0, str(Path(__file__).parents[1] / "real"))
import casa
import trendy_means

#: Table 4 of the paper: r2, nRMSE.
PAPER = {
    "ra": (0.91, 0.11), "rh": (0.88, 0.11), "cLeaf": (0.89, 0.15), "cWood": (0.93, 0.25),
    "cVeg": (0.93, 0.19), "cLitter": (0.94, 0.17), "cSoil": (0.95, 0.16),
}  # fmt: skip


def scores(emulator: xflux.AllocationEmulator, title: str, note: str) -> list[Table]:
    """Return the scores of variables, and of fractions."""
    held = emulator.validation
    scenarios = [str(name) for name in held["scenario"].values]
    rows = []
    for name in held["variable"].values:
        at = held.sel(variable=name)
        paper = PAPER.get(str(name))
        rows.append((
            str(name), f"{paper[0]:.2f}, {paper[1]:.2f}" if paper else "",
            *(f"{float(at['r2_pearson'].sel(scenario=s)):.3f}, "
              f"{float(at['nrmse'].sel(scenario=s)):.3f}" for s in scenarios),
            f"{float(at['null_r2_pearson'].sel(scenario='mean')):.3f}, "
            f"{float(at['null_nrmse'].sel(scenario='mean')):.3f}",
        ))  # fmt: skip
    tables = [Table(title, ("r2_pearson, nRMSE", "paper", *scenarios, "null"), tuple(rows), note)]
    if "fraction" in held.dims:
        rows = [
            (str(name), *(f"{float(held['fraction_skill'].sel(fraction=name, scenario=s)):.2f}"
                          for s in scenarios))
            for name in held["fraction"].values
        ]  # fmt: skip
        tables.append(Table(
            f"{title}: the fractions themselves", ("skill over means of classes", *scenarios),
            tuple(rows), "1 - SSE / SSE of the means of classes; turnover times by logarithm.",
        ))  # fmt: skip
    return tables


def totals(emulator: xflux.AllocationEmulator, area: xr.DataArray, title: str) -> Table:
    """Return sums over the cells that were left out."""
    held = emulator.held_out
    here = area.sel(lat=held["lat"], lon=held["lon"])
    rows = []
    for name, array in held.data_vars.items():
        mean = array.mean([dim for dim in ("year", "step") if dim in array.dims])
        scale = 365.25e-15 if array.attrs["units"] == "g m-2 d-1" else 1e-15
        total = (mean * here).sum("cell") * scale
        rows.append((str(name), *(f"{float(total.sel(estimate=e)):.4g}"
                                  for e in ("reference", "emulated", "null"))))  # fmt: skip
    return Table(title, ("PgC (per year)", "models", "emulated", "null"), tuple(rows),
                 "Of all cells with GPP above 10 g m-2 a-1, each when left out.")  # fmt: skip


def gap(emulator: xflux.AllocationEmulator, ds: xr.Dataset, area: xr.DataArray) -> str:
    """Return GPP - NPP - Ra of free ratios, PgC per year."""
    made = xflux.allocate(ds, emulator)
    residual = (ds["gpp"] - made["npp"] - made["ra"]).mean("time")
    net = float((residual * area).sum()) * 365.25e-15
    gross = float((np.abs(residual) * area).sum()) * 365.25e-15
    return f"{net:+.2f} PgC per year, {gross:.2f} without regard to sign"


def twin(resolution: float, years: tuple[str, str], split: str) -> None:
    """Print the tables of the idealised Earth."""
    earth = xflux.twin.Earth(resolution=resolution, start=years[0], end=years[1])
    print(f"twin parameters {earth.parameters}", flush=True)
    start = time.perf_counter()
    models = earth.land_models().compute()
    fitted = xflux.AllocationEmulator(split=split).fit(earth.drivers, models)
    area = cell_area(models) * models["land_fraction"]
    note = f"{years[0]} to {years[1]}, {time.perf_counter() - start:.0f} s with the models."
    for table in scores(fitted, f"Twin, {resolution:g} degrees, split={split}", note):
        print(table.text(), flush=True)
    print(totals(fitted, area, "Twin: totals").text(), flush=True)
    if split == "block":
        ds = earth.drivers.assign(gpp=earth.truth["gpp"], reco=earth.truth["reco"]).compute()
        free = xflux.AllocationEmulator("xgboost", quantiles=(), form="ratio")
        free = free.fit(earth.drivers, models)
        print("Free ratios: GPP - NPP - Ra is", gap(free, ds, area), flush=True)
        print("Fractions:   GPP - NPP - Ra is", gap(fitted, ds, area), flush=True)


def real(data: Path) -> None:
    """Print the tables of CASA-CNP."""
    drivers, reference = casa.drivers(data), casa.reference(data)
    area = casa.casa(data)["area"]
    for split in ("block", "random"):
        for named, ds in (("", drivers), (", without land cover", drivers.drop_vars("igbp"))):
            fitted = xflux.AllocationEmulator(split=split).fit(ds, reference)
            for table in scores(fitted, f"CASA-CNP, split={split}{named}", "Five folds."):
                print(table.text(), flush=True)
            if split == "block" and not named:
                print(totals(fitted, area, "CASA-CNP: totals").text(), flush=True)


def means(data: Path) -> None:
    """Print ratios of TRENDY v9 models that were left out."""
    rows = [
        (
            ratio, model, f"{s.mean:.3g}", f"{s.others:.3g}", f"{s.rmse_climatology:.3g}",
            f"{s.rmse_emulated:.3g}", f"{s.skill_of_change:.2f}", f"{100 * s.change:+.1f} %",
            f"{100 * s.emulated_change:+.1f} %",
        )
        for (ratio, model), s in trendy_means.left_out(data).items()
    ]  # fmt: skip
    print(Table(
        "TRENDY v9, means over land, each model left out",
        ("ratio", "model", "mean", "of the others", "RMSE of that", "learned", "skill of change",
         "change", "learned"),
        tuple(rows),
        "1900 to 2014, from CO2 and temperature. Change of 2005 to 2014 since 1900 to 1959; skill "
        "from 1960 on, over no change.",
    ).text(), flush=True)  # fmt: skip


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--resolution", type=float, default=5.0)
    parser.add_argument("--years", nargs=2, default=("2001", "2010"))
    parser.add_argument("--only", choices=("twin", "real", "means"))
    given = parser.parse_args()
    if given.only in (None, "means"):
        means(given.data)
    if given.only in (None, "real"):
        real(given.data)
    if given.only in (None, "twin"):
        for split in ("block", "random"):
            twin(given.resolution, tuple(given.years), split)


if __name__ == "__main__":
    main()
