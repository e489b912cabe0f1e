"""Conditional neural processes (Garnelo et al. 2018, https://arxiv.org/abs/1807.01613)."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, StepReport, TaskState
from core.algorithms.comparing import SupportReader
from core.algorithms.plain import Decoded
from data.batch import Episodes
from data.config import setting
from data.family import EpisodeShape
from data.language import mark

LEAST = 0.1  # smallest deviation, as in the released code: without one the likelihood of a good fit grows without end
Widths = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(max_length=16)]


class CNPConfig(AlgorithmConfig):
    name: Literal["cnp"] = "cnp"
    encoder: Widths = setting([128, 128, 128, 128], "Encoder layers", unit="units", telling=1)
    """Units of each layer that encodes one support point."""
    decoder: Widths = setting([128, 128], "Decoder layers", unit="units")
    """Units of each hidden layer between code and answer."""


@dataclass(frozen=True)
class Contexts(Episodes):
    """Tasks of which only the first ``size`` (tasks,) examples of the support set are known."""

    size: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return *super().tensors, self.size

    def like(self, tensors: Sequence[Tensor]) -> "Contexts":
        *examples, size = tensors
        return Contexts(*examples, self.objective, size)

    def mean(self, each: Tensor) -> Tensor:
        """Over what is known: (tasks, n_support, code) → (tasks, 1, code)."""
        position = torch.arange(each.shape[1], device=each.device)
        known = (position < self.size.unsqueeze(1)).unsqueeze(-1)  # (tasks, n_support, 1)
        return (each * known).sum(1, keepdim=True) / known.sum(1, keepdim=True)


class EncoderDecoder(nn.Module):
    """h: one (x, y) → code; g: (code, x) → mean and raw deviation."""

    def __init__(self, inputs: int, outputs: int, encoder: list[int], decoder: list[int]):
        super().__init__()
        self.encoder = layers([inputs + outputs, *encoder])
        self.decoder = layers([(encoder or [inputs + outputs])[-1] + inputs, *decoder, 2 * outputs])


def layers(widths: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them, none after the last."""
    found: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        found += [nn.ReLU(), nn.Linear(fan_in, fan_out)] if found else [nn.Linear(fan_in, fan_out)]
    return nn.Sequential(*found)


class CNP(SupportReader):
    """Reads the whole support set into one code and answers every query from it, with a deviation.

    r = mean over the support of h(x_i, y_i) (eqs. 1, 2), which does not depend on the order; (μ, σ) = g(r, x) (eq. 3),
    σ = 0.1 + 0.9 softplus as in the released code. Trained by the negative log-likelihood of the queries under N(μ, σ²)
    (eq. 4); scored by μ's squared error like every other learner. In training a random part of the support set is the context,
    of a size drawn anew for each task, and the targets are all of the task's examples, the context's included (section 2.3).
    There is no BatchNorm in it, so both settings of ``batch_statistics`` are the same.
    """

    Config = CNPConfig
    title = "CNP"
    summary = mark("Reads the support points into one code and predicts every query from it, with a deviation.")
    kinds = ("regression",)
    uses_network = False
    reads_tokens = False
    repeats = True

    @classmethod
    def curve_names(cls) -> tuple[str, str]:
        return "", mark("all examples of a task")

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        inputs = prod(self.family.input_spec.shape)
        outputs = self.family.outputs(test_shape)
        return EncoderDecoder(inputs, outputs, self.config.encoder, self.config.decoder)

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        return self.distribution(state, query_x)[0]

    def distribution(self, state: TaskState, query_x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation for the queries, each (tasks, n_query_total, outputs); a deviation is above LEAST."""
        query = query_x.flatten(2)
        asked = torch.cat([self.code(state.batch).expand(-1, query.shape[1], -1), query], -1)
        mean, raw = self.model.decoder(asked).chunk(2, -1)
        return mean, LEAST + (1 - LEAST) * F.softplus(raw)

    def code(self, batch: Episodes) -> Tensor:
        """Of what is known of each task, (tasks, 1, code)."""
        each = self.model.encoder(
            torch.cat([batch.support_x.flatten(2), batch.support_y], -1)
        )  # (tasks, n_support, code)
        return batch.mean(each) if isinstance(batch, Contexts) else each.mean(1, keepdim=True)

    @torch.no_grad()
    def plain(self, state: TaskState) -> nn.Module:
        return Decoded(copy.deepcopy(self.model.decoder).requires_grad_(False), self.code(state.batch)[0])

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Training tasks with contexts of random sizes, from one example to the whole support set."""
        episodes = super().draw(shape, tasks, generator).shuffled(generator)
        most, device = episodes.support_y.shape[1], generator.device
        size = torch.randint(1, most + 1, (tasks,), generator=generator, device=device)
        known, everything = episodes.tensors[:2], episodes.joined().tensors[2:]
        return Contexts(*known, *everything, episodes.objective, size.to(episodes.support_y.device))

    def meta_loss(self, batch: Episodes) -> tuple[Tensor, StepReport]:
        """Negative log-likelihood of the queries (eq. 4), in nats a point; the report's loss is the squared error."""
        mean, deviation = self.distribution(self.adapt(batch, 0), batch.query_x)
        off = (batch.query_y - mean) / deviation
        loss = (off.square() / 2 + deviation.log() + math.log(2 * math.pi) / 2).sum(-1).mean()
        score = batch.objective.score(mean.detach(), batch.query_y).mean()
        return loss, StepReport(score, score)
