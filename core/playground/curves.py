"""What trained learners say of a handful of points that a person put somewhere, before adapting and after each inner step."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.algorithms.base import Algorithm, TaskState
from core.algorithms.fine_tune import FineTuner
from core.algorithms.maml_plus_plus import MAMLPlusPlus
from core.algorithms.meta_sgd import MetaSGD
from core.library import Learner
from data.batch import Episodes
from data.errors import InputError, shortened
from data.family import EpisodeShape
from data.language import tr
from data.sinusoid import AMPLITUDE, LOOKED_AT, X_RANGE, Curves, Sinusoid

STEPS = 10
MOST = 30  # points
Y_RANGE = (-AMPLITUDE[1], AMPLITUDE[1])  # where a sinusoid of the family can be
SLOWEST, FASTEST = 0.1, 10.0  # times the inner rate that a learner has
FIGURES = 4  # of a coordinate, behind the point


def _no_points() -> InputError:
    return InputError(tr("What was sent are no points."), tr("Load the page again."))


@dataclass(frozen=True)
class Points:
    """What is learned from. x, y: (points,), in X_RANGE and Y_RANGE."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, values: object) -> "Points":
        """From what a browser sent, a list of [x, y]. Raises InputError for anything else, and for points out of range."""
        if isinstance(values, list) and len(values) > MOST:
            raise InputError(tr("{n} points are too many.", n=len(values)), tr("Take {most} at most.", most=MOST))
        try:
            found = np.array(values, np.float64)
        except (TypeError, ValueError) as error:
            raise _no_points() from error
        if found.ndim != 2 or found.shape[1] != 2 or not np.isfinite(found).all():
            raise _no_points()
        for name, of_axis, (low, high) in zip("xy", found.T, (X_RANGE, Y_RANGE), strict=True):
            if of_axis.min() < low or of_axis.max() > high:
                text = tr("A point's {name} is outside of the sinusoids' range.", name=name)
                raise InputError(text, tr("Keep it from {low:g} to {high:g}.", low=low, high=high))
        return cls(*found.T)

    def plain(self) -> list[list[float]]:
        """As ``of`` reads it."""
        return np.stack([self.x, self.y], 1).tolist()


@dataclass(frozen=True)
class Fit:
    """A learner's answers. y: (steps + 1, LOOKED_AT) at ``places``, one row for a learner that takes no steps. error: mean
    squared error on the points (steps + 1,). rate: its inner rate, None where it has no single one.
    """

    y: np.ndarray
    error: np.ndarray
    rate: float | None


@dataclass(frozen=True)
class Drawn:
    """A task of the family: its points, and the values of its true function at ``places`` (LOOKED_AT,)."""

    points: Points
    truth: np.ndarray
    curve: Curves


def places() -> Tensor:
    """Where curves are looked at: (LOOKED_AT, 1)."""
    return torch.linspace(*X_RANGE, LOOKED_AT).unsqueeze(1)


def drawn(family: Sinusoid, k_shot: int, seed: int) -> Drawn:
    """The task of so many points that a seed draws, at most MOST."""
    shape = EpisodeShape(1, min(k_shot, MOST), 1)
    batch, curve = family.sample_curves("test", shape, 1, torch.Generator().manual_seed(seed))
    x, y = (part[0, :, 0].cpu().double().numpy().round(FIGURES) for part in (batch.support_x, batch.support_y))
    curve = Curves(curve.amplitude.cpu(), curve.phase.cpu())
    return Drawn(Points(x, y), curve(places())[0, :, 0].numpy(), curve)


def fit(learner: Learner, points: Points, faster: float = 1.0) -> Fit:
    """What a learner of sinusoids says after 0 … STEPS inner steps on these points. faster: see ``at_rate``."""
    algorithm = at_rate(learner.algorithm, faster)
    task = as_task(learner, points)
    asked = torch.cat([places().to(learner.family.device), task.support_x[0]])[None]  # (1, LOOKED_AT + points, 1)
    adapted = states(algorithm, task)
    with torch.no_grad():
        said = [algorithm.predict(state, asked)[0, :, 0] for state in adapted]
    answers = torch.stack(said).cpu()  # (steps + 1, LOOKED_AT + points)
    error = (answers[:, LOOKED_AT:] - task.support_y[0, :, 0].cpu()).square().mean(1)
    return Fit(answers[:, :LOOKED_AT].numpy(), error.numpy(), inner_rate(algorithm))


def as_task(learner: Learner, points: Points) -> Episodes:
    """The points as one task, of which nothing is asked yet."""
    family = learner.family
    x, y = (
        torch.tensor(part, dtype=torch.float32, device=family.device).view(1, -1, 1) for part in (points.x, points.y)
    )
    return Episodes(x, y, x[:, :0], y[:, :0], family.objective(EpisodeShape(1, len(points.x), 0)))


def states(algorithm: Algorithm, task: Episodes) -> list[TaskState]:
    """After 0 … STEPS inner steps; the one that there is of a learner that takes none."""
    with algorithm.forward_tasks.twice_differentiable():
        return list(algorithm.trajectory(task, STEPS if algorithm.takes_steps else 0, differentiable=False))


def inner_rate(algorithm: Algorithm) -> float | None:
    """The rate of a learner's inner steps; None where it takes none, has none of its own, or has several that are learned."""
    if isinstance(algorithm, FineTuner):
        return algorithm.chosen.lr if algorithm.chosen else None
    learned = isinstance(algorithm, MetaSGD | MAMLPlusPlus) or not algorithm.takes_steps
    return None if learned else getattr(algorithm.config, "inner_lr", None)


def at_rate(algorithm: Algorithm, faster: float) -> Algorithm:
    """The learner with so many times its inner rate, see ``faster``; as it is where ``inner_rate`` has none.

    It shares its weights with the one that was given, which stays as it is.
    """
    rate = inner_rate(algorithm)
    if rate is None or faster == 1:
        return algorithm
    changed = copy.copy(algorithm)
    if isinstance(algorithm, FineTuner):
        changed.chosen = replace(algorithm.chosen, lr=rate * faster)
    else:
        changed.config = algorithm.config.model_copy(update={"inner_lr": rate * faster})
    return changed


def faster(value: object) -> float:
    """How many times the inner rates, from what a browser sent. Raises InputError outside of [SLOWEST, FASTEST]."""
    if type(value) not in (int, float) or not SLOWEST <= value <= FASTEST:
        text = tr("The inner rate cannot be {factor} times what it is.", factor=shortened(value, 20))
        raise InputError(text, tr("Take from {low:g} to {high:g} times.", low=SLOWEST, high=FASTEST))
    return float(value)
