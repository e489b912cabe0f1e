"""A small transformer that writes: it reads a text and what it has written so far, and says of each place what comes there.

Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, with encoder and decoder as one stack of layers: what is written attends to
the source and to what was written before it, the source to itself (the prefix language model of Raffel et al. 2020,
https://arxiv.org/abs/1910.10683, section 3.2.1). All places are computed at once, not sign by sign.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from core.models.base import ModelBuilder
from core.models.tokens import NETWORKS
from core.models.transformer import Layer, TransformerConfig, waves
from data.language import mark, tr
from data.spec import InputSpec


class Seq2SeqConfig(TransformerConfig):
    name: Literal["seq2seq"] = "seq2seq"


class Writer(nn.Module):
    def __init__(self, spec: InputSpec, config: Seq2SeqConfig, outputs: int | None):
        super().__init__()
        width = config.heads * config.head_width
        self.padding = spec.padding
        self.signs, self.sides = nn.Embedding(spec.vocabulary, width), nn.Embedding(2, width)
        self.layers = nn.ModuleList(Layer(width, config.heads) for _ in range(config.layers))
        self.last = nn.LayerNorm(width)
        self.head = nn.Identity() if outputs is None else nn.Linear(width, outputs)
        # Equal places of both sides have the same wave, so that looking across is easily learned.
        self.register_buffer("places", waves(spec.shape[0], width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, length, 2): the source, and what was written before each place → (batch, length, outputs)."""
        length = x.shape[1]
        source, written = (self.signs(part) + self.places[:length] for part in x.unbind(-1))
        both = torch.cat([source + self.sides.weight[0], written + self.sides.weight[1]], 1)  # (batch, 2 length, width)
        absent = self.absent(x[..., 0])
        for layer in self.layers:
            both = layer(both, absent)
        return self.head(self.last(both[:, length:]))

    def absent(self, source: Tensor) -> Tensor:
        """Which places (the last axis) each place does not attend to: (batch, 1, 2 length, 2 length)."""
        length = source.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=source.device).triu(1)
        written = torch.cat([torch.ones_like(later), later])  # (2 length, length)
        padded = (source == self.padding).unsqueeze(1).expand(-1, 2 * length, -1)  # (batch, 2 length, length)
        return torch.cat([padded, written.expand(source.shape[0], -1, -1)], -1).unsqueeze(1)


class Seq2Seq(ModelBuilder):
    Config = Seq2SeqConfig
    title = mark("Sequence to sequence")
    summary = mark("A transformer that writes a text sign by sign. For translations.")
    normalises = False

    @staticmethod
    def problem(config: Seq2SeqConfig, spec: InputSpec) -> str:
        if spec.written:
            return ""
        suited = NETWORKS if spec.dtype == "integer" else "mlp" if len(spec.shape) != 3 else "conv4"
        return tr("seq2seq writes texts, and this task family wants a single answer; choose {suited}.", suited=suited)

    @staticmethod
    def build(config: Seq2SeqConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        return Writer(spec, config, outputs)
