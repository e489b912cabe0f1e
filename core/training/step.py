"""One meta-step, as every process takes it that takes part in it: each computes its portion, all know the sum."""

from collections.abc import Callable
from dataclasses import fields
from typing import Protocol

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, StepReport
from core.algorithms.portion import Averages, Portion
from core.algorithms.replicas import may_be_divided
from core.algorithms.trust_region import TRPO
from core.config.run import RunConfig
from core.training.build import repeats, small
from core.training.recorded import Repeated, RepeatedByTask
from data.batch import TaskBatch

RECORDED_AFTER = 5  # steps, so that a run's first point and score do not wait for it


def optimizer_of(config: RunConfig, algorithm: Algorithm) -> torch.optim.Optimizer:
    """The run's outer loop."""
    training = config.training
    trusting = training.outer_update == "trpo"
    return TRPO(algorithm, training.trust_region) if trusting else algorithm.optimizer(training.meta_lr)


class Partners(Protocol):
    """The processes that share a run's meta-batches, as one of them sees them. rank: its own, from 0."""

    rank: int
    processes: int

    def begin(self, iteration: int, rate: float, progress: float) -> None:
        """Called before each step."""

    def add_up(self, tensor: Tensor) -> None:
        """Put the sum over all processes in its place."""


class Stepper:
    """Moves a learner on by one meta-batch at a time. Equal steppers in all processes stay equal."""

    def __init__(
        self,
        config: RunConfig,
        algorithm: Algorithm,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        partners: Partners | None = None,
    ):
        """generator: of the training tasks; in every process it gives the same whole meta-batch. partners: None if alone."""
        self.config, self.algorithm, self.optimizer, self.generator = config, algorithm, optimizer, generator
        self.partners, at_once = partners, config.training.tasks_at_once
        hasten(algorithm)
        if isinstance(optimizer, TRPO):
            algorithm.learn = optimizer.learn
        self.portion = Portion(partners.rank, partners.processes, at_once) if partners else Portion(at_once=at_once)

    def take(self, iteration: int, rate: float, progress: float) -> StepReport:
        """The step that follows ``iteration`` finished ones, at this meta learning rate. progress: as Algorithm's."""
        self.begin(iteration, rate, progress)
        report = self._meta_step() if self.partners is None else self._together(self.partners.add_up)
        self.end()
        return report

    def begin(self, iteration: int, rate: float, progress: float) -> None:
        """What comes before the gradients of a step."""
        self.algorithm.progress = progress
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        if self.partners:
            self.partners.begin(iteration, rate, progress)

    def draw(self) -> TaskBatch:
        """The next meta-batch."""
        config = self.config
        return self.algorithm.draw(config.family.shape, config.training.meta_batch_size, self.generator)

    def end(self) -> None:
        """What comes after them."""
        training = self.config.training
        if training.gradient_clip is not None:
            torch.nn.utils.clip_grad_value_(self.algorithm.parameters(), training.gradient_clip)
        self.optimizer.step()

    def _meta_step(self) -> StepReport:
        config = self.config
        return self.algorithm.meta_step(
            config.family.shape, config.training.meta_batch_size, self.generator, self.portion
        )

    def _together(self, add_up: Callable[[Tensor], None]) -> StepReport:
        averages = Averages(self.algorithm)
        report = self._meta_step()
        averages.take(sum(share for _, share in self.portion.parts(self.config.training.meta_batch_size)))
        report = exchanged(self.algorithm, report, averages.moves, add_up)
        averages.put()
        return report


def hasten(algorithm: Algorithm, after: int = RECORDED_AFTER) -> None:
    """Have its meta-steps recorded after so many of them, where that pays; of networks whose tasks are divided, task by task."""
    if may_be_recorded(algorithm):
        algorithm.learn = (RepeatedByTask if may_be_divided(algorithm) else Repeated)(algorithm, after)


def may_be_recorded(algorithm: Algorithm) -> bool:
    """Whether the meta-step is worth recording, and the same each time. Any is on a GPU; on a processor that of a small
    network, and one that is divided into single tasks, which are as small.
    """
    device = algorithm.family.device.type
    pays = device == "cuda" or (device == "cpu" and (small(algorithm) or may_be_divided(algorithm)))
    return pays and repeats(algorithm)


@torch.no_grad()
def exchanged(
    algorithm: Algorithm, report: StepReport, moves: list[Tensor], add_up: Callable[[Tensor], None]
) -> StepReport:
    """Gradients and ``moves`` become the sums over all processes, in one exchange; returns the sum of the reports.

    Which parameters have a gradient is exchanged too: one that no process uses keeps none, as in a single process.
    """
    learned = [p for p in algorithm.parameters() if p.requires_grad]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
    used = torch.tensor([float(p.grad is not None) for p in learned], device=report.query_loss.device)
    said = {field.name: getattr(report, field.name) for field in fields(report)}
    values = [value.clone() for value in said.values() if value is not None]
    _add_up_all([*gradients, used, *moves, *values], add_up)
    for p, gradient, uses in zip(learned, gradients, used.tolist(), strict=True):
        p.grad = gradient if uses else None
    sums = iter(values)
    return StepReport(**{name: None if value is None else next(sums) for name, value in said.items()})


def _add_up_all(tensors: list[Tensor], add_up: Callable[[Tensor], None]) -> None:
    """In place, as one tensor: many small exchanges would take longer than a step."""
    whole = torch.cat([tensor.reshape(-1) for tensor in tensors])
    add_up(whole)
    for tensor, part in zip(tensors, whole.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))
