"""What a network has to offer the engine, and putting one together from its config."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import ClassVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from core.models.chance import aside
from data.config import Config
from data.errors import ModelError
from data.registry import discover
from data.spec import InputSpec


class ModelConfig(Config):
    """What every network's config has: a ``name`` (a Literal, the union's tag)."""


class ModelBuilder(ABC):
    """Makes an ``nn.Module`` that maps inputs (batch, *spec.shape) to (batch, outputs), or without output layer to embeddings."""

    Config: ClassVar[type[ModelConfig]]
    title: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[str] = "networks"
    normalises: ClassVar[bool] = True  # False: there is no BatchNorm in it
    repeats: ClassVar[bool] = False  # True: every call of the network takes the same operations
    # True: it reads feature maps in any layout, so that a processor may keep its weights by pixel.
    by_pixel: ClassVar[bool] = False

    @staticmethod
    def problem(config: ModelConfig, spec: InputSpec) -> str:
        """Why this network cannot read such inputs; empty when it can."""
        return ""

    @staticmethod
    @abstractmethod
    def build(config: ModelConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        """The network with its own random start, drawn from torch's global generator.

        outputs: None for the network without its output layer, which gives embeddings (batch, features) or feature
        maps (batch, channels, height, width).
        """


@cache
def models() -> dict[str, type[ModelBuilder]]:
    """Every network by name."""
    import core.models

    return discover(core.models, ModelBuilder)


def build_model(config: ModelConfig, spec: InputSpec, outputs: int | None, seed: int) -> nn.Module:
    """The network whose start is a function of ``seed`` alone; its BatchNorm uses the batch's own statistics.

    Running statistics are taken out of every BatchNorm layer. They would leak from one task into the next, vmap refuses
    them, and the papers did not use them (Finn et al. 2017, released code; REFERENCES in the README).
    """
    with aside(seed=seed):
        model = models()[config.name].build(config, spec, outputs)
    for layer in model.modules():
        if isinstance(layer, _NormBase):
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    return model


def embedding_shape(model: nn.Module, spec: InputSpec) -> tuple[int, ...]:
    """Shape of what the network gives for one input: (features,) or (channels, height, width).

    Raises ModelError where that is neither.
    """
    with torch.no_grad():
        shape = tuple(model(spec.zeros(2)).shape)
    if shape[0] != 2 or len(shape) not in (2, 4):
        raise ModelError(
            f"For 2 inputs the network gives {shape}.",
            "Without an output layer it returns embeddings (batch, features) or feature maps (batch, channels, height, width).",
            "model",
        )
    return shape[1:]


def head_parameters(network: Callable[[int], nn.Module], outputs: int) -> set[str]:
    """Names of the parameters that belong to the output layer: those whose shape depends on the number of outputs.

    Works for any network, because it only looks at what building one with another output does.
    """
    here, other = (dict(network(n).named_parameters()) for n in (outputs, outputs + 1))
    return {name for name, value in here.items() if name not in other or other[name].shape != value.shape}
