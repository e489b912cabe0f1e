"""Algorithm: what every learner is, and the meta-step that all learners with an outer gradient share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.algorithms.forward import ForwardMode, Statistics, TaskForward, Weights
from data.config import Config
from data.family import Episodes, EpisodeShape, TaskFamily
from data.registry import discover

Group = Literal["model-agnostic", "model-dependent", "combined", "baselines"]
GROUPS: tuple[Group, ...] = ("model-agnostic", "model-dependent", "combined", "baselines")
BatchStatistics = Literal["transductive", "support"]
NormalisedBy = Literal["none", "queries together", "support and queries together", "support", "running"]
Network = Callable[[int | None], nn.Module]
TaskKind = Literal["classification", "regression"]
SupportLoss = Callable[[Weights], Tensor]  # each task's loss on its own support set (tasks,), by its weights


class AlgorithmConfig(Config):
    """What every learner's config has: a ``name`` (a Literal, the union's tag)."""


@dataclass(frozen=True)
class TaskState:
    """What a learner knows about each of a batch of tasks. All that ``predict`` needs beside the queries.

    weights: adapted weights by name, each (tasks, *shape), without those that all tasks share; empty for a learner that keeps
    the examples instead.
    support_x: (tasks, n_support, *input), from which the BatchNorm statistics are taken when batch_statistics is
    ``support``. support_loss: (tasks,) loss before the last inner step, None before the first. support_y: as in Episodes,
    where ``predict`` needs it. statistics: what every BatchNorm layer normalises queries by, where a learner has its own.
    """

    weights: Weights
    support_x: Tensor
    support_loss: Tensor | None = None
    support_y: Tensor | None = None
    statistics: Statistics | None = None


@dataclass(frozen=True)
class StepReport:
    """Means over one meta-batch, detached, on the device: reading them there would wait for it.

    support_loss: on the support set before adaptation. query_loss, query_score: on the query set after it. For a
    learner without episodes support_loss is None, and the others are those of the ordinary batch.
    """

    query_loss: Tensor
    query_score: Tensor
    support_loss: Tensor | None = None


class Algorithm(nn.Module, ABC):
    """A learner around a network. Its own parameters, the network's included, are what meta-training changes."""

    Config: ClassVar[type[AlgorithmConfig]]
    title: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[Group]
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classification", "regression")  # of the tasks it can learn
    uses_network: ClassVar[bool] = True  # False: it brings its own, or none, and the run's ``model`` plays no part
    embeds: ClassVar[bool] = False  # True: it takes the run's network without its output layer
    takes_steps: ClassVar[bool] = True  # False: it reads the support set at once, so that there are no inner steps
    meta_trained: ClassVar[bool] = True  # False: nothing to do before the test
    episodic: ClassVar[bool] = True  # False: trains on ordinary batches
    fixed_way: ClassVar[bool] = True  # False: can be tested on another number of classes than it was trained on

    def __init__(
        self,
        config: AlgorithmConfig,
        network: Network,
        family: TaskFamily,
        test_shape: EpisodeShape,
        batch_statistics: BatchStatistics,
        mode: ForwardMode = "stacked",
    ):
        """network: builds the run's network for a number of outputs, or for None without its output layer.

        test_shape: of the evaluation's tasks.
        """
        super().__init__()
        self.progress = 0.0  # share of the training that is done, in [0, 1); the trainer keeps it up to date
        self.config, self.family = config, family
        self.batch_statistics: BatchStatistics = batch_statistics
        self.model = self.build_model(network, test_shape)
        self.forward_tasks = TaskForward(self.model, mode)

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        """The network that adapts. Its output layer is meta-learned, so training fixes the number of classes."""
        return network(self.family.outputs(self.family.config.shape))

    def optimizer(self, meta_lr: float) -> torch.optim.Optimizer:
        """The outer loop's. It acts on what ``meta_step`` leaves in the parameters' ``grad``."""
        learned = [p for p in self.parameters() if p.requires_grad]
        learned = learned or [nn.Parameter(torch.zeros(1))]  # Adam refuses to have nothing to do
        return torch.optim.Adam(learned, lr=meta_lr, foreach=True)

    def learned(self) -> dict[str, Tensor]:
        """What training changes, by name: all that a checkpoint has to keep."""
        return dict([*self.named_parameters(), *self.named_buffers()])

    @abstractmethod
    def trajectory(
        self, support_x: Tensor, support_y: Tensor, steps: int, *, differentiable: bool
    ) -> Iterator[TaskState]:
        """The states after 0, 1, … ``steps`` inner steps on the support sets (tasks, n_support, *input).

        differentiable: keep the graph, so that the meta-gradient can flow through the adaptation.
        """

    @property
    @abstractmethod
    def adaptation_steps(self) -> int:
        """Inner steps while training, and at test unless the evaluation says otherwise."""

    def candidates(self) -> list[Any]:
        """Ways to adapt of which the best on validation tasks is ``chosen`` before the test, the one that asks most of the
        network first; none for a learner that leaves nothing open.
        """
        return []

    @property
    def choice(self) -> dict[str, Any] | None:
        """What was chosen, as plain values, for checkpoint and protocol; None for a learner that leaves nothing open."""
        return None

    def choose(self, choice: dict[str, Any]) -> None:
        """Take what ``choice`` gave. Raises TypeError for what is none."""
        if choice:
            raise TypeError(f"{self.title} has nothing to choose")

    @property
    def normalises_by(self) -> NormalisedBy:
        """What BatchNorm normalises a task's queries by at test, for the protocol.

        queries together: their own mean and variance. support and queries together: those of both sets as one batch.
        support: the support set's. running: averages kept while training. none: there is no BatchNorm layer.
        """
        if not any(isinstance(layer, _BatchNorm) for layer in self.modules()):
            return "none"
        return "queries together" if self.batch_statistics == "transductive" else "support"

    def adapt(self, support_x: Tensor, support_y: Tensor, steps: int, *, differentiable: bool = False) -> TaskState:
        """The state after ``steps`` inner steps. The learner itself is left as it was."""
        for state in self.trajectory(support_x, support_y, steps, differentiable=differentiable):
            last = state
        return last

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        """Logits or values for the queries (tasks, n_query_total, *input) → (tasks, n_query_total, outputs).

        transductive: a task's queries are normalised together. support: by the support set's statistics under the
        adapted weights, so that a query's answer does not depend on the other queries.
        """
        if state.statistics is not None:
            return self.forward_tasks.normalised(state.weights, query_x, state.statistics)
        return self.forward_queries(self.forward_tasks, state.weights, state.support_x, query_x)

    def read_queries(self, support_x: Tensor, query_x: Tensor) -> Tensor:
        """What of a prediction is the same after every inner step: the queries, or what a network that never adapts gives
        for them. An adaptation curve needs it once.
        """
        return query_x

    def answer(self, state: TaskState, read: Tensor) -> Tensor:
        """``predict`` for what ``read_queries`` gave."""
        return self.predict(state, read)

    def forward_queries(
        self, forward: TaskForward, weights: Weights | None, support_x: Tensor, query_x: Tensor
    ) -> Tensor:
        """The queries through a network, with the BatchNorm statistics that ``batch_statistics`` asks for."""
        if self.batch_statistics == "transductive":
            return forward(weights, query_x)
        return forward.normalised(weights, query_x, forward.statistics(weights, support_x))

    def support_loss(self, support_x: Tensor, support_y: Tensor, *, differentiable: bool) -> SupportLoss:
        """What the inner loop descends. differentiable: whether the meta-gradient will flow through the adaptation."""
        return lambda weights: self.family.loss(self.forward_tasks(weights, support_x), support_y)

    def meta_loss(self, episodes: Episodes) -> tuple[Tensor, StepReport]:
        """Mean query loss after adaptation (Finn et al. 2017, eq. 4, as a mean over tasks)."""
        states = self.trajectory(episodes.support_x, episodes.support_y, self.adaptation_steps, differentiable=True)
        support_loss = None
        for i, state in enumerate(states):
            if i == 1:
                support_loss = state.support_loss.detach().mean()
        prediction = self.predict(state, episodes.query_x)
        loss = self.family.loss(prediction, episodes.query_y).mean()
        score = self.family.score(prediction.detach(), episodes.query_y).mean()
        return loss, StepReport(loss.detach(), score, support_loss)

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """A meta-batch of training tasks."""
        return self.family.sample("train", shape, tasks, generator)

    def meta_step(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> StepReport:
        """Draw a meta-batch of training tasks and leave the meta-gradient in the parameters' ``grad``."""
        episodes = self.draw(shape, tasks, generator)
        with self.forward_tasks.twice_differentiable():
            loss, report = self.meta_loss(episodes)
            loss.backward()
        return report


@cache
def algorithms() -> dict[str, type[Algorithm]]:
    """Every learner by name."""
    import core.algorithms

    return discover(core.algorithms, Algorithm)
