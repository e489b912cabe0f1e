"""Testing trained runs once more for a page: the result in the store, beside the run's own."""

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from core import elsewhere, retest
from core.retest import Retest, Retests, score_here
from core.runs.home import Home
from core.runs.store import RunStore
from tests.core.tiny import finished
from tests.waiting import wait_until


class Ended:
    """A process that has ended. pid: of none."""

    pid = 2**22 + 1

    def wait(self, timeout: float | None = None) -> int:
        return 3


@pytest.fixture
def found(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home that the environment names, as it does in the process that tests."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return home


def here(function: str, folder: Path, _: Mapping[str, str]) -> elsewhere.Process:
    """The answer by this very process."""
    elsewhere.answer(function, folder)
    return Ended()


def test_a_run_is_tested_under_another_protocol_and_keeps_its_own(found: Home, tmp_path: Path) -> None:
    run, own = finished(found, "doodles")
    store = RunStore(found.database)
    store.add_evaluation(
        *(run.id, 7, "test", "accuracy", own.mean, own.ci95),
        episodes=own.episodes,
        checkpoint=own.protocol["checkpoint"],
        result=own.as_json(run.id),
    )
    progress = tmp_path / "progress"
    score_here({"run": run.id, "assignments": ["evaluation.episodes=5"], "progress": str(progress)})
    first, second = store.evaluations(run.id, split="test")
    assert (first.episodes, second.episodes, second.iteration) == (own.episodes, 5, 7)
    assert second.result["protocol"]["episodes"] == 5
    assert np.isfinite(store.scores(second.id)).sum() == 5 - second.non_finite
    assert 0 < float(progress.read_text()) <= 1


def test_runs_are_tested_one_after_the_other_and_then_no_more_known_of(found: Home) -> None:
    runs = [finished(found, "doodles")[0].id for _ in range(2)]
    retests = Retests(found, here)
    retests.ask([Retest(run, ("evaluation.episodes=4",)) for run in runs])
    store = RunStore(found.database)
    wait_until(lambda: retests.of(runs) == [], timeout=60)
    assert [[one.episodes for one in store.evaluations(run, split="test")] for run in runs] == [[4], [4]]


def test_what_waits_is_not_asked_for_twice(found: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    go, tested = threading.Event(), []

    def test(_: Retests, wish: Retest) -> None:
        tested.append(wish.run)
        go.wait(60)

    monkeypatch.setattr(Retests, "_test", test)
    retests = Retests(found)
    retests.ask([Retest(1, ()), Retest(2, ())])
    wait_until(lambda: tested == [1])
    retests.ask([Retest(1, ("evaluation.episodes=4",)), Retest(2, ())])
    assert [(one.run, one.done, one.assignments) for one in retests.of([1, 2, 3])] == [(1, 0.0, ()), (2, None, ())]
    go.set()
    wait_until(lambda: retests.of([1, 2]) == [])
    assert tested == [1, 2]


def test_why_it_failed_is_kept_until_it_is_asked_for_again(found: Home) -> None:
    run, _ = finished(found, "doodles")
    retests = Retests(found, here)
    retests.ask([Retest(run.id, ("seed=3",))])
    wait_until(lambda: [one for one in retests.of([run.id]) if one.over], timeout=60)
    (failed,) = retests.of([run.id])
    assert "belongs to the training" in failed.problem
    retests.ask([Retest(run.id, ())])
    wait_until(lambda: retests.of([run.id]) == [], timeout=60)


def test_a_process_that_dies_is_said(found: Home) -> None:
    retests = Retests(found, lambda *_: Ended())
    retests.ask([Retest(1, ())])
    wait_until(lambda: [one for one in retests.of([1]) if one.over])
    assert "The process ended with code 3." in retests.of([1])[0].problem


def test_how_far_it_is_is_read_from_the_process(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    assert retest._read(file) == 0.0
    file.write_text("0.250")
    assert retest._read(file) == 0.25
