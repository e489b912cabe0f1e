"""Fencing: what a worker writes counts for its own attempt alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import StoreError
from core.runs.attempt import Attempt, Superseded
from core.runs.schema import Run
from core.runs.store import RunStore

WRITES: dict[str, Callable[[Attempt], object]] = {
    "heartbeat": lambda attempt: attempt.heartbeat(iteration=99, phase="training"),
    "metrics": lambda attempt: attempt.add_metrics([(99, 1.0, "train/query_loss", 0.5)]),
    "evaluation": lambda attempt: attempt.add_evaluation(
        *(99, "val", "accuracy", 0.9, 0.1), episodes=5, best={"iteration": 99}, test=None
    ),
    "columns": lambda attempt: attempt.update(forward="loop", iterations=99),
    "status": lambda attempt: attempt.move("failed", error="from the grave"),
    "cutting back": lambda attempt: attempt.truncate_after(0),
    "a checkpoint": lambda attempt: attempt.check(),
    "a claim": lambda attempt: attempt.claim({"pid": 1}),
}


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


@pytest.fixture
def run(store: RunStore, tmp_path: Path) -> Run:
    """Started, and trained a little by its first attempt."""
    run = store.create({}, "a run", folder_root=tmp_path / "runs", datasets=tmp_path)
    store.move(run.id, "starting", {"queued"})
    first = Attempt(store, run.id, 1)
    first.claim({"pid": 1}, phase="training")
    first.add_metrics([(1, 0.1, "train/query_loss", 2.0)])
    first.add_evaluation(*(1, "val", "accuracy", 0.5, 0.1), episodes=5, best={"iteration": 1}, test=None)
    return store.get(run.id)


def everything(store: RunStore, id: int) -> tuple:
    return store.get(id), store.metric_rows(id), store.evaluations(id)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("now", ["lost", "resumed and waiting", "resumed and running"])
def test_a_worker_that_was_given_up_writes_nothing(store: RunStore, run: Run, write: str, now: str) -> None:
    first = Attempt(store, run.id, 1)
    store.move(run.id, "lost", {"running"})
    if now != "lost":
        store.move(run.id, "queued", {"lost"}, attempt=2)
    if now == "resumed and running":
        store.move(run.id, "starting", {"queued"})
        Attempt(store, run.id, 2).claim({"pid": 2})
    before = everything(store, run.id)
    with pytest.raises(Superseded, match=f"Attempt 1 at run {run.id} is over"):
        WRITES[write](first)
    assert everything(store, run.id) == before


@pytest.mark.parametrize("write", [name for name in WRITES if name != "a claim"])
def test_the_same_counts_for_the_attempt_that_has_the_run(store: RunStore, run: Run, write: str) -> None:
    """The test above can fail."""
    before = everything(store, run.id)
    WRITES[write](Attempt(store, run.id, 1))
    assert (everything(store, run.id) != before) is (write != "a checkpoint")


def test_a_run_that_was_deleted_is_nobodys(store: RunStore, run: Run) -> None:
    store.move(run.id, "stopped", {"running"})
    store.delete(run.id)
    with pytest.raises(Superseded, match="the run is deleted") as caught:
        Attempt(store, run.id, 1).heartbeat()
    assert isinstance(caught.value, StoreError) and not caught.value.passing


def test_an_evaluation_and_what_the_row_says_of_it_come_together(store: RunStore, run: Run) -> None:
    Attempt(store, run.id, 1).add_evaluation(
        *(2, "test", "accuracy", 0.7, 0.1), episodes=5, best=None, test={"mean": 0.7}
    )
    assert store.get(run.id).test == {"mean": 0.7}
    assert store.get(run.id).best == {"iteration": 1}
    assert [one.split for one in store.evaluations(run.id)] == ["val", "test"]
