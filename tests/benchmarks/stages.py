"""Where the time of the four-flux pass goes: the same tiles, with a clock at every stage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any
from unittest.mock import patch

import xarray as xr
from tables import Table, number

import xflux
from xflux.labels import pipeline
from xflux.labels.pipeline import Block
from xflux.labels.plan import Step
from xflux.numerics import clean as cleaning

__all__ = ["table"]

_MODELS = {
    "PModel": "P-model",
    "Q10Respiration": "respiration",
    "PriestleyTaylor": "latent heat",
}


class _Clocks:
    """Seconds by stage; calls of clean inside a stage are not counted twice."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **options)
            self.spent[stage] += time.perf_counter() - start
            return result

        return timed


def measure(ds: xr.Dataset, repeats: int) -> dict[str, float]:
    """Return nanoseconds a cell by stage, of the fastest of several passes."""
    passes = []
    for _ in range(repeats):
        clocks = _Clocks()
        total = clocks.around("total", Block.__call__)

        def timed(block: Block, *arrays: Any, clocks=clocks, total=total) -> Any:
            models = tuple(
                _timed_model(model, clocks)
                for model in block.finish.models  # type: ignore[attr-defined]
            )
            steps = tuple(replace(step, function=_timed_step(step, clocks)) for step in block.steps)
            return total(replace(block, steps=steps, finish=type(block.finish)(models)), *arrays)

        counted = {
            name: clocks.around("ranges and units", getattr(cleaning, name))
            for name in ("clean", "is_clean")
        }
        with (
            patch.object(pipeline.Block, "__call__", timed),
            patch.multiple(cleaning, **counted),
        ):
            xflux.baseline(ds)
        passes.append(dict(clocks.spent))
    fastest = min(passes, key=lambda spent: spent["total"])
    return {stage: 1e9 * spent / ds.ta.size for stage, spent in fastest.items()}


def _timed_step(step: Step, clocks: _Clocks) -> Callable[..., Any]:
    return wraps(step.function)(clocks.around(f"derive {step.target}", step.function))


def _timed_model(model: Any, clocks: _Clocks) -> Any:
    class Timed:
        inputs, outputs = model.inputs, model.outputs
        __call__ = staticmethod(clocks.around(_MODELS[type(model).__name__], model))
        # Or it would be taken for a model of the user's, which gets copies.
        __module__ = type(model).__module__

    return Timed()


def table(double: xr.Dataset, single: xr.Dataset, repeats: int) -> Table:
    """Return nanoseconds a cell by stage and dtype."""
    found = {"float64": measure(double, repeats), "float32": measure(single, repeats)}
    stages = list(found["float64"])
    rest = "rest: Python, NEE, writing the results"
    for spent in found.values():
        spent[rest] = 2 * spent["total"] - sum(spent.values())
    stages = [*(stage for stage in stages if stage != "total"), rest, "total"]
    rows = tuple(
        (stage, *(number(spent[stage]) for spent in found.values()))
        + (f"{100 * found['float64'][stage] / found['float64']['total']:.0f} %",)
        for stage in stages
    )
    note = (
        "Eager, tile by tile, of the fastest pass; the clocks themselves are within *rest*. A tile "
        "is 496 kB of each variable. Air pressure is derived from elevation once per chunk."
    )
    columns = ("stage of the four-flux pass", "ns a cell, float64", "float32", "share of float64")
    return Table("Where the time of the four fluxes goes", columns, rows, note)
