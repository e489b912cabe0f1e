"""The engine from a program of your own: a trained learner that adapts to one task and answers for it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.algorithms.base import BatchStatistics, TaskState
from core.runs.home import Home
from core.runs.store import RunStore
from core.trained import Trained, load_trained
from core.trained import load_file as load_trained_file
from data.batch import Episodes
from data.errors import InputError
from data.pictures import Pictures
from data.texts import Texts

Array = Tensor | np.ndarray | list[Any]


class Learner:
    """A run's best checkpoint, for one task at a time. Make it with ``load``."""

    def __init__(self, trained: Trained):
        self.trained = trained
        self.algorithm, self.family = trained.algorithm.eval(), trained.family

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, such as (1, 28, 28)."""
        return self.family.input_spec.shape

    @property
    def n_way(self) -> int:
        """Number of classes it answers for; 1 for regression."""
        return self.trained.config.test_shape.n_way

    def adapt(self, support_x: Array, support_y: Array, steps: int | None = None) -> TaskState:
        """What the learner knows after this task's support set. The learner itself stays as it is.

        support_x: (n_support, *input_shape); where tasks are of texts, a list of these will do, and where a frozen network reads
        pictures, these in [0, 1]. support_y: class indices
        (n_support,) in [0, n_way), each class at least once, or real targets (n_support, 1). steps: inner steps; None for as
        many as its own test takes. Raises InputError.
        """
        if self.family.kind == "control":
            text = f"{self.family.title} has no examples: its policy learns from what it does itself."
            raise InputError(text, "Give `algorithm.adapt` a batch that `family.sample` draws.", "support_x")
        x = self._inputs(support_x, "support_x")
        y = self._labels(support_y, len(x))
        if steps is None:
            asked = self.trained.config.evaluation.inner_steps
            steps = self.algorithm.adaptation_steps if asked is None else asked
        if steps < 0:
            raise InputError(f"steps = {steps} is negative.", "Give 0 or more.", "steps")
        objective = self.family.objective(self.trained.config.test_shape)
        task = Episodes(x[None], y[None], x[None, :0], y[None, :0], objective)  # what it is asked, it is asked later
        with self.algorithm.forward_tasks.twice_differentiable():
            return self.algorithm.adapt(task, steps)

    def predict(self, state: TaskState, query_x: Array) -> Tensor:
        """Probabilities (n_query, n_way), or values (n_query, 1) for regression, for inputs (n_query, *input_shape)."""
        x = self._inputs(query_x, "query_x")
        with torch.no_grad():
            answer = self.algorithm.predict(state, x[None])[0]
        return answer.softmax(-1) if self.family.kind == "classification" else answer

    def _inputs(self, values: Array, name: str) -> Tensor:
        spec = self.family.input_spec
        if isinstance(self.family, Texts) and isinstance(values, list) and all(isinstance(one, str) for one in values):
            values = self.family.tokens(values)
        x = torch.as_tensor(values, device=self.family.device)
        if isinstance(self.family, Pictures) and self.family.extracts and x.ndim == 4:
            x = self.family.extracted(x)
        if spec.dtype == "integer" and (
            x.is_floating_point() or (len(x) and not 0 <= x.min() <= x.max() < spec.vocabulary)
        ):
            text = f"{name} holds something else than whole numbers in [0, {spec.vocabulary})."
            raise InputError(text, "Give the indices of tokens.", name)
        x = x.to(spec.torch_dtype)
        if x.ndim != len(self.input_shape) + 1 or tuple(x.shape[1:]) != self.input_shape or not len(x):
            wanted = ", ".join(map(str, ("n", *self.input_shape)))
            raise InputError(f"{name} has the shape {tuple(x.shape)}.", f"Give ({wanted}).", name)
        return x

    def _labels(self, values: Array, n: int) -> Tensor:
        if self.family.kind == "regression":
            y = torch.as_tensor(values, dtype=torch.float32, device=self.family.device)
            if tuple(y.shape) != (n, 1):
                raise InputError(f"support_y has the shape {tuple(y.shape)}.", f"Give ({n}, 1).", "support_y")
            return y
        y = torch.as_tensor(values, device=self.family.device)
        if tuple(y.shape) != (n,):
            raise InputError(f"support_y has the shape {tuple(y.shape)}.", f"Give ({n},).", "support_y")
        if y.is_floating_point() or sorted(set(y.tolist())) != list(range(self.n_way)):
            raise InputError(
                f"support_y holds the labels {sorted(set(y.tolist()))}.",
                f"Give each class from 0 to {self.n_way - 1} at least once, or load the run with another n_way.",
                "support_y",
            )
        return y.long()


def load(
    run: int, *, home: Home | None = None, n_way: int | None = None, batch_statistics: BatchStatistics | None = None
) -> Learner:
    """The learner that a run trained, with its best checkpoint's weights.

    home: where the run is; None for the one the environment names. n_way: classes of the tasks to come, for learners that
    are not tied to their training's. batch_statistics: ``support`` if a query is to be answered alone. Raises NoRunError,
    RunError, CheckpointError, ConfigError.
    """
    home = home or Home.find()
    changes = _changes(n_way, batch_statistics)
    return Learner(load_trained(home, RunStore(home.database, home.root).get(run), changes))


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
    return Learner(load_trained_file(home or Home.find(), Path(path), _changes(n_way, batch_statistics)))


def _changes(n_way: int | None, batch_statistics: BatchStatistics | None) -> list[str]:
    changes = [] if n_way is None else [f"evaluation.n_way={n_way}"]
    return changes + ([] if batch_statistics is None else [f"batch_statistics={batch_statistics}"])
