"""A small transformer encoder (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), normalised before each part."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.tokens import Words, mean_of, no_texts
from data.config import setting
from data.language import mark
from data.spec import InputSpec

ABSENT = -1e9  # attention to padding before the softmax; finite, so that a text without words stays so too


class TransformerConfig(ModelConfig):
    name: Literal["transformer"] = "transformer"
    heads: int = setting(4, "Attention heads", ge=1, le=16)
    """Heads of each layer."""
    head_width: int = setting(16, "Head width", unit="units", ge=2, le=128, step=2)
    """Units of a head. Heads times their width are the units of a word's vector."""
    layers: int = setting(2, "Layers", ge=1, le=12)
    """Layers of attention and of a word-wise network of twice as many units."""


class Layer(nn.Module):
    """x + attention(norm(x)), then x + network(norm(x)). Attention is written out: it is to be differentiated twice."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, absent: Tensor) -> Tensor:
        """absent: which words (the last axis) a word does not attend to, (batch, 1, words or 1, words)."""
        batch, words, width = x.shape
        query, key, value = (  # each (batch, heads, words, head width)
            part.view(batch, words, self.heads, -1).transpose(1, 2)
            for part in self.project(self.before(x)).chunk(3, -1)
        )
        likeness = query @ key.transpose(2, 3) / math.sqrt(width / self.heads)  # (batch, heads, words, words)
        read = likeness.masked_fill(absent, ABSENT).softmax(-1) @ value
        x = x + self.merge(read.transpose(1, 2).reshape(batch, words, width))
        return x + self.network(self.between(x))


class Encoder(nn.Module):
    def __init__(self, spec: InputSpec, config: TransformerConfig, outputs: int | None):
        super().__init__()
        width = config.heads * config.head_width
        self.words = Words(spec, width)
        self.layers = nn.ModuleList(Layer(width, config.heads) for _ in range(config.layers))
        self.last = nn.LayerNorm(width)
        self.head = nn.Identity() if outputs is None else nn.Linear(width, outputs)
        self.register_buffer("places", waves(spec.shape[0], width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x, there = self.words(x)
        x = x + self.places[: x.shape[1]]
        absent = (there == 0).view(len(x), 1, 1, -1)
        for layer in self.layers:
            x = layer(x, absent)
        return self.head(self.last(mean_of(x, there)))


def waves(places: int, width: int) -> Tensor:
    """Sine and cosine of each place at falling frequencies (section 3.5): (places, width)."""
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(places).unsqueeze(1) * frequency
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :width]


class Transformer(ModelBuilder):
    Config = TransformerConfig
    title = mark("Transformer")
    summary = mark("Words that attend to each other, in a few small layers. For texts.")
    normalises = False

    @staticmethod
    def problem(config: TransformerConfig, spec: InputSpec) -> str:
        return no_texts("transformer", spec)

    @staticmethod
    def build(config: TransformerConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        return Encoder(spec, config, outputs)
