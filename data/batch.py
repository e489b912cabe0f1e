"""A batch of tasks, which owns its losses and scores, and Episodes, the usual one: made of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import torch
from torch import Tensor

from data.objective import Objective

# The network under each task's own weights: inputs (tasks, n, *input) → (tasks, n, *output).
Answer = Callable[[Tensor], Tensor]


class TaskBatch(Protocol):
    """Many tasks at once, of which a learner that adapts by gradients asks three questions and nothing else.

    What a task's data are is its own affair. They may be tensors, or be made anew under the weights of each inner step, as
    when a policy is rolled out; a score may take the network many times, as when a sentence is decoded. No task's loss or
    score may depend on another task's weights.
    """

    # Inputs (tasks, n_support, *input) that BatchNorm takes its statistics from where each query is answered alone; None if
    # the tasks have none.
    support_x: Tensor | None
    quick_scores: ClassVar[bool]  # False: scoring costs so much more than a loss that training does not ask for it

    @property
    def tasks(self) -> int: ...

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All that says which tasks these are, for a hash."""

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        """Mean loss of each task on what it may learn from, at an inner step counted from 0 → (tasks,), differentiable."""

    def query_loss(self, answer: Answer) -> Tensor:
        """Mean loss of each task on what it is asked after adaptation → (tasks,), differentiable."""

    def scores(self, answer: Answer) -> Tensor:
        """How well each task is solved, as its family's ``metric`` describes it → (tasks,)."""

    def to(self, device: torch.device | str) -> Self: ...

    def __getitem__(self, tasks: slice) -> Self: ...


@dataclass(frozen=True)
class Adapted:
    """A learner that took so many inner steps on each task of a batch, as it is asked where a task is to be looked at.

    features: gives what its output layer reads of the support set and of the queries, each (tasks, n, *features); None where
    it has none.
    """

    step: int
    answer: Answer
    features: Callable[[], tuple[Tensor, Tensor] | None]


@dataclass(frozen=True)
class Episodes:
    """Tasks made of tensors. The leading axis is always tasks, also for one.

    support_x (tasks, n_support, *input), query_x (tasks, n_query_total, *input), where n_support = n_way * k_shot and
    n_query_total = n_way * n_query. support_y and query_y: class indices (tasks, n) int64 in [0, n_way), or real targets
    (tasks, n, outputs) for regression. Classes are stored one after another: example i belongs to class i // k_shot.
    """

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor
    objective: Objective
    quick_scores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        shapes = {name: tuple(getattr(self, name).shape) for name in ("support_x", "support_y", "query_x", "query_y")}
        if len({shape[0] for shape in shapes.values()}) != 1:
            raise ValueError(f"Episodes: the leading axis (tasks) differs: {shapes}")
        for part in ("support", "query"):
            x, y = shapes[f"{part}_x"], shapes[f"{part}_y"]
            if x[1] != y[1]:
                raise ValueError(f"Episodes: {part}_x has {x[1]} examples a task and {part}_y has {y[1]}")

    @property
    def tasks(self) -> int:
        return self.support_x.shape[0]

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.support_x, self.support_y, self.query_x, self.query_y

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        return self.objective.loss(answer(self.support_x), self.support_y)

    def query_loss(self, answer: Answer) -> Tensor:
        return self.objective.loss(answer(self.query_x), self.query_y)

    def scores(self, answer: Answer) -> Tensor:
        return self.objective.score(answer(self.query_x), self.query_y)

    def to(self, device: torch.device | str) -> "Episodes":
        there = torch.device(device) == self.support_x.device
        return self if there else self._each(lambda part: part.to(device))

    def __getitem__(self, tasks: slice) -> "Episodes":
        return self._each(lambda part: part[tasks])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Episodes":
        return self.like([change(part) for part in self.tensors])

    def like(self, tensors: Sequence[Tensor]) -> "Episodes":
        """Tasks of these ``tensors``, that are judged alike."""
        return Episodes(*tensors, self.objective)

    def beside(self, *others: "Episodes") -> "Episodes":
        """These tasks and then the others', which are of the same shape."""
        parts = zip(*(episodes.tensors for episodes in (self, *others)), strict=True)
        return self.like(list(map(torch.cat, parts)))

    def joined(self) -> "Episodes":
        """Each task's examples together, the support set first, both to learn from and to be asked about."""
        x, y = torch.cat([self.support_x, self.query_x], 1), torch.cat([self.support_y, self.query_y], 1)
        return Episodes(x, y, x, y, self.objective)

    def shuffled(self, generator: torch.Generator) -> "Episodes":
        """With each task's support set in an order of its own."""
        size, device = self.support_y.shape[:2], self.support_y.device
        order = torch.rand(size, generator=generator, device=generator.device).argsort(1).to(device)
        task = torch.arange(len(order), device=device).unsqueeze(1)
        return replace(self, support_x=self.support_x[task, order], support_y=self.support_y[task, order])
