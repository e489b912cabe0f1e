"""A multi-layer perceptron: flatten, then linear layers with ReLU between them."""

from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from core.models.base import ModelBuilder, ModelConfig
from data.config import setting


class MLPConfig(ModelConfig):
    name: Literal["mlp"] = "mlp"
    widths: list[Annotated[int, Field(ge=1, le=4096)]] = setting(
        [40, 40],
        "Hidden layers",
        "Units of each hidden layer, from the input on. Finn et al. use 40, 40 for sinusoids.",
        unit="units",
    )
    initial_std: float | None = setting(
        None,
        "Initial weight deviation",
        "Weights start normal with this deviation and biases at 0 (0.01 in Finn et al.); empty: PyTorch's own start.",
        gt=0,
        le=1,
        step=0.01,
        advanced=True,
        empty="PyTorch's own",
    )


class MLP(ModelBuilder):
    Config = MLPConfig
    title = "MLP"
    summary = "Fully connected layers with ReLU. Images are flattened."

    @staticmethod
    def build(config: MLPConfig, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()]
        for fan_in, fan_out in pairwise([prod(input_shape), *config.widths]):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        layers.append(nn.Linear(([prod(input_shape), *config.widths])[-1], outputs))
        if config.initial_std is not None:
            for layer in layers:
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=config.initial_std)
                    nn.init.zeros_(layer.bias)
        return nn.Sequential(*layers)
