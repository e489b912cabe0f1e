"""What a run that is launched now would meet."""

from collections.abc import Callable

import pytest

from core.runs import hardware
from core.runs.home import Home
from core.runs.outlook import either, outlook, ways_in
from core.runs.schema import Run
from core.runs.store import RunStore


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture
def waiting(store: RunStore, home: Home) -> Callable[..., Run]:
    def make(
        device: str = "cpu",
        slot: str = "",
        remaining: float | None = None,
        host: str | None = None,
        cores: int | None = None,
    ) -> Run:
        """slot: where it trains already."""
        config = {"family": {"name": "sinusoid"}, "algorithm": {"name": "maml"}, "device": device}
        config |= {"training": {"iterations": 9}}
        places = {"folder_root": home.runs_folder, "datasets": home.datasets}
        run = store.create(config, "a run", **places, host=host or home.host, facts={"cores": cores})
        if slot:
            store.move(run.id, "starting", {"queued"}, slot=slot)
            store.move(run.id, "running", {"starting"}, remaining=remaining)
        return store.get(run.id)

    return make


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])
    monkeypatch.setattr(hardware, "cores", lambda: 2)


def test_nobody_is_before_it(store: RunStore, home: Home) -> None:
    found = outlook(store, home, "auto", None)
    assert (found.slot, found.occupant, found.ahead, found.words) == ("cuda:0", None, 0, "")


def test_a_free_slot_comes_before_an_occupied_one(store: RunStore, home: Home, waiting) -> None:
    waiting("cuda", slot="cuda:0")
    assert (outlook(store, home, "auto", None).slot, outlook(store, home, "auto", None).words) == ("cuda:1", "")


def test_the_slot_that_is_free_first(store: RunStore, home: Home, waiting) -> None:
    waiting("cuda", slot="cuda:0", remaining=4000.0)
    soon = waiting("cuda", slot="cuda:1", remaining=300.0)
    found = outlook(store, home, "cuda", None)
    assert (found.slot, found.occupant.id) == ("cuda:1", soon.id)
    assert found.words == f"starts after run {soon.id}, which trains for another 5 min at least"


def test_who_is_queued_for_the_same_slot_comes_first(store: RunStore, home: Home, waiting) -> None:
    busy = waiting("cpu", slot="cpu")
    waiting("cpu")
    waiting("cpu")
    waiting("cuda:1")  # for another slot
    waiting("cpu", host="another home")
    found = outlook(store, home, "cpu", None)
    assert (found.ahead, found.words) == (2, f"starts after run {busy.id}, and 2 queued runs")


def test_a_run_of_another_home_is_in_nobodys_way(store: RunStore, home: Home, waiting) -> None:
    waiting("cpu", slot="cpu", host="another home")
    assert outlook(store, home, "cpu", None).words == ""


def test_a_small_run_starts_beside_others_as_long_as_there_are_places(store: RunStore, home: Home, waiting) -> None:
    first, second = (waiting("cpu", slot="cpu", cores=1) for _ in range(2))
    found = outlook(store, home, "cpu", 1)
    assert (found.slot, found.occupant, found.words) == ("cpu", None, "")
    third = waiting("cpu", slot="cpu", cores=1, remaining=300.0)
    assert ways_in(store, home, "cpu", 1) == [(third,), (first,), (second,)]
    assert (
        outlook(store, home, "cpu", 1).words == f"starts after run {third.id}, which trains for another 5 min at least"
    )


def test_a_run_on_the_whole_processor_waits_for_all_of_them(store: RunStore, home: Home, waiting) -> None:
    there = [waiting("cpu", slot="cpu", cores=1, remaining=seconds) for seconds in (300.0, 600.0)]
    assert ways_in(store, home, "cpu", None) == [tuple(there)]
    found = outlook(store, home, "cpu", None)
    assert (
        found.words == f"starts after run {there[0].id} and run {there[1].id}, which train for another 10 min at least"
    )
    assert found.occupant == there[0]
    queued = waiting("cpu")
    assert outlook(store, home, "cpu", 1).words == "starts after 1 queued run", "which it must not overtake"
    assert ways_in(store, home, "cpu", 1) == []
    assert queued.status == "queued"


def test_those_who_would_make_room_are_named_as_long_as_they_are_few(waiting) -> None:
    runs = [waiting() for _ in range(4)]

    def said(*ways: tuple[Run, ...]) -> str:
        return either(ways, lambda run: f"#{run.id}")

    a, b, c, d = runs
    assert [said((a,)), said((a,), (b,)), said((a,), (b,), (c,))] == ["#1", "#1 or #2", "#1, #2 or #3"]
    assert [said((a, b)), said((a, b, c))] == ["#1 and #2", "#1, #2 and #3"]
    assert said((a,), (b,), (c,), (d,)) == "one of the 4 runs that train"
    assert said((a, b, c, d)) == "the 4 runs that train"


def test_a_run_on_all_gpus_waits_for_everybody_on_them(store: RunStore, home: Home, waiting) -> None:
    one = waiting("cuda", slot="cuda:1")
    assert ways_in(store, home, "cuda:all", None) == [(one,)]
    other = waiting("cuda", slot="cuda:0")
    assert ways_in(store, home, "cuda:all", None) == [(one, other)]
    assert ways_in(store, home, "cuda", None) == [(other,), (one,)]


@pytest.mark.parametrize(
    ("running", "cores", "seeds", "slower"),
    [(0, 1, 1, 1.0), (0, 1, 2, 1.0), (0, 1, 3, 1.5), (1, 1, 1, 1.0), (2, 1, 1, 1.5), (3, 1, 9, 1.5), (1, None, 3, 1.0)],
)
def test_who_shares_the_cores_is_told_that_it_takes_longer(
    store: RunStore, home: Home, waiting, running: int, cores: int | None, seeds: int, slower: float
) -> None:
    for _ in range(running):
        waiting("cpu", slot="cpu", cores=1)
    found = outlook(store, home, "cpu", cores, seeds)
    assert found.slower == slower
    assert ("1.5 times as long" in found.sharing) == (slower > 1)


def test_who_waits_for_the_whole_processor_shares_it_with_nobody(store: RunStore, home: Home, waiting) -> None:
    waiting("cpu", slot="cpu")
    assert outlook(store, home, "cpu", 1, seeds=2).sharing == ""
    assert outlook(store, home, "auto", 1, seeds=3).sharing == "", "nor who trains on a GPU"
