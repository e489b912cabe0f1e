"""What learners share that adapt the output layer alone: the network before it reads a task's examples once."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.algorithms.base import Algorithm, SupportLoss, TaskState
from core.algorithms.forward import Remembered, TaskForward, Weights
from data.batch import Answer, TaskBatch
from data.spec import InputSpec


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

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        return (
            super().predict(state, query_x) if state.read is None else self.head_of(state.weights, state.read(query_x))
        )

    def head_of(self, weights: Weights, features: Tensor) -> Tensor:
        """Each task's own output layer on its features: (tasks, n, features) → (tasks, n, outputs)."""
        answer = features @ weights[f"{self.last}.weight"].transpose(1, 2)
        bias = weights.get(f"{self.last}.bias")
        return answer if bias is None else answer + bias.unsqueeze(1)


class Body(nn.Module):
    """A network up to its output layer: gives what the layer of this name reads."""

    def __init__(self, model: nn.Module, layer: str):
        super().__init__()
        self.model, self.layer = model, layer

    def forward(self, x: Tensor) -> Tensor:
        read: list[Tensor] = []
        layer = self.model.get_submodule(self.layer)
        hook = layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            self.model(x)
        finally:
            hook.remove()
        return read[-1]  # (batch, features)


def last_layer(model: nn.Module, head: set[str], spec: InputSpec) -> str | None:
    """Name of the linear layer that owns the ``head`` and whose answer the network returns as it is; None if it is none."""
    name = min(head, default="").rpartition(".")[0]
    layer = dict(model.named_modules()).get(name)
    # A subclass may compute something else, and a normalised weight is made of others.
    if type(layer) is not nn.Linear or f"{name}.weight" not in head or not head <= {f"{name}.weight", f"{name}.bias"}:
        return None
    said, x = [], spec.zeros(2)
    x = x.to(layer.weight.dtype) if x.is_floating_point() else x
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}  # which a call may change in place
    hook = layer.register_forward_hook(lambda *call: said.append(call[-1]))
    try:
        with torch.no_grad():
            answer = functional_call(model, buffers, (x,))
    finally:
        hook.remove()
    return name if len(said) == 1 and said[0] is answer and answer.ndim == 2 else None
