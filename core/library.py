"""The engine from a program of your own: a trained learner that adapts to one task and answers for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.algorithms.base import BatchStatistics, TaskState
from core.errors import RunError
from core.runs.home import Home
from core.runs.store import RunStore
from core.trained import Trained, load_trained
from core.trained import load_file as load_trained_file
from core.training.evaluation import evaluated_steps
from data.batch import Episodes, TaskBatch
from data.errors import InputError, shortened
from data.given import Given, Queries, readable
from data.language import mark, tr
from data.names import Names, read
from data.pictures import Pictures
from data.places import OnProgress
from data.texts import Texts

Array = Tensor | np.ndarray | Sequence[Any]
AT_ONCE = 200  # queries that are answered together where each is answered by itself
LONGEST_NAME = 200  # characters of a query's in a line
LIKELIEST = 5  # classes that a line has
WITHOUT_EXAMPLES = mark("{title} has no examples: its policy learns from what it does itself.")


class Learner:
    """A run's best checkpoint, for one task at a time. Make it with ``load``.

    for_classes: gives the same learner for tasks of another number of classes.
    """

    def __init__(self, trained: Trained, for_classes: "Callable[[int], Learner] | None" = None):
        self.trained, self.for_classes = trained, for_classes
        self.algorithm, self.family = trained.algorithm.eval(), trained.family

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, such as (1, 28, 28)."""
        return self.family.input_spec.shape

    @property
    def n_way(self) -> int:
        """Number of classes it answers for; 1 for regression."""
        return self.trained.config.test_shape.n_way

    @property
    def steps(self) -> int:
        """Inner steps that its own test takes; 0 for a learner that takes none."""
        return evaluated_steps(self.algorithm, self.trained.config)

    def given(self, support: Path | str, steps: int | None = None) -> "OwnTask":
        """The learner after it has adapted to examples of your own, out of files.

        support: of pictures a folder, zip or CSV of path,label with a folder or label a class; of texts a table with the
        columns text and label, or a folder with a .txt file a class; of curves a CSV of x,y; of names to translate a table with
        the columns name and translation. Another number of classes than in training will do for learners that are not tied
        to it, and fewer for all. steps: as of ``adapt``. Raises InputError and DataError.
        """
        with readable(support, tr("Check the path."), "support"):
            Path(support).stat()
        return self.shown(self.family.given(Path(support)), steps)

    def shown(self, given: Given, steps: int | None = None) -> "OwnTask":
        """The same for examples that were read already. Raises InputError."""
        learner, n_way = self, len(given.classes)
        fewer = self.algorithm.fixed_way and 0 < n_way < self.n_way  # then outputs are left that nothing is asked of
        if n_way and n_way != self.n_way and self.for_classes and not fewer:
            learner = self.for_classes(n_way)
        state = learner.adapt(given.inputs, given.targets, steps, n_way if fewer else None)
        return OwnTask(learner, given, state, learner.steps if steps is None else steps)

    def adapt(
        self, support_x: Array, support_y: Array, steps: int | None = None, classes: int | None = None
    ) -> TaskState:
        """What the learner knows after this task's support set. The learner itself stays as it is.

        support_x: (n_support, *input_shape); where tasks are of texts or names, a list of these will do, and where a frozen
        network reads pictures, these in [0, 1]. support_y: class indices (n_support,) in [0, n_way), each class at least once, or
        real targets (n_support, 1), or a list of translations. steps: inner steps; None for as many as its own test takes.
        classes: that there are examples of, where it is fewer than n_way. Raises InputError.
        """
        if self.family.kind == "control":
            text = tr(WITHOUT_EXAMPLES, title=tr(self.family.title))
            raise InputError(text, tr("Give `algorithm.adapt` a batch that `family.sample` draws."), "support_x")
        x = self._inputs(support_x, "support_x")
        if classes is not None and not (self.algorithm.fixed_way and 1 < classes <= self.n_way):
            text = tr("classes = {classes} does not fit this learner of {n}.", classes=classes, n=self.n_way)
            raise InputError(text, tr("Leave it out, or load the run with another n_way."), "classes")
        y = self._targets(support_y, len(x), classes or self.n_way)
        steps = self.steps if steps is None else steps
        if steps < 0:
            raise InputError(tr("steps = {steps} is negative.", steps=steps), tr("Give 0 or more."), "steps")
        task = self._task(x, y)
        with self.algorithm.forward_tasks.twice_differentiable():
            return self.algorithm.adapt(task, steps)

    def _task(self, x: Tensor, y: Tensor) -> TaskBatch:
        """A task with this support set, of which nothing is asked yet."""
        if isinstance(self.family, Names):
            return self.family.of_own(x, y)
        objective = self.family.objective(self.trained.config.test_shape)
        return Episodes(x[None], y[None], x[None, :0], y[None, :0], objective)

    def predict(self, state: TaskState, query_x: Array, classes: int | None = None) -> Tensor:
        """Probabilities (n_query, n_way), or values (n_query, 1) for regression, for inputs (n_query, *input_shape).

        classes: the first so many, where there were examples of no others. For names to translate logits of the sign that comes
        at each place, (n_query, length, vocabulary); ``translate`` writes them.
        """
        x = self._inputs(query_x, "query_x")
        with torch.no_grad():
            answer = self.algorithm.predict(state, x[None])[0]
        return answer[:, :classes].softmax(-1) if self.family.kind == "classification" else answer

    def translate(self, state: TaskState, names: Sequence[str]) -> list[str]:
        """Names as a learner of translations writes them that has adapted to a language, sign by sign the likeliest.

        Raises InputError for a learner of something else, and DataError for names that are too long for it.
        """
        if not isinstance(self.family, Names):
            text = tr("{title} is not translated.", title=tr(self.family.title))
            raise InputError(text, tr("Ask `predict`, or load a run on names."), "names")
        asked = replace(state.batch, query_source=self.family.queried(names).inputs[None, ..., 0])
        with torch.no_grad():
            return read(asked.produced(partial(self.algorithm.predict, state)))[0]

    def network(self, state: TaskState, classes: int | None = None) -> nn.Sequential:
        """What ``predict`` gives, as an ordinary network: (n, *input) → probabilities, values or logits, each query by itself.

        A copy of the learner's, for torch, ``torch.export`` and whatever reads those. Raises InputError where queries are
        normalised together, and ModelError.
        """
        if self.algorithm.normalises_by.endswith("together"):
            text = tr("This learner normalises queries together, and a network on its own answers each by itself.")
            raise InputError(text, tr("Choose batch statistics `support`."), "batch_statistics")
        last = [First(classes), nn.Softmax(-1)] if self.family.kind == "classification" else []
        return nn.Sequential(self.algorithm.plain(state), *last)

    def _inputs(self, values: Array, name: str) -> Tensor:
        spec = self.family.input_spec
        if isinstance(self.family, Texts | Names) and _texts(values):
            values = self.family.tokens(values)
        x = torch.as_tensor(values, device=self.family.device)
        if isinstance(self.family, Pictures) and self.family.extracts and x.ndim == 4:
            x = self.family.extracted(x)
        self._check_tokens(x, name)
        x = x.to(spec.torch_dtype)
        if x.ndim != len(self.input_shape) + 1 or tuple(x.shape[1:]) != self.input_shape or not len(x):
            wanted = ", ".join(map(str, ("n", *self.input_shape)))
            raise InputError(
                tr("{name} has the shape {shape}.", name=name, shape=tuple(x.shape)),
                tr("Give ({shape}).", shape=wanted),
                name,
            )
        return x

    def _check_tokens(self, x: Tensor, name: str) -> None:
        spec = self.family.input_spec
        if spec.dtype == "integer" and (
            x.is_floating_point() or (len(x) and not 0 <= x.min() <= x.max() < spec.vocabulary)
        ):
            text = tr("{name} holds something else than whole numbers in [0, {size}).", name=name, size=spec.vocabulary)
            raise InputError(text, tr("Give the indices of tokens."), name)

    def _targets(self, values: Array, n: int, n_way: int) -> Tensor:
        if isinstance(self.family, Names):
            return self._translations(values, n)
        if self.family.kind == "regression":
            y = torch.as_tensor(values, dtype=torch.float32, device=self.family.device)
            if tuple(y.shape) != (n, 1):
                raise InputError(_shaped(y), tr("Give ({shape}).", shape=f"{n}, 1"), "support_y")
            return y
        y = torch.as_tensor(values, device=self.family.device)
        if tuple(y.shape) != (n,):
            raise InputError(_shaped(y), tr("Give ({shape}).", shape=f"{n},"), "support_y")
        if y.is_floating_point() or sorted(set(y.tolist())) != list(range(n_way)):
            raise InputError(
                tr("support_y holds the labels {labels}.", labels=sorted(set(y.tolist()))),
                tr(
                    "Give each class from 0 to {last} at least once, or load the run with another n_way.",
                    last=n_way - 1,
                ),
                "support_y",
            )
        return y.long()

    def _translations(self, values: Array, n: int) -> Tensor:
        y = torch.as_tensor(self.family.translated(values) if _texts(values) else values, device=self.family.device)
        wanted = (n, self.input_shape[0])
        if tuple(y.shape) != wanted:
            raise InputError(_shaped(y), tr("Give ({shape}).", shape=", ".join(map(str, wanted))), "support_y")
        self._check_tokens(y, "support_y")
        return y


