"""Measuring a run: how its seconds are spent, and that what is measured is the run's own work, without its data."""

import mmap
from pathlib import Path

import pytest
import torch

from core.algorithms.base import algorithms
from core.training import probe
from core.training.memory import HighWater
from core.training.probe import Probe, measure, paced
from data.errors import InnerloopError
from data.places import Folders
from tests.core.tiny import TRAINING, tiny


class Work:
    """Takes ``fixed`` seconds and ``each`` more for each task, by a clock of its own; remembers what it was asked."""

    def __init__(self, fixed: float, each: float):
        self.now, self.fixed, self.each, self.asked = 0.0, fixed, each, []

    def __call__(self, tasks: int) -> None:
        self.asked.append(tasks)
        self.now += self.fixed + self.each * tasks

    def clock(self) -> float:
        return self.now


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Without any data in them."""
    return Folders(tmp_path / "datasets", tmp_path / "cache")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readings of each thing, with all tasks, however busy the machine is."""
    monkeypatch.setattr(probe, "MOST", 2)
    for name in ("STEPS", "SCORES"):
        monkeypatch.setattr(probe, name, 1e9)


def test_quick_work_is_done_whole_and_often() -> None:
    work = Work(0.001, 0.0001)
    pace = paced(work, 16, 1.0, 16, work.clock)
    assert pace.seconds == pytest.approx(0.001 + 16 * 0.0001)
    assert (pace.tasks, pace.readings) == (16, probe.MOST - 1)
    assert work.asked[0] == 1


def test_slow_work_is_done_with_fewer_tasks_and_in_proportion() -> None:
    work = Work(0.0, 0.3)
    pace = paced(work, 16, 1.0, 16, work.clock)
    assert (pace.seconds, pace.tasks) == (pytest.approx(16 * 0.3), 3)
    assert work.now < 2.5


def test_one_task_beyond_the_budget_is_done_once() -> None:
    work = Work(0.0, 7.0)
    pace = paced(work, 16, 1.0, 16, work.clock)
    assert (pace.seconds, pace.tasks, pace.readings, work.asked) == (pytest.approx(112.0), 1, 1, [1])


def test_no_more_tasks_are_computed_than_there_is_memory_for() -> None:
    work = Work(0.0, 0.01)
    pace = paced(work, 16, 1.0, 5, work.clock)
    assert (pace.tasks, max(work.asked), pace.seconds) == (5, 5, pytest.approx(0.16))


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("base", ["sinusoid", "doodles", "conv4"])
def test_a_run_is_measured_without_its_data(base: str, folders: Folders) -> None:
    cost = measure(tiny(base), folders, "cpu")
    assert cost.step > 0
    assert cost.score > 0
    assert (cost.tasks, cost.steps > 0) == (TRAINING["meta_batch_size"], True)
    assert (cost.tuned, cost.candidates, cost.tunes) == (0.0, 0, False)
    assert cost.memory > 10**7
    assert not folders.datasets.exists()
    assert not folders.cache.exists()


@pytest.mark.usefixtures("brief")
def test_omniglot_without_its_files(folders: Folders) -> None:
    cost = measure(tiny("conv4", "family=omniglot", "family.n_query=2"), folders, "cpu")
    assert cost.step > 0
    assert cost.memory > 28 * 28 * 1000 * 20  # its pictures are counted though they are not there


@pytest.mark.usefixtures("brief")
def test_a_baseline_has_its_candidates_measured(folders: Folders) -> None:
    cost = measure(tiny("doodles", "algorithm=pretrain", "algorithm.batch_size=8"), folders, "cpu")
    assert (cost.candidates, cost.tunes, cost.tuned > 0, cost.tasks) == (14, False, True, 1)
    assert measure(tiny("sinusoid", "algorithm=pretrain"), folders, "cpu").tunes


@pytest.mark.usefixtures("brief")
def test_what_is_not_trained_has_no_steps(folders: Folders) -> None:
    cost = measure(tiny("doodles", "algorithm=nearest-centroid"), folders, "cpu")
    assert (cost.step, cost.steps, cost.score > 0) == (0.0, 0, True)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("name", algorithms())
