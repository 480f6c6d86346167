"""Print how well refined fluxes predict real towers that were not seen.

Run from the root of the repository, with the folder of the data::

    python tests/benchmarks/table_refinement.py ../shared/data --jobs 2 --keep FOLDER

ICOS: 57 towers with their own meteorology, greenness and land cover, each flux by its own
quality flag. FLUXNET2015: towers elsewhere, with the drivers of a reanalysis. Beside each score
stands the paired gain over a plain model of 300 boosted trees on the residual, which sees the
drivers of the month and no other, with its 95 % interval over draws of sites. Predictions are
kept in FOLDER, and a second run reads what is there.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from table_respiration import DISAGREE
from tables import Table

import xflux
from xflux.errors import XfluxWarning
from xflux.learning.features import DEFAULT_FEATURES
from xflux.refinement.splits import RandomRows, TimeBlocks
from xflux.skill.bootstrap import paired_difference

#: Drivers of the month, for the plain model.
PLAIN = (
    "ta",
    "tsoil",
    "vpd",
    "swin",
    "lwin",
    "rnet",
    "p",
    "fapar",
    "elevation",
    "co2",
    "igbp",
    "koppen",
)
#: What the reanalysis does not hold.
ABSENT = ("tsoil", "lwin", "rnet", "patm")
FLUXES = ("gpp", "reco", "nee", "le")
COMPONENTS = ("total", "across_sites", "seasonal_cycle", "anomalies")
#: Fewest sites of a class whose coverage is told.
SITES = 5


def icos(data: Path) -> xr.Dataset:
    """Return the ICOS towers, each flux where its own quality is 0.8 or better."""
    folder = data / "towers" / "icos_ww2020"
    towers = xflux.open_towers(folder, extra=folder / "fapar_monthly.csv.gz", min_qc=0.8)
    return xflux.fill_co2(towers, xflux.read_co2(data / "budgets" / "co2_mm_mlo.csv"))


def fluxnet(data: Path) -> xr.Dataset:
    """Return the FLUXNET2015 towers with reanalysis drivers.

    Their vapour pressure deficit is near the daily maximum, 1.8 times the mean. It is brought to
    the mean by taking vapour pressure as constant over the day, and saturation as the mean of
    that at both ends.
    """
    folder = data / "towers" / "fluxnet2015_monthly"
    table = pd.read_csv(folder / "monthly.csv.gz", parse_dates=["time"])
    table = table[~table.site.isin(DISAGREE)]
    raw = table.set_index(["site", "time"]).to_xarray()
    sites = pd.read_csv(folder / "sites.csv", index_col="site").reindex(raw.site.values)

    def saturation(celsius: xr.DataArray) -> xr.DataArray:
        return 6.1094 * np.exp(17.625 * celsius / (celsius + 243.04))

    warm, cold = saturation(raw.tmax_C), saturation(raw.tmin_C)
    vapour = (warm - raw.vpd_hPa).clip(0.2)
    columns = {
        "ta": (0.5 * (raw.tmin_C + raw.tmax_C), "degC"),
        "vpd": ((0.5 * (warm + cold) - vapour).clip(0.0), "hPa"),
        "swin": (raw.swdown_MJ_m2_d / 0.0864, "W m-2"),
        "p": (raw.precip_mm_d, "mm d-1"),
        "fapar": (raw.fapar, "1"),
        "co2": (raw.co2_ppm, "ppm"),
        "gpp": (raw.gpp_gC_m2_d, "g m-2 d-1"),
        "reco": (raw.reco_gC_m2_d, "g m-2 d-1"),
        "nee": (raw.nee_gC_m2_d, "g m-2 d-1"),
    }
    towers = xr.Dataset(
        {name: array.assign_attrs(units=unit) for name, (array, unit) in columns.items()}
    )
    # Pressure hardly moves a month's flux, and elevation is not known of all.
    height = sites.elv.fillna(sites.elv.median()).values
    towers = towers.assign_coords(
        lat=("site", sites.lat.values, {"units": "degrees_north"}),
        lon=("site", sites.lon.values, {"units": "degrees_east"}),
        elevation=("site", height, {"units": "m"}),
    )
    for name, column in (("igbp", sites.igbp), ("koppen", sites.koeppen_code)):
        classes = xflux.variables[name].classes or {}
        lower = {word.lower(): code for word, code in classes.items()}
        codes = [lower.get(str(word).lower(), np.nan) for word in column]
        flags = np.array(list(classes.values()))
        attrs = {"units": "1", "flag_values": flags, "flag_meanings": " ".join(classes)}
        towers[name] = ("site", codes, attrs)
    return towers


def plain(fluxes: tuple[str, ...], features: tuple[str, ...]) -> xflux.ResidualModel:
    """Return the plain model: 300 boosted trees, each flux on its own, no memory."""
    from xgboost import XGBRegressor

    trees = XGBRegressor(
        n_estimators=300, learning_rate=0.05, max_depth=6, min_child_weight=4, subsample=0.8,
        colsample_bytree=0.8, n_jobs=1,
    )  # fmt: skip
    return xflux.ResidualModel(
        learner=trees, fluxes=fluxes, features=features, members=1, rows=1.0, columns=1.0,
        closure="none",
    )  # fmt: skip


class Nothing:
    """A baseline of zero, so that a flux is learned directly."""

    inputs = ("ta",)

    def __init__(self, flux: str) -> None:
        self.outputs = (flux,)

    def __repr__(self) -> str:
        return "Nothing()"

    def __call__(self, ta: np.ndarray) -> np.ndarray:
        return 0.0 * ta


def direct(learner: str, fluxes: tuple[str, ...]) -> xflux.ResidualModel:
    """Return the model that learns fluxes themselves, and knows of no baseline."""
    features = [name for name in DEFAULT_FEATURES if "_baseline" not in name]
    return xflux.ResidualModel(
        learner, fluxes, features=[name for name in features if not name.startswith(ABSENT)],
        baseline={flux: Nothing(flux) for flux in ("gpp", "reco", "le")},
    )  # fmt: skip


def kept(path: Path | None, make: Callable[[], xr.Dataset]) -> xr.Dataset:
    """Return what a file holds, or make and keep it."""
    if path is not None and path.exists():
        return xr.open_dataset(path).load()
    start = time.perf_counter()
    made = make()
    print(f"  ({time.perf_counter() - start:.0f} s)", file=sys.stderr)
    if path is not None:
        made.drop_encoding().to_netcdf(path)
    return made


def compare(
    title: str, observed: xr.Dataset, validated: xr.Dataset, others: dict[str, xr.Dataset]
) -> None:
    """Print scores, gains, components and intervals of one way of leaving out."""
    fluxes = [flux for flux in FLUXES if flux in validated]
    refined = validated[fluxes].sel(estimate="refined", drop=True)
    made = {"baseline": validated[fluxes].sel(estimate="baseline", drop=True)}
    made |= {name: each[fluxes].sel(estimate="refined", drop=True) for name, each in others.items()}
    rows, parts = [], []
    # All on the records that every one predicts.
    there = {flux: refined[flux].notnull() for flux in fluxes}
    for each in made.values():
        there = {flux: there[flux] & each[flux].notnull() for flux in fluxes}
    for name, each in {**made, "refined": refined}.items():
        same = each.map(lambda array: array.where(there[str(array.name)]), keep_attrs=True)
        score = xflux.evaluate(observed, same, variables=fluxes, decompose=True)
        gain = (
            None
            if name == "refined"
            else paired_difference(observed, refined, same, variables=fluxes)
        )
        for flux in fluxes:
            one = score.sel(flux=flux)
            pooled = one.sel(component="total")
            gained = "" if gain is None else told(gain, flux)
            rows.append((
                f"{flux} {name}", f"{int(pooled.n)}", f"{float(pooled.r2_nse):.3f}",
                f"{float(pooled.r2_pearson):.3f}", f"{float(pooled.rmse):.2f}",
                f"{float(pooled.bias):+.2f}", gained,
            ))  # fmt: skip
            parts.append(
                (
                    f"{flux} {name}",
                    *(f"{float(one.r2_nse.sel(component=c)):.3f}" for c in COMPONENTS),
                )
            )
    rows.sort(key=lambda row: fluxes.index(row[0].split()[0]))
    parts.sort(key=lambda row: fluxes.index(row[0].split()[0]))
    heads = (
        "",
        "n",
        "r2_nse",
        "r2_pearson",
        "rmse",
        "bias",
        "gain of the refined in r2_nse [95 %]",
    )
    print("\n" + Table(title, heads, tuple(rows), "").text())
    print("\n" + Table("r2_nse of the parts", ("", *COMPONENTS), tuple(parts), "").text())


def every(observed: xr.Dataset, validated: xr.Dataset) -> None:
    """Print scores of fluxes that were learned directly, at all towers, greenness or not."""
    made = validated.sel(estimate="refined", drop=True)
    score = xflux.evaluate(observed, made, variables=list(observed))
    rows = []
    for flux in score["flux"].values:
        one = score.sel(flux=flux)
        skill = (f"{float(one.r2_nse):.3f}", f"{float(one.rmse):.2f}")
        rows.append((str(flux), f"{int(one.n)}", *skill))
    print(
        "\n"
        + Table("Learned directly, all towers", ("", "n", "r2_nse", "rmse"), tuple(rows), "").text()
    )


def reanalysis(data: Path, learner: str, keep: Path | None, jobs: int) -> None:
    """Print what the meteorology of a reanalysis costs against that of the towers, by land cover.

    Both are fitted to and scored on the same records of the towers that both tables have.
    """
    own, other = icos(data), fluxnet(data)
    common = np.intersect1d(own.site, other.site)
    other = other.sel(site=common)
    own = own.sel(site=common, time=own.time.isin(other.time).values)
    other = other.sel(time=own.time)
    fluxes = ("gpp", "reco", "nee")
    observed = own[[*fluxes, "igbp"]]
    drivers = own[["ta", "vpd", "swin", "p", "fapar", "co2"]]
    weather = {name: other[name].transpose("site", "time") for name in ("ta", "vpd", "swin", "p")}
    model = xflux.ResidualModel(learner, fluxes)
    made = {}
    for name, held in (("towers", drivers), ("reanalysis", drivers.assign(weather))):
        path = None if keep is None else keep / f"drivers-{name}.nc"
        run = partial(model.cross_validate, held, observed, splitter=10, jobs=jobs, interval=None)
        made[name] = kept(path, run).sel(estimate="refined", drop=True)
    rows = []
    for by in (None, "igbp"):
        given = {"variables": fluxes} if by is None else {"variables": fluxes, "by": by}
        gain = paired_difference(observed, made["towers"], made["reanalysis"], **given)
        score = {name: xflux.evaluate(observed, each, **given) for name, each in made.items()}
        groups = [None] if by is None else gain.igbp.values
        for flux in fluxes:
            for group in groups:
                at = {"flux": flux} if group is None else {"flux": flux, "igbp": group}
                one = gain.sel(at)
                if int(one.n_units) >= SITES:
                    skill = (f"{float(each.r2_nse.sel(at)):.3f}" for each in score.values())
                    ends = (float(one[f"r2_nse{end}"]) for end in ("", "_lower", "_upper"))
                    rows.append((
                        f"{flux} {group or ''}", f"{int(one.n_units)}", *skill,
                        "{:+.3f} [{:+.3f}, {:+.3f}]".format(*ends),
                    ))  # fmt: skip
    heads = ("", "sites", "tower meteorology", "reanalysis", "gain by the tower's own [95 %]")
    title = f"Drivers of {len(common)} towers, ten folds of sites, r2_nse"
    print("\n" + Table(title, heads, tuple(rows), "").text())


def arguments(said: str | None) -> argparse.ArgumentParser:
    """Return what every table of real towers is asked for."""
    parser = argparse.ArgumentParser(description=(said or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    return parser


def asked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return what was asked for, with a folder to keep things in and without warnings."""
    given = parser.parse_args()
    warnings.simplefilter("ignore", XfluxWarning)
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    return given


