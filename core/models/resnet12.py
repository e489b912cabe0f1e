"""ResNet-12, the larger network of the later few-shot papers (Lee et al. 2019, https://arxiv.org/abs/1904.03758)."""

from collections import OrderedDict
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.conv4 import Mean, no_pictures
from data.config import setting
from data.language import mark, tr
from data.spec import InputSpec


class ResNet12Config(ModelConfig):
    name: Literal["resnet12"] = "resnet12"
    widths: Annotated[list[Annotated[int, Field(ge=1, le=2048)]], Field(min_length=4, max_length=4)] = setting(
        [64, 160, 320, 640], "Filters of the four blocks", unit="channels"
    )
    """Channels of each block, from the input on."""


class Residual(nn.Module):
    """Three 3×3 convolutions with BatchNorm, a 1×1 convolution around them, and 2×2 max-pooling."""

    def __init__(self, channels: int, filters: int):
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(3):
            layers.append(nn.Conv2d(channels if i == 0 else filters, filters, 3, padding=1, bias=False))
            layers.append(nn.BatchNorm2d(filters, track_running_stats=False))
            layers += [nn.LeakyReLU(0.1)] if i < 2 else []
        self.layers = nn.Sequential(*layers)
        self.around = nn.Sequential(
            nn.Conv2d(channels, filters, 1, bias=False), nn.BatchNorm2d(filters, track_running_stats=False)
        )
        self.after = nn.Sequential(nn.LeakyReLU(0.1), nn.MaxPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layers(x) + self.around(x))  # (batch, filters, height // 2, width // 2)


class ResNet12(ModelBuilder):
    """Four residual blocks, the mean over height and width, and a linear layer. Without DropBlock.

    For BatchNorm the same holds as for Conv4.
    """

    Config = ResNet12Config
    title = "ResNet-12"
    summary = mark("Twelve convolutions in four residual blocks, for images; on a processor it is slow.")
    by_pixel = True
    repeats = True

    @staticmethod
    def problem(config: ResNet12Config, spec: InputSpec) -> str:
        if reason := no_pictures("resnet12", spec):
            return reason
        _, height, width = spec.shape
        if min(height, width) < 16:
            return tr(
                "resnet12 needs pictures of at least 16×16, not {height}×{width}; choose conv4.",
                height=height,
                width=width,
            )
        return ""

    @staticmethod
    def build(config: ResNet12Config, spec: InputSpec, outputs: int | None) -> nn.Module:
        blocks, channels = OrderedDict(), spec.shape[0]
        for i, filters in enumerate(config.widths):
            blocks[f"block{i + 1}"], channels = Residual(channels, filters), filters
        blocks["pool"] = Mean()
        if outputs is not None:
            blocks["head"] = nn.Linear(channels, outputs)
        return nn.Sequential(blocks)
