"""The queue's order, as the database gives it."""

from pathlib import Path
from typing import Any

import pytest

from core.runs.schema import Run
from core.runs.store import RunStore


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


def add(
    store: RunStore,
    tmp_path: Path,
    name: str,
    device: str | None = None,
    host: str | None = None,
    facts: dict[str, Any] | None = None,
) -> Run:
    config = {} if device is None else {"device": device}
    return store.create(config, name, folder_root=tmp_path / "runs", datasets=tmp_path, host=host, facts=facts)


def test_the_queue_is_counted(store: RunStore, tmp_path: Path) -> None:
    first, second, third, fourth = (add(store, tmp_path, name) for name in "abcd")
    store.move(first.id, "starting", {"queued"})
    store.update(second.id, desired="pause")
    assert store.unfinished() == (1, 3)
    assert store.before(fourth.id) == 1, "one that is paused is not in the way"
    assert store.before(third.id) == 0


def test_the_oldest_of_each_device_is_next(store: RunStore, tmp_path: Path) -> None:
    first = add(store, tmp_path, "a", "cuda:1")
    elsewhere = add(store, tmp_path, "b", "cpu", host="another")
    second, third = add(store, tmp_path, "c"), add(store, tmp_path, "d", "auto", host="here")
    paused = add(store, tmp_path, "e", "cuda:1")
    store.update(paused.id, desired="pause")
    assert store.next_in_line("here") == [("cuda:1", None, first.id), ("auto", None, second.id)]
    assert store.all_in_line("here", "auto") == [second.id, third.id]
    assert ("cpu", None, elsewhere.id) in store.next_in_line("another")
    store.move(first.id, "starting", {"queued"})
    assert [waiting.device for waiting in store.next_in_line("here")] == ["auto"]


def test_the_oldest_of_each_number_of_cores_is_next(store: RunStore, tmp_path: Path) -> None:
    told = [{"cores": 1}, {"cores": 1}, None, {"cores": None}, {"learner": "maml"}, {"cores": 2}]
    first, _, whole, _, _, two = (add(store, tmp_path, "a", "cpu", facts=facts) for facts in told)
    assert store.next_in_line("here") == [("cpu", 1, first.id), ("cpu", None, whole.id), ("cpu", 2, two.id)]
