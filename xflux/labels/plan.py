"""What goes into the blocks: arrays with their conversions, recipes, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Plan", "Source", "Step"]


@dataclass(frozen=True)
class Source:
    """An array of the Dataset that goes into the blocks, and how it is converted there."""

    name: str
    array: xr.DataArray
    scale: float
    offset: float
    found: str


@dataclass(frozen=True)
class Step:
    """A recipe that runs in the blocks."""

    target: str
    needs: tuple[str, ...]
    function: Callable[..., Any]


@dataclass
class Plan:
    """What is read, what is derived, and what is to be said about it."""

    sources: dict[str, Source] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    registry: Any = None

    @property
    def names(self) -> set[str]:
        """Canonical names that the plan provides."""
        return set(self.sources) | {step.target for step in self.steps}

    def for_targets(self, targets: Sequence[str]) -> Plan:
        """Return the part of the plan that some targets need."""
        wanted = set(targets)
        steps = []
        for step in reversed(self.steps):
            if step.target in wanted:
                steps.append(step)
                wanted |= set(step.needs)
        return Plan(
            {name: source for name, source in self.sources.items() if name in wanted},
            steps[::-1],
            {name: note for name, note in self.notes.items() if name in wanted},
            self.registry,
        )

    def describe(self) -> str:
        """Say what was derived, for the attributes of the result."""
        return "; ".join(f"{name}: {note}" for name, note in self.notes.items())
