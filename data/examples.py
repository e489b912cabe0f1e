"""What families share whose tasks are a choice of examples, by class: a split's examples in one place, and numbers for them."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from data.batch import Adapted, Episodes
from data.classified import classified
from data.errors import DataError
from data.family import SPLIT_TITLES, ClassificationConfig, EpisodeShape, OnProgress, Split, TaskFamily
from data.objective import Classification
from data.shortages import left_out
from data.view import TaskView

log = logging.getLogger(__name__)


class Examples(ABC):
    """A split's examples, one class after another. counts: int64 (classes,), how many of them each class has."""

    counts: Tensor

    @abstractmethod
    def to(self, device: torch.device) -> Self:
        """The same examples on a device."""

    @cached_property
    def most(self) -> int:
        """Examples of the largest class. Kept, because asking a device for it would wait for it at every draw."""
        return int(self.counts.max())

    @cached_property
    def starts(self) -> Tensor:
        """The number of each class's first, ascending: int64 (classes,)."""
        return self.counts.cumsum(0) - self.counts

    @cached_property
    def total(self) -> int:
        """Of all classes together."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Choice:
    """Tasks as the numbers of their examples in a split's pool: int64 (tasks, n_way, k_shot + n_query).

    Of each class the first k_shot are its support. 16 of 5 classes are 640 bytes a task, pictures themselves as float32
    250 kB (28×28) or 6.8 MB (84×84 in colour).
    """

    split: Split
    k_shot: int
    examples: Tensor

    @property
    def tasks(self) -> int:
        return len(self.examples)

    def __getitem__(self, tasks: slice) -> "Choice":
        return Choice(self.split, self.k_shot, self.examples[tasks])

    def parts(self) -> tuple[Tensor, Tensor]:
        """The support's and the query's numbers: (tasks, n_way, k_shot) and (tasks, n_way, n_query)."""
        return self.examples[..., : self.k_shot], self.examples[..., self.k_shot :]


class ByClass(TaskFamily):
    """N-way K-shot classification of examples that are kept in one place.

    A split's examples are loaded when they are first asked for and then stay on the device.
    """

    kind = "classification"
    looks_like: ClassVar[Literal["pictures", "texts"]]  # how its tasks are looked at
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
        self._pools: dict[Split, Examples] = {}
        self._said: set[str] = set()

    @abstractmethod
    def load(self, split: Split, progress: OnProgress) -> Examples:
        """A split's examples, on any device. Raises DataError where a data set is missing or damaged."""

    @abstractmethod
    def inputs(self, pool: Examples, parts: tuple[Tensor, ...]) -> list[Tensor]:
        """The examples of these numbers as a network takes them: each (…) → (…, *input)."""

    def read(self, split: Split) -> None:
        self.pool(split)

    def pool(self, split: Split) -> Examples:
        """A split's examples, on the family's device."""
        if split not in self._pools:
            self._pools[split] = self.load(split, self.progress).to(self.device)
        return self._pools[split]

    def counted(self, split: Split) -> Tensor:
        """How many examples each class of a split has, as its sizes tell: int64 (classes,), on the family's device."""
        sizes = self.found[split].by_count.items()
        return torch.tensor([int(count) for count, classes in sizes for _ in range(classes)], device=self.device)

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Draw tasks whose classes are distinct and whose support and query examples are distinct.

        Raises DataError where the shape asks for more classes or examples than the split has.
        """
        return self.episodes(self.draw(split, shape, tasks, generator))

    def draw(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Choice:
        for shortage in self.shortages(self.config, shape, split, self.found):
            raise DataError(str(shortage), path=f"family.{shortage.field}")
        self.warn(left_out(SPLIT_TITLES[split], self.found[split], shape.k_shot, shape.n_query))
        examples = choose(self.pool(split), shape, tasks, generator)
        return Choice(split, shape.k_shot, examples.to(self.device))

    def warn(self, text: str) -> None:
        """Say something once, in the run's log."""
        if text and text not in self._said:
            self._said.add(text)
            log.warning("%s: %s", self.config.name, text)

    def episodes(self, drawn: Choice) -> Episodes:
        support, query = drawn.parts()  # (tasks, n_way, n)
        xs = self.inputs(self.pool(drawn.split), (support.flatten(1), query.flatten(1)))
        return Episodes(xs[0], labels(support), xs[1], labels(query), Classification(support.shape[1]))

    def hashed(self, drawn: Choice) -> Iterator[Tensor]:
        """Task by task, so that no more than one has to be there at a time."""
        for part in drawn.parts():
            yield from (self.hashed_inputs(drawn.split, task.flatten()) for task in part)
            yield labels(part).cpu()

    @abstractmethod
    def hashed_inputs(self, split: Split, numbers: Tensor) -> Tensor:
        """The examples of these numbers (n,) as they are hashed, on the processor and the same whatever the device."""

    def classes_of(self, drawn: Choice) -> Tensor:
        starts = self.pool(drawn.split).starts
        return torch.searchsorted(starts, drawn.examples[..., 0].to(starts.device).contiguous(), right=True) - 1

    def class_names(self, drawn: Choice) -> list[str]:
        if type(self).names is TaskFamily.names:
            return []
        names = self.names(drawn.split)
        return [names[number] for number in self.classes_of(drawn)[0].tolist()]

    @abstractmethod
    def looks(self, split: Split, numbers: Tensor) -> Any:
        """The examples of these numbers (n,) as a view of its kind has them."""

    def views(self, drawn: Choice, batch: Episodes, learner: Sequence[Adapted]) -> list[TaskView]:
        names = self.names(drawn.split)
        called = [[names[number] for number in task] for task in self.classes_of(drawn).tolist()]
        parts = [part.flatten(1) for part in drawn.parts()]  # each (tasks, examples)

        def shown(task: int, *places: Tensor) -> Any:
            numbers = [part[task, where.to(part.device)] for part, where in zip(parts, places, strict=True)]
            return self.looks(drawn.split, torch.cat(numbers))

        return classified(self.looks_like, batch, learner, called, shown)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Every example of the split is as likely as every other."""
        pool = self.pool(split)
        chosen = torch.randint(pool.total, (batch_size,), generator=generator, device=generator.device)
        chosen = chosen.to(self.device)
        ends = pool.counts.cumsum(0)
        classes = torch.bucketize(chosen, ends, right=True)
        (x,) = self.inputs(pool, (chosen + (pool.starts - ends + pool.counts)[classes],))
        return x, classes


def choose(pool: Examples, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Tensor:
    """Numbers of distinct examples of distinct classes, (tasks, n_way, k_shot + n_query), on the generator's device.

    Classes with fewer examples than a task needs are never drawn, all others equally often, and so are the examples of a
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
    return pool.starts.to(where)[classes].unsqueeze(-1) + examples


def labels(examples: Tensor) -> Tensor:
    """(tasks, n_way, n) → each one's class within its task, int64 (tasks, n_way * n)."""
    tasks, n_way, n = examples.shape
    return torch.arange(n_way, device=examples.device).repeat_interleave(n).expand(tasks, n_way * n)