def told(gain: xr.Dataset, flux: str) -> str:
    """Write a gain in r2_nse with its interval."""
    one = gain.sel(flux=flux)
    ends = (float(one[f"r2_nse{end}"]) for end in ("", "_lower", "_upper"))
    return "{:+.3f} [{:+.3f}, {:+.3f}]".format(*ends)


def intervals(observed: xr.Dataset, validated: xr.Dataset) -> None:
    """Print how well the intervals hold, in the mean over sites and by land cover."""
    refined = validated.sel(estimate="refined", drop=True)
    fluxes = [flux for flux in FLUXES if f"{flux}_lower" in validated]
    level = float(validated.attrs["interval"])
    given = {"level": level, "unit": "site", "variables": fluxes}
    whole = xflux.evaluate_intervals(observed, refined, **given)
    each = xflux.evaluate_intervals(observed, refined, level=level, by="site", variables=fluxes)
    classes = xflux.evaluate_intervals(observed, refined, by="igbp", **given)
    rows = []
    for flux in fluxes:
        one, group, site = (table.sel(flux=flux) for table in (whole, classes, each))
        many = group.coverage.where(group.n_units >= SITES)
        low = many.idxmin("igbp").item() if many.notnull().any() else ""
        shares = np.nanquantile(site.coverage.values, (0.1, 0.5))
        rows.append((
            flux, f"{float(one.coverage):.3f}", f"{float(many.min()):.3f} ({low})",
            *(f"{share:.2f}" for share in shares), f"{float(one.width):.2f}",
            f"{float(one.interval_score):.2f}",
        ))  # fmt: skip
    heads = (
        "",
        "coverage",
        f"lowest class of {SITES} sites",
        "a tenth of sites below",
        "median site",
        "width",
        "interval score",
    )
    print("\n" + Table(f"Intervals of {level:.0%}, mean over sites", heads, tuple(rows), "").text())