class First(nn.Module):
    """The first so many columns, or all."""

    def __init__(self, count: int | None):
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.count]


def _texts(values: Array) -> bool:
    return isinstance(values, list | tuple) and len(values) > 0 and all(isinstance(one, str) for one in values)


def _shaped(y: Tensor) -> str:
    return tr("{name} has the shape {shape}.", name="support_y", shape=tuple(y.shape))


@dataclass(frozen=True)
class Answers:
    """names: of the queries. classes: the task's, by index; empty for a regression. values: probabilities (n, n_way), or (n, 1);
    (n, 0) where translations were written instead, of which ``written`` has one a query.

    Printed, a line a query: its likeliest classes with their probabilities, or its value, or its translation.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    values: Tensor
    remarks: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @property
    def said(self) -> list[str] | list[float]:
        """Of each query its likeliest class, or its value, or its translation."""
        if self.written:
            return list(self.written)
        if not self.classes:
            return self.values[:, 0].tolist()
        return [self.classes[label] for label in self.values.argmax(-1).tolist()]

    def __str__(self) -> str:
        names = (shortened(name, LONGEST_NAME) for name in self.names)
        if self.written:
            return "\n".join(f"{name} → {text}" for name, text in zip(names, self.written, strict=True))
        if not self.classes:
            return "\n".join(f"{name} → {value:.6g}" for name, value in zip(names, self.said, strict=True))
        shares, labels = self.values.topk(min(LIKELIEST, len(self.classes)))
        rows = zip(names, labels.tolist(), shares.tolist(), strict=True)
        return "\n".join(
            f"{name}: " + ", ".join(f"{self.classes[i]} {share:.3f}" for i, share in zip(first, of, strict=True))
            for name, first, of in rows
        )


@dataclass(frozen=True)
class OwnTask:
    """A learner that has adapted to examples of your own. Make it with ``Learner.given``."""

    learner: Learner
    given: Given
    state: TaskState
    steps: int

    def answers(self, *queries: Path | str) -> Answers:
        """For files: pictures; of texts, of names to translate and of curves' x, files with one a line.

        Raises InputError and DataError, RunError where the adaptation diverged.
        """
        return self.said_of(self.learner.family.given_queries([str(one) for one in queries]))

    def said_of(self, asked: Queries) -> Answers:
        """The same for queries that were read already. Raises InputError, RunError."""
        remarks = (*self.given.remarks, *self._unasked(), *asked.remarks)
        if isinstance(self.learner.family, Names):
            nothing = torch.zeros(len(asked.names), 0)
            return Answers(asked.names, (), nothing, remarks, self._written(asked.names))
        return Answers(asked.names, self.given.classes, self.predict(asked.inputs), remarks)

    def _unasked(self) -> list[str]:
        """What is to be said of a learner with more outputs than there are classes."""
        if not self.given.classes or len(self.given.classes) == self.learner.n_way:
            return []
        text = tr(
            "It learned to tell {known} classes apart; those without examples are left out.", known=self.learner.n_way
        )
        return [text]

    def _written(self, names: Sequence[str]) -> tuple[str, ...]:
        if not all(weight.isfinite().all() for weight in self.state.weights.values()):
            raise self._diverged()
        parts = (names[first : first + AT_ONCE] for first in range(0, len(names), AT_ONCE))
        return tuple(text for part in parts for text in self.learner.translate(self.state, part))

    def _diverged(self) -> RunError:
        text = tr("What it answers after {n} steps on these examples is not finite.", n=self.steps)
        return RunError(text, tr("Take fewer steps."), "steps")

    def network(self) -> nn.Sequential:
        """As the learner's, of the task's classes."""
        return self.learner.network(self.state, len(self.given.classes) or None)

    def predict(self, query_x: Tensor) -> Tensor:
        """As the learner's, a few at a time where each query is answered by itself; on the processor."""
        by = self.learner.algorithm.normalises_by
        if by == "queries together" and len(query_x) == 1:
            text = tr("A single query cannot be normalised together with others.")
            raise InputError(text, tr("Ask several, or choose batch statistics `support`."), "batch_statistics")
        parts = [query_x] if by.endswith("together") else query_x.split(AT_ONCE)
        classes = len(self.given.classes) or None
        values = torch.cat([self.learner.predict(self.state, part, classes) for part in parts]).cpu()
        if not values.isfinite().all():
            raise self._diverged()
        return values


