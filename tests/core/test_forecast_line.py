"""Forecasts behind the pages' back: one at a time, the newest of each page, and nobody waits."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import forecast_line
from core.config.run import RunConfig
from core.costs import Costs
from core.elsewhere import Cancelled, Question
from core.forecast import ProbeError
from core.forecast_line import ForecastLine
from data.places import Folders
from tests.core.test_costs import COST
from tests.core.tiny import tiny
from tests.waiting import wait_until

FIRST, SECOND, THIRD = (tiny("sinusoid", f"algorithm.inner_steps={steps}") for steps in (1, 2, 3))


class Held:
    """Questions that are answered when ``go`` is set, and cancelled at once when they are."""

    def __init__(self) -> None:
        self.go, self.asked, self.at_once, self.most = threading.Event(), [], 0, 0

    def answer(self, question: Question) -> list[dict[str, Any]]:
        self.asked.append(RunConfig.model_validate(question.asked["configs"][0]))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            wait_until(lambda: self.go.is_set() or question._cancelled)
            if question._cancelled:
                raise Cancelled
            return [{"cost": dataclasses.asdict(COST)}] * len(question.asked["configs"])
        finally:
            self.at_once -= 1


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held()
    monkeypatch.setattr(Question, "answer", lambda question: held.answer(question))
    yield held
    held.go.set()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., ForecastLine]:
    return lambda pause=0.0: ForecastLine(Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path), pause=pause)


def test_a_process_that_is_about_to_be_there_is_waited_for(tmp_path: Path, held) -> None:
    looks = [True, True, False]
    line = ForecastLine(
        Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path), pause=0.0, coming=lambda: looks.pop(0)
    )
    line.want("page", FIRST, "cpu")
    wait_until(lambda: held.asked == [FIRST])
    assert looks == []


def test_it_is_not_waited_for_without_end(tmp_path: Path, held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_line, "PATIENCE", 0.0)
    places = Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path)
    ForecastLine(*places, pause=0.0, coming=lambda: True).want("page", FIRST, "cpu")
    wait_until(lambda: held.asked == [FIRST])


def test_a_page_asks_and_finds_it_later(make, held) -> None:
    line = make()
    line.want("page", FIRST, "cpu")
    assert line.measures("page", FIRST, "cpu")
    assert not line.measures("page", SECOND, "cpu")
    assert line.known(FIRST, "cpu") is None
    held.go.set()
    wait_until(lambda: not line.measures("page", FIRST, "cpu"))
    assert line.known(FIRST, "cpu").estimate.training == 4 * COST.step
    wait_until(lambda: line._thread is None)  # nobody waits any more


def test_asking_again_for_the_same_changes_nothing(make, held) -> None:
    line = make()
    for rate in (0.1, 0.2, 0.3):
        line.want("page", tiny("sinusoid", f"algorithm.inner_lr={rate}"), "cpu")
    held.go.set()
    wait_until(lambda: line._thread is None)
    assert len(held.asked) == 1


def test_a_newer_question_of_a_page_ends_its_older_one(make, held) -> None:
    line = make()
    line.want("page", FIRST, "cpu")
    wait_until(lambda: held.asked == [FIRST])
    line.want("page", SECOND, "cpu")
    wait_until(lambda: held.asked == [FIRST, SECOND])
    held.go.set()
    wait_until(lambda: line._thread is None)
    assert line.known(FIRST, "cpu") is None
    assert line.known(SECOND, "cpu") is not None
    assert held.most == 1


def test_pages_wait_for_each_other_and_none_is_forgotten(make, held) -> None:
    line = make()
    line.want("one page", FIRST, "cpu")
    line.want("another", SECOND, "cpu")
    wait_until(lambda: held.asked == [FIRST])
    held.go.set()
    wait_until(lambda: line._thread is None)
    assert held.asked == [FIRST, SECOND]
    assert held.most == 1
    assert None not in (line.known(FIRST, "cpu"), line.known(SECOND, "cpu"))


def test_who_changes_his_mind_in_time_starts_nothing(make, held) -> None:
    line = make(pause=1000.0)
    line.want("page", FIRST, "cpu")
    line.leave("page")
    wait_until(lambda: line._thread is None)
    assert held.asked == []


def test_a_launch_ends_the_measuring(make, held) -> None:
    line = make()
    line.want("page", FIRST, "cpu")
    wait_until(lambda: held.asked == [FIRST])
    line.leave("page")
    wait_until(lambda: line._thread is None)
    assert line.known(FIRST, "cpu") is None


def test_a_bug_is_said_and_not_tried_again(make, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(Question, "answer", lambda _: 1 / 0)
    line = make()
    line.want("page", FIRST, "cpu")
    wait_until(lambda: line._thread is None)
    with pytest.raises(ProbeError, match="could not be found out"):
        line.known(FIRST, "cpu")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_a_closed_page_wanted_is_not_measured_to_its_end(make, held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is being measured for it nor what waits; a page that asks again and again is answered."""
    now = [0.0]
    monkeypatch.setattr(forecast_line, "time", SimpleNamespace(monotonic=lambda: now[0]))
    line = make()
    line.want("closed", FIRST, "cpu")
    line.want("closed too", THIRD, "cpu")
    line.want("page", SECOND, "cpu")
    wait_until(lambda: held.asked == [FIRST])
    now[0] = forecast_line.GONE - 1
    assert line.measures("page", SECOND, "cpu")
    now[0] = forecast_line.GONE + 1
    wait_until(lambda: held.asked == [FIRST, SECOND])
    held.go.set()
    wait_until(lambda: line.known(SECOND, "cpu"))
    assert line.known(FIRST, "cpu") is None and line.known(THIRD, "cpu") is None
