"""Proto-MAML (Triantafillou et al. 2020, Meta-Dataset, https://arxiv.org/abs/1903.03096, section 4)."""

from collections import OrderedDict
from math import prod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network
from core.algorithms.comparing import one_hot, prototype_layer
from core.algorithms.forward import Weights
from core.algorithms.maml import MAML
from core.models.base import embedding_shape
from data.batch import Episodes
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class ProtoMAMLConfig(AlgorithmConfig):
    name: Literal["proto-maml"] = "proto-maml"
    inner_lr: float = setting(0.01, "Inner learning rate", gt=0, le=100, step=0.01, telling=1)
    """Step size of the adaptation on the task's mean loss."""
    inner_steps: int = setting(1, "Inner steps", unit="steps", ge=0, le=100, telling=2)
    """Gradient steps on the support set while meta-training."""
    first_order: bool = setting(False, "First order")
    """Leave out the second derivatives."""
    recompute: bool = setting(False, "Recompute inner steps", advanced=True)
    """Keep no inner step's graph but compute each again backwards: less memory, the same gradients."""


class TaskHead(nn.Module):
    """A linear layer without weights of its own: each task brings them."""

    def __init__(self, features: int):
        super().__init__()
        for name, value in (("weight", torch.zeros(1, features)), ("bias", torch.zeros(1))):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class ProtoMAML(MAML):
    """MAML whose output layer starts each task as ProtoNet's prototypes.

    The layer with W_k = 2 c_k and b_k = −‖c_k‖² answers before the first inner step as ProtoNet does (eq. 3). The gradient
    flows through the prototypes into the body; the inner steps change body and layer.
    """

    Config = ProtoMAMLConfig
    title = "Proto-MAML"
    summary = mark("MAML whose output layer starts from the class means of each task.")
    group = "combined"
    kinds = ("classification",)
    fixed_way = False
    output_layer = "head"

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        body = network(None)
        features = prod(embedding_shape(body, self.family.input_spec))
        return nn.Sequential(OrderedDict(body=body, flatten=nn.Flatten(), head=TaskHead(features)))

    def start(self, batch: Episodes, *, differentiable: bool) -> Weights:
        """The network's own body, and the output layer that the support set's prototypes make."""
        embed = self.forward_tasks.over(self.model[:2])
        with torch.set_grad_enabled(differentiable):
            support = embed(None, batch.support_x)  # (tasks, n_support, features)
            labels = one_hot(batch.support_y, batch.objective.outputs, support)
            weight, bias = prototype_layer(support, labels)
            head = {"head.weight": weight, "head.bias": bias}
            weights = super().start(batch, differentiable=differentiable) | head
        # Without a graph to the prototypes the layer has to be told that it adapts.
        return weights if differentiable else {name: w.detach().requires_grad_() for name, w in weights.items()}
