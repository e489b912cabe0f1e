"""Playground's mode Draw: what it offers, what it says, and what it answers the browser."""

import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.playground import pace
from core.playground.recognition import Adapted
from core.playground.strokes import MOST_STROKES
from core.runs.home import Home
from core.runs.schema import LARGEST_RUN, Run
from core.runs.store import RunStore
from pages.parts.playground import draw, pads, players
from pages.parts.playground.players import KEPT, Candidate
from tests.core.tiny import finished
from tests.waiting import wait_until

CROSS = [[100, 100, 900, 900], [900, 100, 100, 900]]


@pytest.fixture
def trained(home: Home, store: RunStore) -> Callable[..., Run]:
    """A run on tiny doodles with its checkpoint and its scores."""

    def make(*assignments: str) -> Run:
        run, result = finished(home, "conv4", *assignments)
        store.update(run.id, best={"iteration": 4, "metric": "accuracy", "mean": result.mean, "ci95": 0.1})
        return run

    return make


def sheet(test: AppTest) -> dict[str, Any]:
    """The data of the page's pads."""
    assert not test.exception, test.exception[0].value
    (found,) = (one.proto for one in test.get("bidi_component") if one.proto.component_name.endswith("pads"))
    return json.loads(found.json)


def asked(test: AppTest, **changes: Any) -> AppTest:
    """The page after what a browser sent."""
    test.session_state[pads.KEY] = {"asked": {"number": 1, "rev": "1", "drawn": {}} | changes}
    return test.run()


def best(learner: dict[str, Any]) -> int:
    shares = learner["probabilities"][-1]
    return shares.index(max(shares))


def test_in_an_empty_store_what_comes_along_answers_at_once(app) -> None:
    found = sheet(app("playground", mode="draw"))
    assert [one["name"] for one in found["learners"]] == ["ProtoNet", "MAML"]
    assert found["classes"] == [0, 1, 2, 3, 4] and found["hint"] == "" and found["rev"] == "1"
    protonet, maml = found["learners"]
    assert protonet["steps"] == [0] and "takes no inner steps" in protonet["how"]
    assert maml["steps"] == [0, 1, 2, 3] and "inner rate 0.4" in maml["how"]
    assert all(
        sum(shares) == pytest.approx(1, abs=0.01) for one in found["learners"] for shares in one["probabilities"]
    )


def test_the_answer_follows_what_is_drawn(app) -> None:
    test = app("playground", mode="draw")
    for sign in (0, 3):
        drawn = {f"{sign}-0": CROSS, "query": [[150, 130, 850, 870], [830, 160, 140, 900]]}
        found = sheet(asked(test, number=sign + 1, drawn=drawn))
        assert found["number"] == sign + 1 and best(found["learners"][0]) == sign


def test_pads_without_a_drawing_are_left_out(app) -> None:
    test = app("playground", mode="draw")
    found = sheet(asked(test, drawn={"1-0": []}))
    assert found["classes"] == [0, 2, 3, 4]
    assert all(len(one["probabilities"][0]) == 4 for one in found["learners"])
    found = sheet(asked(test, drawn={f"{sign}-0": [] for sign in range(4)}))
    assert found["hint"] == pads.TOO_FEW and found["learners"] == []
    assert sheet(asked(test, drawn={"query": []}))["hint"] == pads.NO_QUERY


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "1"},
        {"drawn": None},
        {"drawn": {"query": "x"}},
        {"drawn": {"query": [[0, 2000]]}},
        {"drawn": {"query": CROSS * MOST_STROKES}},
    ],
)
def test_what_no_browser_of_ours_sends_is_refused_and_the_pads_stay(changes: dict, app) -> None:
    test = asked(app("playground", mode="draw"), **changes)
    assert test.error and sheet(test)["hint"] == ""


def test_all_pads_together_have_a_limit(app) -> None:
    test = app("playground", mode="draw", ways=10, shots=5)
    long = [[500, 500] * 1000]
    refused = asked(test, drawn={f"{sign}-{shot}": long for sign in range(10) for shot in range(5)})
    assert "too much" in refused.error[0].value


def test_drawings_of_an_earlier_task_are_forgotten(app) -> None:
    found = sheet(asked(app("playground", mode="draw", task=2), number=9, drawn={"query": []}))
    assert found["rev"] == "2" and found["number"] == 9 and found["hint"] == ""


