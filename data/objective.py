"""What an answer is worth: the loss that learning descends, the score that people read, and how many outputs both take."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch.nn.functional as F
from torch import Tensor

from data.language import mark
from data.metric import SQUARED_ERROR, Metric, accuracy


class Objective(Protocol):
    """Judges many tasks' answers (tasks, n, outputs) by their targets, each task by itself."""

    @property
    def outputs(self) -> int:
        """Size of the network's output."""

    @property
    def metric(self) -> Metric:
        """What ``score`` gives."""

    @property
    def loss_title(self) -> str:
        """What ``loss`` is, with its unit."""

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each task → (tasks,)."""

    def score(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Score of each task → (tasks,), as ``metric`` describes it."""


@dataclass(frozen=True)
class Classification:
    """Cross-entropy from logits, and the share of right answers in [0, 1]. targets: class indices (tasks, n) in [0, n_way)."""

    n_way: int
    loss_title: ClassVar[str] = mark("cross-entropy, nats")

    @property
    def outputs(self) -> int:
        return self.n_way

    @property
    def metric(self) -> Metric:
        return accuracy(self.n_way)

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        tasks, n, n_way = answers.shape
        each = F.cross_entropy(answers.reshape(-1, n_way), targets.reshape(-1), reduction="none")
        return each.view(tasks, n).mean(1)

    def score(self, answers: Tensor, targets: Tensor) -> Tensor:
        return (answers.argmax(-1) == targets).float().mean(1)


@dataclass(frozen=True)
class Regression:
    """Squared error, as loss and as score. targets: real numbers (tasks, n, outputs)."""

    outputs: int = 1
    metric: Metric = SQUARED_ERROR
    loss_title: ClassVar[str] = SQUARED_ERROR.title

    def loss(self, answers: Tensor, targets: Tensor) -> Tensor:
        return (answers - targets).square().flatten(1).mean(1)

    score = loss
