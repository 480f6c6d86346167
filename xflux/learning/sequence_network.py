"""Columns of a sequence by a recurrent network that learned from them (LSTM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from xflux.learning.network_embedder import NetworkEmbedder

if TYPE_CHECKING:
    import torch

__all__ = ["SequenceNetwork"]


@dataclass(slots=True)
class SequenceNetwork(NetworkEmbedder):
    """Embed sequences (row, step, variable), oldest step first, by a network with memory.

    Parameters
    ----------
    hidden : int
        Units of the memory.
    width, epochs, rate, batch, patience, decay, seed
        As in `NetworkEmbedder`.

    Notes
    -----
    One layer of long short-term memory (Hochreiter and Schmidhuber 1997, doi
    10.1162/neco.1997.9.8.1735), whose state after the last step is embedded linearly.
    """

    hidden: int = 32

    _axes: ClassVar[tuple[str, ...]] = ("row", "step", "variable")

    def _body(self, variables: int) -> torch.nn.Sequential:
        from torch.nn import LSTM, Linear, Module, Sequential

        class LastState(Module):
            def __init__(self, hidden: int) -> None:
                super().__init__()
                self.memory = LSTM(variables, hidden, batch_first=True)

            def forward(self, x: torch.Tensor) -> Any:
                return self.memory(x)[1][0][0]

        return Sequential(LastState(self.hidden), Linear(self.hidden, self.width))
