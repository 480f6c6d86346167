"""What climate does to the refined fluxes of an idealised Earth, and to the true ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xflux.commands.carbon_figures import draw_effects
from xflux.commands.on_grid import GridResult
from xflux.commands.progress import Progress
from xflux.commands.report import Report, Section
from xflux.commands.store import reopen
from xflux.commands.tables import Table
from xflux.errors import XfluxError
from xflux.plot.attribution import node_name
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

    from xflux.twin.earth import Earth

__all__ = ["add_causes"]

_REGIONS = {1: "tropics", 2: "north of 23.5 N"}
_TROPIC = 23.5
_FLUXES = ("gpp", "reco", "nep")
_DRAWS = 1000


def add_causes(
    report: Report, earth: Earth, after: GridResult, folder: Path, progress: Progress
) -> str:
    """Attribute refined and true fluxes to climate, and put that into the report.

    Parameters
    ----------
    report : Report
    earth : Earth
    after : GridResult
        Of the refined fluxes.
    folder, progress
        As of `xflux.commands.run.add_grid`.

    Returns
    -------
    str
        What came of it, for the terminal.
    """
    from xflux.carbon.attribution import attribute

    refined = reopen(after.path)
    drivers = earth.drivers
    there = refined["gpp"].notnull().reset_coords(drop=True)
    mask = _mask(drivers)
    lazy = {
        which: attribute(
            drivers.assign({name: array.variable for name, array in ds.items()}), target=_FLUXES,
            regions=mask, draws=_DRAWS,
        )
        for which, ds in {
            "refined": refined[["gpp", "reco"]].reset_coords(drop=True),
            "truth": earth.truth[["gpp", "reco"]].where(there),
        }.items()
    }  # fmt: skip
    title = "Causes"
    try:
        with progress.computing("attributing the fluxes to climate") as compute:
            (found,) = compute(lazy)
    except XfluxError as error:
        report.sections.append(Section(title, left_out={"attribution": str(error)}))
        return ""
    shown = {which: _named(ds) for which, ds in found.items()}
    table = _table(shown)
    not_drawn: dict[str, str] = {}
    figures = draw_effects(shown["refined"], folder / "figures", not_drawn, label="synthetic")
    facts = [
        f"Graph: {shown['refined'].attrs['graph']}",
        str(shown["refined"].attrs["comment"]),
        _agreement(table.frame),
    ]
    report.sections.append(Section(title, facts, [table], figures, not_drawn))
    return _agreement(table.frame)


def _mask(drivers: xr.Dataset) -> xr.DataArray:
    """Number the regions."""
    import xarray as xr

    lat = np.asarray(drivers["lat"].values)
    number = np.where(np.abs(lat) < _TROPIC, 1, np.where(lat > _TROPIC, 2, 0))
    cells = np.repeat(number[:, None], drivers.sizes["lon"], axis=1)
    said = {"flag_values": list(_REGIONS), "flag_meanings": "tropics north"}
    mask = xr.DataArray(cells, {d: drivers[d] for d in ("lat", "lon")}, ("lat", "lon"), attrs=said)
    return mask.where(mask > 0)


def _named(found: xr.Dataset) -> xr.Dataset:
    """Keep the regions that have a name, by it."""
    kept = found.sel(region=[number for number in found["region"].values if number in _REGIONS])
    names = [_REGIONS[int(number)] for number in kept["region"].values]
    return kept.drop_vars("names", errors="ignore").assign_coords(region=names)


def _table(found: dict[str, xr.Dataset]) -> Table:
    total = {
        which: ds["effects"].sel(effect="total", child=list(_FLUXES)) for which, ds in found.items()
    }
    rows = []
    refined, truth = total["refined"], total["truth"]
    for region in refined["region"].values:
        for child in _FLUXES:
            for parent in refined["parent"].values:
                at = {"region": region, "child": child, "parent": parent}
                ends = [float(refined.sel({**at, "quantile": q})) for q in (0.05, 0.5, 0.95)]
                true = [float(truth.sel({**at, "quantile": q})) for q in (0.05, 0.5, 0.95)]
                # NEP is made of GPP and RECO, which are no causes of it.
                if not np.isfinite(ends[1]) or str(parent) in _FLUXES:
                    continue
                rows.append(
                    {
                        "region": region, "flux": short_name(child),
                        "driver": node_name(str(parent)), "effect": ends[1], "from": ends[0],
                        "to": ends[2], "sign": _sign(ends), "truth": true[1],
                        "sign in truth": _sign(true),
                    }
                )  # fmt: skip
    return Table(
        "effects", "Total effects of climate on the refined fluxes, and on the true (synthetic)",
        pd.DataFrame(rows),
        "Standard deviations of monthly anomalies of the flux for one of the driver, all paths of "
        "the graph together; from, to: 90 % interval. A sign is given where the interval holds no "
        "0. truth: the same of the true fluxes over the same land; it is what this method finds "
        "there, and no law of the planet.",
    )  # fmt: skip


def _sign(ends: list[float]) -> str:
    return "+" if ends[0] > 0.0 else "-" if ends[2] < 0.0 else ""


def _agreement(frame: pd.DataFrame) -> str:
    both = frame[(frame["sign"] != "") & (frame["sign in truth"] != "")]
    alike = int((both["sign"] == both["sign in truth"]).sum())
    return (
        f"Effects of climate whose sign is told in both, refined and true fluxes: {len(both)} of "
        f"{len(frame)}; alike in {alike} of them"
    )
