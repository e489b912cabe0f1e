"""What a learner makes of single tasks, as their family has them looked at; the run's numbers are the same with and without."""

from functools import partial

import numpy as np
import torch

from core.algorithms.base import Algorithm
from core.algorithms.forward import Remembered
from core.config.run import RunConfig
from core.hardest import worst
from core.models.chance import aside
from core.training.confusion import Confusion
from core.training.evaluation import EvaluationResult, evaluated_steps, not_training
from core.training.frozen import FrozenEpisodes
from data.batch import Adapted
from data.family import Drawn, TaskFamily
from data.view import Shown, TaskView

TASKS = 6  # of the validation tasks that are shown, the first ones
LISTED = 1000  # tasks that are told one by one to have diverged
STEPS = (0, 1, 5, 10)  # inner steps after which a task is shown, and after the last


def shown_steps(steps: int) -> list[int]:
    """Which of so many inner steps are shown, ascending."""
    return sorted({step for step in (*STEPS, steps) if step <= steps})


def of_validation(algorithm: Algorithm, config: RunConfig, frozen: FrozenEpisodes, iteration: int) -> Shown:
    """The first of the validation tasks."""
    views = looked_at(algorithm, frozen.family, frozen.blocks[0][:TASKS], evaluated_steps(algorithm, config))
    return Shown("val", iteration, list(range(len(views))), views)


def of_test(
    algorithm: Algorithm,
    config: RunConfig,
    frozen: FrozenEpisodes,
    iteration: int,
    result: EvaluationResult,
    confusion: Confusion,
) -> Shown:
    """The test tasks that were solved worst, each computed alone, and what is told of all of them: which diverged, and which
    classes were confused.
    """
    places, steps, views = worst(result.metric, result.scores), evaluated_steps(algorithm, config), []
    for place in places:
        views += looked_at(algorithm, frozen.family, frozen.task(place), steps)
    diverged = np.flatnonzero(result.astray)[:LISTED].tolist()
    about = {"episodes_sha256": frozen.sha256(), "diverged": diverged, "confusion": confusion.found()}
    return Shown("test", iteration, places, views, about)


def looked_at(algorithm: Algorithm, family: TaskFamily, drawn: Drawn, steps: int) -> list[TaskView]:
    """A few tasks, computed together: none for a family that shows nothing."""
    if type(family).views is TaskFamily.views:
        return []
    batch, wanted = family.episodes(drawn), shown_steps(steps)
    learner: list[Adapted] = []
    devices = [family.device] if family.device.type == "cuda" else []
    # A network that draws random numbers is to find them as if this had not been.
    with aside(devices), not_training(algorithm), algorithm.forward_tasks.twice_differentiable():
        for step, state in enumerate(algorithm.trajectory(batch, steps, differentiable=False)):
            if step in wanted:
                answer = Remembered(partial(algorithm.predict, state))
                learner.append(Adapted(step, answer, partial(algorithm.features, state)))
        with torch.no_grad():
            views = family.views(drawn, batch, learner)
            scores = {one.step: batch.scores(one.answer).tolist() for one in learner}
    for task, view in enumerate(views):
        for step, said in view.said.items():
            said["score"] = scores[step][task]
    return views
