"""The four-block convolutional network that the few-shot literature shares (Vinyals et al. 2016, Finn et al. 2017)."""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.block import PARTS, Block
from core.models.tokens import readers
from data.config import setting
from data.language import mark, tr
from data.spec import InputSpec


class Conv4Config(ModelConfig):
    name: Literal["conv4"] = "conv4"
    filters: int = setting(64, "Filters", ge=1, le=512, step=16)
    """Channels of each of the four blocks: 64 on Omniglot, 32 on mini-ImageNet."""
    downsampling: Literal["stride", "max-pool"] = setting("stride", "Downsampling")
    """How a block halves the picture: stride-2 convolutions (MAML on Omniglot; a quarter of the work) or max-pooling.
    """
    halvings: int = setting(4, "Halving blocks", unit="blocks", ge=1, le=4, advanced=True)
    """How many of the four blocks halve the picture, from the first on: 2 in relation networks, else 4."""


class Mean(nn.Module):
    """The mean over height and width, as the stride-2 network of Finn et al. ends."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((-2, -1))  # (batch, filters)


class ConvNet(nn.Sequential):
    """Blocks, what flattens their maps, and a linear layer.

    ``stacked_forward`` gives what vmap gives over a call. vmap brings every convolution's answer into another order for
    BatchNorm and back; here tasks stay beside channels from the first block to the last.
    """

    def stacked_forward(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """weights by name (tasks, *shape), x (tasks, n, *input) → (tasks, n, outputs)."""
        tasks = len(x)
        x = x.transpose(0, 1).flatten(1, 2)  # (n, tasks * channels, height, width)
        for name, layer in self.named_children():
            if isinstance(layer, Block):
                own = {part: weights[f"{name}.{part}"] for part in PARTS}
                x = layer.stacked_forward(own, x)  # (n, tasks * filters, height, width)
        x = x.unflatten(1, (tasks, -1)).transpose(0, 1)  # (tasks, n, filters, height, width)
        x = x.mean((-2, -1)) if isinstance(self.pool, Mean) else x.flatten(2)  # (tasks, n, features)
        weight, bias = weights["head.weight"], weights["head.bias"]
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))


def no_pictures(name: str, spec: InputSpec) -> str:
    """Why a network for pictures cannot read these inputs; empty when it can."""
    if spec.dtype == "integer":
        return tr(
            "{name} reads pictures (channels, height, width), and this task family gives tokens; choose {spec}.",
            name=name,
            spec=readers(spec),
        )
    if len(spec.shape) != 3:
        return tr(
            "{name} reads pictures (channels, height, width), and this task family gives vectors; choose mlp.",
            name=name,
        )
    return ""


class Conv4(ModelBuilder):
    """Four blocks and a linear layer.

    BatchNorm keeps no running statistics: it normalises every batch by that batch's own mean and variance. While adapting,
    the batch is a task's support set. For the queries, ``batch_statistics`` decides: ``transductive`` normalises a task's
    queries together, so that one prediction depends on the other queries (as the papers did); ``support`` uses the mean and
    variance that the adapted network sees on the support set, so that each query is answered alone.
    """

    Config = Conv4Config
    title = "Conv4"
    summary = mark("Four 3×3 convolution blocks with BatchNorm, the usual few-shot network. For images.")
    by_pixel = True
    repeats = True

    @staticmethod
    def problem(config: Conv4Config, spec: InputSpec) -> str:
        if reason := no_pictures("conv4", spec):
            return reason
        (_, height, width), least = spec.shape, 2**config.halvings
        if config.downsampling == "max-pool" and min(height, width) < least:
            return tr(
                "conv4 with max-pool needs pictures of at least {least}×{least}, not {height}×{width}; choose stride.",
                least=least,
                height=height,
                width=width,
            )
        return ""

    @staticmethod
    def build(config: Conv4Config, spec: InputSpec, outputs: int | None) -> nn.Module:
        channels, height, width = spec.shape
        blocks = OrderedDict()
        for i in range(4):
            halving = config.downsampling if i < config.halvings else None
            blocks[f"block{i + 1}"] = Block(
                channels if i == 0 else config.filters,
                config.filters,
                stride=2 if halving == "stride" else 1,
                pool=halving == "max-pool",
            )
        if outputs is None:
            return nn.Sequential(blocks)  # (batch, filters, height, width)
        if config.downsampling == "stride":
            blocks["pool"], features = Mean(), config.filters
        else:
            size = (height // 2**config.halvings) * (width // 2**config.halvings)
            blocks["pool"], features = nn.Flatten(), config.filters * size
        blocks["head"] = nn.Linear(features, outputs)
        return ConvNet(blocks)
