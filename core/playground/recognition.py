"""What a trained learner says of one drawing after it has seen a few of each class: its probabilities by inner step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.library import Learner
from core.playground.curves import at_rate, inner_rate
from core.training.evaluation import curve_steps, evaluated_steps
from data.batch import Episodes
from data.errors import InputError
from data.objective import Classification
from data.pictures import as_input


@dataclass(frozen=True)
class Task:
    """Pictures of classes to learn from, and one that is asked for. support: uint8 (n, 28, 28). labels: of each its class in
    [0, classes), ascending, each class at least once. query: uint8 (28, 28).
    """

    support: np.ndarray
    labels: tuple[int, ...]
    query: np.ndarray

    @property
    def classes(self) -> int:
        return max(self.labels) + 1


@dataclass(frozen=True)
class Answer:
    """probabilities (len(steps), classes): after each of these inner steps, which ascend from 0. rate: the inner rate, None
    where there is no single one.
    """

    probabilities: np.ndarray
    steps: tuple[int, ...]
    rate: float | None


def suits(learner: Learner, classes: int) -> str:
    """Why a learner cannot answer for so many classes, with the way out; empty where it can."""
    known = learner.n_way
    if learner.algorithm.fixed_way and classes > known:
        return f"It has learned to tell {known} classes apart and no more. Clear the others, or train it with n_way = {classes}."
    return ""


def answer(learner: Learner, task: Task, steps: int | None = None, faster: float = 1.0) -> Answer:
    """A learner's answer. steps: inner steps; None for as many as its own test takes. faster: times its inner rate.

    A learner with an output for each class of its training can be asked about fewer: those without examples are left out
    of the softmax, and adapting pushes them down. Raises InputError for more.
    """
    if problem := suits(learner, task.classes):
        raise InputError(problem)
    algorithm = at_rate(learner.algorithm, faster)
    taken = evaluated_steps(algorithm, learner.trained.config) if steps is None else steps
    wanted = curve_steps(taken) if algorithm.takes_steps else [0]
    outputs = learner.n_way if algorithm.fixed_way else task.classes
    query = _inputs(learner, task.query[None])
    said = []
    with algorithm.forward_tasks.twice_differentiable():
        states = algorithm.trajectory(_episode(learner, task, outputs), wanted[-1], differentiable=False)
        for step, state in enumerate(states):
            if step in wanted:
                with torch.no_grad():
                    logits = algorithm.predict(state, query)[0, 0, : task.classes]  # (classes,)
                said.append(logits.softmax(-1).cpu())
    return Answer(torch.stack(said).numpy(), tuple(wanted), inner_rate(algorithm))


def _episode(learner: Learner, task: Task, outputs: int) -> Episodes:
    x = _inputs(learner, task.support)
    y = torch.tensor(task.labels, device=x.device)[None]
    return Episodes(x, y, x[:, :0], y[:, :0], Classification(outputs))


def _inputs(learner: Learner, pictures: Sequence[np.ndarray] | np.ndarray) -> torch.Tensor:
    """uint8 (n, 28, 28) → (1, n, 1, 28, 28) in [0, 1], on the learner's device."""
    return as_input(torch.from_numpy(np.asarray(pictures)).to(learner.family.device))[None, :, None]
