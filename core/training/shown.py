"""What a learner makes of single tasks, as their family has them looked at; the run's numbers are the same with and without."""

from functools import partial

import torch

from core.algorithms.base import Algorithm
from core.algorithms.forward import Remembered
from core.training.evaluation import not_training
from data.batch import Adapted
from data.family import Drawn, TaskFamily
from data.view import TaskView

TASKS = 6  # of the validation tasks that are shown, the first ones
WORST = 10  # of the test tasks
STEPS = (0, 1, 5, 10)  # inner steps after which a task is shown, and after the last


def shown_steps(steps: int) -> list[int]:
    """Which of so many inner steps are shown, ascending."""
    return sorted({step for step in (*STEPS, steps) if step <= steps})


def looked_at(algorithm: Algorithm, family: TaskFamily, drawn: Drawn, steps: int) -> list[TaskView]:
    """A few tasks, computed together: none for a family that shows nothing."""
    if type(family).views is TaskFamily.views:
        return []
    batch, wanted = family.episodes(drawn), shown_steps(steps)
    learner: list[Adapted] = []
    devices = [family.device] if family.device.type == "cuda" else []
    # A network that draws random numbers is to find them as if this had not been.
    with torch.random.fork_rng(devices), not_training(algorithm), algorithm.forward_tasks.twice_differentiable():
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
