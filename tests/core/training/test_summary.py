"""Many tasks' scores in few numbers."""

import math

import numpy as np

from core.training.summary import rank, summary
from data.metric import SQUARED_ERROR, accuracy

BEFORE = np.array([4.0, 2.0, 3.0, 1.0])
LIMITS = SQUARED_ERROR.limits(BEFORE)


def test_a_task_that_diverged_is_counted_and_stays_in_the_mean() -> None:
    found = summary(np.array([1.0, 2.0, 3.0, 1e28]), LIMITS)
    assert (found["diverged"], found["median"], found["quartiles"][0]) == (1, 2.5, 1.75)
    assert found["mean"] == 2.5e27


def test_what_is_not_finite_did_not_diverge_and_counts_nowhere() -> None:
    found = summary(np.array([1.0, 2.0, np.nan, 3.0]), LIMITS)
    assert (found["diverged"], found["mean"], found["median"], found["quartiles"]) == (0, 2.0, 2.0, [1.5, 2.5])
    nothing = summary(np.full(4, np.nan), LIMITS)
    assert nothing["diverged"] == 0 and math.isnan(nothing["median"])


def test_one_lost_task_makes_a_trained_learner_no_worse_than_an_untrained_one() -> None:
    """How far the task got decides nothing, nor whether it overflowed."""
    many = np.full(1000, 4.0)
    limits, trained = SQUARED_ERROR.limits(many), np.full(1000, 0.5)
    sound = rank(SQUARED_ERROR, trained, limits)
    lost = []
    for end in (1e5, 1e28, np.nan):
        trained[0] = end
        lost.append(rank(SQUARED_ERROR, trained, limits))
    assert lost[0] == lost[1] == lost[2] == (0, -(999 * 0.5 + 400) / 1000)
    assert rank(SQUARED_ERROR, many, limits) < lost[0] < sound


def test_where_nothing_diverged_the_mean_decides() -> None:
    scores = np.array([1.0, 2.0, 3.0, 90.0])
    assert rank(SQUARED_ERROR, scores, LIMITS) == (0, -24.0)


def test_accuracies_that_are_not_finite_come_before_the_mean() -> None:
    limits = accuracy().limits(np.full(4, 0.2))
    assert rank(accuracy(), np.array([1, 1, 1, np.nan]), limits) < rank(accuracy(), np.full(4, 0.2), limits) == (0, 0.2)
