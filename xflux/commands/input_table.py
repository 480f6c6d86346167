"""Where each input of the baseline comes from, and how often it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from xflux.commands.fluxes import Baseline
from xflux.commands.scores import STEPS
from xflux.commands.tables import Table
from xflux.labels.variables import variables
from xflux.plot.wording import short_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["input_table"]


def input_table(
    name: str, ds: xr.Dataset, baseline: Baseline, observed: xr.Dataset | None = None
) -> Table:
    """List the inputs of a baseline.

    Parameters
    ----------
    name : str
        Of the table.
    ds : Dataset
        Canonical drivers.
    baseline : Baseline
        Of these drivers.
    observed : Dataset, optional
        Tower fluxes: the table then tells at what share of the steps with any of them an
        input is there, which is what limits the scores. Of a grid this is not counted, as
        it would read all of it.

    Returns
    -------
    Table
    """
    title = "Inputs of the grid" if observed is None else "Inputs at the towers"
    seen = None if observed is None else observed.notnull().to_dataarray().any("variable")
    count = 0 if seen is None else int(seen.sum())
    rows = []
    for key, fluxes in baseline.inputs.items():
        row: dict[str, object] = {"input": key, "units": variables[key].units}
        row["needed by"] = ", ".join(short_name(flux) for flux in fluxes)
        if seen is not None:
            there = (ds[key].notnull() & seen).sum() / count if key in ds and count else None
            row["present [%]"] = float("nan") if there is None else 100.0 * float(there)
        row["source"] = _source(ds, key, baseline)
        rows.append(row)
    note = ""
    if observed is not None:
        step = STEPS.get(str(ds.attrs.get("resolution")), "time steps")
        note = (
            f"Present: share of the {count} site-{step} that have an observed flux. Where an input "
            "is missing, so are the fluxes that need it. What is derived has no share of its own."
        )
    return Table(name, title, pd.DataFrame(rows), note, digits={"present [%]": 1})


def _source(ds: xr.Dataset, key: str, baseline: Baseline) -> str:
    if key in baseline.derived:
        return f"derived: {baseline.derived[key]}"
    if key not in ds:
        return "as given"
    attrs = ds[key].attrs
    if "derivation" in attrs:
        return "derived: " + str(attrs["derivation"]).removeprefix(f"{key}: ")
    read = str(attrs.get("source_name", key))
    return str(attrs["source"]) if "source" in attrs else f"variable {read}"
