"""What groups reached and what it cost them."""

from itertools import count

import numpy as np
import pytest

from core.comparing.groups import Group
from core.comparing.scores import front, standing, trade_charts
from core.config.facts import facts_of
from core.runs.store import RunStore
from tests.core.tiny import tiny


@pytest.fixture
def make(tmp_path):
    store = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")

    seeds = count()

    def made(mean: float | None, seconds: float = 60.0, base: str = "doodles", took: float | None = None, seed=None):
        config = tiny(base, f"seed={next(seeds) if seed is None else seed}")
        places = {"folder_root": tmp_path, "datasets": tmp_path}
        run = store.create(config.model_dump(mode="json"), "one", **places, facts=facts_of(config).as_json())
        whole = {"mean": mean, "ci95": 0.02, "episodes": 600, "seconds": took}
        store.update(run.id, seconds=seconds, test=None if mean is None else whole)
        return store.get(run.id)

    return made


def test_a_single_runs_interval_is_over_tasks_and_a_groups_over_seeds(make):
    one = standing(Group("one", (make(0.5),)))
    assert (one.test.mean, one.test.half, one.test.over, one.best) == (0.5, 0.02, "600 tasks", None)
    three = standing(Group("three", tuple(make(mean, 60 * place) for place, mean in enumerate((0.4, 0.5, 0.6)))))
    assert three.test.mean == pytest.approx(0.5)
    assert three.test.half == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)  # Student's t of two degrees of freedom
    assert (three.test.over, three.seconds) == ("3 seeds", 60.0)


def test_a_seed_that_was_trained_twice_is_one_training(make):
    found = standing(Group("two", (make(0.5, seed=7), make(0.6, seed=7))))
    assert (found.test.mean, found.test.over) == (0.6, "600 tasks")


def test_seeds_without_a_score_are_said(make):
    group = Group("two", (make(0.5), make(None)))
    assert (standing(group).test.half, standing(group).test.over) == (None, "1 of 2 seeds")


def test_time_to_adapt_is_that_of_one_task(make):
    assert standing(Group("old", (make(0.5),))).adaptation is None
    assert standing(Group("new", (make(0.5, took=6.0), make(0.5, took=18.0)))).adaptation == pytest.approx(0.02)


def test_nobody_on_the_front_is_beaten_in_both():
    cost, gain = np.array([3.0, 1.0, 2.0, 2.0, 4.0]), np.array([0.9, 0.5, 0.4, 0.7, 0.9])
    assert list(front(cost, gain)) == [1, 3, 0]
    assert list(front(np.array([1.0]), np.array([0.5]))) == [0]


def test_a_point_a_group_and_a_chart_a_metric(make):
    standings = [
        standing(Group("cheap", (make(0.5, 60.0),))),
        standing(Group("error", (make(0.5, base="sinusoid"),))),
        standing(Group("worse", (make(0.4, 90.0),))),
        standing(Group("dear", (make(0.9, 120.0),))),
    ]
    accuracy, error = trade_charts(standings, "training")
    assert accuracy.x_title == "training time, s"
    assert [(trace.name, list(trace.x), trace.color) for trace in accuracy.traces[1:]] == [
        ("cheap", [60.0], 0),
        ("worse", [90.0], 2),
        ("dear", [120.0], 3),
    ]
    np.testing.assert_allclose(accuracy.traces[0].y, [50, 90])
    assert [trace.name for trace in error.traces] == ["error"]
    assert trade_charts(standings, "adaptation") == []
