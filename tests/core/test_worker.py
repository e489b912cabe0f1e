"""The worker: in this process for what it writes and how it fails, and as a real process for how it is stopped."""

import errno
import io
import logging
import math
import os
import re
import signal
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from core import task_scores, worker
from core.config.facts import facts_of
from core.diagnosis import diagnoses
from core.errors import StoreError
from core.runs import hardware, scheduler, sigterm, system, views
from core.runs.artifacts import LocalArtifacts
from core.runs.attempt import Attempt
from core.runs.home import Home
from core.runs.launchers import Handle, LocalLauncher, identify
from core.runs.scheduler import Launch
from core.runs.schema import ENDED, Run
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from core.runs.system import System
from core.training import build, checkpoint
from core.training.listener import Progress
from core.training.memory import REMEDY
from core.training.trainer import Trainer
from core.worker import BEST, StoreListener, Unfailing, patiently, work
from data.metric import accuracy
from tests.core.tiny import tiny, values
from tests.waiting import wait_until


class InThisProcess:
    """Starts no worker: the test calls ``work`` itself."""

    def __init__(self, home: Home):
        self.host, self.started = home.host, []

    def slots(self) -> list[str]:
        return ["cpu"]

    def cores(self) -> int:
        return 1

    def start(self, run: Run, home: Home, slot: str, *others: Run) -> Handle:
        self.started.append((run.id, slot, *(other.id for other in others)))
        return identify()

    def stop(self, handle: Handle) -> None:
        raise AssertionError("nobody is to be killed")

    def alive(self, handle: Handle) -> bool:
        return True


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Home.find(tmp_path / "home")


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store of a machine without GPUs; workers left over are killed at the end."""
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    store = RunStore(home.database)
    yield store
    for run in store.runs():
        if run.handle and run.handle["pid"] != os.getpid():
            LocalLauncher(home, grace=0.1).stop(run.handle)


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[InThisProcess]:
    """The scheduler believes that it starts workers; signals and threads are put back afterwards."""
    launcher = InThisProcess(home)
    monkeypatch.setattr(scheduler, "launcher_of", lambda _: launcher)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield launcher
    for number, handler in before.items():
        signal.signal(number, handler)
    sigterm.forget()
    torch.set_num_threads(1)


def queue(store: RunStore, home: Home, *configs: dict[str, Any]) -> list[int]:
    return [run.id for run in scheduler.submit(store, home, [Launch("a run", config) for config in configs])]


# In this process


@pytest.mark.usefixtures("here")
def test_a_worker_builds_the_learner_once(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    whole = build.build_learner
    monkeypatch.setattr(
        build, "build_learner", lambda config, family, mode: built.append(mode) or whole(config, family, mode)
    )
    assert work(home, *queue(store, home, values("sinusoid"))) is True
    assert built == ["stacked"]


def test_a_run_leaves_its_numbers_its_scores_and_its_checkpoints(
    here: InThisProcess, store: RunStore, home: Home
) -> None:
    id, following = queue(store, home, values("sinusoid"), values("sinusoid", "seed=1"))
    assert work(home, id) is True
    run = store.get(id)
    assert (run.status, run.error, run.phase, run.iterations, run.forward) == ("finished", "", "", 4, "stacked")
    assert run.ended >= run.started
    assert (run.handle["pid"], run.slot) == (os.getpid(), "cpu")
    keys = {key for _, _, key, *_ in store.metric_rows(id) if not key.startswith("system/")}
    assert keys == {"train/support_loss", "train/query_loss", "train/query_score", "train/learning_rate"}
    best = run.best["iteration"]
    chosen = next(one.result for one in store.evaluations(id, "val") if one.iteration == best)
    assert run.best == {"iteration": best, **{key: chosen[key] for key in BEST}}
    assert run.best["diverged"] == 0 and run.best["median"] <= run.best["quartiles"][1]
    assert [(one.iteration, one.split) for one in store.evaluations(id)] == [
        (0, "val"),
        (2, "val"),
        (4, "val"),
        (best, "test"),
    ]
    tested = store.evaluations(id, "test")[0]
    assert run.test == tested.result
    assert run.test["mean"] == tested.mean
    assert run.test["run"] == id
    assert tested.checkpoint == f"best@{best}"
    scores = store.scores(tested.id)
    assert len(scores) == tested.episodes
    assert scores.mean() == pytest.approx(tested.mean)
    folder = home.artifacts(run).checkpoints()
    assert checkpoint.newest(folder, "last").iteration == 4
    assert checkpoint.newest(folder, "best").iteration == best
    assert here.started == [(id, "cpu"), (following, "cpu")]  # the end of the one starts the other


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("rate", "said", "proposed"),
    [(1.0, "Adapting makes it worse", 0.1), (1e-7, "The inner steps change next to nothing", 1e-6)],
)
def test_an_absurd_inner_rate_is_told_from_what_a_run_leaves(
    store: RunStore, home: Home, rate: float, said: str, proposed: float
) -> None:
    sizes = ("training.iterations=30", "training.evaluate_every=10", "evaluation.val_episodes=200")
    config = tiny("sinusoid", f"algorithm.inner_lr={rate}", *sizes)
    launch = Launch("a run", config.model_dump(mode="json"), facts_of(config).as_json())
    (id,) = [run.id for run in scheduler.submit(store, home, [launch])]
    assert work(home, id) is True
    reader = SeriesReader(store)
    reader.poll([id])
    found = [one for one in diagnoses(store.get(id), reader) if one.text.startswith(said)]
    assert [one.change for one in found] == [{"algorithm.inner_lr": proposed}]


@pytest.mark.usefixtures("here")
def test_a_worker_claims_its_run_with_the_handle_of_its_launcher(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its process is on another machine, its number would find nobody."""
    job = {"job": "7", "pid": os.getpid()}
    monkeypatch.setattr("core.worker.launcher_of", lambda _: SimpleNamespace(here=lambda: job))
    (id,) = queue(store, home, values("sinusoid"))
    assert work(home, id) is True
    assert store.get(id).handle == job


