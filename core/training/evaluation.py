"""Scores on frozen episodes, with their 95 % interval, the adaptation curve and the protocol they were taken under."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.algorithms.base import Algorithm
from core.algorithms.replicas import Replicas, replicas_of
from core.config.run import RunConfig
from core.diverged import remedy
from core.models.chance import aside
from core.training.frozen import BLOCK, FrozenEpisodes, Tick, frozen_episodes
from core.training.further import Further
from core.training.memory import Peak
from core.training.summary import INTERVAL, rank, summary
from data.batch import Answer, Episodes, TaskBatch
from data.family import Split, TaskFamily
from data.metric import RULE, Metric

DENSE = 10  # adaptation curves have every step up to here, then about ten to a decade
BUDGET = 2**31  # bytes that the tensors of tasks computed at once may take
SMALL = 2**26  # bytes up to which tasks of several blocks are computed at once: calls then cost more than numbers

Heard = Callable[[TaskBatch, Tensor | None], None]  # tasks, and the last thing that was answered: (tasks, n, *output)


@dataclass(frozen=True)
class EvaluationResult:
    """The score of a learner on frozen episodes of one split.

    mean: of the scores after the last inner step, in the metric's own unit (accuracy in [0, 1], squared error), over the
    episodes whose adaptation stayed finite. ci95: half-width of the 95 % interval, 1.96 standard errors over episodes
    (normal approximation, as the papers print it). median, quartiles: of the same scores. non_finite: episodes left out
    because their predictions or scores were not. diverged: episodes that count, and were worse after adapting than before by
    orders of magnitude, see ``Metric.limits``; one of them is enough to make the mean say nothing. curve: all of these but
    non_finite after each inner step. also: further scores of the last inner step, see ``core.training.further``. remedy:
    what to set otherwise where episodes diverged or were left out.

    scores: (episodes,) of the last inner step, in the order of the frozen episodes, NaN where left out, so that two results
    on the same episodes can be compared in pairs. astray: (episodes,), whether each of them diverged. rank: beside other
    checkpoints, see ``summary.rank``.
    """

    family: str
    split: str
    metric: Metric
    mean: float
    ci95: float
    episodes: int
    median: float
    quartiles: list[float]
    non_finite: int
    diverged: int
    curve: list[dict[str, Any]]
    also: list[dict[str, Any]]
    remedy: str
    protocol: dict[str, Any]
    seconds: float = field(compare=False, repr=False)
    scores: np.ndarray = field(compare=False, repr=False)
    astray: np.ndarray = field(compare=False, repr=False)
    rank: tuple[int, float] = field(compare=False, repr=False)

    def as_json(self, run: int | None) -> dict[str, Any]:
        """Plain values, without those of single tasks and the rank; the metric by its name."""
        left_out = ("scores", "astray", "rank")
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in left_out}
        return {"run": run, **plain, "metric": self.metric.name}


Early = Callable[[EvaluationResult], None]


def evaluated_steps(algorithm: Algorithm, config: RunConfig) -> int:
    """How many inner steps an evaluation takes."""
    given = config.evaluation.inner_steps
    return algorithm.adaptation_steps if given is None else given


def curve_steps(steps: int) -> list[int]:
    """The inner steps at which a curve of ``steps`` steps is scored; always 0 and the last."""
    if steps <= DENSE:
        return list(range(steps + 1))
    sparse = {round(DENSE * 10 ** (i / 10)) for i in range(1, 40)}
    return [*range(DENSE + 1), *sorted(s for s in sparse if s < steps), steps]


class Watched:
    """Answers of which is noted whether all of a task's are finite: an argmax over not-a-number is a class too."""

    def __init__(self, answer: Answer):
        self.answer, self.finite, self.last = answer, torch.tensor(True), None

    def __call__(self, x: Tensor) -> Tensor:
        given = self.answer(x)
        self.finite, self.last = self.finite & given.isfinite().flatten(1).all(1), given  # (tasks,)
        return given


def score_chunk(
    algorithm: Algorithm,
    batch: TaskBatch,
    wanted: list[int],
    tick: Tick = lambda _: None,
    heard: Heard = lambda *_: None,
    further: Further | None = None,
) -> np.ndarray:
    """Scores of each task after each of the ``wanted`` inner steps, which ascend → (len(wanted), tasks).

    NaN where a task's answers or score are not finite. All tasks are computed at once. heard: told the last step's
    answers. further: takes what else there is to score of them.
    """
    rows = []
    # The same kernels as in training, cuDNN's recurrent ones refuse a backward pass outside it.
    with algorithm.forward_tasks.twice_differentiable():
        for step, state in enumerate(algorithm.trajectory(batch, wanted[-1], differentiable=False)):
            if step in wanted:
                answer = Watched(partial(algorithm.predict, state))
                with torch.no_grad():
                    last = further is not None and step == wanted[-1]
                    score = further.scores(batch, answer) if last else batch.scores(answer)
                rows.append(torch.where(answer.finite & score.isfinite(), score, torch.nan))
            tick((step + 1) / (wanted[-1] + 1))
        heard(batch, answer.last)
    return torch.stack(rows).cpu().double().numpy()


