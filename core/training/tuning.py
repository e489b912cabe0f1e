"""Choosing a baseline's fine-tuning on validation episodes."""

import math
from dataclasses import replace

import numpy as np

from core.algorithms.fine_tune import FineTuner, FineTuning
from core.config.run import RunConfig
from core.training.evaluation import score_all, share, tasks_at_once
from core.training.frozen import FrozenEpisodes, Tick
from core.training.summary import interval
from data.metric import Metric

LENGTHS = 8  # factors between the least and the most inner steps that tuning looks at
SHORTLIST = 4  # candidates that get all validation episodes, after all had the first block of them
Ranked = tuple[tuple[int, float], FineTuning]


def tune(algorithm: FineTuner, config: RunConfig, frozen: FrozenEpisodes, tick: Tick = lambda _: None) -> None:
    """Give a baseline the fine-tuning that does best on validation episodes, among its candidates and ``tuning_steps``.

    Every candidate is tried on the first block of episodes and the SHORTLIST best on all of them. Fewer episodes that are
    not finite come first, then the mean: a candidate must not win by losing the hard tasks.
    """
    candidates, first = algorithm.candidates(), frozen.first_block()
    again = frozen.tasks > first.tasks
    work = len(candidates) * first.tasks + again * min(SHORTLIST, len(candidates)) * frozen.tasks
    metric, done = frozen.family.metric(config.test_shape), 0
    algorithm.eval()
    algorithm.chosen = candidates[0]  # the widest scope takes the most memory
    most = tasks_at_once(algorithm, frozen, candidates[0].steps)

    def ranked(some: list[FineTuning], on: FrozenEpisodes) -> list[FineTuning]:
        nonlocal done
        found = []
        for candidate in some:
            part = share(tick, done, on.tasks, work)
            found.append(best_length(algorithm, candidate, config.evaluation.inner_steps, on, most, metric, part))
            done += on.tasks
        return [choice for _, choice in sorted(found, key=lambda pair: pair[0])]

    order = ranked(candidates, first)
    if again:
        shortlist = {(c.scope, c.lr) for c in order[:SHORTLIST]}
        order = ranked([c for c in candidates if (c.scope, c.lr) in shortlist], frozen)
    algorithm.chosen = order[0]


def tuning_steps(steps: int) -> list[int]:
    """The numbers of inner steps that tuning chooses from: at most nine, from 1 to ``steps``, by equal factors."""
    return sorted({round(steps ** (i / LENGTHS)) for i in range(LENGTHS + 1)})


def best_length(
    algorithm: FineTuner,
    candidate: FineTuning,
    given: int | None,
    frozen: FrozenEpisodes,
    most: int,
    metric: Metric,
    tick: Tick,
) -> Ranked:
    """The candidate with its best number of steps, after its rank: episodes not finite, then the score, less being better.

    given: the number of steps, where the evaluation says it. most: tasks computed at once.
    """
    algorithm.chosen = candidate
    steps = candidate.steps if given is None else given
    lengths = tuning_steps(steps) if given is None and algorithm.steps_are_open else [steps]
    ranks = []
    for step, row in zip(lengths, score_all(algorithm, frozen, lengths, most, tick), strict=True):
        lost, (mean, _) = int(np.isnan(row).sum()), interval(row)
        cost = math.inf if math.isnan(mean) else -metric.gain(mean)
        ranks.append(((lost, cost), replace(candidate, steps=step)))
    return min(ranks, key=lambda pair: pair[0])
