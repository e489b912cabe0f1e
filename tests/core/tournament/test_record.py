"""A tournament read again from its runs: how far it is, and how long it still takes."""

import time
from pathlib import Path

import pytest

from core.runs import scheduler
from core.runs.home import Home
from core.runs.store import RunStore
from core.tournament.record import left, tournament, tournaments
from tests.core.tournament.made_up import entered, score


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path}/innerloop.db")


def test_how_far_it_is(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path)
    assert found.state == "under way"
    for run in found.runs[:3]:
        score(store, run, 0.5)
    store.move(found.runs[3].id, "stopped", {"queued"})
    again = tournament(store, found.number)
    assert again.state == "3 of 4 runs finished"
    assert [run.id for run in again.resumable] == [found.runs[3].id]
    store.move(found.runs[3].id, "finished", {"stopped"})
    assert tournament(store, found.number).state == "finished"


def test_what_is_left_is_what_the_others_took_or_were_said_to_take(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path)
    assert (left(found).seconds, left(found).whole) == (4 * 8.0, True)
    score(store, found.runs[0], 0.5)
    store.update(found.runs[0].id, started=1000.0, ended=1003.0)
    assert left(tournament(store, found.number)).seconds == 3.0 + 2 * 8.0


def test_a_run_under_way_counts_with_what_remains(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=1)
    store.move(found.runs[0].id, "running", {"queued"}, started=time.time() - 100)
    remaining = left(tournament(store, found.number))
    assert (remaining.seconds, remaining.whole) == (8.0, True)  # of the other: this one is late


def test_what_nobody_knows_is_left_out_and_that_is_said(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path)
    run = found.runs[0]
    store.update(run.id, facts=run.facts | {"tournament": run.facts["tournament"] | {"expected": None}})
    remaining = left(tournament(store, found.number))
    assert (remaining.seconds, remaining.whole) == (3 * 8.0, False)


def test_deleted_runs_are_no_part_of_it(store: RunStore, tmp_path: Path) -> None:
    first, second = entered(store, tmp_path), entered(store, tmp_path, seeds=1)
    store.update(first.runs[0].id, deleted=time.time())
    assert len(tournament(store, first.number).runs) == 3
    assert [one.number for one in tournaments(store, 9)] == [second.number, first.number]
    for run in second.runs:
        store.update(run.id, deleted=time.time())
    assert tournament(store, second.number) is None
    assert [one.number for one in tournaments(store, 9)] == [first.number]
    assert tournament(store, 99) is None


def test_it_is_stopped_as_a_whole_and_nothing_else(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(home.database, home.root)
    mine, other = entered(store, home.runs_folder), entered(store, home.runs_folder, seeds=1)
    monkeypatch.setattr(scheduler, "reconcile", lambda *_: [])
    asked = scheduler.stop_all(store, home, only=[run.id for run in mine.runs])
    assert sorted(asked) == [run.id for run in mine.runs]
    assert {run.status for run in tournament(store, mine.number).runs} == {"stopped"}
    assert {run.status for run in tournament(store, other.number).runs} == {"queued"}
