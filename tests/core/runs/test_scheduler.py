"""The queue, with real worker processes: each run started once, none lost silently, stop means stop."""

import math
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import insert, select

from core.errors import RunError, StoreError
from core.runs import hardware
from core.runs.attempt import Attempt
from core.runs.facts import cores_of
from core.runs.home import Home
from core.runs.launchers import Handle, LocalLauncher
from core.runs.run_lists import RunFilter
from core.runs.scheduler import (
    SILENCE,
    START,
    TOGETHER,
    UNKNOWN_PACE,
    Launch,
    delete,
    pause,
    reconcile,
    resume,
    stop,
    submit,
    waits_for,
)
from core.runs.schema import ACTIVE, Run, runs
from core.runs.store import RunStore
from tests.core.fake_worker import command
from tests.crowd import at_once
from tests.waiting import wait_until


class PaperLauncher:
    """Starts nothing; ``gone`` names the runs whose worker is to seem dead."""

    def __init__(self, host: str = "here", fails: bool = False, slots: Sequence[str] = ("cpu",), cores: int = 2):
        self.host, self.fails, self.started, self.stopped, self.gone = host, fails, [], [], set()
        self._slots, self._cores = slots, cores

    def slots(self) -> list[str]:
        return list(self._slots)

    def cores(self) -> int:
        return self._cores

    def start(self, run: Run, home: Home, slot: str, *others: Run) -> Handle:
        if self.fails:
            raise RunError("No room for a worker.", "Make room.")
        self.started.append((run.id, slot, *(other.id for other in others)))
        return {"run": run.id}

    def stop(self, handle: Handle) -> None:
        self.stopped.append(handle["run"])

    def alive(self, handle: Handle) -> bool:
        return handle["run"] not in self.gone


