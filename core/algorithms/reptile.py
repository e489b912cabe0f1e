"""Reptile (Nichol, Achiam & Schulman 2018, https://arxiv.org/abs/1803.02999)."""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, AlgorithmConfig, StepReport, TaskState
from core.algorithms.forward import Weights
from core.algorithms.gradient import task_gradients
from core.algorithms.optimizers import SGD
from data.batch import Answer, Episodes, TaskBatch
from data.config import setting
from data.family import EpisodeShape
from data.language import mark

BETA2, EPSILON = 0.999, 1e-8  # Adam's; its first moment is off, as in the released code


class ReptileConfig(AlgorithmConfig):
    name: Literal["reptile"] = "reptile"
    inner_lr: float = setting(1e-3, "Inner learning rate", gt=0, le=10, step=0.001, telling=1)
    """Adam's step size while adapting."""
    inner_steps: int = setting(5, "Inner steps", unit="steps", ge=1, le=200, telling=2)
    """Steps on a training task, each on one batch of it."""
    inner_batch: int = setting(10, "Inner batch", unit="examples", ge=1, le=1000)
    """Examples of an inner step; a task that has fewer gives all."""
    test_steps: int = setting(50, "Steps at test", unit="steps", ge=1, le=200)
    """Steps on a test task's support set, unless the evaluation says otherwise."""


class Reptile(Algorithm):
    """Moves the start towards where training on a task leads.

    φ ← φ + ε · mean over tasks of (φ̃_i − φ) (algorithm 2), φ̃_i being the weights after ``inner_steps`` steps of Adam with β1 = 0
    on batches of task i. ε is the run's ``meta_lr``; the paper lets it fall linearly from 1 to 0. Here φ − φ̃ is left as the
    gradient for plain SGD with rate ε. A training task's data are its support and query examples together: Reptile needs
    no split. Adam starts anew in each task, where the released code carries its second moments on from task to task.
    """

    Config = ReptileConfig
    title = "Reptile"
    summary = mark("Trains on a task for a few steps and moves the start towards where that led.")
    group = "model-agnostic"
    outer_gradient = False
    repeats = True

    @classmethod
    def curve_names(cls) -> tuple[str, str]:
        """A task's support and query set are one."""
        return mark("task, before training on it"), mark("task, after training on it")

    @property
    def adaptation_steps(self) -> int:
        return self.config.test_steps

    def optimizer(self, meta_lr: float) -> torch.optim.Optimizer:
        return SGD(self.parameters(), lr=meta_lr)

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        """Never differentiable: each step starts a new graph."""
        weights = leaves(self.forward_tasks.stack(batch.tasks))
        seen = {name: torch.zeros_like(w) for name, w in weights.items()}  # Adam's second moment
        # A batch that makes its own data at every step takes other ones each time by itself.
        portions = Portions(batch, self.config.inner_batch) if isinstance(batch, Episodes) else batch
        support_loss = self.support_loss(portions, differentiable=False)
        yield TaskState(weights, batch)
        for step in range(steps):
            gradients, loss = task_gradients(support_loss, weights, step, create_graph=False)
            weights = leaves(self.adam(weights, gradients, seen, step + 1))
            yield TaskState(weights, batch, loss.detach())

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """Training tasks, of which all examples are for learning."""
        batch = super().draw(shape, tasks, generator)
        return batch.joined().shuffled(generator) if isinstance(batch, Episodes) else batch

    def adam(self, weights: Weights, gradients: dict[str, Tensor | None], seen: Weights, step: int) -> Weights:
        """Kingma & Ba 2015, algorithm 1, with β1 = 0; ``seen`` is brought up to date in place."""
        stepped = dict(weights)
        for name, gradient in gradients.items():
            if gradient is not None:
                seen[name] = BETA2 * seen[name] + (1 - BETA2) * gradient.square()
                deviation = (seen[name] / (1 - BETA2**step)).sqrt() + EPSILON
                stepped[name] = weights[name] - self.config.inner_lr * gradient / deviation
        return stepped

    def learn(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        learned = list(self.model.parameters())
        moves, report = self.gradients(batch, learned)
        for p, move in zip(learned, moves, strict=True):
            moved = share * move
            p.grad = moved if p.grad is None else p.grad + moved
        return report

    def gradients(self, batch: TaskBatch, learned: Sequence[Tensor]) -> tuple[Sequence[Tensor | None], StepReport]:
        """φ − mean φ̃. The report's query loss is that of the whole task after training on it."""
        with self.forward_tasks.twice_differentiable():
            before = None
            for state in self.trajectory(batch, self.config.inner_steps, differentiable=False):
                before = state.support_loss if before is None else before  # of the first step; no other state is kept
            with torch.no_grad():
                loss, score = self.judged(state)
        ends = [(p, state.weights[name]) for name, p in self.model.named_parameters()]
        return [(p - end.mean(0)).detach() for p, end in ends], StepReport(loss, score, before.mean())


class Portions:
    """The tasks of a batch, learning from about ``size`` of their examples at each step, in turn."""

    def __init__(self, episodes: Episodes, size: int):
        self.episodes, self.count = episodes, -(-episodes.support_x.shape[1] // size)

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        # Every n-th example, because the classes lie one after another: each portion then has some of each.
        part = slice(step % self.count, None, self.count)
        answers = answer(self.episodes.support_x[:, part])
        return self.episodes.objective.loss(answers, self.episodes.support_y[:, part])


def leaves(weights: Weights) -> Weights:
    """Cut off from what they were computed from, so that only one step's graph is held."""
    return {name: w.detach().requires_grad_() for name, w in weights.items()}
