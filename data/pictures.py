"""What families of pictures share: a split's pictures in one place, and tasks as a choice of them."""

import logging
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.batch import Adapted, Episodes
from data.classified import classified
from data.errors import DataError
from data.family import SPLIT_TITLES, SPLITS, ClassificationConfig, EpisodeShape, OnProgress, Split, TaskFamily
from data.objective import Classification
from data.shortages import left_out
from data.view import TaskView, plain

log = logging.getLogger(__name__)

LOOKED_AT = 48  # pixels of a picture's longer side, at most, where a task is looked at


@dataclass(frozen=True)
class Pool:
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

    @cached_property
    def most(self) -> int:
        """Pictures of the largest class. Kept, because asking a device for it would wait for it at every draw."""
        return int(self.counts.max())

    def to(self, device: torch.device) -> "Pool":
        return Pool(self.images.to(device), self.counts.to(device))


@dataclass(frozen=True)
class Choice:
    """Tasks as the numbers of their pictures in a split's pool: int64 (tasks, n_way, k_shot + n_query).

    Of each class the first k_shot are its support. 16 of 5 classes are 640 bytes a task, the pictures themselves as float32
    250 kB (28×28) or 6.8 MB (84×84 in colour).
    """

    split: Split
    k_shot: int
    pictures: Tensor

    @property
    def tasks(self) -> int:
        return len(self.pictures)

    def __getitem__(self, tasks: slice) -> "Choice":
        return Choice(self.split, self.k_shot, self.pictures[tasks])

    def parts(self) -> tuple[Tensor, Tensor]:
        """The support's and the query's numbers: (tasks, n_way, k_shot) and (tasks, n_way, n_query)."""
        return self.pictures[..., : self.k_shot], self.pictures[..., self.k_shot :]


