"""Baseline++ (Chen et al. 2019, A Closer Look at Few-shot Classification, https://arxiv.org/abs/1904.04232)."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, TaskState
from core.algorithms.comparing import cosine
from core.algorithms.forward import Remembered
from core.algorithms.ordinary import OrdinaryBatches
from core.models.base import embedding_shape
from data.batch import Episodes
from data.config import setting
from data.family import EpisodeShape
from data.language import mark
from data.objective import Objective

RATE, MOMENTUM, DAMPENING, DECAY = 0.01, 0.9, 0.9, 1e-3  # of the new layer's SGD, in the released code
MANY_CLASSES = 200  # training classes above which the released code scales by 10 instead of 2


class BaselinePlusPlusConfig(AlgorithmConfig):
    name: Literal["baseline++"] = "baseline++"
    batch_size: int = setting(16, "Batch size", unit="examples", ge=2, le=4096, step=16, telling=1)
    """Examples of an ordinary training batch."""
    finetune_steps: int = setting(100, "Passes over the support set", unit="passes", ge=1, le=1000, telling=2)
    """How often the new output layer sees the whole support set, four examples at a time."""


class CosineHead(nn.Module):
    """scale · cos(x, w_k) for each class k: (batch, d) → (batch, classes)."""

    def __init__(self, features: int, classes: int, scale: float):
        super().__init__()
        self.weight, self.scale = nn.Parameter(nn.Linear(features, classes, bias=False).weight.detach()), scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * cosine(x[None], self.weight[None])[0]


class BaselinePlusPlus(OrdinaryBatches):
    """Classifies all training classes by cosine similarity; a new task gets a new cosine layer on frozen features.

    Scores are scale · cos(f(x), w_k) (section 3.2), with scale 10 above 200 training classes and 2 otherwise, as released; a
    learned norm for each class, which the released code also has, is left out. The new layer starts at random, the same
    for every task, and is trained by SGD (0.01, momentum and dampening 0.9, weight decay 0.001) in batches of four. An
    inner step is one pass over the support set.
    """

    Config = BaselinePlusPlusConfig
    title = "Baseline++"
    summary = mark("Ordinary training with a cosine classifier, then a new cosine layer on frozen features.")
    group = "baselines"
    kinds = ("classification",)
    fixed_way = False
    batch, scale = 4, 2.0  # while fine-tuning

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        body = nn.Sequential(network(None), nn.Flatten())
        features, classes = prod(embedding_shape(body, self.family.input_spec)), self.family.classes("train")
        self.head = CosineHead(features, classes, 10.0 if classes > MANY_CLASSES else 2.0)
        start = (2 * torch.rand(test_shape.n_way, features) - 1) / features**0.5
        self.register_buffer("start", start, persistent=False)
        return body

    def learned(self) -> dict[str, Tensor]:
        """Without the new layer's start, whose size is the test's and which the run's seed determines."""
        return {name: value for name, value in super().learned().items() if name != "start"}

    @property
    def adaptation_steps(self) -> int:
        return self.config.finetune_steps

    def trajectory(self, batch: Episodes, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        """States after 0, 1, … ``steps`` passes over the support set. Their weights are the new layer's alone."""
        with torch.no_grad():
            features = self.forward_tasks(None, batch.support_x)  # (tasks, n_support, d)
        read = Remembered(partial(self.forward_queries, self.forward_tasks, None, batch.support_x))
        weight = self.start.expand(batch.tasks, *self.start.shape)  # (tasks, n_way, d)
        momentum, generator = None, torch.Generator().manual_seed(0)
        yield TaskState({"head": weight}, batch, read=read)
        for _ in range(steps):
            losses = []
            for few in torch.randperm(features.shape[1], generator=generator).split(self.batch):
                few = few.to(features.device)
                gradient, loss = self.gradient(weight, features[:, few], batch.support_y[:, few], batch.objective)
                gradient = gradient + DECAY * weight
                momentum = gradient if momentum is None else MOMENTUM * momentum + (1 - DAMPENING) * gradient
                weight = weight - RATE * momentum
                losses.append(loss)
            yield TaskState({"head": weight}, batch, torch.stack(losses).mean(0), read=read)

    def gradient(self, weight: Tensor, features: Tensor, labels: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
        """Of each task's mean loss with respect to its layer (tasks, n_way, d), and the loss (tasks,)."""
        with torch.enable_grad():
            weight = weight.detach().requires_grad_()
            loss = objective.loss(self.scale * cosine(features, weight), labels)
            return torch.autograd.grad(loss.sum(), weight)[0], loss.detach()

    def features(self, state: TaskState) -> tuple[Tensor, Tensor]:
        return self.forward_tasks(None, state.batch.support_x), state.read(state.batch.query_x)

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        return self.scale * cosine(state.read(query_x), state.weights["head"])

    @torch.no_grad()
    def plain(self, state: TaskState) -> nn.Module:
        weight = state.weights["head"][0]  # (n_way, d)
        head = CosineHead(weight.shape[1], weight.shape[0], self.scale).requires_grad_(False).to(weight.device)
        head.weight.copy_(weight)
        return nn.Sequential(super().plain(replace(state, weights={})), head)

    def classify(self, x: Tensor) -> Tensor:
        return self.head(self.model(x))
