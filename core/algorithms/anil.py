"""Almost no inner loop (Raghu, Raghu, Bengio & Vinyals 2020, https://arxiv.org/abs/1909.09157)."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.algorithms.base import AlgorithmConfig, Network, SupportLoss, TaskState
from core.algorithms.maml import MAML
from core.forward import TaskForward, Weights
from core.models.base import head_parameters
from data.config import setting
from data.family import EpisodeShape


class ANILConfig(AlgorithmConfig):
    name: Literal["anil"] = "anil"
    inner_lr: float = setting(
        0.1,
        "Inner learning rate",
        "Step size of the output layer's adaptation, α in the paper, on the task's mean loss.",
        gt=0,
        le=100,
        step=0.01,
    )
    inner_steps: int = setting(
        5, "Inner steps", "Gradient steps on the support set while meta-training.", unit="steps", ge=1, le=100
    )
    first_order: bool = setting(False, "First order", "Leave out the second derivatives.")


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


class ANIL(MAML):
    """MAML whose inner loop changes the output layer alone, also while training (section 4.1).

    θ = (body, head): head_i' = head − α ∇_head L_i(body, head; support); the outer loss reaches the body too. The output
    layer is what changes its shape with the number of outputs. A task's weights are those of its own output layer alone.
    Where that is a linear layer at the very end, the body reads the support set once, not at every inner step.
    """

    Config = ANILConfig
    title = "ANIL"
    summary = "MAML that adapts nothing but the output layer."

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        model = super().build_model(network, test_shape)
        self.head = head_parameters(network, self.family.outputs(self.family.config.shape))
        self.last = last_layer(model, self.head, self.family.input_shape)
        return model

    def start(self, support_x: Tensor, support_y: Tensor, *, differentiable: bool) -> Weights:
        weights = super().start(support_x, support_y, differentiable=differentiable)
        return {name: w for name, w in weights.items() if name in self.head}

    def support_loss(self, support_x: Tensor, support_y: Tensor, *, differentiable: bool) -> SupportLoss:
        if self.last is None:
            return super().support_loss(support_x, support_y, differentiable=differentiable)
        with torch.set_grad_enabled(differentiable):
            features = self.body(None, support_x)  # (tasks, n_support, features)
        return lambda weights: self.family.loss(self.head_of(weights, features), support_y)

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        return self.answer(state, self.read_queries(state.support_x, query_x))

    def read_queries(self, support_x: Tensor, query_x: Tensor) -> Tensor:
        """The queries' features (tasks, n_query_total, features), where the body can be read apart."""
        return query_x if self.last is None else self.forward_queries(self.body, None, support_x, query_x)

    def answer(self, state: TaskState, read: Tensor) -> Tensor:
        return super().predict(state, read) if self.last is None else self.head_of(state.weights, read)

    @cached_property
    def body(self) -> TaskForward:
        return TaskForward(Body(self.model, self.last), self.forward_tasks.mode)

    def head_of(self, weights: Weights, features: Tensor) -> Tensor:
        """Each task's own output layer on its features: (tasks, n, features) → (tasks, n, outputs)."""
        answer = features @ weights[f"{self.last}.weight"].transpose(1, 2)
        bias = weights.get(f"{self.last}.bias")
        return answer if bias is None else answer + bias.unsqueeze(1)


def last_layer(model: nn.Module, head: set[str], input_shape: tuple[int, ...]) -> str | None:
    """Name of the linear layer that owns the ``head`` and whose answer the network returns as it is; None if it is none."""
    name = min(head, default="").rpartition(".")[0]
    layer = dict(model.named_modules()).get(name)
    # A subclass may compute something else, and a normalised weight is made of others.
    if type(layer) is not nn.Linear or f"{name}.weight" not in head or not head <= {f"{name}.weight", f"{name}.bias"}:
        return None
    said: list[Tensor] = []
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}  # which a call may change in place
    hook = layer.register_forward_hook(lambda *call: said.append(call[-1]))
    try:
        with torch.no_grad():
            answer = functional_call(model, buffers, (layer.weight.new_zeros(2, *input_shape),))
    finally:
        hook.remove()
    return name if len(said) == 1 and said[0] is answer and answer.ndim == 2 else None