@pytest.fixture
def home(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with its store on SQLite, and once more on PostgreSQL."""
    monkeypatch.delenv("INNERLOOP_DATASETS", raising=False)
    monkeypatch.setenv("INNERLOOP_DATABASE", url)
    return Home.find(tmp_path / "home")


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store of a machine without GPUs; workers left over are killed at the end."""
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    store = RunStore(home.database, home.root)
    yield store
    ours = LocalLauncher(home, grace=0.1)
    for run in store.runs():
        ours.stop(run.handle if run.handle and "pid" in run.handle else {})


def queue(
    store: RunStore, home: Home, *configs: dict, host: str = "here", cores: int | None = None, **facts: str | bool
) -> list[Run]:
    """cores: that each computes with; with no facts at all, as rows were before there was anything to know."""
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    known = facts | ({"cores": cores} if cores else {})
    return [store.create(config, "a run", **places, host=host, facts=known or None) for config in configs]


def status(store: RunStore, id: int) -> str:
    return store.get(id).status


# The rules, on paper


def test_the_oldest_run_starts_first_and_one_at_a_time(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    first, second = queue(store, home, {}, {})
    assert reconcile(store, home, launcher) == [first.id]
    assert reconcile(store, home, launcher) == []
    run = store.get(first.id)
    assert (run.status, run.slot, run.handle, run.host) == ("starting", "cpu", {"run": first.id}, "here")
    store.move(first.id, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [second.id]


def test_runs_take_the_slots_that_fit(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cuda:1", "cpu"])
    queue(store, home, *({"device": device} for device in ("cuda:1", "cuda:1", "cpu", "auto", "auto", "mps")))
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cuda:1"), (3, "cpu"), (4, "cuda:0")]
    assert [status(store, id) for id in (2, 5, 6)] == ["queued", "queued", "failed"]
    failed = store.get(6)
    assert "mps does not exist here; there is cuda:0, cuda:1, cpu" in failed.error
    assert failed.remedy


def seeds(count: int, **more: object) -> list[dict]:
    return [{"device": "auto", **more, "seed": seed} for seed in range(count)]


def test_seeds_share_a_gpu_and_its_worker(store: RunStore, home: Home) -> None:
    """But not with runs of other settings, nor with those of which it is not known that they can."""
    launcher = PaperLauncher(slots=["cuda:0", "cpu"])
    queue(store, home, *seeds(2), {"device": "auto", "seed": 2, "filters": 3}, *seeds(1), together=True)
    queue(store, home, *seeds(1))
    store.update(queue(store, home, *seeds(1), together=True)[0].id, desired="pause")
    queue(store, home, *seeds(1), together=True, host="elsewhere")
    assert reconcile(store, home, launcher) == [1, 2, 4]
    assert launcher.started == [(1, "cuda:0", 2, 4)]
    assert [store.get(id).handle for id in (1, 2, 4)] == [{"run": 1}] * 3
    assert [store.get(id).slot for id in (1, 2, 3, 4)] == ["cuda:0", "cuda:0", "", "cuda:0"]
    for id in (1, 4):
        store.move(id, "finished", only_from={"starting"})
        assert reconcile(store, home, launcher) == [], "the GPU is free when the last has ended"
    store.move(2, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [3]


def test_seeds_are_spread_over_the_gpus_that_are_free(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cuda:1", "cuda:2", "cpu"])
    queue(store, home, {"device": "cuda:1"}, *seeds(5), together=True)
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cuda:1"), (2, "cuda:0", 3, 4), (5, "cuda:2", 6)]


def test_a_process_trains_no_more_than_some_seeds(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cpu"])
    queue(store, home, *seeds(20), together=True)
    reconcile(store, home, launcher)
    ((_, _, *others),) = launcher.started
    assert len(others) + 1 == TOGETHER


def test_on_a_processor_each_seed_has_its_worker(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(cores=2)
    queue(store, home, *seeds(4), cores=1, together=True)
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cpu"), (2, "cpu"), (3, "cpu")]


def test_seeds_whose_worker_cannot_be_started_fail_all(store: RunStore, home: Home) -> None:
    queue(store, home, *seeds(3), together=True)
    assert reconcile(store, home, PaperLauncher(fails=True, slots=["cuda:0", "cpu"])) == []
    assert [(run.status, run.error) for run in store.runs()] == [("failed", "No room for a worker.")] * 3


def test_a_run_on_all_gpus_waits_until_they_are_free_and_is_not_overtaken(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cuda:1", "cpu"])
    devices = ("cuda", "cuda:all", "auto", "cuda:1", "cpu")
    queue(store, home, *({"device": device} for device in devices))
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cuda:0"), (5, "cpu")], "cuda:1 is kept for the second"
    store.move(1, "finished", only_from={"starting"})
    reconcile(store, home, launcher)
    assert launcher.started[2:] == [(2, "cuda:all")]
    assert store.get(2).slot == "cuda:all"
    assert reconcile(store, home, launcher) == [], "it has both"
    store.move(2, "finished", only_from={"starting"})
    reconcile(store, home, launcher)
    assert launcher.started[3:] == [(3, "cuda:0"), (4, "cuda:1")]


def test_a_paused_run_on_all_gpus_keeps_nobody_waiting(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cuda:1", "cpu"])
    queue(store, home, *({"device": device} for device in ("cuda:0", "cuda:all", "auto")))
    store.update(2, desired="pause")
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cuda:0"), (3, "cuda:1")]


def test_without_a_gpu_a_run_on_all_of_them_fails(store: RunStore, home: Home) -> None:
    queue(store, home, {"device": "cuda:all"}, {"device": "cpu"})
    launcher = PaperLauncher()
    reconcile(store, home, launcher)
    assert launcher.started == [(2, "cpu")]
    assert "cuda:all does not exist here" in store.get(1).error


def test_a_long_queue_is_looked_at_in_a_few_rows(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = queue(store, home, {"device": "cpu"})
    with store.database.writing() as connection:
        (row,) = connection.execute(select(runs).where(runs.c.id == first.id)).mappings().all()
        devices = ("auto", "cpu", "cuda:7")
        copies = [dict(row) | {"id": id, "config": {"device": devices[id % 3]}} for id in range(2, 1002)]
        connection.execute(insert(runs), copies)
    decoded, made = [], Run.__init__
    monkeypatch.setattr(Run, "__init__", lambda run, **row: decoded.append(row["id"]) or made(run, **row))
    launcher = PaperLauncher()
    assert reconcile(store, home, launcher) == [first.id]
    assert store.count(RunFilter("status:failed")) == 334, "those whose device does not exist here"
    assert reconcile(store, home, launcher) == []
    launcher.gone = {first.id}
    assert reconcile(store, home, launcher) == [3]
    assert store.unfinished() == (1, 665)
    assert store.before(1000) == 664
    assert len(decoded) < 15, decoded


def test_small_runs_share_the_cores_and_one_more_of_them_trains(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(cores=2)
    queue(store, home, *[{}] * 5, cores=1)
    assert reconcile(store, home, launcher) == [1, 2, 3]
    assert reconcile(store, home, launcher) == []
    store.move(2, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [4]
    assert {slot for _, slot in launcher.started} == {"cpu"}


@pytest.mark.parametrize("facts", [{}, {"learner": "maml"}])
def test_a_run_on_the_whole_processor_trains_alone_and_is_not_overtaken(
    store: RunStore, home: Home, facts: dict[str, str]
) -> None:
    """So does one of which nobody has written down how many cores it needs."""
    launcher = PaperLauncher(cores=4)
    queue(store, home, {}, {}, cores=1)
    queue(store, home, {}, **facts)
    queue(store, home, {"device": "cpu"}, {}, cores=1)
    assert reconcile(store, home, launcher) == [1, 2], "there are places left, which are kept for the third"
    store.move(1, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == []
    store.move(2, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [3]
    store.move(3, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [4, 5]


def test_a_run_by_several_processes_takes_as_many_cores(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(cores=4)
    queue(store, home, {}, cores=3)
    queue(store, home, {}, cores=3)
    queue(store, home, {}, cores=1)
    assert reconcile(store, home, launcher) == [1]
    store.move(1, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [2, 3]
    queue(store, home, {}, cores=64)
    for id in (2, 3):
        store.move(id, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [4], "more than there are is all of them"


def test_small_runs_on_a_gpu_train_one_at_a_time(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cpu"])
    queue(store, home, *({"device": device} for device in ("auto", "cpu", "auto", "cuda", "cpu")), cores=1)
    reconcile(store, home, launcher)
    assert launcher.started == [(1, "cuda:0"), (2, "cpu"), (5, "cpu")]
    queue(store, home, {"device": "cpu"})
    queue(store, home, {"device": "cpu"}, cores=1)
    store.move(1, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [3], "the GPU waits for nobody who wants the processor"


def test_a_paused_small_run_keeps_its_place_and_one_that_was_stopped_comes_back(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(cores=1)
    queue(store, home, *[{}] * 3, cores=1)
    reconcile(store, home, launcher)
    store.move(1, "running", only_from={"starting"})
    pause(store, home, 1, launcher)
    store.move(1, "paused", only_from={"running"})
    assert reconcile(store, home, launcher) == []
    store.move(2, "stopped", only_from={"starting"})
    assert reconcile(store, home, launcher) == [3]
    assert resume(store, home, 2, launcher).status == "queued"
    store.move(3, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == [2]


def test_a_paused_run_on_the_whole_processor_keeps_nobody_waiting(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    queue(store, home, {}, cores=1)
    (whole,) = queue(store, home, {})
    queue(store, home, {}, cores=1)
    pause(store, home, whole.id, launcher)
    assert launcher.started == [(1, "cpu"), (3, "cpu")]


@pytest.mark.parametrize("seed", range(3))
def test_no_slot_ever_has_more_runs_than_places_and_nobody_is_overtaken(store: RunStore, home: Home, seed: int) -> None:
    """Runs of all kinds come and go while several reconcile at once."""
    chance, cores, slots = random.Random(seed), 3, ["cuda:0", "cuda:1", "cpu"]
    launcher = PaperLauncher(slots=slots, cores=cores)
    for _ in range(12):
        for _ in range(chance.randrange(4)):
            device = {"device": chance.choice(["auto", "cpu", "cpu", "cpu", "cuda:1", "cuda:all"])}
            queue(store, home, device, cores=chance.choice([None, 1, 1, 1, 2]))
        with ThreadPoolExecutor(4) as pool:
            started = set().union(*pool.map(lambda _: reconcile(store, home, launcher), range(4)))
        active = store.runs(status=ACTIVE)
        for slot in slots:
            there = [cores_of(run) for run in active if slot in hardware.members(run.slot, slots)]
            places = cores + 1 if slot == "cpu" else 1
            assert len(there) <= 1 or (None not in there and sum(there) <= places), (slot, there)
        waiting = {run.id: run.config["device"] for run in store.runs(status={"queued"})}
        oldest = min((id for id, device in waiting.items() if device == "cpu"), default=math.inf)
        late = [run.id for run in active if run.slot == "cpu" and run.id in started and run.id > oldest]
        assert not late, f"{late} started while run {oldest} waits"
        for run in active:
            if chance.random() < 0.4:
                store.move(run.id, "finished", only_from=ACTIVE)
    ids = [id for id, _ in launcher.started]
    assert len(ids) == len(set(ids)) > 5


def test_a_long_queue_of_small_runs_is_looked_at_in_a_few_rows(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = queue(store, home, {}, cores=1)
    with store.database.writing() as connection:
        (row,) = connection.execute(select(runs).where(runs.c.id == first.id)).mappings().all()
        connection.execute(insert(runs), [dict(row) | {"id": id} for id in range(2, 1002)])
    decoded, made = [], Run.__init__
    monkeypatch.setattr(Run, "__init__", lambda run, **row: decoded.append(row["id"]) or made(run, **row))
    assert reconcile(store, home, PaperLauncher(cores=2)) == [1, 2, 3]
    assert decoded == [1, 2, 3]


def test_a_failed_start_is_told(store: RunStore, home: Home) -> None:
    (run,) = queue(store, home, {})
    assert reconcile(store, home, PaperLauncher(fails=True)) == []
    run = store.get(run.id)
    assert (run.status, run.error, run.remedy) == ("failed", "No room for a worker.", "Make room.")


@pytest.mark.parametrize("state", ["starting", "running", "paused"])
def test_a_vanished_worker_is_lost_and_the_next_run_starts(store: RunStore, home: Home, state: str) -> None:
    launcher = PaperLauncher()
    first, second = queue(store, home, {}, {})
    reconcile(store, home, launcher)
    store.move(first.id, state, only_from={"starting"})
    launcher.gone.add(first.id)
    assert reconcile(store, home, launcher) == [second.id]
    lost = store.get(first.id)
    assert (lost.status, lost.phase) == ("lost", "")
    assert "vanished" in lost.error
    assert "Resume" in lost.remedy


def test_a_worker_that_vanished_while_stopping_is_stopped(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    (run,) = queue(store, home, {})
    reconcile(store, home, launcher)
    stop(store, home, run.id, launcher)
    launcher.gone.add(run.id)
    reconcile(store, home, launcher)
    assert status(store, run.id) == "stopped"


def test_a_claim_whose_spawner_died_is_given_up_after_a_while(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    (run,) = queue(store, home, {})
    store.move(run.id, "starting", only_from={"queued"}, slot="cpu", host="here", started=time.time())
    reconcile(store, home, launcher)
    assert status(store, run.id) == "starting", "another process may be spawning it now"
    store.update(run.id, started=time.time() - START - 1)
    reconcile(store, home, launcher)
    assert status(store, run.id) == "lost"


@pytest.mark.parametrize(
    ("load", "given"),
    [(None, UNKNOWN_PACE), ({"pace": None}, UNKNOWN_PACE), ({"pace": 0.5}, SILENCE), ({"pace": 60.0}, 240.0)],
)
def test_only_a_silent_worker_that_was_asked_to_stop_is_killed(
    store: RunStore, home: Home, load: dict | None, given: float
) -> None:
    """Silent for longer than its own pace explains."""
    launcher = PaperLauncher()
    (run,) = queue(store, home, {})
    reconcile(store, home, launcher)
    long_ago = time.time() - given - 1
    store.update(run.id, heartbeat=long_ago, load=load)
    reconcile(store, home, launcher)
    assert launcher.stopped == [], "a step may just take long"
    stop(store, home, run.id, launcher)
    assert launcher.stopped == [], "it was asked only now"
    asked = store.get(run.id).stop_requested
    stop(store, home, run.id, launcher)
    assert store.get(run.id).stop_requested == asked, "asking again must not give it more time"
    store.update(run.id, stop_requested=long_ago, heartbeat=time.time() - given + 5)
    reconcile(store, home, launcher)
    assert launcher.stopped == [], "it is still at its step, or writing its checkpoint"
    store.update(run.id, heartbeat=long_ago)
    reconcile(store, home, launcher)
    assert launcher.stopped == [run.id]


def test_a_silent_worker_is_not_killed_while_it_trains_for_others(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher(slots=["cuda:0", "cpu"])
    queue(store, home, *seeds(2), together=True)
    reconcile(store, home, launcher)
    long_ago = time.time() - UNKNOWN_PACE - 1
    for id in (1, 2):
        store.update(id, heartbeat=long_ago)
    stop(store, home, 1, launcher)
    store.update(1, stop_requested=long_ago)
    reconcile(store, home, launcher)
    assert launcher.stopped == [], "nobody wants the second to end"
    stop(store, home, 2, launcher)
    store.update(2, stop_requested=long_ago)
    reconcile(store, home, launcher)
    assert set(launcher.stopped) == {1}, "the worker of both"


def test_a_host_leaves_the_runs_of_others_alone(store: RunStore, home: Home) -> None:
    there, here = PaperLauncher("there"), PaperLauncher("here")
    theirs, waiting = queue(store, home, {}, {}, host="there")
    reconcile(store, home, there)
    (ours,) = queue(store, home, {})
    assert reconcile(store, home, here) == [ours.id], "their run does not occupy our slot"
    assert (status(store, theirs.id), status(store, waiting.id)) == ("starting", "queued")
    stop(store, home, theirs.id, here)
    assert status(store, theirs.id) == "starting"
    store.update(theirs.id, stop_requested=time.time() - 5 * UNKNOWN_PACE)
    reconcile(store, home, here)
    assert status(store, theirs.id) == "stopped", "a host that is gone must not keep a run for ever"
    assert here.stopped == there.stopped == []


def test_stop_and_pause_in_the_queue(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    first, second, third = queue(store, home, {}, {}, {})
    assert pause(store, home, first.id, launcher).status == "queued"
    assert launcher.started == [(second.id, "cpu")]
    assert stop(store, home, third.id, launcher).status == "stopped"
    store.move(second.id, "finished", only_from={"starting"})
    assert reconcile(store, home, launcher) == []
    assert resume(store, home, first.id, launcher).status == "starting"


@pytest.mark.parametrize("ended", ["stopped", "failed", "lost"])
def test_resume_queues_again(store: RunStore, home: Home, ended: str) -> None:
    launcher = PaperLauncher()
    blocker, run = queue(store, home, {}, {})
    store.move(run.id, "starting", only_from={"queued"})
    columns = {
        "error": "boom",
        "remedy": "try",
        "desired": "stop",
        "stop_requested": 1.0,
        "handle": {"run": 5},
        "host": "elsewhere",
    }
    store.move(run.id, ended, only_from={"starting"}, **columns)
    run = resume(store, home, run.id, launcher)
    assert (run.status, run.desired, run.attempt, run.error, run.remedy) == ("queued", "run", 2, "", "")
    assert (run.stop_requested, run.handle, run.ended, run.host) == (None, None, None, "here")
    assert launcher.started == [(blocker.id, "cpu")]


def test_what_does_not_fit_the_state_is_refused(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    (run,) = queue(store, home, {})
    reconcile(store, home, launcher)
    with pytest.raises(RunError, match="starting and cannot be resumed"):
        resume(store, home, run.id, launcher)
    store.update(run.id, desired="stop")
    with pytest.raises(RunError, match="is being stopped"):
        pause(store, home, run.id, launcher)
    store.move(run.id, "finished", only_from={"starting"})
    for ask, what in ((stop, "stopped"), (pause, "paused"), (resume, "resumed")):
        with pytest.raises(RunError, match=f"finished and cannot be {what}") as caught:
            ask(store, home, run.id, launcher)
        assert caught.value.remedy
    with pytest.raises(StoreError, match="does not exist"):
        stop(store, home, 99, launcher)


def test_submit_queues_all_or_none(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = submit(
        store, home, [Launch("a", {"seed": 1}), Launch("b", {"seed": 2})], "pair", launcher=PaperLauncher(), parent=3
    )
    assert [(run.name, run.status, run.group, run.parent) for run in runs] == [
        ("a", "starting", "pair", 3),
        ("b", "queued", "pair", 3),
    ]
    original = store.create

    def full(config: dict, *arguments: object, **more: object) -> Run:
        if config["seed"] == 4:
            raise StoreError("disk full")
        return original(config, *arguments, **more)

    monkeypatch.setattr(store, "create", full)
    with pytest.raises(StoreError, match="disk full"):
        submit(store, home, [Launch("c", {"seed": 3}), Launch("d", {"seed": 4})], launcher=PaperLauncher())
    assert len(store.runs()) == 2


def test_forty_threads_start_one_run(store: RunStore, home: Home) -> None:
    launcher = PaperLauncher()
    queue(store, home, *[{}] * 3)
    started: list[int] = []
    threads = [threading.Thread(target=lambda: started.extend(reconcile(store, home, launcher))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started == [1]
    assert launcher.started == [(1, "cpu")]


def test_the_launcher_is_never_asked_inside_the_write_transaction(store: RunStore, home: Home) -> None:
    """A cluster may take seconds to answer; meanwhile every worker has to be able to write."""
    launcher, other = PaperLauncher(), RunStore(home.database, home.root, timeout=0.2)
    first, second, _ = queue(store, home, {}, {}, {})

    def free(real):
        def call(*arguments):
            other.rename(first.id, f"written during {real.__name__}")  # StoreError if the store is locked
            return real(*arguments)

        return call

    for name in ("slots", "cores", "start", "stop", "alive"):
        setattr(launcher, name, free(getattr(launcher, name)))
    reconcile(store, home, launcher)
    stop(store, home, first.id, launcher)
    store.update(first.id, stop_requested=1.0, heartbeat=1.0)
    reconcile(store, home, launcher)
    launcher.gone.add(first.id)
    assert reconcile(store, home, launcher) == [second.id]
    assert launcher.stopped == [first.id]


def test_what_was_seen_before_the_transaction_counts_only_if_nothing_has_changed(store: RunStore, home: Home) -> None:
    """While the launcher is asked for a dead worker, another process gives the run up, and a person resumes it."""
    launcher = PaperLauncher()
    (run,) = queue(store, home, {})
    reconcile(store, home, launcher)
    launcher.gone.add(run.id)
    real = launcher.alive

    def alive(handle: Handle) -> bool:
        store.move(run.id, "lost", {"starting"})
        store.move(run.id, "queued", {"lost"}, attempt=2, handle=None)
        store.move(run.id, "starting", {"queued"}, slot="cpu", started=time.time())
        return real(handle)

    launcher.alive = alive
    reconcile(store, home, launcher)
    assert (status(store, run.id), store.get(run.id).error) == ("starting", "")


def test_a_run_that_waits_for_another_home_says_so(store: RunStore, home: Home) -> None:
    (theirs,) = queue(store, home, {}, host="there")
    (ours,) = queue(store, home, {}, host=home.host)
    assert "waits for another home" in waits_for(theirs, home)
    assert waits_for(ours, home) == ""
    stop(store, home, theirs.id, PaperLauncher(home.host))
    assert resume(store, home, theirs.id, PaperLauncher(home.host)).host == home.host


class Batch:
    """A launcher as one for a cluster would be, in one file: jobs by their own names, places of its own."""

    host = "cluster"

    def __init__(self):
        self.jobs: dict[str, threading.Thread] = {}

    def slots(self) -> list[str]:
        return ["cpu"]

    def cores(self) -> int:
        return 1

    def start(self, run: Run, home: Home, slot: str) -> Handle:
        name = f"job-{run.id}-{run.attempt}"
        self.jobs[name] = threading.Thread(target=self.train, args=(run, home))
        self.jobs[name].start()
        return {"job": name}

    def train(self, run: Run, home: Home) -> None:
        attempt = Attempt(RunStore(home.database, home.root), run.id, run.attempt)
        attempt.claim({"job": f"job-{run.id}-{run.attempt}"})
        folder = home.artifacts(run).checkpoints()
        folder.mkdir(parents=True)
        (folder.parent / "worker.log").write_text("first line\nlast line\n")
        attempt.add_metrics([(1, 0.1, "train/query_loss", 2.0)])
        attempt.move("finished")

    def stop(self, handle: Handle) -> None:
        self.jobs[handle["job"]].join()

    def alive(self, handle: Handle) -> bool:
        return self.jobs[handle["job"]].is_alive()


def test_another_launcher_is_one_class(store: RunStore, home: Home) -> None:
    launcher = Batch()
    first, second = submit(store, home, [Launch("a", {}), Launch("b", {})], launcher=launcher)
    assert (first.host, first.handle) == ("cluster", {"job": "job-1-1"})

    def both() -> bool:
        reconcile(store, home, launcher)
        return {status(store, run.id) for run in (first, second)} == {"finished"}

    wait_until(both)
    artifacts = home.artifacts(store.get(first.id))
    assert artifacts.log_tail(15) == "last line\n"
    assert artifacts.log() == b"first line\nlast line\n"
    delete(store, home, first.id)
    assert artifacts.log_tail(15) is None
    assert not artifacts.checkpoints().exists()
    delete(store, home, second.id)
    assert store.runs() == []


# With real processes


def test_forty_reconciles_in_eight_processes_start_one_worker(store: RunStore, home: Home) -> None:
    queue(store, home, {}, {}, host=home.host)
    code = (
        "from concurrent.futures import ThreadPoolExecutor; from pathlib import Path\n"
        "from core.runs.home import Home; from core.runs.store import RunStore\n"
        "from core.runs.scheduler import reconcile; from tests.core.fake_worker import OneProcessor, command\n"
        "def ready(root):\n"
        "    home = Home.find(root); store = RunStore(home.database, home.root)\n"
        "    one = lambda _: reconcile(store, home, OneProcessor(home, command))\n"
        "    return lambda: sum(ThreadPoolExecutor(5).map(one, range(5)), [])"
    )
    assert sorted(at_once(8, code, home.root)) == [*[[]] * 7, [1]]
    wait_until(lambda: status(store, 1) == "running")
    assert status(store, 2) == "queued"


def test_the_queue_advances_with_nobody_watching(store: RunStore, home: Home) -> None:
    launcher = LocalLauncher(home, command)
    runs = submit(
        store,
        home,
        [Launch("a", {"ticks": 3}), Launch("b", {"ticks": 3}), Launch("c", {"ticks": 3})],
        launcher=launcher,
    )
    wait_until(lambda: all(status(store, run.id) == "finished" for run in runs))
    first, second, third = (store.get(run.id) for run in runs)
    assert first.ended <= second.started <= second.ended <= third.started
    wait_until(lambda: launcher.alive(third.handle) is False)


def test_stop_ends_a_real_worker_and_resume_starts_another(store: RunStore, home: Home) -> None:
    launcher = LocalLauncher(home, command)
    (run,) = submit(store, home, [Launch("a", {})], launcher=launcher)
    wait_until(lambda: status(store, run.id) == "running")
    stop(store, home, run.id, launcher)
    wait_until(lambda: status(store, run.id) == "stopped")
    before = store.get(run.id)
    wait_until(lambda: not launcher.alive(before.handle))
    resume(store, home, run.id, launcher)
    wait_until(lambda: status(store, run.id) == "running" and store.get(run.id).handle not in (None, before.handle))
    assert store.get(run.id).attempt == 2


def test_a_killed_worker_is_lost(store: RunStore, home: Home) -> None:
    launcher = LocalLauncher(home, command)
    first, second = submit(store, home, [Launch("a", {}), Launch("b", {})], launcher=launcher)
    wait_until(lambda: status(store, first.id) == "running")
    os.kill(store.get(first.id).handle["pid"], signal.SIGKILL)
    wait_until(lambda: reconcile(store, home, launcher) == [second.id])
    assert status(store, first.id) == "lost"


def test_a_deaf_worker_is_killed(store: RunStore, home: Home) -> None:
    launcher = LocalLauncher(home, command, grace=0.1)
    (run,) = submit(store, home, [Launch("a", {"deaf": True})], launcher=launcher)
    wait_until(lambda: store.get(run.id).phase == "deaf")
    pid = store.get(run.id).handle["pid"]
    stop(store, home, run.id, launcher)
    long_ago = time.time() - UNKNOWN_PACE - 1
    store.update(run.id, stop_requested=long_ago, heartbeat=long_ago)

    def stopped() -> bool:
        reconcile(store, home, launcher)
        return status(store, run.id) == "stopped"

    wait_until(stopped)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
