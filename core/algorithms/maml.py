"""Model-agnostic meta-learning (Finn, Abbeel & Levine 2017, https://arxiv.org/abs/1703.03400)."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor

from core.algorithms.base import Algorithm, AlgorithmConfig, TaskState
from core.algorithms.forward import Weights
from core.algorithms.gradient import gradient_descent
from data.batch import TaskBatch
from data.config import setting
from data.language import mark


class MAMLConfig(AlgorithmConfig):
    name: Literal["maml"] = "maml"
    inner_lr: float = setting(0.01, "Inner learning rate", gt=0, le=100, step=0.01, telling=1)
    """Step size of the adaptation, α in the paper, on the task's mean loss."""
    inner_steps: int = setting(1, "Inner steps", unit="steps", ge=1, le=100, telling=2)
    """Gradient steps on the support set while meta-training."""
    first_order: bool = setting(False, "First order")
    """Leave out the second derivatives (first-order MAML): cheaper, and nearly as good on images in the paper."""
    recompute: bool = setting(False, "Recompute inner steps", advanced=True)
    """Keep no inner step's graph but compute each again backwards: the same gradients, and memory that hardly grows with
    the number of steps, for about half as much time again.
    """


class MAML(Algorithm):
    """Learns a start θ from which a few gradient steps solve a new task.

    Inner (eq. 1): θ_i' = θ − α ∇ L_i(θ; support). Outer (eq. 4): min_θ Σ_i L_i(θ_i'; query), here the mean over tasks.

    By hand, for one weight w, prediction w·x, squared loss on support (x, y) = (1, a) and query (1, b), one step:
    w' = w − 2α(w − a), L = (w' − b)², dL/dw = 2 (w' − b) (1 − 2α). First order drops the factor (1 − 2α).
    """

    Config = MAMLConfig
    title = "MAML"
    summary = mark("Learns a start from which a few gradient steps solve a new task.")
    group = "model-agnostic"
    repeats = True

    @property
    def adaptation_steps(self) -> int:
        return self.config.inner_steps

    @property
    def recomputed(self) -> list[Tensor] | None:
        """What the inner steps read beside the tasks' weights, if they are to be computed again instead of kept."""
        return [p for p in self.parameters() if p.requires_grad] if self.config.recompute else None

    def start(self, batch: TaskBatch, *, differentiable: bool) -> Weights:
        """The weights before the first inner step, each (tasks, *shape). Those left out are the same for all tasks."""
        return self.forward_tasks.stack(batch.tasks)

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        return gradient_descent(
            self.support_loss(batch, differentiable=differentiable),
            self.start(batch, differentiable=differentiable),
            batch,
            lr=self.config.inner_lr,
            steps=steps,
            second_order=not self.config.first_order,
            differentiable=differentiable,
            recomputed=self.recomputed,
        )
