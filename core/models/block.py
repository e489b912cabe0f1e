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
from core.models.convolution import convolved

PARTS = ("0.weight", "0.bias", "1.weight", "1.bias")  # of a block: its convolution's, its BatchNorm's
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
        return self.as_one(x, self[0].weight, self[0].bias, self[1].weight, self[1].bias, 1)

    def stacked_forward(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """All tasks at once. weights by name (tasks, *shape), x (n, tasks · channels, height, width) → as many filters."""
        weight, bias, scale, shift = own = [weights[part].flatten(0, 1) for part in PARTS]
        tasks = len(weights[PARTS[0]])
        if _AS_ONE.get() and len(x) > 1:
            return self.as_one(x, *own, tasks)
        x = convolved(x, weight, bias, self[0].stride[0], self[0].padding[0], tasks)
        x = F.batch_norm(x, None, None, scale, shift, training=True, eps=self[1].eps)
        for layer in list(self)[2:]:
            x = layer(x)
        return x

    def as_one(self, x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, tasks: int) -> Tensor:
        """The convolution's bias is left out: what is added to all of a channel's values goes with their mean.

        Its gradient is 0 whatever it is, and it is to have one, as it would layer by layer.
        """
        shift = shift + 0.0 * bias
        x = x.to(memory_format=torch.channels_last)  # by pixel pooling and BatchNorm are several times as fast
        pool = isinstance(self[2], nn.MaxPool2d)
        if (
            pool
        ):  # a channel of falling scale turned over, scale and all, is the same, and its largest stays the largest
            sign = torch.where(scale < 0, -1.0, 1.0).to(x.dtype)
            weight, scale = weight * sign.view(-1, 1, 1, 1), scale * sign
        x = F.conv2d(x, weight, None, self[0].stride, self[0].padding, groups=tasks)
        return torch.relu((pooled if pool else normalised)(x, scale, shift, self[1].eps))