@pytest.mark.parametrize("task", ["", "x", "-1", str(LARGEST_RUN + 1)])
def test_a_task_that_is_no_seed_is_the_first(task: str, app) -> None:
    assert sheet(app("playground", mode="draw", task=task))["rev"] == str(draw.FIRST_TASK)


def test_the_address_turns_the_knobs_and_the_knobs_the_address(app) -> None:
    test = app("playground", mode="draw", ways=3, shots=2, steps=2, rate=0.5)
    found = sheet(test)
    assert (found["ways"], found["shots"], len(found["keys"])) == (3, 2, 7)
    assert found["learners"][1]["steps"] == [0, 1, 2] and "inner rate 0.2" in found["learners"][1]["how"]
    test.select_slider("draw-ways").set_value(4).run()
    assert test.query_params["ways"] == "4" and sheet(test)["ways"] == 4
    assert sheet(app("playground", mode="draw", ways="many", steps="-1"))["ways"] == 5


def test_batchnorm_goes_by_the_examples_unless_somebody_chooses_otherwise(app) -> None:
    test = app("playground", mode="draw")
    by_examples = sheet(test)["learners"]
    test.select_slider("draw-norm").set_value("transductive").run()
    assert test.query_params["norm"] == "transductive"
    for one, other in zip(by_examples, sheet(test)["learners"], strict=True):
        assert one["probabilities"] != other["probabilities"]


def test_who_asks_faster_than_a_hand_draws_has_to_wait(app) -> None:
    test = app("playground", mode="draw")
    test.session_state[draw.VISIT] = draw.Visit(pace.Pace(lambda: 0.0))
    for _ in range(pace.MOST):
        test.session_state[draw.VISIT].pace.ask()
    assert "questions came" in asked(test).error[0].value and sheet(test)["number"] == 0


def test_one_with_outputs_for_fewer_classes_says_why_it_is_silent(app) -> None:
    protonet, maml = sheet(app("playground", mode="draw", ways=7))["learners"]
    assert len(protonet["probabilities"][0]) == 7 and "tell 5 classes apart" in maml["why"]


def test_one_whose_steps_diverged_says_so(app, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON has no word for what is no number."""
    monkeypatch.setattr(Adapted, "answer", lambda one, _: np.full((len(one.steps), one.classes), np.nan))
    for found in sheet(app("playground", mode="draw"))["learners"]:
        assert found["why"] == pads.DIVERGED and "probabilities" not in found


def test_runs_of_the_store_come_first(app, trained) -> None:
    run = trained("algorithm=protonet")
    test = app("playground", mode="draw")
    assert [one["name"] for one in sheet(test)["learners"]] == [f"#{run.id} a run", "MAML"]
    shared = sheet(app("playground", mode="draw", run=f"{run.id},doodles-protonet"))
    assert [one["name"] for one in shared["learners"]] == [f"#{run.id} a run", "ProtoNet"]


def test_one_without_its_checkpoint_says_so_and_the_others_answer(app, make_run) -> None:
    make_run("doodles-5w1s")
    found = sheet(app("playground", mode="draw"))
    assert "no checkpoint" in found["learners"][0]["why"] and found["learners"][1]["probabilities"]


def test_a_learner_is_loaded_once_however_many_ask(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for another one meanwhile does not wait."""
    loads, go = [], threading.Event()

    def load(source, **_: object) -> object:
        loads.append(source)
        if source == 1:
            assert go.wait(30)
        return object()

    monkeypatch.setattr(players, "load", load)

    def of(number: int, found: list) -> None:
        found.append(players._loaded(home, number, None, "support", str(number)))

    found: list[object] = []
    threads = [threading.Thread(target=of, args=(1, found)) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: loads)
    other: list[object] = []
    of(2, other)
    assert other and not found
    go.set()
    for thread in threads:
        thread.join()
    assert loads == [1, 2] and len(set(map(id, found))) == 1


def test_the_least_recently_asked_learner_goes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    monkeypatch.setattr(players, "load", lambda source, **_: loads.append(source) or object())
    for number in [*range(KEPT), 0, KEPT, 0, 1]:
        players._loaded(home, number, None, "support", str(number))
    assert loads == [*range(KEPT + 1), 1]


def test_who_is_offered_first_is_the_newest_of_each_learner() -> None:
    there = [Candidate(str(i), "", "", name, "") for i, name in enumerate(["maml", "maml", "protonet"])]
    assert [one.key for one in players.at_first(there)] == ["0", "2"]