def test_every_learner_can_be_measured(name: str, folders: Folders) -> None:
    base = "doodles" if "classification" in algorithms()[name].kinds else "sinusoid"
    assert measure(tiny(base, f"algorithm={name}"), folders, "cpu").score > 0


@pytest.mark.usefixtures("brief")
def test_a_step_is_the_trainers_own_with_as_many_tasks_as_are_asked_for(folders: Folders, tmp_path: Path) -> None:
    one = Probe(tiny("sinusoid", "training.meta_batch_size=8"), folders, torch.device("cpu"), tmp_path / "run")
    drawn, before = [], [p.clone() for p in one.algorithm.parameters()]
    sample = one.family.sample
    one.family.sample = lambda *given: drawn.append(given[2]) or sample(*given)
    for tasks in (1, 8):
        one.step(tasks)
    assert drawn == [1, 8]
    assert not all(torch.equal(p, old) for p, old in zip(one.algorithm.parameters(), before, strict=True))


@pytest.mark.usefixtures("brief")
def test_memory_that_is_full_is_a_message(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(Probe, "_step", full)
    with pytest.raises(InnerloopError, match="A single task takes more memory than is free on cpu") as caught:
        measure(tiny("sinusoid"), folders, "cpu")
    assert caught.value.remedy


@pytest.mark.usefixtures("brief")
def test_tasks_that_do_not_fit_are_not_computed(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a machine with 16 kB left."""
    config = tiny("sinusoid", "training.meta_batch_size=64")
    whole = measure(config, folders, "cpu")
    monkeypatch.setattr(HighWater, "free", lambda _: 2**14)
    cut = measure(config, folders, "cpu")
    assert cut.tasks < whole.tasks == 64
    assert cut.step > 0


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(("free", "all_are"), [(2**23, True), (2**14, False)])
def test_of_convolutions_each_core_holds_one_task(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, free: int, all_are: bool
) -> None:
    """So that any number fits where as many do as there are cores."""
    monkeypatch.setattr(probe, "threads", lambda _: 2)
    monkeypatch.setattr(HighWater, "free", lambda _: free)
    config = tiny("conv4", "training.meta_batch_size=64", "model.filters=16")
    assert (measure(config, folders, "cpu").tasks == 64) is all_are
    torch.set_num_threads(1)


def test_the_highest_memory_is_seen_and_what_was_left_out_is_added() -> None:
    water = HighWater(torch.device("cpu"))
    with water.rising():
        touched().close()
    once = water.highest
    with water.rising() as rise:
        block = touched()
        rise.times = 10
    assert water.highest > once + 9 * 100 * 2**20
    block.close()


def touched() -> mmap.mmap:
    """120 MiB of the system's own: an allocator may have as many left over from before, which would be no rise."""
    block = mmap.mmap(-1, 120 * 2**20)
    block[:: mmap.PAGESIZE] = b"\1" * (len(block) // mmap.PAGESIZE)
    return block


def test_steps_that_a_run_takes_from_a_recording_are_measured_so(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "STEPS", 1e6)
    monkeypatch.setattr(probe, "MOST", 3)
    recorded, step = [], Probe.step

    def noted(self: Probe, tasks: int) -> None:
        step(self, tasks)
        recorded.append((tasks, self.algorithm.learn.recording is not None))

    monkeypatch.setattr(Probe, "step", noted)
    measure(tiny("sinusoid", "training.meta_batch_size=8"), folders, "cpu")
    assert "is recorded" not in capsys.readouterr().out
    assert recorded[:2] == [(1, False), (8, True)]
    assert recorded[-3:] == [(8, True)] * 3


@pytest.mark.usefixtures("brief")
def test_the_probes_seconds_are_bounded(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a step takes, no more than a few of one task are computed: counted, not timed."""
    monkeypatch.setattr(probe, "STEPS", 1e-9)
    taken, step = [], Probe.step
    monkeypatch.setattr(Probe, "step", lambda self, tasks: taken.append(tasks) or step(self, tasks))
    cost = measure(tiny("sinusoid", "training.meta_batch_size=32"), folders, "cpu")
    assert taken == [1, 1]
    assert (cost.tasks, cost.steps) == (1, 1)
