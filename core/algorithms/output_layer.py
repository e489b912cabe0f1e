"""What learners share that adapt the output layer alone: the network before it reads a task's examples once."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm, SupportLoss, TaskState
from core.algorithms.body import Body
from core.algorithms.forward import Remembered, TaskForward, Weights
from data.batch import Answer, Episodes, TaskBatch


class OutputLayerLearner(Algorithm):
    """While only the output layer adapts, the features it reads are the same after every inner step.

    Where that layer is a linear one at the very end, the body reads the support set and the queries once. Elsewhere, and
    for a learner that adapts more, the whole network does at every step.
    """

    last: str | None = None  # name of the linear layer, as ``last_layer`` finds it

    @property
    def reads_once(self) -> bool:
        """Whether the body may be read apart from the output layer now."""
        return self.last is not None

    @property
    def trained(self) -> nn.Module:
        """The network whose body it is."""
        return self.model

    @cached_property
    def body(self) -> TaskForward:
        return self.forward_tasks.over(Body(self.trained, self.last))

    def support_loss(self, batch: TaskBatch, *, differentiable: bool) -> SupportLoss:
        if not self.reads_once:
            return super().support_loss(batch, differentiable=differentiable)

        def features(x: Tensor) -> Tensor:
            with torch.set_grad_enabled(differentiable):
                return self.body(None, x)  # (tasks, n_support, features)

        read = Remembered(features)
        return lambda weights, step: batch.support_loss(lambda x: self.head_of(weights, read(x)), step)

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        states = super().trajectory(batch, steps, differentiable=differentiable)
        if not self.reads_once:
            return states
        read = self.reader(batch)
        return (replace(state, read=read) for state in states)

    def reader(self, batch: TaskBatch) -> Answer:
        """Gives queries' features (tasks, n, features), once for the same queries."""
        return Remembered(partial(self.forward_queries, self.body, None, batch.support_x))

    def part(self, state: TaskState, tasks: slice, weights: Weights) -> TaskState:
        part = super().part(state, tasks, weights)
        return part if state.read is None else replace(part, read=self.reader(part.batch))

    def features(self, state: TaskState) -> tuple[Tensor, Tensor] | None:
        if state.read is None or not isinstance(state.batch, Episodes):
            return super().features(state)
        return self.body(None, state.batch.support_x), state.read(state.batch.query_x)

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        return (
            super().predict(state, query_x) if state.read is None else self.head_of(state.weights, state.read(query_x))
        )

    def head_of(self, weights: Weights, features: Tensor) -> Tensor:
        """Each task's own output layer on its features: (tasks, n, features) → (tasks, n, outputs)."""
        answer = features @ weights[f"{self.last}.weight"].transpose(1, 2)
        bias = weights.get(f"{self.last}.bias")
        return answer if bias is None else answer + bias.unsqueeze(1)
