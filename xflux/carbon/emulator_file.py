"""Keep fitted emulators in one file of arrays and text."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.emulation import Change, Emulation, Scenario, Target
from xflux.carbon.fractions import Split
from xflux.carbon.predictors import Predictors
from xflux.learning.learners import described, from_description, keep_learners, rebuild_learners
from xflux.learning.model_file import read_model, under, write_model

if TYPE_CHECKING:
    import xarray as xr

    from xflux.carbon.emulator import AllocationEmulator

__all__ = ["read", "write"]

_KIND, _SCHEMA = "xflux allocation emulator", 1
Arrays = dict[str, NDArray[Any]]


def write(path: str | os.PathLike[str], emulator: AllocationEmulator) -> Path:
    """Write a fitted emulator with its validation; the file is there when it is complete.

    Raises
    ------
    InputError
        When it is not fitted, its learner is of scikit-learn, or the folder is not there.
    """
    from xflux.carbon.emulator import fitted_of

    fitted = fitted_of(emulator)
    parameters = emulator.get_params(deep=False)
    parameters["learner"] = described(emulator.learner)
    for name in ("quantiles", "features"):
        parameters[name] = None if parameters[name] is None else list(parameters[name])
    arrays: Arrays = {}
    text: dict[str, Any] = {
        "parameters": parameters,
        "form": fitted.form,
        "predictors": asdict(fitted.predictors),
        "by_step": list(fitted.by_step),
        "steps": fitted.steps,
        "provenance": dict(fitted.provenance),
        "scenarios": {
            name: _scenario(scenario, arrays, f"scenario/{name}")
            for name, scenario in fitted.scenarios.items()
        },
        "validation": _kept(emulator.validation, arrays),
    }
    return write_model(path, arrays, text, kind=_KIND, schema=_SCHEMA)


def read(path: str | os.PathLike[str]) -> tuple[Emulation, xr.Dataset, dict[str, Any]]:
    """Read a fitted emulator, its validation, and its parameters.

    Raises
    ------
    FileFormatError
        When the file is none, truncated or edited, or of a newer schema.
    """
    arrays, text = read_model(path, kind=_KIND, schema=_SCHEMA, called="allocation emulator")
    predictors = Predictors(**{name: tuple(held) for name, held in text["predictors"].items()})
    scenarios = {
        name: _read_scenario(held, under(arrays, f"scenario/{name}/"))
        for name, held in text["scenarios"].items()
    }
    emulation = Emulation(
        text["form"], predictors, scenarios, tuple(text["by_step"]), text["steps"],
        text["provenance"],
    )  # fmt: skip
    parameters = text["parameters"]
    parameters["learner"] = from_description(parameters["learner"])
    for name in ("quantiles", "features"):
        parameters[name] = None if parameters[name] is None else tuple(parameters[name])
    return emulation, _read_dataset(text["validation"], arrays), parameters


def _scenario(scenario: Scenario, arrays: Arrays, at: str) -> dict[str, Any]:
    targets = {}
    for name, target in scenario.targets.items():
        learners = keep_learners(target.learners, arrays, f"{at}/{name}")
        arrays[f"{at}/{name}/means"] = target.means
        targets[name] = {
            "learners": learners, "low": target.low, "high": target.high, "shift": target.shift,
            "change": None,
        }  # fmt: skip
        if target.change is not None:
            targets[name]["change"] = [target.change.column, target.change.centre]
            arrays[f"{at}/{name}/slopes"] = target.change.slopes
    return {
        "targets": targets,
        "splits": {of: asdict(split) for of, split in scenario.splits.items()},
        "ra_error": scenario.ra_error,
        "rh_error": scenario.rh_error,
    }


def _read_scenario(held: dict[str, Any], arrays: Arrays) -> Scenario:
    targets = {}
    for name, kept in held["targets"].items():
        change = None
        if kept["change"] is not None:
            column, centre = kept["change"]
            change = Change(column, centre, arrays[f"{name}/slopes"])
        targets[name] = Target(
            tuple(rebuild_learners(kept["learners"], arrays, name)),
            arrays[f"{name}/means"], kept["low"], kept["high"], kept["shift"], change,
        )  # fmt: skip
    splits = {
        of: Split(kept["of"], kept["base"], tuple(kept["sometimes"]))
        for of, kept in held["splits"].items()
    }
    return Scenario(targets, splits, held["ra_error"], held["rh_error"])


def _kept(ds: xr.Dataset, arrays: Arrays) -> dict[str, Any]:
    """Describe a Dataset, and put its numbers among the arrays."""
    held: dict[str, Any] = {"attrs": dict(ds.attrs), "variables": {}}
    for name, variable in ds.variables.items():
        attrs = {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in variable.attrs.items()
        }
        kept = {"dims": list(variable.dims), "attrs": attrs, "coord": name in ds.coords}
        if variable.dtype.kind in "UO":
            kept["values"] = variable.values.tolist()
        else:
            arrays[f"validation/{name}"] = variable.values
        held["variables"][str(name)] = kept
    return held


def _read_dataset(held: dict[str, Any], arrays: Arrays) -> xr.Dataset:
    import xarray as xr

    ds = xr.Dataset(attrs=held["attrs"])
    for coord in (True, False):
        for name, kept in held["variables"].items():
            if kept["coord"] is coord:
                values = kept["values"] if "values" in kept else arrays[f"validation/{name}"]
                made = xr.Variable(kept["dims"], values, kept["attrs"])
                ds = ds.assign_coords({name: made}) if coord else ds.assign({name: made})
    return ds
