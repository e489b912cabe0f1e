"""SNAIL (Mishra, Rohaninejad, Chen & Abbeel 2018, A Simple Neural Attentive Meta-Learner, https://arxiv.org/abs/1707.03141)."""

from collections.abc import Iterator
from math import ceil, log2, prod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, TaskState
from core.algorithms.comparing import MetricLearner
from core.models.base import embedding_shape
from data.batch import Episodes
from data.config import setting
from data.errors import InputError
from data.family import EpisodeShape
from data.language import mark, tr

EMBEDDING = 64  # units an input is embedded to


class SNAILConfig(AlgorithmConfig):
    name: Literal["snail"] = "snail"
    filters: int = setting(128, "Convolution filters", ge=1, le=1024, step=16, telling=1)
    """Channels that each temporal convolution adds."""


class DenseBlock(nn.Module):
    """A gated causal convolution of width 2 whose result is put beside its input (figure 2a)."""

    def __init__(self, channels: int, dilation: int, filters: int):
        super().__init__()
        self.dilation, self.convolution = dilation, nn.Linear(2 * channels, 2 * filters)  # of x_{t−d} and x_t

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        length = before.shape[1]
        padded = F.pad(before, (0, 0, self.dilation, 0))  # nothing from before the sequence
        past, latest = padded[:, :length], padded[:, length : length + 1]
        return self.beside(past, before), self.beside(latest.expand_as(last), last)

    def beside(self, past: Tensor, now: Tensor) -> Tensor:
        value, gate = self.convolution(torch.cat([past, now], -1)).chunk(2, -1)
        return torch.cat([now, value.tanh() * gate.sigmoid()], -1)  # (tasks, n, channels + filters)


class Attention(nn.Module):
    """One causal head of scaled dot-product attention, whose reading is put beside its input (figure 2c)."""

    def __init__(self, channels: int, keys: int, values: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(channels, n) for n in (keys, keys, values))

    def forward(self, before: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = self.key(before), self.value(before)
        scale = keys.shape[-1] ** -0.5
        logits = self.query(before) @ keys.transpose(1, 2) * scale  # (tasks, length, length)
        future = torch.ones(logits.shape[1:], dtype=torch.bool, device=logits.device).triu(1)
        read = logits.masked_fill(future, -torch.inf).softmax(-1) @ values
        asked = self.query(last)
        itself = (asked * self.key(last)).sum(-1, keepdim=True)  # a last element sees itself, and no other last one
        share = (torch.cat([asked @ keys.transpose(1, 2), itself], -1) * scale).softmax(-1)
        answer = share[..., :-1] @ values + share[..., -1:] * self.value(last)
        return torch.cat([before, read], -1), torch.cat([last, answer], -1)  # channels + values


def temporal_convolution(channels: int, length: int, filters: int) -> list[DenseBlock]:
    """Dense blocks with dilations 1, 2, 4 …, enough to see a whole sequence of ``length`` (figure 2b)."""
    return [DenseBlock(channels + i * filters, 2**i, filters) for i in range(ceil(log2(length)))]


class Reader(nn.ModuleList):
    """Layers over sequences that differ in their last element alone.

    All layers are causal: what they say about the common part does not depend on what follows it, and is computed once.
    """

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """before (tasks, length, channels), last (tasks, n, channels) → the answers at the n ends, (tasks, n, outputs)."""
        *layers, answer = self
        for layer in layers:
            before, last = layer(before, last)
        return answer(last)


def reach(shape: EpisodeShape) -> int:
    """Length of the longest sequence that the convolutions of a learner trained on tasks of this shape see as a whole."""
    return 2 ** ceil(log2(shape.n_way * shape.k_shot + 1))


class SNAIL(MetricLearner):
    """Reads examples and labels one after another, then a query without a label, and says its label.

    Sequence (x_1, y_1) … (x_t, y_t), (x, 0); the answer is taken at the last position. Layers of the few-shot experiments:
    A(64, 32), T(128), A(256, 128), T(128), A(512, 256), a linear layer; A(k, v) is attention with keys of k and values of v
    units. The support set comes in random order while training. Labels are part of the input, so that the number of
    classes is fixed; each query is a sequence of its own and does not see the others. A support set longer than the
    convolutions reach, which are made for the training's, is refused.
    """

    Config = SNAILConfig
    title = "SNAIL"
    summary = mark("Reads the labelled examples as a sequence, with temporal convolutions and attention.")
    fixed_way = True

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        body = network(None)
        shape = self.family.config.shape
        n_way, filters = shape.n_way, self.config.filters
        self.project = nn.Linear(prod(embedding_shape(body, self.family.input_spec)), EMBEDDING)
        self.reach = reach(shape)
        channels, layers = EMBEDDING + n_way, []
        for keys, values in ((64, 32), (256, 128)):
            convolution = temporal_convolution(channels + values, self.reach, filters)
            layers += [Attention(channels, keys, values), *convolution]
            channels += values + filters * len(convolution)
        self.reader = Reader([*layers, Attention(channels, 512, 256), nn.Linear(channels + 256, n_way)])
        return body

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Training tasks with their support sets in random order."""
        return super().draw(shape, tasks, generator).shuffled(generator)

    @classmethod
    def most_shots(cls, shape: EpisodeShape) -> int:
        return (reach(shape) - 1) // shape.n_way

    def trajectory(self, batch: Episodes, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        """Raises InputError for more examples than the convolutions see."""
        if (given := batch.support_x.shape[1]) >= self.reach:
            text = tr(
                "SNAIL's convolutions reach {value} support examples, and the task has {given}.",
                value=self.reach - 1,
                given=given,
            )
            raise InputError(text, tr("Give fewer, or train a run on tasks with more shots."), "support_x")
        return super().trajectory(batch, steps, differentiable=differentiable)

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        n_way = labels.shape[-1]
        support = torch.cat([self.project(support.flatten(2)), labels], -1)  # (tasks, n_support, channels)
        query = self.project(query.flatten(2))
        query = torch.cat([query, query.new_zeros(*query.shape[:2], n_way)], -1)  # (tasks, n_query_total, channels)
        return self.reader(support, query)  # (tasks, n_query_total, n_way)