def ceiling(data: Path) -> None:
    """Print how well one way to partition NEE predicts the other."""
    folder = data / "towers" / "icos_ww2020"
    night, day = (
        xflux.open_towers(folder, min_qc=0.8, partitioning=way)[["gpp", "reco"]]
        for way in ("NT", "DT")
    )
    score = xflux.evaluate(night, day)
    text = ", ".join(f"{flux} {float(score.r2_nse.sel(flux=flux)):.3f}" for flux in ("gpp", "reco"))
    print(f"\nDaytime partitioning as a prediction of the night-time one, r2_nse: {text}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--towers", nargs="+", choices=TOWERS, default=list(TOWERS))
    parser.add_argument("--left-out", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--learner", default=xflux.ResidualModel().learner)
    given = asked(parser)
    for source in given.towers:
        towers = TOWERS[source](given.data)
        fluxes = tuple(flux for flux in FLUXES if flux in towers)
        observed = towers[[*fluxes, "igbp"]]
        features = (
            *(name for name in PLAIN if name in towers.variables),
            *(f"{flux}_baseline" for flux in FLUXES),
        )
        models = {"plain": plain(fluxes, features)}
        if source == "fluxnet":
            models["direct"] = direct(given.learner, fluxes)
        models[given.learner] = xflux.ResidualModel(given.learner, fluxes)
        for way in given.left_out:
            made = {}
            for name, model in models.items():
                path = None if given.keep is None else given.keep / f"{source}-{way}-{name}.nc"
                made[name] = kept(
                    path,
                    partial(
                        model.cross_validate, towers, towers, splitter=WAYS[way], jobs=given.jobs,
                        interval=0.9 if name == given.learner else None,
                    ),
                )  # fmt: skip
            validated = made.pop(given.learner)
            if "direct" in made:
                every(observed[list(fluxes)], made["direct"])
            compare(f"{source}, left out: {way}", observed[list(fluxes)], validated, made)
            intervals(observed, validated)
        if source == "icos":
            ceiling(given.data)
    if set(given.towers) == set(TOWERS):
        reanalysis(given.data, given.learner, given.keep, given.jobs)


TOWERS = {"icos": icos, "fluxnet": fluxnet}
WAYS = {"site": None, "tenth": 10, "months": RandomRows(10), "years": TimeBlocks()}


if __name__ == "__main__":
    main()
