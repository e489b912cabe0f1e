"""A bag of words: the mean of their vectors, then linear layers (Joulin et al. 2017, https://arxiv.org/abs/1607.01759)."""

from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from core.models.base import ModelBuilder, ModelConfig
from core.models.tokens import Words, mean_of, no_texts
from data.config import setting
from data.language import mark
from data.spec import InputSpec

Widths = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(max_length=32)]


class BagConfig(ModelConfig):
    name: Literal["bag"] = "bag"
    width: int = setting(64, "Word vectors", unit="units", ge=1, le=1024, step=16)
    """Units of a word's vector."""
    widths: Widths = setting([], "Hidden layers", unit="units")
    """Units of each layer between the mean vector and the output layer; without any, fewest texts were needed to learn."""


class BagOfWords(nn.Module):
    """The mean is brought to one size, for that of many words is smaller than that of few."""

    def __init__(self, spec: InputSpec, width: int, widths: list[int], outputs: int | None):
        super().__init__()
        self.words = Words(spec, width)
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise([width, *widths]))
        self.head = nn.Identity() if outputs is None else nn.Linear([width, *widths][-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = mean_of(*self.words(x))
        x = F.layer_norm(x, x.shape[1:])
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)


class Bag(ModelBuilder):
    """Reads which words there are and not in which order."""

    Config = BagConfig
    title = mark("Bag of words")
    summary = mark("The mean of word vectors, then fully connected layers, if any. For texts; the fastest.")
    normalises = False

    @staticmethod
    def problem(config: BagConfig, spec: InputSpec) -> str:
        return no_texts("bag", spec)

    @staticmethod
    def build(config: BagConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        return BagOfWords(spec, config.width, config.widths, outputs)
