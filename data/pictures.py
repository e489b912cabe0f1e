"""What families of pictures share: a split's pictures in one place, as a network takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.augment import AugmentedConfig, augmented
from data.batch import Episodes
from data.examples import ByClass, Examples
from data.family import SPLITS, EpisodeShape, Split
from data.view import plain

LOOKED_AT = 48  # pixels of a picture's longer side, at most, where a task is looked at


@dataclass(frozen=True)
class Pool(Examples):
    """A split's pictures, class by class.

    images: uint8 (pictures, channels, height, width). counts: int64 (classes,), how many of them each class has. starts: the
    number of each class's first, where there are others between them; else one class comes after another.
    """

    images: Tensor
    counts: Tensor
    starts: Tensor | None = None

    def __post_init__(self) -> None:
        if self.starts is None:
            object.__setattr__(self, "starts", self.counts.cumsum(0) - self.counts)

    @classmethod
    def even(cls, images: Tensor) -> "Pool":
        """Classes of equally many pictures: uint8 (classes, examples, [channels,] height, width), grey without channels."""
        classes, examples = images.shape[:2]
        if images.ndim == 4:
            images = images.unsqueeze(2)
        return cls(images.flatten(0, 1), torch.full((classes,), examples, device=images.device))

    def of(self, numbers: Tensor) -> Tensor:
        """The pictures of these numbers: (...) → (..., channels, height, width).

        ``images[numbers]`` would copy byte by byte on a processor: an eighth as fast where pictures are of 84×84 in colour.
        """
        return self.images.index_select(0, numbers.flatten()).unflatten(0, numbers.shape)

    def to(self, device: torch.device) -> "Pool":
        """On another device without the pictures that are no class's."""
        if device == self.images.device:
            return self
        classes = zip(self.starts.tolist(), self.counts.tolist(), strict=True)
        images = torch.cat([self.images[start : start + count] for start, count in classes])
        return Pool(images.to(device), self.counts.to(device))


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
        return [as_input(pool.of(numbers)) for numbers in parts]

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        episodes = super().sample(split, shape, tasks, generator)
        if not self.augments(split):
            return episodes
        support_x, query_x = (augmented(x, self.config, generator) for x in (episodes.support_x, episodes.query_x))
        return replace(episodes, support_x=support_x, query_x=query_x)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, classes = super().sample_flat(split, batch_size, generator)
        return (augmented(x, self.config, generator) if self.augments(split) else x), classes

    def augments(self, split: Split) -> bool:
        """Whether the pictures of a split are changed at random as they are drawn: those of training, where that is wanted."""
        return split == "train" and isinstance(self.config, AugmentedConfig) and self.config.augments

    def examples(self, split: Split, first: int, count: int, each: int) -> list[tuple[str, int, np.ndarray]]:
        """Classes of a split from the ``first`` on: name, number of pictures, and up to ``each`` of them to look at."""
        pool, names = self.pool(split), self.names(split)
        found = []
        for number in range(first, min(first + count, len(pool.counts))):
            start, there = int(pool.starts[number]), int(pool.counts[number])
            chosen = torch.arange(start, start + min(each, there), device=pool.images.device)
            found.append((names[number], there, self.looks(split, chosen)))
        return found

    def looks(self, split: Split, numbers: Tensor) -> np.ndarray:
        return small(as_input(self.pool(split).of(numbers)))

    def pictured(self, split: Split, classes: Sequence[int]) -> np.ndarray:
        starts = self.pool(split).starts
        return self.looks(split, starts[torch.tensor(list(classes), dtype=torch.int64, device=starts.device)])

    def hashed_inputs(self, split: Split, numbers: Tensor) -> Tensor:
        """Made float on the processor: a device's own division may round otherwise."""
        return as_input(self.pool(split).of(numbers).cpu())


def as_input(images: Tensor) -> Tensor:
    """uint8 → float32 in [0, 1], the same bits on every device.

    CUDA multiplies by the reciprocal where it divides by a number that the processor holds, which rounds otherwise.
    """
    return images.float().div_(torch.full((), 255.0, device=images.device))


def small(inputs: Tensor) -> np.ndarray:
    """float (n, channels, height, width) in [0, 1] → uint8, large ones with fewer pixels."""
    factor = -(-max(inputs.shape[2:]) // LOOKED_AT)
    return plain((F.avg_pool2d(inputs, factor) if factor > 1 else inputs).mul(255).round().byte())
