"""Almost no inner loop (Raghu, Raghu, Bengio & Vinyals 2020, https://arxiv.org/abs/1909.09157)."""

from typing import Literal

from torch import nn

from core.algorithms.base import AlgorithmConfig, Network
from core.algorithms.body import last_layer
from core.algorithms.forward import Weights
from core.algorithms.maml import MAML
from core.algorithms.output_layer import OutputLayerLearner
from core.models.base import head_parameters
from data.batch import TaskBatch
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class ANILConfig(AlgorithmConfig):
    name: Literal["anil"] = "anil"
    inner_lr: float = setting(0.1, "Inner learning rate", gt=0, le=100, step=0.01, telling=1)
    """Step size of the output layer's adaptation, α in the paper, on the task's mean loss."""
    inner_steps: int = setting(5, "Inner steps", unit="steps", ge=1, le=100, telling=2)
    """Gradient steps on the support set while meta-training."""
    first_order: bool = setting(False, "First order")
    """Leave out the second derivatives."""


class ANIL(OutputLayerLearner, MAML):
    """MAML whose inner loop changes the output layer alone, also while training (section 4.1).

    θ = (body, head): head_i' = head − α ∇_head L_i(body, head; support); the outer loss reaches the body too. The output
    layer is what changes its shape with the number of outputs. A task's weights are those of its own output layer alone.
    """

    Config = ANILConfig
    title = "ANIL"
    summary = mark("MAML that adapts nothing but the output layer.")

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        model = super().build_model(network, test_shape)
        self.head = head_parameters(network, self.family.outputs(self.family.config.shape))
        self.last = last_layer(model, self.head, self.family.input_spec)
        return model

    @property
    def recomputed(self) -> None:
        """The steps share what the body reads once, and their own graphs are as small as the output layer."""

    def start(self, batch: TaskBatch, *, differentiable: bool) -> Weights:
        weights = super().start(batch, differentiable=differentiable)
        return {name: w for name, w in weights.items() if name in self.head}
