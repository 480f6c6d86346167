"""Print where the default coefficients come from, and which fit generalises.

Run from the root of the repository, with the folder of the data::

    python tests/benchmarks/table_respiration.py ../shared/data

1. Respiration at 10 degC per unit of fAPAR, of the towers of FLUXNET2015 that are not
   among those of ICOS: the defaults of `Q10Respiration` and `LloydTaylor`.
2. Defaults and fits on the ICOS towers, each site predicted by what was fitted to the
   others. The spread is that of a bootstrap of whole sites; the gain is over the fit
   with one coefficient of fAPAR, on the same sites.
3. What the defaults respire over the globe.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import xflux
from xflux.baselines.respiration import LloydTaylor, Q10Respiration
from xflux.errors import XfluxWarning

#: Sites whose records disagree between sources, says the page of the data.
DISAGREE = ("AU-Ync", "CH-Dav", "AU-Cum", "AU-Tum", "AU-Rob")


def icos(data: Path) -> xr.Dataset:
    """Return the ICOS towers, quality 0.8 or better, as canonical variables."""
    folder = data / "towers" / "icos_ww2020"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XfluxWarning)
        towers = xflux.open_towers(
            folder / "FLX_*_MM_*.csv.gz",
            sites=folder / "sites.csv",
            extra=folder / "fapar_monthly.csv.gz",
            min_qc={"nee": 0.8},
            variables=["ta", "reco", "nee"],
            units={"ppfd_mol_m2_s": "mol m-2 s-1"},
        )
    return towers[["ta", "reco", "fapar"]].reset_coords("igbp")


def others(data: Path, without: np.ndarray) -> xr.Dataset:
    """Return the monthly FLUXNET2015 towers that are not among `without`."""
    folder = data / "towers" / "fluxnet2015_monthly"
    table = pd.read_csv(folder / "monthly.csv.gz", parse_dates=["time"])
    table = table[~table.site.isin([*without, *DISAGREE])]
    ds = table.set_index(["site", "time"]).to_xarray()
    units = {"reco": "g m-2 d-1", "ta": "degC", "fapar": "1"}
    ds = ds.assign(reco=ds.reco_gC_m2_d, ta=0.5 * (ds.tmin_C + ds.tmax_C))[list(units)]
    for name, unit in units.items():
        ds[name].attrs = {"units": unit}
    return ds


def predict(model: Q10Respiration | LloydTaylor, ds: xr.Dataset) -> np.ndarray:
    """Return the model's respiration, of the shape (site, time)."""
    arrays = (ds[name].values for name in model.inputs)
    columns = (array[:, None] if array.ndim == 1 else array for array in arrays)
    return model(*columns)


def out_of_site(
    model: Q10Respiration | LloydTaylor, ds: xr.Dataset, options: dict[str, object]
) -> np.ndarray:
    """Predict each site by a fit to the others."""
    predicted = np.full(ds.reco.shape, np.nan)
    everywhere = {**options, "by": None}
    for k in range(ds.sizes["site"]):
        rest = ds.isel(site=np.arange(ds.sizes["site"]) != k)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", XfluxWarning)
            fitted = model.fit(rest, **options)
            row = predict(fitted, ds.isel(site=[k]))[0]
            if np.isnan(row).all():
                # Its class is nowhere else.
                row = predict(model.fit(rest, **everywhere), ds.isel(site=[k]))[0]
        predicted[k] = row
    return predicted


class Score:
    """r2 (1 - SSE / SST), bias and rmse, and r2 over resampled sites."""

    def __init__(self, observed: np.ndarray, predicted: np.ndarray, draws: np.ndarray) -> None:
        valid = np.isfinite(observed) & np.isfinite(predicted)
        y, error = np.where(valid, observed, 0.0), np.where(valid, predicted - observed, 0.0)
        sums = np.stack([valid.sum(1), y.sum(1), (y**2).sum(1), (error**2).sum(1)], axis=1)
        self.r2 = float(self._r2(sums.sum(0)))
        self.drawn = self._r2(sums[draws].sum(1).T)
        self.bias = float(error.sum() / valid.sum())
        self.rmse = float(np.sqrt((error**2).sum() / valid.sum()))

    @staticmethod
    def _r2(sums: np.ndarray) -> np.ndarray:
        n, total, squares, sse = sums
        return 1.0 - sse / (squares - total**2 / n)

    def row(self, label: str, against: Score | None) -> str:
        skill = f"{self.r2:6.3f} +- {self.drawn.std():.3f}"
        text = f"{label:56s} {skill} {self.bias:+7.2f} {self.rmse:6.2f}"
        if against is None:
            return text
        low, high = np.quantile(self.drawn - against.drawn, (0.025, 0.975))
        return f"{text}  {self.r2 - against.r2:+.3f} [{low:+.3f}, {high:+.3f}]"


def main(data: Path) -> None:
    towers = icos(data)
    elsewhere = others(data, towers.site.values)
    print("Respiration at 10 degC per unit of fAPAR, towers that are not of ICOS")
    for model in (Q10Respiration(), LloydTaylor()):
        fitted = model.fit(elsewhere, by=None, fix_sensitivity=True).summary
        print(
            f"  {model!r}: {fitted.r_ref_all.item():.3f} +- {fitted.r_ref_all_se.item():.3f}, "
            f"r2 {fitted.r2_nse.item():.2f}, {fitted.n.item()} records"
        )

    head = f"{'ICOS towers, sites left out':56s} r2_nse +- sd of sites  bias  rmse  gain [95 %]"
    print(f"\n{head}")
    complete = towers.reco.where(towers.ta.notnull() & towers.fapar.notnull())
    kept = complete.notnull().any("time")
    towers = towers.assign(reco=complete).isel(site=kept.values)
    observed = towers.reco.values
    draws = np.random.default_rng(0).integers(0, len(observed), (2000, len(observed)))
    forms = {
        "one coefficient of fapar": {"by": None},
        "per IGBP, of fapar": {"by": "igbp"},
        "per IGBP, of fapar, no pooling": {"by": "igbp", "pooling": 0.0},
        "per IGBP, of fapar, records weigh alike": {"by": "igbp", "weights": "record"},
        "per IGBP, constant, no pooling": {"by": "igbp", "scale_by": None, "pooling": 0.0},
        "one constant": {"by": None, "scale_by": None},
    }
    for model in (Q10Respiration(), LloydTaylor()):
        name = type(model).__name__
        print(Score(observed, predict(model, towers), draws).row(f"{name}: default", None))
        first: Score | None = None
        for label, options in forms.items():
            score = Score(observed, out_of_site(model, towers, options), draws)
            print(score.row(f"{name}: {label}", first))
            first = first or score

    grid = xr.open_dataset(data / "grids" / "global_1deg" / "global_monthly_drivers.nc")
    days = xr.DataArray([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dims="month")
    weight = (days * grid.cell_area * grid.land_fraction).values
    print("\nGlobal respiration, Pg of carbon per year")
    for model in (Q10Respiration(), LloydTaylor()):
        total = np.nansum(model(grid.ta.values, grid.fapar.values) * weight) * 1e-15
        print(f"  {model!r}: {total:.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