def tasks_at_once(algorithm: Algorithm, frozen: FrozenEpisodes, steps: int) -> int:
    """How many tasks are to be computed at once: as many as fit into BUDGET, of more than one block as many as SMALL takes.
    The first one's tensors are weighed, over two inner steps.
    """
    devices = [frozen.family.device] if frozen.family.device.type == "cuda" else []
    known = [*algorithm.parameters(), *algorithm.buffers()]
    # A network that draws random numbers is to find them as if this had not been.
    with aside(devices), Peak(known) as peak:
        score_chunk(algorithm, frozen.first_task(), [min(2, steps)])
    weight = max(1, peak.bytes)
    return max(1, min(BUDGET // weight, max(BLOCK, SMALL // weight)))


def score_all(
    algorithm: Algorithm,
    frozen: FrozenEpisodes,
    wanted: list[int],
    most: int,
    tick: Tick = lambda _: None,
    heard: Heard = lambda *_: None,
    further: Further | None = None,
) -> np.ndarray:
    """``score_chunk`` for all of the tasks, at most so many at once → (len(wanted), tasks). Ticks at every inner step."""
    parts, done = [], 0
    replicas = replicas_of(algorithm)
    for tasks in frozen.chunks(most):
        part = share(tick, done, tasks.tasks, frozen.tasks)
        if replicas and replicas.divides(tasks) and not frozen.family.further:
            parts.append(score_divided(replicas, tasks, wanted, part, heard, further))
        else:
            parts.append(score_chunk(algorithm, tasks, wanted, part, heard, further))
        done += tasks.tasks
    return np.concatenate(parts, axis=1)


def score_divided(
    replicas: Replicas, tasks: Episodes, wanted: list[int], tick: Tick, heard: Heard, further: Further | None
) -> np.ndarray:
    """``score_chunk`` by replicas, of a family that has no further scores: its sorts of tasks are noted all the same."""

    def work(one: Algorithm, part: Episodes, _: float, done: Tick) -> tuple[np.ndarray, Tensor]:
        answers: list[Tensor] = []
        rows = score_chunk(one, part, wanted, done, lambda _, last: answers.append(last))
        return rows, answers[0]

    found = [one for one, _ in replicas.each(tasks, work, tick)]
    last = torch.cat([answers for _, answers in found])
    if further is not None:
        further.scores(tasks, lambda _: last)
    heard(tasks, last)
    return np.concatenate([rows for rows, _ in found], axis=1)


def share(tick: Tick, done: float, part: float, whole: float) -> Tick:
    """A tick for one part of the work, of which so much was done before."""
    return lambda fraction: tick(min(1.0, (done + fraction * part) / whole))


@contextmanager
def not_training(algorithm: Algorithm) -> Iterator[None]:
    """Dropout and the like are off meanwhile."""
    was_training = algorithm.training
    algorithm.eval()
    try:
        yield
    finally:
        algorithm.train(was_training)


def evaluate(
    algorithm: Algorithm,
    config: RunConfig,
    family: TaskFamily,
    split: Split,
    *,
    episodes: int,
    checkpoint: str = "",
    frozen: FrozenEpisodes | None = None,
    tick: Tick = lambda _: None,
    heard: Heard = lambda *_: None,
    early: Early | None = None,
) -> EvaluationResult:
    """Adapt to each frozen task and score it. ``frozen``: the episodes, if the caller keeps them. heard: told the tasks in
    their order, with the answers after the last inner step. early: told the result before its curve has more than its first
    and its last step, where to adapt twice for that costs little.
    """
    steps = evaluated_steps(algorithm, config)
    wanted, metric = curve_steps(steps), family.metric(config.test_shape)
    rows: dict[int, np.ndarray] = {}  # of a step: the score of each task
    with not_training(algorithm):
        frozen = frozen or frozen_episodes(config, family, split, episodes, tick)
        sha256 = frozen.sha256(tick)
        most = tasks_at_once(algorithm, frozen, steps)
        began, further = time.perf_counter(), Further(family, metric)
        ends = [0, steps] if early and len(wanted) > 2 and mostly_queries(frozen.first_task()) else wanted

        def result() -> EvaluationResult:
            """Of what has been scored so far."""
            limits, last = metric.limits(rows[0]), rows[steps]  # a curve begins before the first inner step
            summaries = {step: summary(rows[step], limits) for step in sorted(rows)}
            non_finite = int(np.isnan(last).sum())
            return EvaluationResult(
                family=config.family.name,
                split=split,
                metric=metric,
                episodes=episodes,
                non_finite=non_finite,
                curve=[{"step": step, **one} for step, one in summaries.items()],
                also=further.found(last),
                remedy=remedy(config, steps) if non_finite or summaries[steps]["diverged"] else "",
                protocol=protocol(algorithm, config, split, steps, episodes, sha256, checkpoint),
                seconds=time.perf_counter() - began,
                scores=last,
                astray=last > limits,
                rank=rank(metric, last, limits),
                **summaries[steps],
            )

        rows |= zip(ends, score_all(algorithm, frozen, ends, most, tick, heard, further), strict=True)
        if between := [step for step in wanted if step not in rows]:
            early(result())
            rows |= zip(between, score_all(algorithm, frozen, between, most, tick), strict=True)
        return result()


def mostly_queries(tasks: TaskBatch) -> bool:
    """Whether adapting to tasks, forwards and back, takes a quarter of what a look at their queries takes, or less."""
    return isinstance(tasks, Episodes) and 4 * 3 * tasks.support_x.shape[1] <= tasks.query_x.shape[1]


def protocol(
    algorithm: Algorithm, config: RunConfig, split: str, steps: int, episodes: int, sha256: str, checkpoint: str
) -> dict[str, Any]:
    """All that has to be equal for two scores to compare."""
    return {
        "family": config.family.model_dump(),
        "split": split,
        **config.test_shape._asdict(),
        "inner_steps": steps,
        "batch_statistics": algorithm.normalises_by,
        "episodes": episodes,
        "seed": config.evaluation.seed,
        "episodes_sha256": sha256,
        "interval": INTERVAL,
        "diverged": RULE if algorithm.family.metric(config.test_shape).unbounded_error else None,
        "checkpoint": checkpoint,
        "chosen": algorithm.choice,
    }