@pytest.mark.usefixtures("here")
def test_a_run_that_is_not_waiting_is_left_alone(store: RunStore, home: Home, capsys) -> None:
    id = queue(store, home, values("sinusoid"))[0]
    assert store.move(id, "stopped", {"starting"})
    assert work(home, id) is False
    assert store.get(id).status == "stopped"
    assert "not waiting for this worker" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_a_crash_shows_its_last_line_and_leaves_the_whole_in_the_log(
    store: RunStore, home: Home, write_module: Callable[[], str], capfd
) -> None:
    own = ("model=module", f"model.path={write_module()}:Crashing")
    id = queue(store, home, values("doodles", *own, "training.iterations=50"))[0]
    assert work(home, id) is False
    run = store.get(id)
    assert (run.status, run.error) == ("failed", "ZeroDivisionError: the cat sat on the keyboard")
    assert "log" in run.remedy
    log = capfd.readouterr().out
    assert re.search(r"\n\d\d:\d\d:\d\d  The run fails\.\nTraceback", log)
    assert "in forward" in log


@pytest.mark.usefixtures("here")
def test_the_log_says_with_what_a_run_works_and_what_comes_of_it(store: RunStore, home: Home, capsys) -> None:
    (id,) = queue(store, home, values("doodles", "seed=7"))
    assert work(home, id) is True
    day, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d, .+", day)
    assert all(re.match(r"\d\d:\d\d:\d\d  \S", line) for line in lines), "each with its time"
    run, said = store.get(id), [line[10:] for line in lines]
    start, middle, end = (one.result for one in store.evaluations(id, "val"))
    best = run.best["iteration"]
    expected = [
        f"Run {id}, attempt 1: a run",
        rf"Python 3\.\S+, PyTorch {re.escape(torch.__version__)}, Innerloop \d+\.\d+\.\d+",
        r"device: CPU · 1 thread",
        r"seed 7",
        r"data: Doodles, 3-way 2-shot, drawn by Innerloop; classes: 12 training, 6 validation, 6 test",
        r"network: mlp, [\d,]+ weights to learn, through all tasks at once",
        r"learner: maml; its meta-step is to be recorded after 5 steps",
        rf"validation at 0: {shown(start)} \(best so far\), \d+\.\d s",
        r"checkpoint at 2",
        rf"validation at 2: {shown(middle)}( \(best so far\))?, \d+\.\d s",
        r"checkpoint at 4",
        rf"validation at 4: {shown(end)}( \(best so far\))?, \d+\.\d s",
        rf"final test of best@{best}: {shown(run.test)}, 30 tasks, \d+\.\d s",
        r"time went into data \d+\.\d s, training \d+\.\d s, validation \d+\.\d s, writing \d+\.\d s",
        rf"Run {id} finished\.",
    ]
    for pattern, line in zip(expected, said, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)
    assert [line.split()[2] for line in said if "best so far" in line][-1] == f"{best}:"


