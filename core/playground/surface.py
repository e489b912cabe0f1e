"""The loss around a learner's start, in the plane of weight space in which it moves as it adapts (after Li et al. 2018,
Visualizing the loss landscape of neural nets, section 7, https://arxiv.org/abs/1712.09913).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.algorithms.base import Algorithm, TaskState
from core.algorithms.forward import Weights
from core.library import Learner
from core.playground.curves import Points, as_task, at_rate, states
from data.batch import Episodes
from data.sinusoid import LOOKED_AT, X_RANGE, Curves

SIDE = 41  # points of the grid along each axis
ASKED_AT = 41  # places where a curve of the grid is compared with the true function; of the path at all LOOKED_AT
FARTHER = 20  # times another's way: a learner that diverges must not make the others' too small to see
BEHIND, AHEAD, ASIDE = 0.5, 1.3, 0.9  # of the longest way along an axis: how far the window reaches from the start


@dataclass(frozen=True)
class Way:
    """How a learner adapts in weight space. weights: after 0 … steps inner steps, each (steps + 1, *shape).

    axes: (2, n), orthonormal: the first two principal directions of the way as seen from its start, over all n weights as one
    vector. path: (steps + 1, 2), where it is along them, on the whole to the positive side of the start, (0, 0); not-a-number
    where it has diverged. share: of the squared distances from the start, what the plane holds, in [0, 1].
    """

    algorithm: Algorithm
    task: Episodes
    weights: Weights
    axes: Tensor
    path: Tensor
    share: float


@dataclass(frozen=True)
class Surface:
    """loss: (SIDE, SIDE), by the second axis and the first one, at ``second`` and ``first`` (SIDE,). at: (steps + 1,), of the
    weights themselves after each inner step, wherever the plane is. path, share: see Way.
    """

    first: np.ndarray
    second: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    at: np.ndarray
    share: float

    @property
    def beyond(self) -> bool:
        """Whether some of the path is not on the map."""
        x, y = self.path.T
        on = (self.first[0] <= x) & (x <= self.first[-1]) & (self.second[0] <= y) & (y <= self.second[-1])
        return not on.all()


def way(learner: Learner, points: Points, faster: float = 1.0) -> Way | None:
    """How a learner adapts to these points; None where it takes no steps in weight space. faster: see ``curves.at_rate``."""
    if not learner.algorithm.takes_steps:
        return None
    algorithm, task = at_rate(learner.algorithm, faster), as_task(learner, points)
    walked = [state.weights for state in states(algorithm, task)]
    weights = {name: torch.cat([one[name].detach() for one in walked]) for name in walked[0]}
    moved = flat(weights).double()  # (steps + 1, n)
    known = moved.isfinite().all(1, keepdim=True)
    moved = torch.where(known, moved - moved[0], 0.0)
    axes = torch.linalg.svd(moved, full_matrices=False).Vh[:2]
    axes = axes * torch.where(moved.sum(0) @ axes.T < 0, -1.0, 1.0).unsqueeze(
        1
    )  # which way one points is not for it to say
    path, whole = moved @ axes.T, moved.square().sum()
    share = float(path.square().sum() / whole) if whole > 0 else 1.0
    return Way(algorithm, task, weights, axes.float(), torch.where(known, path, torch.nan).float(), share)


def surfaces(ways: Sequence[Way], truth: Curves | None) -> list[Surface]:
    """The mean squared error around each start, all in windows of one size: against the true function over its whole range, or
    on the points where ``truth`` is None. They hold every way that is not more than FARTHER times as long as the shortest.
    """
    lengths = [length for one in ways if (length := float(one.path.nan_to_num().abs().max())) > 0]
    reach = min(max(lengths), FARTHER * min(lengths)) if lengths else 1.0
    first, second = (torch.linspace(low, high, SIDE) * reach for low, high in ((-BEHIND, AHEAD), (-ASIDE, ASIDE)))
    return [_surface(one, truth, first, second) for one in ways]


def _surface(one: Way, truth: Curves | None, first: Tensor, second: Tensor) -> Surface:
    on_points = one.task.support_x, one.task.support_y
    x, y = on_points if truth is None else _asked(truth, ASKED_AT)
    grid = torch.cartesian_prod(second, first).flip(1)  # (SIDE * SIDE, 2), the first axis first and running fastest
    loss = losses(one, in_plane(one, grid), x, y).view(SIDE, SIDE)
    at = losses(one, one.weights, *(on_points if truth is None else _asked(truth, LOOKED_AT)))
    arrays = (first, second, loss, one.path, at)
    return Surface(*(part.cpu().numpy() for part in arrays), one.share)


def _asked(truth: Curves, places: int) -> tuple[Tensor, Tensor]:
    """Places and the true function's values there, each (1, places, 1)."""
    x = torch.linspace(*X_RANGE, places).view(1, -1, 1)
    return x, truth(x)


def in_plane(one: Way, at: Tensor) -> Weights:
    """The weights at these places of the plane (places, 2) → each (places, *shape)."""
    start = {name: values[:1] for name, values in one.weights.items()}
    return unflat(flat(start) + at.to(one.axes) @ one.axes, start)


@torch.no_grad()
def losses(one: Way, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error of the network under each of these weights, all of them at once: x, y (1, n, 1) → (places,)."""
    device, task = one.task.support_x.device, one.task
    many = len(next(iter(weights.values())))
    batch = Episodes(*(part.expand(many, -1, -1) for part in task.tensors), task.objective)
    answers = one.algorithm.predict(TaskState(weights, batch), x.to(device).expand(many, -1, -1))
    return task.objective.loss(answers, y.to(device))


def flat(weights: Weights) -> Tensor:
    """Weights, each (many, *shape), as vectors (many, n)."""
    return torch.cat([values.flatten(1) for values in weights.values()], 1)


def unflat(vectors: Tensor, like: Weights) -> Weights:
    """What ``flat`` made of weights of these shapes."""
    parts = vectors.split([values[0].numel() for values in like.values()], 1)
    return {name: part.view(-1, *values.shape[1:]) for (name, values), part in zip(like.items(), parts, strict=True)}
