"""What families of pictures share: a split's pictures in one place, as a network takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.examples import ByClass, Examples
from data.family import SPLITS, Split
from data.view import plain

LOOKED_AT = 48  # pixels of a picture's longer side, at most, where a task is looked at


@dataclass(frozen=True)
class Pool(Examples):
    """A split's pictures, one class after another.

    images: uint8 (pictures, channels, height, width). counts: int64 (classes,), how many of them each class has.
    """

    images: Tensor
    counts: Tensor

    @classmethod
    def even(cls, images: Tensor) -> "Pool":
        """Classes of equally many grey pictures: uint8 (classes, examples, height, width)."""
        classes, examples = images.shape[:2]
        return cls(images.flatten(0, 1).unsqueeze(1), torch.full((classes,), examples, device=images.device))

    def to(self, device: torch.device) -> "Pool":
        return Pool(self.images.to(device), self.counts.to(device))


class Pictures(ByClass):
    """N-way K-shot classification of pictures, as float32 in [0, 1].

    They stay on the device as uint8: a batch becomes float only once it is gathered.
    """

    looks_like = "pictures"

    def stand_in(self) -> int:
        """One picture of noise in the place of each, so that any number of them takes no memory."""
        noise = torch.randint(256, (1, *self.input_spec.shape), generator=torch.Generator().manual_seed(0))
        noise = noise.byte().to(self.device)
        for split in SPLITS:
            counts = self.counted(split)
            self._pools[split] = Pool(noise.expand(int(counts.sum()), *noise.shape[1:]), counts)
        return sum(len(pool.images) * pool.images[0].numel() for pool in self._pools.values())

    def inputs(self, pool: Pool, parts: tuple[Tensor, ...]) -> list[Tensor]:
        return [as_input(pool.images[numbers]) for numbers in parts]

    def looks(self, split: Split, numbers: Tensor) -> np.ndarray:
        return small(as_input(self.pool(split).images[numbers]))

    def pictured(self, split: Split, classes: Sequence[int]) -> np.ndarray:
        counts = self.pool(split).counts
        return self.looks(
            split, (counts.cumsum(0) - counts)[torch.tensor(list(classes), dtype=torch.int64, device=counts.device)]
        )

    def hashed_inputs(self, split: Split, numbers: Tensor) -> Tensor:
        """Made float on the processor: a device's own division may round otherwise."""
        return as_input(self.pool(split).images[numbers].cpu())


def as_input(images: Tensor) -> Tensor:
    """uint8 → float32 in [0, 1], the same bits on every device.

    CUDA multiplies by the reciprocal where it divides by a number that the processor holds, which rounds otherwise.
    """
    return images.float().div_(torch.full((), 255.0, device=images.device))


def small(inputs: Tensor) -> np.ndarray:
    """float (n, channels, height, width) in [0, 1] → uint8, large ones with fewer pixels."""
    factor = -(-max(inputs.shape[2:]) // LOOKED_AT)
    return plain((F.avg_pool2d(inputs, factor) if factor > 1 else inputs).mul(255).round().byte())
