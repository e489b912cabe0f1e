"""What the plot of Drag asks for, and what it is answered."""

import base64
import math
from dataclasses import replace

import numpy as np
import pytest

from core.playground.curves import MOST, STEPS, Points, drawn, fit
from core.playground.surface import Surface
from data.errors import InputError
from data.sinusoid import LOOKED_AT
from pages.parts.playground import steer
from pages.parts.playground.board import Asked, Shown, answer, asked
from pages.parts.playground.surfaces import limits
from tests.core.playground.untrained import untrained

NONE = np.zeros(2)
MAP = Surface(NONE, NONE, NONE, NONE, NONE, 1.0)
START = Points.of([[0.0, 1.0], [2.0, -1.0]])


def question(**changes: object) -> dict[str, object]:
    return {"number": 3, "rev": "task 1", "points": [[1.0, 2.0]], "faster": 2} | changes


def test_before_the_first_question_there_is_the_start() -> None:
    assert asked(START, "task 1", None) == Asked(0, START, 1.0)


def test_a_question_says_where_the_points_are() -> None:
    found = asked(START, "task 1", question())
    assert (found.number, found.points.plain(), found.faster) == (3, [[1.0, 2.0]], 2.0)


def test_a_question_about_an_earlier_task_is_answered_with_the_new_one() -> None:
    assert asked(START, "task 2", question()) == Asked(3, START, 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "3"},
        {"number": None},
        {"points": None},
        {"points": [[0.0, 9.0]]},
        {"points": [[0.0, 0.0]] * (MOST + 1)},
        {"points": [[math.nan, 0.0]]},
        {"faster": 1e9},
        {"faster": "2"},
    ],
)
def test_what_no_browser_of_ours_sends_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        asked(START, "task 1", question(**changes))


@pytest.mark.parametrize("sent", [[], "question", 3])
def test_nor_is_what_is_no_question(sent: object) -> None:
    for read in (lambda: asked(START, "task 1", sent), lambda: steer.asked(sent)):
        with pytest.raises(InputError, match="no question"):
            read()


def test_the_answer_has_every_curve_after_every_step() -> None:
    learners = [untrained("maml"), untrained("cnp")]
    task = drawn(learners[0].family, 5, 1)
    fits = [fit(learner, task.points) for learner in learners]
    shown = [Shown(str(run), f"#{run}", run, one, "") for run, one in enumerate(fits)]
    found = answer(Asked(7, task.points, 1.0), "task 1", shown, task)
    assert (found["number"], found["rev"], found["on_truth"]) == (7, "task 1", True)
    for sent, one, rows in zip(found["learners"], fits, (STEPS + 1, 1), strict=True):
        curves = np.frombuffer(base64.b64decode(sent["y"]), np.float32).reshape(rows, LOOKED_AT)
        assert np.array_equal(curves, one.y.astype(np.float32))
        assert sent["error"] == pytest.approx(one.error.tolist())
    moved = answer(Asked(8, START, 1.0), "task 1", shown, task)
    assert not moved["on_truth"] and moved["points"] == START.plain()


def test_what_is_no_number_is_sent_as_nothing() -> None:
    """JSON has no word for it."""
    learner = untrained("maml", "algorithm.inner_lr=100")
    found = fit(learner, Points.of([[5.0, 5.0], [4.0, -5.0], [-5.0, 5.0]]))
    assert not np.isfinite(found.error).all()
    task = drawn(learner.family, 5, 1)
    sent = answer(Asked(0, task.points, 1.0), "", [Shown("1", "", 0, found, "")], task)["learners"][0]
    assert sent["error"][-1] is None and sent["error"][0] == pytest.approx(found.error[0])


def test_a_goal_is_read_from_a_question() -> None:
    assert steer.asked(None) == (0, steer.FIRST)
    assert steer.asked({"number": 2, "goal": [0.1, -0.2]}) == (2, (0.1, -0.2))
    for wrong in ({"number": "2", "goal": [0.1, 0.2]}, {"number": 2, "goal": [3, 0]}, {"number": 2}):
        with pytest.raises(InputError):
            steer.asked(wrong)


def test_all_maps_have_the_colours_of_all_that_is_finite() -> None:
    low, high = (replace(MAP, loss=np.full((2, 2), value)) for value in (0.01, 10.0))
    assert limits([low, high]) == pytest.approx((-2, 1)) and limits([high]) == pytest.approx((1, 1))
    nothing = replace(MAP, loss=np.array([[np.nan, np.inf], [0.0, np.nan]]))
    assert limits([nothing]) == (0, 1) and limits([nothing, low]) == pytest.approx((-2, -2))
