"""Meta-SGD (Li, Zhou, Chen & Li 2017, https://arxiv.org/abs/1707.09835)."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn

from core.algorithms.base import AlgorithmConfig, Network, TaskState
from core.algorithms.gradient import gradient_descent
from core.algorithms.maml import MAML
from data.batch import TaskBatch
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class MetaSGDConfig(AlgorithmConfig):
    name: Literal["meta-sgd"] = "meta-sgd"
    inner_lr: float = setting(0.1, "Initial inner rate", gt=0, le=100, step=0.01, telling=1)
    """Where every learned rate starts, on the task's mean loss. The paper draws each from [0.005, 0.1]."""
    inner_steps: int = setting(1, "Inner steps", unit="steps", ge=1, le=100, telling=2)
    """Gradient steps on the support set; the paper takes one."""
    recompute: bool = setting(False, "Recompute inner steps", advanced=True)
    """Keep no inner step's graph but compute each again backwards: less memory, the same gradients."""


class MetaSGD(MAML):
    """Learns beside the start θ a rate for every single weight, of either sign.

    Inner (eq. 1): θ_i' = θ − α ∘ ∇ L_i(θ; support), with α of θ's shape. Outer (eq. 2): min over θ and α of the query loss.

    By hand, for one weight w, prediction w·x, squared loss on support (x, y) = (1, a) and query (1, b), one step:
    w' = w − 2α(w − a), L = (w' − b)², dL/dα = −4 (w' − b)(w − a).
    """

    Config = MetaSGDConfig
    title = "Meta-SGD"
    summary = mark("MAML that also learns a step size for every weight.")

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        model = super().build_model(network, test_shape)
        # A ParameterDict takes no names with dots.
        self.rates = nn.ParameterList(torch.full_like(p, self.config.inner_lr) for p in model.parameters())
        return model

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        weights = self.forward_tasks.stack(batch.tasks)
        rates = dict(zip(weights, self.rates, strict=True))
        if not differentiable:
            rates = {name: rate.detach() for name, rate in rates.items()}
        return gradient_descent(
            self.support_loss(batch, differentiable=differentiable),
            weights,
            batch,
            lr=lambda _, name: rates[name],
            steps=steps,
            second_order=True,
            differentiable=differentiable,
            recomputed=self.recomputed,
        )
