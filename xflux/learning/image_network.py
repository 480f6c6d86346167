"""Columns of an image patch by a small residual network that learned from them (ResNet)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from xflux.learning.network_embedder import NetworkEmbedder

if TYPE_CHECKING:
    import torch

__all__ = ["ImageNetwork"]


@dataclass(slots=True)
class ImageNetwork(NetworkEmbedder):
    """Embed images (row, channel, y, x) by convolutions with connections that skip them.

    Parameters
    ----------
    channels : tuple of int
        Of each block of two convolutions of 3 x 3; a stem of one convolution has as many as the
        first. Where the number rises, the image is halved.
    width, epochs, rate, batch, patience, decay, seed
        As in `NetworkEmbedder`.

    Notes
    -----
    Basic blocks with batch normalisation (He et al. 2016, doi 10.1109/CVPR.2016.90, figure 2 and
    equations 1 and 2), the mean over the image, and a linear embedding. An epoch of 10 000 patches
    of 15 x 15 takes some ten seconds on one core.
    """

    width: int = 32
    channels: tuple[int, ...] = (32, 64, 64)

    _axis: ClassVar[int] = 1
    _axes: ClassVar[tuple[str, ...]] = ("row", "channel", "y", "x")
    _block: ClassVar[int] = 64

    def __post_init__(self) -> None:
        # JSON gives a list back.
        self.channels = tuple(self.channels)

    def _body(self, variables: int) -> torch.nn.Sequential:
        from torch.nn import (
            AdaptiveAvgPool2d,
            BatchNorm2d,
            Conv2d,
            Flatten,
            Identity,
            Linear,
            Module,
            ReLU,
            Sequential,
        )
        from torch.nn.functional import relu

        def convolution(entering: int, leaving: int, stride: int = 1, size: int = 3) -> Sequential:
            kernel = Conv2d(entering, leaving, size, stride, padding=size // 2, bias=False)
            return Sequential(kernel, BatchNorm2d(leaving))

        class Block(Module):
            def __init__(self, entering: int, leaving: int) -> None:
                super().__init__()
                stride = 1 if entering == leaving else 2
                self.path = Sequential(
                    convolution(entering, leaving, stride), ReLU(), convolution(leaving, leaving)
                )
                self.skip = (
                    Identity() if stride == 1 else convolution(entering, leaving, stride, size=1)
                )

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return relu(self.path(x) + self.skip(x))

        first = self.channels[0]
        blocks = [Block(a, b) for a, b in pairwise((first, *self.channels))]
        return Sequential(
            convolution(variables, first), ReLU(), *blocks, AdaptiveAvgPool2d(1), Flatten(),
            Linear(self.channels[-1], self.width),
        )  # fmt: skip
