"""A multi-layer perceptron: flatten, then linear layers with ReLU between them."""

from itertools import pairwise
from math import prod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig, ModelError
from core.models.linear import linear
from core.models.tokens import readers
from data.config import setting
from data.language import mark, tr
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
    constant_outputs: int = setting(0, "Constant outputs", unit="outputs", ge=0, le=64, advanced=True)
    """So many of the last outputs are weights that start at 0 and read no input: 2 for the log-deviations of Finn et al.'s
    policy.
    """


class Constants(nn.Module):
    """Appends values of its own, the same for every input: (…, outputs) → (…, outputs + count)."""

    def __init__(self, count: int):
        super().__init__()
        self.values = nn.Parameter(torch.zeros(count))

    def forward(self, x: Tensor) -> Tensor:
        return appended(x, self.values)


def appended(x: Tensor, values: Tensor) -> Tensor:
    return torch.cat([x, values.expand(*x.shape[:-1], -1)], -1)


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
            elif isinstance(layer, Constants):
                x = appended(x, weights[f"{name}.values"].unsqueeze(1))  # (tasks, n, outputs)
            else:
                x = layer(x)
        return x


class MLP(ModelBuilder):
    Config = MLPConfig
    title = "MLP"
    summary = mark("Fully connected layers with ReLU. Images are flattened.")
    normalises = False
    repeats = True

    @staticmethod
    def problem(config: MLPConfig, spec: InputSpec) -> str:
        reason = tr("mlp reads real numbers, and this task family gives tokens; choose {spec}.", spec=readers(spec))
        return reason if spec.dtype == "integer" else ""

    @staticmethod
    def build(config: MLPConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        widths, layers = [prod(spec.shape), *config.widths], [nn.Flatten()]
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        if outputs is not None:
            layers += output_layers(widths[-1], outputs, config.constant_outputs)
        if config.initial_std is not None:
            for layer in layers:
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=config.initial_std)
                    nn.init.zeros_(layer.bias)
        return Perceptron(*layers)


def output_layers(fan_in: int, outputs: int, constant: int) -> list[nn.Module]:
    """A linear layer, and the constants beside it. Raises ModelError where nothing would be left that reads the input."""
    if constant >= outputs:
        text = tr(
            "{constant} constant outputs of {outputs} leave none that depends on the input.",
            constant=constant,
            outputs=outputs,
        )
        raise ModelError(text, tr("Set it to {value} or less.", value=outputs - 1), "model.constant_outputs")
    return [nn.Linear(fan_in, outputs - constant), *([Constants(constant)] if constant else [])]
