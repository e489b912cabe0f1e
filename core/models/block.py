"""The convolution block, layer by layer or as one: then with fewer passes over its largest maps, forwards and twice back.

On a processor the maps before a block's pooling do not fit its caches, and reading and writing them takes as long as the
convolutions. As one, a block normalises only what is left after pooling.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.batch_norm import normalised, pooled

_AS_ONE: ContextVar[bool] = ContextVar("as_one", default=False)


@contextmanager
def blocks_as_one(wanted: bool) -> Iterator[None]:
    """While it lasts, blocks called in this thread run as one, or layer by layer as they otherwise do.

    As one they do not call their layers, so that nobody can listen to one or replace it, and vmap refuses them.
    """
    before = _AS_ONE.set(wanted)
    try:
        yield
    finally:
        _AS_ONE.reset(before)


class Block(nn.Sequential):
    """conv 3×3, BatchNorm by each batch's own statistics, 2×2 max-pooling where there is any, ReLU.

    Pooling before ReLU gives the same numbers as after it, also backwards, and leaves ReLU a quarter of the work.
    """

    def __init__(self, channels: int, filters: int, *, stride: int, pool: bool):
        conv = nn.Conv2d(channels, filters, 3, stride=stride, padding=1)
        norm = nn.BatchNorm2d(filters, track_running_stats=False)
        super().__init__(conv, norm, *([nn.MaxPool2d(2)] if pool else []), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) → (n, filters, height, width), halved by stride or pooling."""
        if not _AS_ONE.get() or len(x) == 1:  # of a single value the layers say that it has no variance
            return super().forward(x)
        conv, norm = self[0], self[1]
        x = x.to(memory_format=torch.channels_last)  # by pixel pooling and BatchNorm are several times as fast
        if isinstance(self[2], nn.MaxPool2d):
            # A channel of falling scale turned over, scale and all, keeps its values, and its largest stays the largest.
            sign = 1.0 - 2.0 * (norm.weight < 0).to(x.dtype)
            weight, scale = conv.weight * sign.view(-1, 1, 1, 1), norm.weight * sign
            return torch.relu(pooled(self.convolved(x, weight), scale, norm.bias, norm.eps))
        return torch.relu(normalised(self.convolved(x, conv.weight), norm.weight, norm.bias, norm.eps))

    def convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        """Without the bias: what is added to all of a channel's values is gone once their mean is subtracted."""
        return F.conv2d(x, weight, None, self[0].stride, self[0].padding)
