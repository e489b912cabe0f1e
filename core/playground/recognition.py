"""What a trained learner says of one drawing after it has seen a few of each class: its probabilities by inner step."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from core.algorithms.base import Algorithm, TaskState
from core.library import Learner
from core.playground.curves import at_rate, inner_rate
from core.training.evaluation import curve_steps, evaluated_steps
from data.batch import Episodes
from data.errors import InputError
from data.language import mark, tr
from data.objective import Classification
from data.pictures import as_input


@dataclass(frozen=True)
class Support:
    """Drawings to learn from. pictures: uint8 (n, 28, 28). labels: of each its class in [0, classes), ascending, each class at
    least once.
    """

    pictures: np.ndarray
    labels: tuple[int, ...]

    @property
    def classes(self) -> int:
        return max(self.labels) + 1

    @property
    def key(self) -> tuple[bytes, tuple[int, ...]]:
        """Equal for the same drawings."""
        return self.pictures.tobytes(), self.labels


@dataclass(frozen=True)
class Adapted:
    """A learner that has seen the drawings. states: what it knew after each of these inner steps, which ascend from 0. rate: the
    inner rate, None where there is no single one. For one thread at a time: a state may remember what it was asked last.
    """

    algorithm: Algorithm
    states: tuple[TaskState, ...]
    steps: tuple[int, ...]
    rate: float | None
    classes: int

    def answer(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities of each class for a drawing, uint8 (28, 28), after each of the steps: (len(steps), classes).

        Not-a-number from where it has diverged.
        """
        query = _inputs(self.algorithm, picture[None])
        with torch.no_grad():
            said = [self.algorithm.predict(state, query)[0, 0, : self.classes] for state in self.states]
        return torch.stack(said).softmax(-1).cpu().numpy()

    @property
    def size(self) -> int:
        """Bytes of what was adapted."""
        return sum(weight.nbytes for state in self.states for weight in state.weights.values())


def suits(learner: Learner, classes: int) -> str:
    """Why a learner cannot answer for so many classes, with the way out; empty where it can."""
    known = learner.n_way
    if learner.algorithm.fixed_way and classes > known:
        text = mark(
            "It has learned to tell {known} classes apart and no more. Clear the others, or train it with n_way = {n}."
        )
        return tr(text, known=known, n=classes)
    return ""


def adapted(learner: Learner, support: Support, steps: int | None = None, faster: float = 1.0) -> Adapted:
    """What a learner makes of the drawings. steps: inner steps; None for as many as its own test takes. faster: times its
    inner rate.

    A learner with an output for each class of its training can be asked about fewer: those without examples are left out
    of the softmax, and adapting pushes them down. Raises InputError for more.
    """
    if problem := suits(learner, support.classes):
        raise InputError(problem)
    algorithm = at_rate(learner.algorithm, faster)
    taken = evaluated_steps(algorithm, learner.trained.config) if steps is None else steps
    wanted = curve_steps(taken) if algorithm.takes_steps else [0]
    x = _inputs(algorithm, support.pictures)
    y = torch.tensor(support.labels, device=x.device)[None]
    outputs = learner.n_way if algorithm.fixed_way else support.classes
    task = Episodes(x, y, x[:, :0], y[:, :0], Classification(outputs))
    with algorithm.forward_tasks.twice_differentiable():
        course = enumerate(algorithm.trajectory(task, wanted[-1], differentiable=False))
        states = tuple(_normalising(algorithm, state, x) for step, state in course if step in wanted)
    return Adapted(algorithm, states, tuple(wanted), inner_rate(algorithm), support.classes)


def _normalising(algorithm: Algorithm, state: TaskState, support_x: torch.Tensor) -> TaskState:
    """With what BatchNorm takes from the examples, which is the same whatever drawing is asked about."""
    alone = algorithm.batch_statistics == "support" and state.read is None and state.statistics is None
    if not alone or not state.weights:
        return state
    with torch.no_grad():
        return replace(state, statistics=algorithm.forward_tasks.statistics(state.weights, support_x) or None)


def _inputs(algorithm: Algorithm, pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, 28, 28) → (1, n, 1, 28, 28) in [0, 1], on the learner's device; (1, n, size) of a frozen network."""
    family = algorithm.family
    images = as_input(torch.from_numpy(pictures).to(family.device))[:, None]
    return (family.extracted(images) if family.extracts else images)[None]
