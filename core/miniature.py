"""MAML on two weights, small enough to be drawn: one meta-update taken apart, computed by the engine's own inner steps.

A task is a line y = slope x + intercept, of which a few points are given; the network is y = w x + b. Its squared error is a
bowl over the plane of (w, b), whose bottom is the task's own line and whose shape is that of the points' places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from core.algorithms.forward import TaskForward, Weights
from core.algorithms.gradient import gradient_descent, task_gradients
from data.batch import Episodes
from data.objective import Regression


class Point(NamedTuple):
    """Two weights, or a change of both."""

    w: float
    b: float


class Task(NamedTuple):
    """line: slope and intercept. support, query: places of the points, as many in each task."""

    line: Point
    support: tuple[float, ...]
    query: tuple[float, ...]


FAR = 1e3  # nothing that comes to rest has been so far from START
START = Point(-2.2, -1.4)
# Points on one side of 0 make a narrow bowl that lies aslant, points on both sides a round one.
TASKS = (
    Task(Point(1.2, 1.3), (0.3, 1.5), (0.1, 0.8, 1.6)),
    Task(Point(-0.9, 1.5), (-1.0, 1.0), (-1.2, 0.1, 1.0)),
    Task(Point(1.7, -0.9), (-1.5, -0.3), (-1.6, -0.8, -0.1)),
    Task(Point(-1.0, -1.2), (-1.5, 1.3), (-1.4, 0.2, 1.5)),
)


@dataclass(frozen=True)
class Rates:
    """inner_lr: α. meta_lr: β. tasks: how many of TASKS. first_order: leave out the second derivatives."""

    inner_lr: float = 0.2
    meta_lr: float = 0.5
    tasks: int = 3
    first_order: bool = False


@dataclass(frozen=True)
class Update:
    """One meta-update from ``start`` to ``end``, by task where there are several. Losses are mean squared errors.

    support_loss, inner_gradient: at the start. adapted: weights after the inner step. query_loss, gradient_there: at those.
    gradient: of the same loss, by the start. meta_gradient: the mean of these over tasks.
    """

    start: Point
    support_loss: list[float]
    inner_gradient: list[Point]
    adapted: list[Point]
    query_loss: list[float]
    gradient_there: list[Point]
    gradient: list[Point]
    meta_gradient: Point
    end: Point

    @property
    def loss(self) -> float:
        """What MAML makes small: the mean query loss after the inner step."""
        return float(np.mean(self.query_loss))


def update(start: Point, rates: Rates) -> Update:
    """One meta-update, with plain gradient descent as the outer optimizer."""
    batch, line = lines(rates.tasks), network(start)
    weights = line.stack(batch.tasks)  # each (tasks, 1, 1) or (tasks, 1)

    def support_loss(weights: Weights, step: int) -> Tensor:
        return batch.support_loss(partial(line, weights), step)

    inner, loss = task_gradients(support_loss, weights, 0, create_graph=False)
    settings = {"lr": rates.inner_lr, "steps": 1, "second_order": not rates.first_order, "differentiable": True}
    *_, state = gradient_descent(support_loss, weights, batch, **settings)
    query = batch.query_loss(partial(line, state.weights))  # (tasks,)
    there = torch.autograd.grad(query.sum(), list(state.weights.values()), retain_graph=True)
    back = points(torch.autograd.grad(query.sum(), list(weights.values())))
    meta = Point(*np.mean(back, 0).tolist())
    return Update(
        start,
        loss.tolist(),
        points(inner.values()),
        points(state.weights.values()),
        query.tolist(),
        points(there),
        back,
        meta,
        moved(start, meta, rates.meta_lr),
    )


def moved(point: Point, gradient: Point, rate: float) -> Point:
    """A step down a gradient."""
    return Point(point.w - rate * gradient.w, point.b - rate * gradient.b)


def path(start: Point, rates: Rates, updates: int) -> list[Point]:
    """Where so many meta-updates lead, or as many as do not lead astray; the start first."""
    found = [start]
    for _ in range(updates):
        if astray(end := update(found[-1], rates).end):
            break
        found.append(end)
    return found


def astray(point: Point) -> bool:
    """Whether a weight is beyond FAR or is no number."""
    return not all(abs(weight) < FAR for weight in point)


def lines(tasks: int = len(TASKS)) -> Episodes:
    """The first of TASKS, in float64."""
    chosen = TASKS[:tasks]
    slopes, intercepts = torch.tensor([task.line for task in chosen], dtype=torch.float64).T.view(2, -1, 1, 1)
    support, query = (
        torch.tensor([getattr(task, part) for task in chosen], dtype=torch.float64).unsqueeze(-1)  # (tasks, points, 1)
        for part in ("support", "query")
    )
    return Episodes(support, slopes * support + intercepts, query, slopes * query + intercepts, Regression())


def network(at: Point) -> TaskForward:
    """y = w x + b, for many tasks' own weights at once."""
    line = nn.Linear(1, 1).double()
    with torch.no_grad():
        line.weight.fill_(at.w)
        line.bias.fill_(at.b)
    return TaskForward(line, "stacked")


def points(parts: Sequence[Tensor]) -> list[Point]:
    """Weights or gradients (tasks, 1, 1) and (tasks, 1) of w and b, by task."""
    w, b = (part.detach().flatten().tolist() for part in parts)
    return [Point(*pair) for pair in zip(w, b, strict=True)]


def bowl(task: Task, part: str, levels: Sequence[float], around: int = 72) -> np.ndarray:
    """Where a task's loss on its ``support`` or ``query`` points is at each level: ellipses (2, points), a gap between them."""
    x = np.array(getattr(task, part))
    # With d = (w, b) − line the loss is dᵀ M d.
    curvature = np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
    values, vectors = np.linalg.eigh(curvature)
    angle = np.linspace(0, 2 * np.pi, around)
    circle = vectors @ (np.stack([np.cos(angle), np.sin(angle)]) / np.sqrt(values)[:, None])  # (2, points), at level 1
    gap = np.full((2, 1), np.nan)
    rings = [np.array(task.line)[:, None] + np.sqrt(level) * circle for level in levels]
    return np.concatenate([piece for ring in rings for piece in (ring, gap)][:-1], 1)


def turn(of: Point, to: Point) -> tuple[float, float]:
    """How far the second gradient is turned from the first, degrees in [0, 180], and how many times as long it is."""
    a, b = np.array(of), np.array(to)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if not min(lengths):
        return 0.0, 0.0
    cosine = np.clip(a @ b / (lengths[0] * lengths[1]), -1, 1)
    return float(np.degrees(np.arccos(cosine))), float(lengths[1] / lengths[0])
