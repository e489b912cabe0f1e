"""A gated recurrent network that reads a text word by word (Cho et al. 2014, https://arxiv.org/abs/1406.1078)."""

from typing import Literal

import torch
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.tokens import Words, no_texts
from data.config import setting
from data.language import mark
from data.spec import InputSpec


class GRUConfig(ModelConfig):
    name: Literal["gru"] = "gru"
    width: int = setting(64, "Word vectors", unit="units", ge=1, le=1024, step=16)
    """Units of a word's vector."""
    hidden: int = setting(64, "State", unit="units", ge=1, le=1024, step=16)
    """Units of what it remembers of the words so far."""


class Recurrent(nn.Module):
    """PyTorch's own cell, written out: vmap refuses ``nn.GRU``, and a loop over tasks takes several times as long.

    r, z = σ(W x + U h), n = tanh(W x + r (U h)), h' = (1 − z) n + z h. Behind a text's end h stays as it is.
    """

    def __init__(self, spec: InputSpec, width: int, hidden: int, outputs: int | None):
        super().__init__()
        self.words = Words(spec, width)
        self.read, self.recall = nn.Linear(width, 3 * hidden), nn.Linear(hidden, 3 * hidden)
        self.head = nn.Identity() if outputs is None else nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        vectors, there = self.words(x)
        read = self.read(vectors)  # (batch, words, 3 hidden), of all words at once
        state = read.new_zeros(read.shape[0], self.recall.in_features)
        for word, real in zip(read.unbind(1), there.unbind(1), strict=True):
            reset, update, new = word.chunk(3, -1)
            by_reset, by_update, by_new = self.recall(state).chunk(3, -1)
            candidate = torch.tanh(new + torch.sigmoid(reset + by_reset) * by_new)
            state = state + real * (1 - torch.sigmoid(update + by_update)) * (candidate - state)  # (batch, hidden)
        return self.head(state)


class GRU(ModelBuilder):
    Config = GRUConfig
    title = "GRU"
    summary = mark("Reads a text word by word and remembers. For texts.")
    normalises = False

    @staticmethod
    def problem(config: GRUConfig, spec: InputSpec) -> str:
        return no_texts("gru", spec)

    @staticmethod
    def build(config: GRUConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        return Recurrent(spec, config.width, config.hidden, outputs)
