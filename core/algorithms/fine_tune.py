"""What the baselines share: fine-tuning with a step size and a length that are chosen on validation episodes."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, TaskState
from core.algorithms.forward import Weights
from core.algorithms.gradient import gradient_descent
from data.batch import TaskBatch

Scope = Literal["all", "head"]
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # per step on the mean loss, where the config leaves the rate open
MOST_STEPS = 20  # that are looked at where the config leaves the number of steps open


@dataclass(frozen=True)
class FineTuning:
    """How a baseline adapts: which weights, the learning rate, and how many steps."""

    scope: Scope
    lr: float
    steps: int


class FineTuner(Algorithm):
    """A learner that adapts by plain gradient descent and was not meta-trained for it.

    What its config leaves open (None) is chosen on validation episodes before the test, so that the comparison is with
    a baseline at its best among RATES and a few lengths. Until then ``chosen`` is a middling guess, or None for a learner
    that can answer without fine-tuning meanwhile, by ``proxy``.
    """

    chosen: FineTuning | None
    proxy: ClassVar[str] = ""

    @abstractmethod
    def start(self, tasks: int, scope: Scope) -> Weights:
        """Weights before adaptation, (tasks, *shape); those to adapt require a gradient."""

    @abstractmethod
    def candidates(self) -> list[FineTuning]:
        """What to choose from, the widest scope first; ``steps`` is the most to look at."""

    @property
    @abstractmethod
    def steps_are_open(self) -> bool:
        """Whether the number of steps is to be chosen too."""

    @property
    def is_open(self) -> bool:
        return self.steps_are_open or len(self.candidates()) > 1

    @property
    def tunes_to_validate(self) -> bool:
        """A guessed rate says little about how good the training is. Without a proxy it has to be found each time."""
        return self.is_open and self.chosen is not None

    @property
    def adaptation_steps(self) -> int:
        return self.chosen.steps if self.chosen else 0

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        return gradient_descent(
            self.support_loss(batch, differentiable=differentiable),
            self.start(batch.tasks, self.chosen.scope),
            batch,
            lr=self.chosen.lr,
            steps=steps,
            second_order=False,
            differentiable=differentiable,
        )

    @property
    def choice(self) -> dict[str, Any]:
        return asdict(self.chosen) if self.chosen else {"by": self.proxy}

    def choose(self, choice: dict[str, Any]) -> None:
        self.chosen = None if self.proxy and choice == {"by": self.proxy} else FineTuning(**choice)


def grid(scopes: list[Scope], lr: float | None, steps: int | None) -> list[FineTuning]:
    """Every combination of what is open; what is given stays."""
    rates = RATES if lr is None else (lr,)
    return [FineTuning(scope, rate, steps or MOST_STEPS) for scope in scopes for rate in rates]


def middling(candidates: list[FineTuning]) -> FineTuning:
    """A guess to validate with until the choice is made: the last scope, and a small rate that nothing diverges under."""
    rate = 0.01 if len({c.lr for c in candidates}) > 1 else candidates[0].lr
    return FineTuning(candidates[-1].scope, rate, candidates[-1].steps)


def detached(value: torch.Tensor, tasks: int, *, adapt: bool) -> Tensor:
    """A parameter expanded to (tasks, *shape), apart from the graph that trained it."""
    return value.detach().unsqueeze(0).expand(tasks, *value.shape).requires_grad_(adapt)
