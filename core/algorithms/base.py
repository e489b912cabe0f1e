"""Algorithm: what every learner is, and the meta-step that all learners with an outer gradient share."""

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.algorithms.body import Body, last_layer
from core.algorithms.forward import ForwardMode, Remembered, Statistics, TaskForward, Weights
from core.algorithms.optimizers import Adam
from core.algorithms.plain import adapted
from core.algorithms.portion import WHOLE, Averages, Portion, StepReport, summed
from core.algorithms.task_by_task import mean_loss
from core.models.base import ModelError
from data.batch import Answer, Episodes, TaskBatch
from data.config import Config
from data.family import EpisodeShape, TaskFamily, TaskKind
from data.language import mark, tr
from data.registry import discover

Group = Literal["model-agnostic", "model-dependent", "combined", "baselines"]
GROUPS: tuple[Group, ...] = (mark("model-agnostic"), mark("model-dependent"), mark("combined"), mark("baselines"))
BatchStatistics = Literal["transductive", "support"]
NormalisedBy = Literal["none", "queries together", "support and queries together", "support", "running"]
Network = Callable[[int | None], nn.Module]
SupportLoss = Callable[
    [Weights, int], Tensor
]  # each task's own support loss (tasks,), by its weights and the inner step


class AlgorithmConfig(Config):
    """What every learner's config has: a ``name`` (a Literal, the union's tag)."""


@dataclass(frozen=True)
class TaskState:
    """What a learner knows about each of a batch of tasks. All that ``predict`` needs beside the queries.

    weights: adapted weights by name, each (tasks, *shape), without those that all tasks share; empty for a learner that keeps
    the examples instead.
    batch: the tasks. support_loss: (tasks,) loss before the last inner step, None before the first. statistics: what every
    BatchNorm layer normalises queries by, where a learner has its own. read: what of an answer no inner step changes, by
    the queries, where a learner can tell.
    """

    weights: Weights
    batch: TaskBatch
    support_loss: Tensor | None = None
    statistics: Statistics | None = None
    read: Answer | None = None