def shown(result: dict[str, Any]) -> str:
    return re.escape(f"accuracy {accuracy().text(result['mean'], result['ci95'])}")


@pytest.mark.usefixtures("here")
def test_warnings_and_a_stop_are_in_the_log(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    real = Trainer._step

    def step(trainer: Trainer) -> float:
        other = real(trainer)
        warnings.warn("no deterministic kernel", stacklevel=1)
        logging.getLogger("somebody.else").info("chatter")
        store.update(id, desired="stop")
        return other

    monkeypatch.setattr(Trainer, "_step", step)
    (id,) = queue(store, home, values("sinusoid"))
    assert work(home, id) is False
    out = capsys.readouterr().out
    assert re.search(r"\n\d\d:\d\d:\d\d  warning: .*: UserWarning: no deterministic kernel\n", out)
    assert re.search(r"\n\d\d:\d\d:\d\d  asked to stop at [12]\n\d\d:\d\d:\d\d  checkpoint at [12]\n", out)
    assert "chatter" not in out


def three_seeds(store: RunStore, home: Home, *more: str) -> list[int]:
    """Submitted at once, on a device that is one place and trains them in one process."""
    settings = ("training.iterations=60", "training.evaluate_every=20", *more)
    launches = [
        Launch(f"seed {seed}", values("sinusoid", *settings, f"seed={seed}"), {"cores": 1, "together": True})
        for seed in range(3)
    ]
    return [run.id for run in scheduler.submit(store, home, launches)]


def test_seeds_in_one_process_are_each_what_it_is_alone(
    store: RunStore, home: Home, here: InThisProcess, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    alone = three_seeds(store, home)
    assert [work(home, id) for id in alone] == [True] * 3
    assert here.started == [(id, "cpu") for id in alone], "on a processor each has its own worker"
    monkeypatch.setattr(hardware, "stacks", lambda _: True)
    together = three_seeds(store, home)
    first, *others = together
    assert here.started[3:] == [(first, "cpu", *others)]
    assert [store.get(id).status for id in together] == ["starting"] * 3
    capsys.readouterr()
    assert work(home, first, 1, dict.fromkeys(others, 1)) is True
    logs = [capsys.readouterr().out, *(log(home, store.get(id)) for id in others)]
    for seed, (one, other, text) in enumerate(zip(alone, together, logs, strict=True)):
        run, apart = store.get(other), store.get(one)
        assert (run.status, run.iteration, run.slot) == ("finished", 60, "cpu"), text
        assert scores(store, run) == scores(store, apart)
        assert run.test["mean"] == apart.test["mean"]
        said = [line[10:] for line in text.splitlines()]
        assert [line for line in said if line.startswith("seed ")] == [f"seed {seed}"]
        assert "Steps of 3 runs are taken as one." in said
        assert said.count("The meta-step is recorded after 5 steps.") == 1
        assert said[1].startswith("In one process with runs "), "below the date"
        assert said[-1] == f"Run {other} finished."


@pytest.mark.usefixtures("here")
def test_one_of_several_seeds_that_cannot_begin_leaves_the_others(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "stacks", lambda _: True)
    first, second, third = three_seeds(store, home)
    store.update(second, config={})
    assert store.move(third, "stopped", {"starting"})
    assert work(home, first, 1, {second: 1, third: 1}) is False
    assert [store.get(id).status for id in (first, second, third)] == ["finished", "failed", "stopped"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("where", ["log", "row"])
def test_a_thread_that_dies_leaves_no_row_that_seems_alive(
    where: str, store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives on for the other seeds, so that nobody would find it gone."""
    monkeypatch.setattr(hardware, "stacks", lambda _: True)
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    first, second, third = three_seeds(store, home)
    if where == "log":
        home.artifacts(store.get(second)).log_file.mkdir(parents=True)
        wanted = "IsADirectoryError: "
    else:
        real = Attempt.update

        def update(attempt: Attempt, **columns: Any) -> None:
            if attempt.run == second and "forward" in columns:
                raise MemoryError("no room for a row")
            real(attempt, **columns)

        monkeypatch.setattr(Attempt, "update", update)
        monkeypatch.setattr(worker, "_crash", lambda error: (_ for _ in ()).throw(error))
        wanted = "MemoryError: no room for a row"
    assert work(home, first, 1, {second: 1, third: 1}) is False
    assert [store.get(id).status for id in (first, second, third)] == ["finished", "failed", "finished"]
    assert store.get(second).error.startswith(wanted)


@pytest.mark.usefixtures("here")
def test_a_loss_that_is_not_a_number_fails_the_run(store: RunStore, home: Home) -> None:
    id = queue(store, home, values("sinusoid", "algorithm.inner_lr=100", "algorithm.inner_steps=20"))[0]
    assert work(home, id) is False
    run = store.get(id)
    assert run.status == "failed"
    assert run.error.startswith("The inner loop explodes at iteration 1: the support loss is ")
    assert "lower algorithm.inner_lr (now 100)" in run.remedy


@pytest.mark.usefixtures("here")
def test_a_full_memory_is_said_with_what_helps(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr("core.training.trainer.Trainer._step", full)
    id = queue(store, home, values("sinusoid"))[0]
    work(home, id)
    run = store.get(id)
    assert run.status == "failed"
    assert "memory is full" in run.error
    assert run.remedy == REMEDY


@pytest.mark.usefixtures("here")
def test_a_truncated_data_set_fails_the_run_with_the_files_name(store: RunStore, home: Home) -> None:
    folder = home.datasets / "omniglot"
    folder.mkdir(parents=True)
    for name in ("images_background.zip", "images_evaluation.zip"):
        (folder / name).write_bytes(b"PK\x03\x04 cut off")
    config = values("doodles", "family=omniglot", "family.n_query=2")
    id = queue(store, home, config)[0]
    assert work(home, id) is False
    run = store.get(id)
    assert run.status == "failed"
    assert str(folder / "images_background.zip") in run.error
    assert "Delete it" in run.remedy


@pytest.mark.usefixtures("here")
def test_a_config_that_no_longer_parses_fails_the_run(store: RunStore, home: Home) -> None:
    """Queued by another version, perhaps."""
    config = values("sinusoid")
    id = queue(store, home, {**config, "training": {**config["training"], "momentum": 0.9}})[0]
    assert work(home, id) is False
    assert store.get(id).error == "There is no setting training.momentum."


@pytest.mark.usefixtures("here")
def test_a_run_leaves_single_tasks_to_look_at(store: RunStore, home: Home) -> None:
    id = queue(store, home, values("doodles", "evaluation.val_episodes=4"))[0]
    assert work(home, id) is True
    run = store.get(id)
    kept = home.artifacts(run)
    assert views.iterations(kept) == [0, 2, 4] and len(views.validation(kept, 4)) == 4
    test = task_scores.of_test(run, store, kept)
    assert list(test.views) == test.worst and len(test.worst) == 10 and test.diverged == [] and test.confusion["pairs"]
    last = max(test.views[test.worst[0]].said)
    assert [test.views[place].said[last]["score"] for place in test.worst] == test.scores[test.worst].tolist()
    best = task_scores.of_best_validation(run, store, kept, store.validations_after({id: 0})[id])
    assert best.iteration == run.best["iteration"] and list(best.views) == [0, 1, 2, 3] and best.confusion is None


@pytest.mark.usefixtures("here")
def test_a_disk_without_room_for_what_is_looked_at_does_not_end_a_run(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("There is no room.", "Make some.", "")

    monkeypatch.setattr(LocalArtifacts, "put_view", full)
    id = queue(store, home, values("sinusoid"))[0]
    assert work(home, id) is True
    assert task_scores.of_test(store.get(id), store, home.artifacts(store.get(id))).views == {}


@pytest.mark.usefixtures("here")
def test_what_is_wanted_is_asked_at_each_beat_and_the_status_written_only_when_it_changes(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = queue(store, home, values("sinusoid"))[0]
    store.move(id, "running", {"starting"})
    listener = StoreListener(Attempt(store, id, 1), "cpu", home.artifacts(store.get(id)), System("tasks", 4))
    moves, real = [], store.move
    monkeypatch.setattr(store, "move", lambda id, to, only_from: moves.append(to) or real(id, to, only_from))

    def beat() -> tuple[str, str]:
        return listener.progress(Progress("training", 3, 1.5, 2.0, 10.0)), store.get(id).status

    assert [beat(), beat()] == [("run", "running")] * 2
    store.update(id, desired="pause")
    assert [beat(), beat()] == [("pause", "paused")] * 2
    store.update(id, desired="run")
    assert [beat(), beat()] == [("run", "running")] * 2
    assert moves == ["paused", "running"]
    run = store.get(id)
    assert (run.iteration, run.seconds, run.rate, run.remaining, run.phase) == (3, 1.5, 2.0, 10.0, "training")
    monkeypatch.setattr(sigterm, "asked", lambda: True)
    assert beat()[0] == "stop"


@pytest.mark.usefixtures("here")
def test_nobody_hears_of_an_end_that_the_store_was_not_told(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, told = queue(store, home, values("sinusoid"))[0], []
    monkeypatch.setattr(worker, "mirrored", lambda *_: SimpleNamespace(end=told.append))
    move = Attempt.move

    def away(attempt: Attempt, status: str, **columns: Any) -> None:
        if status == "finished":
            raise StoreError("The database is away.", "")
        move(attempt, status, **columns)

    monkeypatch.setattr(Attempt, "move", away)
    monkeypatch.setattr(worker, "patiently", lambda call: call())
    with pytest.raises(StoreError, match="away"):
        work(home, id, 1)
    assert told == [""]


@pytest.mark.usefixtures("here")
def test_a_worker_that_finds_itself_superseded_ends_without_a_trace(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """It was given up while it lived; the run was resumed, and its successor is at it."""
    id = queue(store, home, values("sinusoid", "training.iterations=1000"))[0]
    real = Trainer._step

    def step(trainer: Trainer) -> float:
        if trainer.iteration == 3:
            store.move(id, "lost", {"running"})
            store.move(id, "queued", {"lost"}, attempt=2)
            store.move(id, "starting", {"queued"})
            Attempt(store, id, 2).claim({"pid": os.getpid()}, iteration=0, heartbeat=1.0)
            trainer.last_save = -1e9  # a checkpoint is due now
        return real(trainer)

    monkeypatch.setattr(Trainer, "_step", step)
    assert work(home, id, 1) is False
    run = store.get(id)
    assert (run.status, run.attempt, run.iteration, run.heartbeat, run.error) == ("running", 2, 0, 1.0, "")
    best, last = sorted(path.name for path in home.artifacts(run).checkpoints().iterdir())
    assert re.fullmatch(r"best-00000000[02]-\d{3} last-000000002-\d{3}", f"{best} {last}"), "and nothing half-written"
    assert "This worker ends" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_a_worker_of_an_attempt_that_is_over_does_not_begin(store: RunStore, home: Home) -> None:
    id = queue(store, home, values("sinusoid"))[0]
    store.update(id, attempt=2)
    assert work(home, id, 1) is False
    assert store.get(id).status == "starting"


@pytest.mark.usefixtures("here")
def test_asked_to_end_while_starting_it_is_stopped(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigterm, "asked", lambda: True)
    id = queue(store, home, values("sinusoid"))[0]
    assert work(home, id) is False
    assert (store.get(id).status, store.get(id).error) == ("stopped", "")


class FullDisk(io.TextIOBase):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_waiting_for_space_outlives_a_log_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the store and the log fail together."""
    monkeypatch.setattr(sys, "stdout", Unfailing(FullDisk()))
    monkeypatch.setattr("core.worker.time.sleep", lambda _: None)
    answers = iter([StoreError("The disk is full.", passing=True)] * 3)

    def call() -> str:
        if error := next(answers, None):
            raise error
        return "written"

    assert patiently(call) == "written"


def test_what_will_not_pass_is_not_waited_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'innerloop.db'}"
    store = RunStore(url)
    with sqlite3.connect(tmp_path / "innerloop.db") as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN note")
    with pytest.raises(StoreError, match="no such column") as caught:
        patiently(lambda: store.update(1, note="x"))
    assert not caught.value.passing


@pytest.mark.usefixtures("here")
def test_the_row_knows_how_long_a_step_takes(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    id = queue(store, home, values("sinusoid"))[0]
    attempt = Attempt(store, id, 1)
    attempt.claim(identify())
    listener = StoreListener(attempt, "cpu", home.artifacts(store.get(id)), System("tasks", 4))
    times = iter([0.0, 62.0, 63.0])
    monkeypatch.setattr("core.worker.time.monotonic", lambda: next(times))
    monkeypatch.setattr("core.worker.patiently", lambda call: call())
    paces = []
    for _ in range(3):
        listener.progress(Progress("training", 3, 1.5))
        paces.append(store.get(id).load["pace"])
    assert paces == [None, 62.0, 62.0]
    assert scheduler.patience(store.get(id)) == 4 * 62.0


@pytest.mark.usefixtures("here")
def test_what_a_run_takes_of_its_machine_is_written_beside_its_loss_and_changes_nothing(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    for shortest in (1e-9, math.inf):
        monkeypatch.setattr(system, "SHORTEST", shortest)
        monkeypatch.setattr(system, "SHARE", math.inf)
        id = queue(store, home, values("sinusoid"))[0]
        assert work(home, id) is True
        rows = store.metric_rows(id)
        own = {key for _, _, key, *_ in rows if key.startswith("system/")}
        assert own == ({system.CPU, system.MEMORY, "system/tasks_per_second"} if shortest < 1 else set())
        losses = [row[1:4] for row in rows if not row[2].startswith("system/")]
        saved = checkpoint.newest(home.artifacts(store.get(id)).checkpoints(), "last")
        weights = (saved.folder / "weights.safetensors").read_bytes()
        kept.append((losses, scores(store, store.get(id)), weights))
    assert kept[0] == kept[1]


@pytest.mark.usefixtures("here")
def test_a_finished_run_still_says_what_its_time_went_into(store: RunStore, home: Home) -> None:
    id = queue(store, home, values("sinusoid"))[0]
    assert work(home, id) is True
    run = store.get(id)
    assert run.status == "finished"
    assert run.load["spent"].keys() == {"data", "training", "validation", "writing"}
    assert all(seconds > 0 for seconds in run.load["spent"].values())


# Real processes; each takes seconds to start, so that each is asked several things


@pytest.fixture
def plain_signals() -> Iterator[None]:
    """A test run in the background ignores these, and so would every process that it starts, whatever the worker does."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


ENDLESS = ("training.iterations=10000000", "training.evaluate_every=10000000")


def ended(store: RunStore, id: int) -> Run:
    def look() -> Run | None:
        run = store.get(id)
        return run if run.status in ENDED else None

    return wait_until(look, timeout=90)


def training(store: RunStore, id: int, beyond: int = 0) -> Run:
    """The run once its worker has reported more than ``beyond`` iterations."""

    def look() -> Run | None:
        run = store.get(id)
        assert run.status not in ENDED, run.error
        return run if run.status == "running" and run.iteration > beyond else None

    return wait_until(look, timeout=90)


def log(home: Home, run: Run) -> str:
    return home.artifacts(run).log_tail(100_000)


def test_a_queue_of_real_workers_empties_itself(store: RunStore, home: Home, write_module: Callable[[], str]) -> None:
    """Only the first is started by us; nobody calls the scheduler after that."""
    own = ("model=module", f"model.path={write_module()}:Crashing", "training.iterations=50")
    crashing, finishing = queue(store, home, values("doodles", *own), values("sinusoid"))
    crashed = ended(store, crashing)
    assert (crashed.status, crashed.error) == ("failed", "ZeroDivisionError: the cat sat on the keyboard")
    text = log(home, crashed)
    assert "Traceback (most recent call last)" in text
    assert "in forward" in text
    done = ended(store, finishing)
    assert (done.status, done.iteration) == ("finished", 4), log(home, done)
    assert done.handle["pid"] not in (crashed.handle["pid"], os.getpid())
    assert done.test["episodes"] == 30
    assert checkpoint.newest(home.artifacts(done).checkpoints(), "best")
    assert store.metric_rows(finishing)


@pytest.mark.usefixtures("forking")
def test_a_run_gives_the_same_numbers_alone_and_beside_others(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # what the workers begin with on a machine of two cores
    config = values("sinusoid", "training.iterations=60", "training.evaluate_every=20")
    alone, *others = [Launch("one", config, {"cores": 1}) for _ in range(4)]
    runs = [*scheduler.submit(store, home, [alone])]
    numbers = [scores(store, ended(store, runs[0].id))]
    together = scheduler.submit(store, home, others)
    assert [run.status for run in together] == ["starting"] * 3
    for run in together:
        done = ended(store, run.id)
        assert (done.status, done.device) == ("finished", "CPU · 1 thread"), log(home, done)
        numbers.append(scores(store, done))
    assert numbers[1:] == numbers[:1] * 3
    assert len(numbers[0]) == 5


def scores(store: RunStore, run: Run) -> list[tuple[int, str, float]]:
    return [(one.iteration, one.split, one.mean) for one in store.evaluations(run.id)]


@pytest.mark.usefixtures("plain_signals", "forking")
def test_a_real_worker_is_stopped_resumed_killed_and_resumed_again(store: RunStore, home: Home) -> None:
    (id,) = queue(store, home, values("sinusoid", *ENDLESS))
    run = training(store, id)
    worker = psutil.Process(run.handle["pid"])
    for ignored in (signal.SIGINT, signal.SIGHUP):
        worker.send_signal(ignored)
    run = training(store, id, beyond=run.iteration)  # still at it
    assert run.handle["pid"] == worker.pid
    worker.send_signal(signal.SIGTERM)
    stopped = ended(store, id)
    assert stopped.status == "stopped"
    saved = checkpoint.newest(home.artifacts(stopped).checkpoints(), "last")
    assert saved.iteration > 0
    assert max(row[1] for row in store.metric_rows(id)) == saved.iteration

    scheduler.resume(store, home, id)
    resumed = training(store, id, beyond=saved.iteration)
    assert resumed.handle != stopped.handle
    with suppress(psutil.NoSuchProcess):
        psutil.Process(resumed.handle["pid"]).kill()

    def vanished() -> bool:
        scheduler.reconcile(store, home)
        return store.get(id).status == "lost"

    wait_until(vanished)
    assert "vanished" in store.get(id).error

    kept = checkpoint.newest(home.artifacts(resumed).checkpoints(), "last")
    assert kept.iteration == saved.iteration  # no later one was due
    few = kept.iteration + 20
    store.update(id, config=values("sinusoid", f"training.iterations={few}", f"training.evaluate_every={few}"))
    scheduler.resume(store, home, id)
    done = ended(store, id)
    assert (done.status, done.iteration, done.attempt) == ("finished", few, 3), log(home, done)
    iterations = [row[1] for row in store.metric_rows(id) if row[2] == "train/query_loss"]
    assert iterations == sorted(set(iterations))  # what the killed worker reported and did not save is void
    assert iterations[-1] == few
    assert done.test["protocol"]["checkpoint"] == f"best@{few}"


@pytest.mark.usefixtures("plain_signals", "forking")
def test_a_real_worker_of_three_seeds_loses_one_to_a_stop_and_all_to_a_kill(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "stacks", lambda _: True)
    ids = three_seeds(store, home, *ENDLESS)
    runs = [training(store, id, beyond=60) for id in ids]
    assert runs[0].handle == runs[1].handle == runs[2].handle
    scheduler.stop(store, home, ids[1])
    stopped = ended(store, ids[1])
    assert stopped.status == "stopped", log(home, stopped)
    left = [training(store, id, beyond=stopped.iteration + 20) for id in (ids[0], ids[2])]
    scheduler.pause(store, home, ids[0])
    wait_until(lambda: store.get(ids[0]).status == "paused", timeout=90)
    training(store, ids[2], beyond=left[1].iteration + 20)
    psutil.Process(runs[0].handle["pid"]).kill()

    def vanished() -> bool:
        scheduler.reconcile(store, home)
        return [store.get(id).status for id in ids] == ["lost", "stopped", "lost"]

    wait_until(vanished)
    for id in ids:
        scheduler.resume(store, home, id)
    again = [training(store, id, beyond=store.get(id).iteration) for id in ids]
    assert {run.attempt for run in again} == {2}
    LocalLauncher(home, grace=0.1).stop(again[0].handle)


@pytest.mark.usefixtures("plain_signals", "forking")
def test_a_run_by_two_processes_is_stopped_killed_and_resumed_and_leaves_nobody_behind(
    store: RunStore, home: Home
) -> None:
    divided = ("training.processes=2", "training.meta_batch_size=4")
    (id,) = queue(store, home, values("sinusoid", *ENDLESS, *divided))
    run, worker, follower = shared(store, id)
    assert run.device == "2 × CPU · 1 thread"
    text = log(home, run)
    assert text.count("device: 2 × CPU · 1 thread") == text.count("seed 0") == text.count("learner: maml") == 1
    follower.send_signal(signal.SIGTERM)  # the machine shuts down: it asks everybody, and the worker decides
    worker.send_signal(signal.SIGTERM)
    assert (ended(store, id).status, store.get(id).error) == ("stopped", ""), log(home, run)
    gone(worker, follower)
    saved = checkpoint.newest(home.artifacts(run).checkpoints(), "last")
    assert saved.iteration > 0

    scheduler.resume(store, home, id)
    run, worker, follower = shared(store, id)
    follower.kill()
    failed = ended(store, id)
    assert failed.status == "failed"
    assert "Process 2 of 2, which shared the work, was ended by signal 9 (SIGKILL)." in failed.error
    assert "Resume the run" in failed.remedy
    gone(worker)

    scheduler.resume(store, home, id)
    run, worker, follower = shared(store, id)
    worker.kill()
    gone(worker, follower)

    def vanished() -> bool:
        scheduler.reconcile(store, home)
        return store.get(id).status == "lost"

    wait_until(vanished)
    few = checkpoint.newest(home.artifacts(run).checkpoints(), "last").iteration + 20
    alone = values("sinusoid", f"training.iterations={few}", f"training.evaluate_every={few}")
    store.update(id, config=alone)  # by any number of processes
    scheduler.resume(store, home, id)
    done = ended(store, id)
    assert (done.status, done.iteration) == ("finished", few), log(home, done)


def shared(store: RunStore, id: int) -> tuple[Run, psutil.Process, psutil.Process]:
    """The run once two processes train it: its worker, and the other."""

    def look() -> Run | None:
        run = store.get(id)
        assert run.status not in ENDED, run.error
        return run if run.status == "running" and run.phase == "training" and run.rate else None

    run = wait_until(look, timeout=90)
    worker = psutil.Process(run.handle["pid"])
    (follower,) = wait_until(worker.children, timeout=90)
    return run, worker, follower


def gone(*processes: psutil.Process) -> None:
    def over(process: psutil.Process) -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    wait_until(lambda: all(over(process) for process in processes))


@pytest.mark.usefixtures("plain_signals")
def test_sigterm_while_torch_is_imported_stops_the_run(store: RunStore, home: Home) -> None:
    """Sent as soon as the process listens, which is long before it knows its run."""
    (id,) = queue(store, home, values("sinusoid", *ENDLESS))
    process = psutil.Process(store.get(id).handle["pid"])

    def listening() -> bool:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    wait_until(listening)
    process.send_signal(signal.SIGTERM)
    assert (ended(store, id).status, store.get(id).iteration) == ("stopped", 0)
