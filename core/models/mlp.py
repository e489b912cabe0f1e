"""A multi-layer perceptron: flatten, then linear layers with ReLU between them."""

from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.linear import linear
from core.models.tokens import NETWORKS
from data.config import setting
from data.spec import InputSpec

Widths = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(max_length=32)]


class MLPConfig(ModelConfig):
    name: Literal["mlp"] = "mlp"
    widths: Widths = setting([40, 40], "Hidden layers", unit="units")
    """Units of each hidden layer, from the input on. Finn et al. use 40, 40 for sinusoids."""
    initial_std: float | None = setting(
        None, "Initial weight deviation", gt=0, le=1, step=0.01, advanced=True, empty="PyTorch's own"
    )
    """Weights start normal with this deviation and biases at 0 (0.01 in Finn et al.); empty: PyTorch's own start."""


class Perceptron(nn.Sequential):
    """The layers, and all tasks through them at once as batched matrix products.

    ``stacked_forward`` gives what vmap gives over a call, with half as many nodes in the graph: nodes are what a meta-step
    of such a small network costs (``benchmarks/meta_step.py``).
    """

    def stacked_forward(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """weights by name (tasks, *shape), x (tasks, n, *input) → (tasks, n, outputs)."""
        for name, layer in self.named_children():
            if isinstance(layer, nn.Flatten):
                x = x.flatten(2)  # (tasks, n, features)
            elif isinstance(layer, nn.Linear):
                x = linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])  # (tasks, n, fan_out)
            else:
                x = layer(x)
        return x


class MLP(ModelBuilder):
    Config = MLPConfig
    title = "MLP"
    summary = "Fully connected layers with ReLU. Images are flattened."
    normalises = False
    repeats = True

    @staticmethod
    def problem(config: MLPConfig, spec: InputSpec) -> str:
        reason = f"mlp reads real numbers, and this task family gives tokens; choose {NETWORKS}."
        return reason if spec.dtype == "integer" else ""

    @staticmethod
    def build(config: MLPConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        widths, layers = [prod(spec.shape), *config.widths], [nn.Flatten()]
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        if outputs is not None:
            layers.append(nn.Linear(widths[-1], outputs))
        if config.initial_std is not None:
            for layer in layers:
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=config.initial_std)
                    nn.init.zeros_(layer.bias)
        return Perceptron(*layers)
