"""A goal that a person chose, and the trajectories towards it."""

import math

import numpy as np
import pytest

from core.playground import steering
from core.playground.steering import SHOWN, goal_of, steered
from data.errors import InputError
from data.navigation import REACH
from tests.core.playground.untrained import untrained


@pytest.mark.parametrize("name", ["maml", "anil", "reptile", "pretrain", "scratch"])
def test_trajectories_start_in_the_middle_and_are_rewarded_by_the_chosen_goal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A return is minus the sum of the distances to the goal after each step; the tiny policy arrives nowhere near it."""
    learner = untrained(name, "evaluation.inner_steps=2", base="navigation")
    goal = (0.5, -0.4)
    monkeypatch.setattr(steering, "ACTED", SHOWN)  # all of them are shown
    found = steered(learner, goal)
    assert found.goal == goal and found.learned_from == learner.trained.config.test_shape.k_shot
    assert found.paths.shape == (3, SHOWN, learner.family.config.horizon + 1, 2) and found.returns.shape == (3,)
    assert not found.paths[:, :, 0].any()
    assert np.abs(np.diff(found.paths, axis=2)).max() <= REACH + 1e-6
    away = np.linalg.norm(
        found.paths[:, :, 1:] - np.array(goal, np.float32), axis=-1
    )  # (updates + 1, trajectories, steps)
    np.testing.assert_allclose(found.returns, -away.sum(-1).mean(-1), rtol=1e-4)


def test_the_same_goal_gives_the_same_and_another_one_others_but_for_those_before_adapting() -> None:
    learner = untrained("maml", base="navigation")
    one, again, other = (steered(learner, goal) for goal in ((0.3, 0.3), (0.3, 0.3), (-0.3, 0.1)))
    assert np.array_equal(one.paths, again.paths)
    assert np.array_equal(one.paths[0], other.paths[0]) and not np.array_equal(one.paths[1], other.paths[1])


@pytest.mark.parametrize(
    "values", [None, [], [0.1], [0.1, 0.2, 0.3], "ab", [0.6, 0.0], [0.0, math.nan], [True, 0.1], [[0.1], 0.2]]
)
def test_what_is_no_goal_is_refused(values: object) -> None:
    with pytest.raises(InputError, match="no goal"):
        goal_of(values)


def test_the_edge_of_the_square_is_a_goal() -> None:
    assert goal_of([-0.5, 0.5]) == (-0.5, 0.5)
