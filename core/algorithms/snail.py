"""SNAIL (Mishra, Rohaninejad, Chen & Abbeel 2018, A Simple Neural Attentive Meta-Learner, https://arxiv.org/abs/1707.03141)."""

from math import ceil, log2, prod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network
from core.algorithms.metric import MetricLearner
from core.models.base import embedding_shape
from data.config import setting
from data.family import Episodes, EpisodeShape

MOST = 2**18  # positions of all sequences run at once; more are run one part after another
EMBEDDING = 64  # units an input is embedded to


class SNAILConfig(AlgorithmConfig):
    name: Literal["snail"] = "snail"
    filters: int = setting(
        128, "Convolution filters", "Channels that each temporal convolution adds.", ge=1, le=1024, step=16
    )


class DenseBlock(nn.Module):
    """A gated causal convolution of width 2 whose result is put beside its input (figure 2a)."""

    def __init__(self, channels: int, dilation: int, filters: int):
        super().__init__()
        self.dilation = dilation
        self.convolution = nn.Conv1d(channels, 2 * filters, 2, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        past = F.pad(x, (self.dilation, 0))  # nothing from the future
        value, gate = self.convolution(past).chunk(2, 1)
        return torch.cat([x, value.tanh() * gate.sigmoid()], 1)  # (batch, channels + filters, length)


class TemporalConvolution(nn.Sequential):
    """Dense blocks with dilations 1, 2, 4 …, enough to see a whole sequence of ``length`` (figure 2b)."""

    def __init__(self, channels: int, length: int, filters: int):
        self.added = filters * ceil(log2(length))
        super().__init__(*(DenseBlock(channels + i * filters, 2**i, filters) for i in range(ceil(log2(length)))))


class Attention(nn.Module):
    """One causal head of scaled dot-product attention, whose reading is put beside its input (figure 2c)."""

    def __init__(self, channels: int, keys: int, values: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(channels, n) for n in (keys, keys, values))

    def forward(self, x: Tensor) -> Tensor:
        sequence = x.transpose(1, 2)  # (batch, length, channels)
        query, key, value = self.query(sequence), self.key(sequence), self.value(sequence)
        logits = query @ key.transpose(1, 2) / key.shape[-1] ** 0.5
        future = torch.ones(logits.shape[1:], dtype=torch.bool, device=x.device).triu(1)
        read = logits.masked_fill(future, -torch.inf).softmax(-1) @ value
        return torch.cat([x, read.transpose(1, 2)], 1)  # (batch, channels + values, length)


class SNAIL(MetricLearner):
    """Reads examples and labels one after another, then a query without a label, and says its label.

    Sequence (x_1, y_1) … (x_t, y_t), (x, 0); the answer is taken at the last position. Layers of the few-shot experiments:
    A(64, 32), T(128), A(256, 128), T(128), A(512, 256), a linear layer; A(k, v) is attention with keys of k and values of v
    units. The support set comes in random order while training. Labels are part of the input, so that the number of
    classes is fixed; each query is a sequence of its own and does not see the others.
    """

    Config = SNAILConfig
    title = "SNAIL"
    summary = "Reads the labelled examples as a sequence, with temporal convolutions and attention."
    fixed_way = True

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        body = network(None)
        shape = self.family.config.shape
        length, n_way, filters = shape.n_way * shape.k_shot + 1, shape.n_way, self.config.filters
        self.project = nn.Linear(prod(embedding_shape(body, self.family.input_shape)), EMBEDDING)
        channels, blocks = EMBEDDING + n_way, []
        for keys, values in ((64, 32), (256, 128)):
            convolution = TemporalConvolution(channels + values, length, filters)
            blocks += [Attention(channels, keys, values), convolution]
            channels += values + convolution.added
        self.reader = nn.Sequential(*blocks, Attention(channels, 512, 256), nn.Conv1d(channels + 256, n_way, 1))
        return body

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Training tasks with their support sets in random order."""
        episodes = super().draw(shape, tasks, generator)
        size = episodes.support_y.shape
        order = torch.rand(size, generator=generator, device=generator.device).argsort(1).to(episodes.support_y.device)
        task = torch.arange(tasks, device=order.device).unsqueeze(1)
        support = episodes.support_x[task, order], episodes.support_y[task, order]
        return Episodes(*support, episodes.query_x, episodes.query_y)

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        tasks, n_support, n_way = labels.shape
        support = torch.cat([self.project(support.flatten(2)), labels], -1)  # (tasks, n_support, channels)
        query = self.project(query.flatten(2))
        query = torch.cat([query, query.new_zeros(*query.shape[:2], n_way)], -1)  # (tasks, n_query_total, channels)
        answers = [self.read(support, part) for part in query.split(max(1, MOST // (tasks * (n_support + 1))), 1)]
        return torch.cat(answers, 1)  # (tasks, n_query_total, n_way)

    def read(self, support: Tensor, query: Tensor) -> Tensor:
        """The answer at the end of each sequence: (tasks, n_support, c) and (tasks, n, c) → (tasks, n, n_way)."""
        tasks, n = query.shape[:2]
        before = support.unsqueeze(1).expand(tasks, n, *support.shape[1:])
        sequences = torch.cat([before, query.unsqueeze(2)], 2).flatten(0, 1)  # (tasks * n, n_support + 1, c)
        return self.reader(sequences.transpose(1, 2))[..., -1].unflatten(0, (tasks, n))
