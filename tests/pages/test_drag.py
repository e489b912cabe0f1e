"""Playground's modes Drag and Steer: what they offer, what they say, and what they answer the browser."""

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.home import Home
from core.runs.schema import LARGEST_RUN, Run
from core.runs.store import RunStore
from pages.parts.playground import board, drag, players, steer
from tests.core.tiny import finished

SENT = [[0.0, 1.0], [2.0, -1.0], [4.0, 3.0]]


@pytest.fixture
def nothing_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "shipped", dict)


@pytest.fixture
def trained(home: Home, store: RunStore) -> Callable[..., Run]:
    """A run of a tiny config with its checkpoint and its scores."""

    def make(*assignments: str) -> Run:
        run, result = finished(home, *assignments)
        best = {"iteration": 4, "metric": "mse", "mean": result.mean, "ci95": 0.1}
        store.update(run.id, best=best)
        return run

    return make


def components(test: AppTest, name: str) -> list[dict]:
    """The data of the page's components of this name."""
    found = [one.proto for one in test.get("bidi_component") if one.proto.component_name.endswith(name)]
    return [json.loads(one.json) for one in found]


@pytest.mark.usefixtures("nothing_comes_along")
def test_without_a_learner_each_mode_says_which_preset_makes_one(app, said) -> None:
    assert "No learner of sinusoids yet" in said(app("playground", mode="drag"))
    words = said(app("playground", mode="steer"))
    assert "Nobody has learned to navigate yet" in words and "MAML on navigation" in words and "about 2 min" in words


def test_in_an_empty_store_there_are_two_that_come_along(app, said) -> None:
    test = app("playground", mode="drag")
    words = said(test)
    (data,) = components(test, "board")
    assert [one["name"] for one in data["learners"]] == ["MAML", "Pretraining"]
    assert "MAML comes with Innerloop: 0.3244 ± 0.032 mean squared error" in words and "1\u202f000 test tasks" in words
    maml, pretrained = (one["error"] for one in data["learners"])
    assert maml[1] < pretrained[10]  # what one step of the one reaches, ten of the other do not


@pytest.mark.usefixtures("nothing_comes_along")
def test_the_points_of_a_drawn_task_with_curves_and_maps(app, said, trained) -> None:
    trained("sinusoid"), trained("sinusoid", "algorithm=cnp")
    test = app("playground", mode="drag", task=7)
    words = said(test)
    (data,) = components(test, "board")
    assert [one["key"] for one in data["learners"]] == ["2", "1"] and data["rev"] == "task 7" and data["on_truth"]
    assert len(components(test, "loss_map")) == 1
    assert "Error on the true function" in words and "The plane holds" in words and "No map of #2 a run" in words

    test.button("draw-task").click().run()
    assert test.query_params[drag.TASK] != "7" and components(test, "board")[0]["points"] != data["points"]


@pytest.mark.usefixtures("nothing_comes_along")
def test_a_learner_that_takes_no_steps_has_curves_and_no_map(app, said, trained) -> None:
    trained("sinusoid", "algorithm=cnp")
    test = app("playground", mode="drag")
    assert "The loss around the start" not in said(test)
    assert len(components(test, "board")) == 1 and not components(test, "loss_map")


@pytest.mark.usefixtures("nothing_comes_along")
def test_what_the_browser_asks_is_answered_and_the_maps_are_of_those_points(app, said, trained) -> None:
    trained("sinusoid")
    test = app("playground", mode="drag")
    test.session_state[board.KEY] = {
        "asked": {"number": 4, "rev": f"task {drag.FIRST_TASK}", "points": SENT, "faster": 2.0}
    }
    words = said(test.run())
    (data,) = components(test, "board")
    assert (data["number"], data["points"], data["faster"], data["on_truth"]) == (4, SENT, 2.0, False)
    assert data["learners"][0]["rate"] == pytest.approx(0.2)
    assert "Error on the points" in words


@pytest.mark.usefixtures("nothing_comes_along")
@pytest.mark.parametrize("task", ["", "x", "-1", str(LARGEST_RUN + 1)])
def test_a_task_that_is_no_seed_is_the_first(task: str, app, said, trained) -> None:
    trained("sinusoid")
    test = app("playground", mode="drag", task=task)
    assert said(test) and components(test, "board")[0]["rev"] == f"task {drag.FIRST_TASK}"


def test_a_policy_is_steered_to_the_goal_that_was_sent(app, said, trained) -> None:
    trained("navigation")
    test = app("playground", mode="steer")
    assert said(test) and tuple(components(test, "steer")[0]["goal"]) == steer.FIRST
    test.session_state[steer.KEY] = {"asked": {"number": 2, "goal": [-0.25, 0.5]}}
    assert said(test.run())
    (data,) = components(test, "steer")
    assert data["number"] == 2 and data["goal"] == [-0.25, 0.5]