class Algorithm(nn.Module, ABC):
    """A learner around a network. Its own parameters, the network's included, are what meta-training changes."""

    Config: ClassVar[type[AlgorithmConfig]]
    title: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[Group]
    kinds: ClassVar[tuple[TaskKind, ...]] = get_args(TaskKind)  # of the tasks it can learn
    uses_network: ClassVar[bool] = True  # False: it brings its own, or none, and the run's ``model`` plays no part
    normalises: ClassVar[bool] = False  # True: it has BatchNorm of its own, whatever the network
    reads_tokens: ClassVar[bool] = True  # False: it computes with the inputs themselves, which have to be real numbers
    takes_steps: ClassVar[bool] = True  # False: it reads the support set at once, so that there are no inner steps
    outer_gradient: ClassVar[bool] = True  # False: its outer update is not by the gradient of its meta-loss
    meta_trained: ClassVar[bool] = True  # False: nothing to do before the test
    episodic: ClassVar[bool] = True  # False: trains on ordinary batches
    loss_title: ClassVar[str | None] = None  # of its training curves with its unit, where it is not the family's loss
    repeats: ClassVar[bool] = False  # True: once ``settled``, its meta-loss takes the same operations, no random number
    network_repeats = False  # True: every call of its network takes the same operations and no random number
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
        return Adam(learned, lr=meta_lr, fused=True)

    def learned(self) -> dict[str, Tensor]:
        """What training changes, by name: all that a checkpoint has to keep."""
        return dict([*self.named_parameters(), *self.named_buffers()])

    @abstractmethod
    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        """The states after 0, 1, … ``steps`` inner steps of every task.

        differentiable: keep the graph, so that the meta-gradient can flow through the adaptation.
        """

    @classmethod
    def paper(cls) -> str:
        """The address of its paper, which its module's docstring names first; empty where it names none."""
        found = re.search(r"https://[\w./-]*\w", sys.modules[cls.__module__].__doc__ or "")
        return found[0] if found else ""

    @classmethod
    def curve_names(cls) -> tuple[str, str]:
        """What the training curves of the support and of the query loss are called; empty where there is none."""
        if not cls.episodic:
            return "", mark("training batch")
        return (mark("support, before adapting"), mark("query, after adapting")) if cls.takes_steps else ("", "query")

    @classmethod
    def most_shots(cls, shape: EpisodeShape) -> int | None:  # noqa: ARG003
        """The most support examples of a class (k_shot) at test, if it was trained on tasks of this shape; None for any."""
        return None

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
    def tunes_to_validate(self) -> bool:
        """Whether a choice has to be made, on a few tasks, before each validation says how good the training is."""
        return False

    @property
    def choice(self) -> dict[str, Any] | None:
        """What was chosen, as plain values, for checkpoint and protocol; None for a learner that leaves nothing open."""
        return None

    def choose(self, choice: dict[str, Any]) -> None:
        """Take what ``choice`` gave. Raises TypeError for what is none."""
        if choice:
            raise TypeError(tr("{title} has nothing to choose", title=self.title))

    @property
    def normalises_by(self) -> NormalisedBy:
        """What BatchNorm normalises a task's queries by at test, for the protocol.

        queries together: their own mean and variance. support and queries together: those of both sets as one batch.
        support: the support set's. running: averages kept while training. none: there is no BatchNorm layer.
        """
        if not any(isinstance(layer, _BatchNorm) for layer in self.modules()):
            return "none"
        return "queries together" if self.batch_statistics == "transductive" else "support"

    def adapt(self, batch: TaskBatch, steps: int, *, differentiable: bool = False) -> TaskState:
        """The state after ``steps`` inner steps. The learner itself is left as it was."""
        for state in self.trajectory(batch, steps, differentiable=differentiable):
            last = state
        return last

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        """Logits or values for the queries (tasks, n_query_total, *input) → (tasks, n_query_total, outputs).

        transductive: a task's queries are normalised together. support: by the support set's statistics under the
        adapted weights, so that a query's answer does not depend on the other queries.
        """
        if state.statistics is not None:
            return self.forward_tasks.normalised(state.weights, query_x, state.statistics)
        return self.forward_queries(self.forward_tasks, state.weights, state.batch.support_x, query_x)

    @torch.no_grad()
    def plain(self, state: TaskState) -> nn.Module:
        """What ``predict`` answers for a state of one task, as an ordinary network: (n, *input) → (n, outputs).

        Each query is answered by itself, as under the batch statistics ``support``: those of the support set, or the running
        ones, are constants of the network. Raises ModelError where that cannot be.
        """
        statistics = state.statistics
        if statistics is None and self.forward_tasks.norms:
            statistics = self.forward_tasks.statistics(state.weights or None, present(state.batch.support_x))
        return adapted(self.forward_tasks, state.weights, statistics or {})

    def features(self, state: TaskState) -> tuple[Tensor, Tensor] | None:
        """What the output layer reads of a state's support set and of its queries, each (tasks, n, *features), to look at.

        None where the network does not end with a layer that is told apart, or tasks are no Episodes.
        """
        if self.output_layer is None or not isinstance(state.batch, Episodes):
            return None
        body = self.forward_tasks.over(Body(self.model, self.output_layer))
        weights, statistics = (
            {f"model.{n}": v for n, v in (of or {}).items()} for of in (state.weights, state.statistics)
        )
        support_x, query_x = state.batch.support_x, state.batch.query_x
        if statistics:
            return body.normalised(weights, support_x, statistics), body.normalised(weights, query_x, statistics)
        return body(weights or None, support_x), self.forward_queries(body, weights or None, support_x, query_x)

    @cached_property
    def output_layer(self) -> str | None:
        """Name of the layer whose inputs are the network's features: a linear one at its end."""
        linear = [name for name, layer in self.model.named_modules() if type(layer) is nn.Linear]
        owned = {
            f"{name}.{part}" for name in linear[-1:] for part, _ in self.model.get_submodule(name).named_parameters()
        }
        return last_layer(self.model, owned, self.family.input_spec)

    def forward_queries(
        self, forward: TaskForward, weights: Weights | None, support_x: Tensor | None, query_x: Tensor
    ) -> Tensor:
        """The queries through a network, with the BatchNorm statistics that ``batch_statistics`` asks for."""
        if self.batch_statistics == "transductive" or not forward.norms:
            return forward(weights, query_x)
        return forward.normalised(weights, query_x, forward.statistics(weights, present(support_x)))

    def support_loss(self, batch: TaskBatch, *, differentiable: bool) -> SupportLoss:
        """What the inner loop descends. differentiable: whether the meta-gradient will flow through the adaptation."""
        return lambda weights, step: batch.support_loss(lambda x: self.forward_tasks(weights, x), step)

    def meta_loss(self, batch: TaskBatch) -> tuple[Tensor, StepReport]:
        """Mean query loss after adaptation (Finn et al. 2017, eq. 4, as a mean over tasks)."""
        support_loss = None
        for i, state in enumerate(self.trajectory(batch, self.adaptation_steps, differentiable=True)):
            if i == 1:
                support_loss = state.support_loss.detach().mean()
        loss, score = self.judged(state)
        return loss, StepReport(loss.detach(), score, support_loss)

    def judged(self, state: TaskState) -> tuple[Tensor, Tensor | None]:
        """The tasks' mean query loss under a state, and their mean score, detached, where scoring is quick."""
        batch = state.batch
        in_turn = isinstance(batch, Episodes) and self.forward_tasks.in_turn(batch.query_x)
        if in_turn and torch.is_grad_enabled():
            return self._judged_in_turn(state)
        answer = Remembered(partial(self.predict, state))
        loss = batch.query_loss(answer).mean()
        if not batch.quick_scores:
            return loss, None
        return loss, batch.scores(lambda x: answer(x).detach()).mean()

    def _judged_in_turn(self, state: TaskState) -> tuple[Tensor, Tensor]:
        """The same one task after the other, each task's part of the gradient at once."""
        scores, learned = [], [p for p in self.parameters() if p.requires_grad]

        def loss_of(weights: Weights, task: int) -> Tensor:
            loss, score = self.judged(self.part(state, slice(task, task + 1), weights))
            scores.append(score)
            return loss

        loss = mean_loss(loss_of, state.batch.tasks, state.weights, learned)
        return loss, torch.stack(scores).mean()

    def part(self, state: TaskState, tasks: slice, weights: Weights) -> TaskState:
        """What a state knows about some of its tasks, with these weights of theirs."""
        statistics = state.statistics and {name: values[tasks] for name, values in state.statistics.items()}
        return TaskState(weights, state.batch[tasks], statistics=statistics)

    @property
    def settled(self) -> bool:
        """Whether its meta-loss will take the same operations from now on."""
        return True

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """A meta-batch of training tasks."""
        return self.family.sample("train", shape, tasks, generator)

    def meta_step(
        self, shape: EpisodeShape, tasks: int, generator: torch.Generator, portion: Portion = WHOLE
    ) -> StepReport:
        """Draw a meta-batch of training tasks and add the meta-gradient of a portion of it to the parameters' ``grad``.

        Always the whole meta-batch is drawn, so that the portions of several processes are of the same one. Gradient and
        report are sums over the portion's tasks, divided by the number of all tasks.
        """
        batch, parts = self.draw(shape, tasks, generator), portion.parts(tasks)
        if len(parts) == 1:
            part, share = parts[0]
            return summed([(self.learn(batch if share == 1.0 else batch[part], share), share)])
        averages, reports = Averages(self), []
        for part, share in parts:
            reports.append((self.learn(batch[part], share), share))
            averages.take(share)
        averages.put(sum(share for _, share in parts))
        return summed(reports)

    def gradients(self, batch: TaskBatch, learned: Sequence[Tensor]) -> tuple[Sequence[Tensor | None], StepReport]:
        """What ``learn`` adds to the ``grad`` of each of the parameters that change, for all of a meta-batch."""
        loss, report = self.meta_loss(batch)
        return torch.autograd.grad(loss, learned, allow_unused=True), report

    def learn(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        """Add the meta-gradient of these tasks, times their share of the meta-batch, to the parameters' ``grad``."""
        with self.forward_tasks.twice_differentiable():
            loss, report = self.meta_loss(batch)
            (share * loss).backward()
        return report


def laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """A gradient in memory as its parameter is: the fused optimizer goes by the order there."""
    return gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)


def present(support_x: Tensor | None) -> Tensor:
    """The inputs that BatchNorm takes its statistics from. Raises ModelError where tasks have none."""
    if support_x is None:
        raise ModelError(
            tr("These tasks have no support inputs that BatchNorm could take its statistics from."),
            tr("Set batch_statistics to transductive, or choose a network without BatchNorm."),
            "batch_statistics",
        )
    return support_x


@cache
def algorithms() -> dict[str, type[Algorithm]]:
    """Every learner by name."""
    import core.algorithms

    return discover(core.algorithms, Algorithm)
