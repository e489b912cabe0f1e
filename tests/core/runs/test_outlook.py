"""What a run that is launched now would meet."""

from collections.abc import Callable

import pytest

from core.runs import hardware
from core.runs.home import Home
from core.runs.outlook import outlook
from core.runs.schema import Run
from core.runs.store import RunStore


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture
def waiting(store: RunStore, home: Home) -> Callable[..., Run]:
    def make(device: str = "cpu", slot: str = "", remaining: float | None = None, host: str | None = None) -> Run:
        """slot: where it trains already."""
        config = {"family": {"name": "sinusoid"}, "algorithm": {"name": "maml"}, "device": device}
        config |= {"training": {"iterations": 9}}
        places = {"folder_root": home.runs_folder, "datasets": home.datasets}
        run = store.create(config, "a run", **places, host=host or home.host)
        if slot:
            store.move(run.id, "starting", {"queued"}, slot=slot)
            store.move(run.id, "running", {"starting"}, remaining=remaining)
        return store.get(run.id)

    return make


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])


def test_nobody_is_before_it(store: RunStore, home: Home) -> None:
    found = outlook(store, home, "auto")
    assert (found.slot, found.occupant, found.ahead, found.words) == ("cuda:0", None, 0, "")


def test_a_free_slot_comes_before_an_occupied_one(store: RunStore, home: Home, waiting) -> None:
    waiting("cuda", slot="cuda:0")
    assert (outlook(store, home, "auto").slot, outlook(store, home, "auto").words) == ("cuda:1", "")


def test_the_slot_that_is_free_first(store: RunStore, home: Home, waiting) -> None:
    waiting("cuda", slot="cuda:0", remaining=4000.0)
    soon = waiting("cuda", slot="cuda:1", remaining=300.0)
    found = outlook(store, home, "cuda")
    assert (found.slot, found.occupant.id) == ("cuda:1", soon.id)
    assert found.words == f"starts after run {soon.id}, which trains for another 5 min at least"


def test_who_is_queued_for_the_same_slot_comes_first(store: RunStore, home: Home, waiting) -> None:
    busy = waiting("cpu", slot="cpu")
    waiting("cpu")
    waiting("cpu")
    waiting("cuda:1")  # for another slot
    waiting("cpu", host="another home")
    found = outlook(store, home, "cpu")
    assert (found.ahead, found.words) == (2, f"starts after run {busy.id}, and 2 queued runs")


def test_a_run_of_another_home_is_in_nobodys_way(store: RunStore, home: Home, waiting) -> None:
    waiting("cpu", slot="cpu", host="another home")
    assert outlook(store, home, "cpu").words == ""
