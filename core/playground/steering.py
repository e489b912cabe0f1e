"""Where a policy goes, before and after each update, when somebody else says where its goal is."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from core.library import Learner
from data.errors import InputError
from data.language import tr
from data.navigation import SQUARE

ACTED = 20  # trajectories of each update, of which the mean return is
SHOWN = 5  # of these that are shown
SEED = 0  # of the luck by which all actions are drawn: with one and the same goal, the same trajectories


@dataclass(frozen=True)
class Steered:
    """Trajectories to a goal. paths: (updates + 1, SHOWN, steps + 1, 2), the start first, and the last point again
    after the end. returns: (updates + 1,), their mean return. learned_from: trajectories of each update.
    """

    goal: tuple[float, float]
    paths: np.ndarray
    returns: np.ndarray
    learned_from: int


def goal_of(values: object) -> tuple[float, float]:
    """From what a browser sent, [x, y] in SQUARE. Raises InputError for anything else."""
    low, high = SQUARE
    numbers = isinstance(values, list) and len(values) == 2 and all(type(one) in (int, float) for one in values)
    if not numbers or not all(math.isfinite(one) and low <= one <= high for one in values):
        raise InputError(
            tr("What was sent is no goal in the square."),
            tr("Click from {low:g} to {high:g} in both directions.", low=low, high=high),
        )
    return float(values[0]), float(values[1])


def steered(learner: Learner, goal: tuple[float, float]) -> Steered:
    """How a learner of navigation goes towards a goal after 0 … as many updates as its own test takes."""
    config, algorithm = learner.trained.config, learner.algorithm
    shape = config.test_shape._replace(n_query=ACTED)
    batch = learner.family.sample("test", shape, 1, torch.Generator().manual_seed(SEED))
    batch = replace(batch, goals=torch.tensor([[goal]], device=batch.goals.device))  # (1, 1, 2)
    asked = config.evaluation.inner_steps
    updates = algorithm.adaptation_steps if asked is None else asked
    states = list(algorithm.trajectory(batch, updates if algorithm.takes_steps else 0, differentiable=False))
    with torch.no_grad():
        found = [batch.paths(lambda x, state=state: algorithm.predict(state, x)) for state in states]
    paths, returns = np.stack([one.points[0, :SHOWN] for one in found]), np.array([one.returns.mean() for one in found])
    return Steered(goal, paths, returns, shape.k_shot)
