"""Ordinary supervised training, which the baselines share: batches of examples from all training classes or tasks."""

from abc import abstractmethod

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, StepReport
from core.algorithms.portion import WHOLE, Portion
from data.batch import Episodes, TaskBatch
from data.family import EpisodeShape


class OrdinaryBatches(Algorithm):
    """A learner whose training knows no tasks. Its config has a ``batch_size``, in examples."""

    episodic = False
    repeats = True

    @abstractmethod
    def classify(self, x: Tensor) -> Tensor:
        """What is trained: x (batch, *input) → (batch, outputs)."""

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """A batch, as a single task's queries (1, batch, *input), without support; the number of tasks plays no part."""
        x, y = (part[None] for part in self.family.sample_flat("train", self.config.batch_size, generator))
        return Episodes(x[:, :0], y[:, :0], x, y, self.family.objective(shape))

    def meta_loss(self, batch: Episodes) -> tuple[Tensor, StepReport]:
        prediction = self.classify(batch.query_x[0])[None]  # (1, batch, outputs)
        loss = batch.objective.loss(prediction, batch.query_y).mean()
        return loss, StepReport(loss.detach(), batch.objective.score(prediction.detach(), batch.query_y).mean())

    def learn(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        """Differentiated once, by whatever kernels there are."""
        loss, report = self.meta_loss(batch)
        (share * loss).backward()
        return report

    def meta_step(
        self, shape: EpisodeShape, tasks: int, generator: torch.Generator, portion: Portion = WHOLE
    ) -> StepReport:
        """One batch; the number of tasks and the portion play no part."""
        return self.learn(self.draw(shape, tasks, generator))