class Pictures(TaskFamily):
    """N-way K-shot classification of pictures, as float32 in [0, 1].

    A split's pictures are loaded when they are first asked for and then stay on the device as uint8: a batch becomes float
    only once it is gathered.
    """

    kind = "classification"
    config: ClassificationConfig

    def __init__(
        self,
        config: ClassificationConfig,
        *,
        datasets: Path,
        cache: Path,
        device: torch.device | str = "cpu",
        progress: OnProgress | None = None,
    ):
        super().__init__(config, datasets=datasets, cache=cache, device=device, progress=progress)
        self._pools: dict[Split, Pool] = {}
        self._said: set[str] = set()

    @abstractmethod
    def load(self, split: Split, progress: OnProgress) -> Pool:
        """A split's pictures, on any device. Raises DataError where a data set is missing or damaged."""

    def pool(self, split: Split) -> Pool:
        """A split's pictures, on the family's device."""
        if split not in self._pools:
            self._pools[split] = self.load(split, self.progress).to(self.device)
        return self._pools[split]

    def stand_in(self) -> int:
        """One picture of noise in the place of each, so that any number of them takes no memory."""
        noise = torch.randint(256, (1, *self.input_spec.shape), generator=torch.Generator().manual_seed(0))
        noise = noise.byte().to(self.device)
        for split in SPLITS:
            sizes = self.found[split].by_count.items()
            counts = torch.tensor([int(count) for count, classes in sizes for _ in range(classes)], device=self.device)
            self._pools[split] = Pool(noise.expand(int(counts.sum()), *noise.shape[1:]), counts)
        return sum(len(pool.images) * pool.images[0].numel() for pool in self._pools.values())

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Draw tasks whose classes are distinct and whose support and query examples are distinct.

        Raises DataError where the shape asks for more classes or examples than the split has.
        """
        return self.episodes(self.draw(split, shape, tasks, generator))

    def draw(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Choice:
        for shortage in self.shortages(self.config, shape, split, self.found):
            raise DataError(str(shortage), path=f"family.{shortage.field}")
        self.warn(split, shape)
        pictures = choose(self.pool(split), shape, tasks, generator)
        return Choice(split, shape.k_shot, pictures.to(self.device))

    def warn(self, split: Split, shape: EpisodeShape) -> None:
        """Say once which classes are too small, in the run's log."""
        text = left_out(SPLIT_TITLES[split], self.found[split], shape.k_shot, shape.n_query)
        if text and text not in self._said:
            self._said.add(text)
            log.warning("%s: %s", self.config.name, text)

    def episodes(self, drawn: Choice) -> Episodes:
        pool, parts = self.pool(drawn.split), []
        for pictures in drawn.parts():  # (tasks, n_way, n)
            parts += [as_input(pool.images[pictures.flatten(1)]), labels(pictures)]
        return Episodes(*parts, Classification(pictures.shape[1]))

    def hashed(self, drawn: Choice) -> Iterator[Tensor]:
        """Task by task, and made float on the processor: a device's own division may round otherwise."""
        pool = self.pool(drawn.split)
        for pictures in drawn.parts():
            yield from (as_input(pool.images[task.flatten()].cpu()) for task in pictures)
            yield labels(pictures).cpu()

    def classes_of(self, drawn: Choice) -> Tensor:
        counts = self.pool(drawn.split).counts
        return torch.bucketize(drawn.pictures[..., 0].contiguous(), counts.cumsum(0), right=True)

    def pictured(self, split: Split, classes: Sequence[int]) -> np.ndarray:
        pool = self.pool(split)
        first = (pool.counts.cumsum(0) - pool.counts)[
            torch.tensor(list(classes), dtype=torch.int64, device=pool.counts.device)
        ]
        return small(as_input(pool.images[first]))

    def views(self, drawn: Choice, batch: Episodes, learner: Sequence[Adapted]) -> list[TaskView]:
        names = self.names(drawn.split)
        called = [[names[number] for number in task] for task in self.classes_of(drawn).tolist()]
        return classified("pictures", batch, learner, called, small)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Every picture of the split is as likely as every other."""
        pool = self.pool(split)
        chosen = torch.randint(len(pool.images), (batch_size,), generator=generator, device=generator.device)
        chosen = chosen.to(self.device)
        return as_input(pool.images[chosen]), torch.bucketize(chosen, pool.counts.cumsum(0), right=True)


def choose(pool: Pool, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Tensor:
    """Numbers of distinct pictures of distinct classes, (tasks, n_way, k_shot + n_query), on the generator's device.

    Classes with fewer pictures than a task needs are never drawn, all others equally often, and so are the pictures of a
    class.
    """
    where, needed = generator.device, shape.k_shot + shape.n_query
    counts = pool.counts.to(where)
    # The places of the largest of uniform numbers are a sample without replacement, in random order. What is not there
    # gets a number below all of them.
    chance = torch.rand(tasks, len(counts), generator=generator, device=where)
    classes = chance.masked_fill(counts < needed, -1.0).topk(shape.n_way).indices  # (tasks, n_way)
    order = torch.rand(tasks, shape.n_way, pool.most, generator=generator, device=where)
    absent = torch.arange(pool.most, device=where) >= counts[classes].unsqueeze(-1)
    examples = order.masked_fill_(absent, -1.0).topk(needed).indices  # (tasks, n_way, k_shot + n_query)
    return (counts.cumsum(0) - counts)[classes].unsqueeze(-1) + examples


def labels(pictures: Tensor) -> Tensor:
    """(tasks, n_way, n) → each one's class within its task, int64 (tasks, n_way * n)."""
    tasks, n_way, n = pictures.shape
    return torch.arange(n_way, device=pictures.device).repeat_interleave(n).expand(tasks, n_way * n)


def as_input(images: Tensor) -> Tensor:
    """uint8 → float32 in [0, 1], the same bits on every device.

    CUDA multiplies by the reciprocal where it divides by a number that the processor holds, which rounds otherwise.
    """
    return images.float().div_(torch.full((), 255.0, device=images.device))


def small(inputs: Tensor) -> np.ndarray:
    """float (n, channels, height, width) in [0, 1] → uint8, large ones with fewer pixels."""
    factor = -(-max(inputs.shape[2:]) // LOOKED_AT)
    return plain((F.avg_pool2d(inputs, factor) if factor > 1 else inputs).mul(255).round().byte())