def load(
    run: int,
    *,
    home: Home | None = None,
    n_way: int | None = None,
    batch_statistics: BatchStatistics | None = None,
    checkpoint: str = "",
    progress: OnProgress | None = None,
) -> Learner:
    """The learner that a run trained, with its best checkpoint's weights.

    home: where the run is; None for the one the environment names. n_way: classes of the tasks to come, for learners that
    are not tied to their training's. batch_statistics: ``support`` if a query is to be answered alone. checkpoint: another one,
    ``last`` or an iteration that was kept. progress: told how far the reading of files is. Raises NoRunError, RunError,
    CheckpointError, ConfigError.
    """
    home = home or Home.find()
    found = RunStore(home.database, home.root).get(run)
    return _learner(partial(load_trained, home, found, _changes(n_way, batch_statistics), progress, checkpoint))


def load_file(
    path: Path | str,
    *,
    home: Home | None = None,
    n_way: int | None = None,
    batch_statistics: BatchStatistics | None = None,
) -> Learner:
    """The learner in a file that ``python -m core export RUN --what checkpoint`` made, without its run; otherwise as ``load``.

    home: whose data sets and cache are used. Raises CheckpointError, ConfigError, DataError.
    """
    changes = _changes(n_way, batch_statistics)
    return _learner(partial(load_trained_file, home or Home.find(), Path(path), changes))


def _learner(loading: Callable[..., Trained], classes: int | None = None) -> Learner:
    return Learner(loading(classes=classes), partial(_learner, loading))


def _changes(n_way: int | None, batch_statistics: BatchStatistics | None) -> list[str]:
    changes = [] if n_way is None else [f"evaluation.n_way={n_way}"]
    return changes + ([] if batch_statistics is None else [f"batch_statistics={batch_statistics}"])
