"""Runs that take their steps together are, each of them, what they are alone, whatever becomes of the others."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from core.algorithms.base import StepReport
from core.config.checks import parse
from core.config.run import RunConfig
from core.runs.home import Home
from core.training import recording, step, together
from core.training.build import build_learner, may_be_taken_together, without_data
from core.training.listener import Desired, Progress, Stopped
from core.training.recorded import Repeated
from core.training.recorded import values as values_of
from core.training.recording import Recording, StackedRecordings
from core.training.together import Together, apart, stacked_up
from core.training.trainer import Trainer
from data.batch import Episodes
from tests.core.tiny import MemoryListener, open_tiny, tiny, values
from tests.core.training.test_trainer import same_weights, train

LEARNERS = {
    "one step": {"name": "maml", "inner_lr": 0.01, "inner_steps": 1},
    "three steps": {"name": "maml", "inner_lr": 0.05, "inner_steps": 3},
    "first order": {"name": "maml", "inner_lr": 0.05, "inner_steps": 3, "first_order": True},
    "anil": {"name": "anil", "inner_lr": 0.05, "inner_steps": 3},
    "meta-sgd": {"name": "meta-sgd", "inner_lr": 0.05, "inner_steps": 2},
    "reptile": {"name": "reptile", "inner_lr": 0.01, "inner_steps": 2},
    "cnp": {"name": "cnp", "encoder": [8, 8], "decoder": [8]},
    "pretrain": {"name": "pretrain", "batch_size": 30},
}
SINUSOID = {"name": "sinusoid", "k_shot": 5, "n_query": 7}
PICTURES = {"name": "doodles", "n_way": 3, "k_shot": 1, "n_query": 2}
MLP, CONV4 = {"name": "mlp", "widths": [8, 8]}, {"name": "conv4", "filters": 4}
POOLED = CONV4 | {"downsampling": "max-pool"}
ROUNDED = [
    ("three steps", PICTURES, MLP),
    ("one step", PICTURES, CONV4),
    ("first order", PICTURES, POOLED),
    ("anil", PICTURES, CONV4),
    ("meta-sgd", PICTURES, MLP),
    ("cnp", SINUSOID, MLP),
    ("pretrain", SINUSOID, MLP),
]
EXACT = LEARNERS.keys() - {"cnp", "pretrain"}


def recordings(
    algorithm: dict[str, Any],
    count: int,
    family: dict[str, Any] = SINUSOID,
    model: dict[str, Any] = MLP,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[list[Recording], list[Episodes]]:
    """Of learners of so many seeds, each with a meta-batch."""
    found, batches = [], []
    for seed in range(count):
        config = parse({"family": family, "model": model, "algorithm": algorithm, "seed": seed})
        data = without_data(config, device=device)
        data.sample = lambda _, shape, tasks, generator, data=data: data.made_up(shape, tasks, generator)
        learner = build_learner(config, data, "stacked").to(dtype)
        drawn = learner.draw(config.family.shape, 4, torch.Generator().manual_seed(100 + seed))
        batches.append(drawn.like([part.to(dtype) if part.is_floating_point() else part for part in drawn.tensors]))
        found.append(Recording(learner, batches[-1]))
    return found, batches


@pytest.mark.parametrize("algorithm", sorted(EXACT))
def test_stacked_each_learner_gets_what_its_own_recording_gives(algorithm: str) -> None:
    alone, batches = recordings(LEARNERS[algorithm], 3)
    stacked, said = stacked_up(alone, batches)
    assert said == "Steps of 3 runs are taken as one."
    later = batches[1:] + batches[:1]  # other tasks than those that were looked at as it was made
    for (gradients, report), one, batch in zip(stacked(later), alone, later, strict=True):
        expected, told = one(batch)
        assert len(expected) == len(gradients) > 0
        assert all(torch.equal(a, b) and a.stride() == b.stride() for a, b in zip(expected, gradients, strict=True))
        assert len(values_of(told)) >= 2
        assert all(torch.equal(a, b) for a, b in zip(values_of(report), values_of(told), strict=True))


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(("algorithm", "family", "model"), ROUNDED, ids=[one[0] for one in ROUNDED])
def test_stacked_larger_products_give_the_same_but_for_rounding(
    algorithm: str, family: dict[str, Any], model: dict[str, Any]
) -> None:
    """In float64, so that nothing but rounding is that small."""
    alone, batches = recordings(LEARNERS[algorithm], 2, family, model, torch.float64)
    found = StackedRecordings(alone, batches)(later := batches[::-1])
    assert max(apart(a, one(batch)) for a, one, batch in zip(found, alone, later, strict=True)) < 1e-9
    mixed = [one(batch) for one, batch in zip(alone, later[::-1], strict=True)]
    assert min(apart(a, b) for a, b in zip(found, mixed, strict=True)) > 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("algorithm", "family", "model"), ROUNDED, ids=[one[0] for one in ROUNDED])
def test_on_a_gpu(algorithm: str, family: dict[str, Any], model: dict[str, Any]) -> None:
    """One graph for all: as far from each learner's own as kernels for more tasks round differently."""
    alone, batches = recordings(LEARNERS[algorithm], 3, family, model, torch.float64, "cuda")
    stacked, said = stacked_up(alone, batches)
    assert stacked is not None, said
    later = batches[1:] + batches[:1]
    answers = zip(stacked(later), alone, later, strict=True)
    assert max(apart(found, one(batch)) for found, one, batch in answers) < 1e-9


def test_what_stacked_would_give_other_numbers_is_not_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, batches = recordings(LEARNERS["one step"], 2)
    real = StackedRecordings.__call__

    def off(self: StackedRecordings, given: Sequence[Episodes]) -> list[Any]:
        found = real(self, given)
        found[1][0][0].add_(1e-6)
        return found

    monkeypatch.setattr(StackedRecordings, "__call__", off)
    stacked, said = stacked_up(alone, batches)
    assert stacked is None
    assert said.startswith("Steps of 2 runs are taken one after the other: together they would differ by")


def test_what_vmap_cannot_follow_is_not_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("vmap: no such rule\nand more")

    alone, batches = recordings(LEARNERS["one step"], 2)
    monkeypatch.setattr(recording, "vmap", refuse)
    assert stacked_up(alone, batches) == (
        None,
        "Steps of 2 runs are taken one after the other: RuntimeError: vmap: no such rule",
    )


SETTINGS = ("training.iterations=12", "training.evaluate_every=6")


def seeds(count: int, *more: str) -> list[RunConfig]:
    return [tiny("sinusoid", *SETTINGS, *more, f"seed={seed}") for seed in range(count)]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are recorded after three, so that there are some before and many after."""
    monkeypatch.setattr(step.hasten, "__defaults__", (3,))


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many runs each step was that was taken as one."""
    found, real = [], StackedRecordings.__call__

    def call(self: StackedRecordings, batches: Sequence[Episodes]) -> list[Any]:
        found.append(len(batches))
        return real(self, batches)

    monkeypatch.setattr(StackedRecordings, "__call__", call)
    return found


class Crew:
    """So many trainings together, each in a thread."""

    def __init__(self, configs: list[RunConfig], home: Home, folder: Path, listeners: list[MemoryListener]):
        self.meeting = Together(len(configs), beat=0.01)
        self.listeners = listeners
        self.trainers = [
            Trainer(config, open_tiny(config, home), folder / str(i), listener, beat=0.0, company=member)
            for i, (config, listener, member) in enumerate(zip(configs, listeners, self.meeting.members, strict=True))
        ]

    def run(self) -> list[BaseException | None]:
        """What each ended with."""
        with ThreadPoolExecutor(len(self.trainers)) as pool:
            return [one.exception() for one in [pool.submit(self._one, i) for i in range(len(self.trainers))]]

    def _one(self, i: int) -> None:
        try:
            self.trainers[i].run()
        finally:
            self.meeting.members[i].leave()


def same(listener: MemoryListener, trainer: Trainer, config: RunConfig, home: Home, folder: Path) -> bool:
    """Whether a training is to the last bit what it is alone: curves, scores and weights."""
    _, other, alone = train(config, folder, home)
    return listener.curve == other.curve and listener.scores == other.scores and same_weights(trainer, alone)


def test_each_of_three_seeds_is_what_it_is_alone(pictures: Home, tmp_path: Path, taken: list[int]) -> None:
    configs = seeds(3)
    crew = Crew(configs, pictures, tmp_path, [MemoryListener() for _ in configs])
    assert crew.run() == [None, None, None]
    assert taken == [3] * 10, "looked at once, and nine of twelve steps"
    for i, config in enumerate(configs):
        assert same(crew.listeners[i], crew.trainers[i], config, pictures, tmp_path / f"alone {i}")


def test_one_that_is_stopped_leaves_the_others_and_goes_on_alone_later(pictures: Home, tmp_path: Path) -> None:
    configs = seeds(3)
    leaver = MemoryListener(lambda progress: "stop" if progress.iteration == 7 else "run")
    crew = Crew(configs, pictures, tmp_path, [MemoryListener(), leaver, MemoryListener()])
    first, second, third = crew.run()
    assert (first, third) == (None, None)
    assert isinstance(second, Stopped)
    assert crew.trainers[1].iteration == 7
    for i in (0, 2):
        assert same(crew.listeners[i], crew.trainers[i], configs[i], pictures, tmp_path / f"alone {i}")
    _, _, resumed = train(configs[1], tmp_path / "1", pictures)
    _, _, whole = train(configs[1], tmp_path / "whole", pictures)
    assert same_weights(resumed, whole)


def test_nobody_waits_for_one_that_is_paused(pictures: Home, tmp_path: Path) -> None:
    configs, over = seeds(2), threading.Event()

    def until_the_other_is_over(progress: Progress) -> Desired:
        return "pause" if progress.iteration == 5 and not over.is_set() else "run"

    class Last(MemoryListener):
        def evaluated(self, result: Any, iteration: int, best: bool) -> None:
            super().evaluated(result, iteration, best)
            if result.split == "test":
                over.set()

    crew = Crew(configs, pictures, tmp_path, [Last(), MemoryListener(until_the_other_is_over)])
    assert crew.run() == [None, None]
    for i, config in enumerate(configs):
        assert same(crew.listeners[i], crew.trainers[i], config, pictures, tmp_path / f"alone {i}")


def test_one_that_fails_leaves_the_others(pictures: Home, tmp_path: Path) -> None:
    configs = seeds(2)
    crew = Crew(configs, pictures, tmp_path, [MemoryListener(), MemoryListener()])
    family, calls = crew.trainers[1].family, []
    real = family.sample

    def sample(split: str, *arguments: Any) -> Episodes:
        if split == "train":
            calls.append(1)
        if len(calls) == 6:
            raise OSError("the disk is gone")
        return real(split, *arguments)

    family.sample = sample
    first, second = crew.run()
    assert first is None
    assert str(second) == "the disk is gone"
    assert same(crew.listeners[0], crew.trainers[0], configs[0], pictures, tmp_path / "alone")


def test_one_that_waits_for_another_still_obeys(pictures: Home, tmp_path: Path) -> None:
    """The other validates, and does not come to an end before this one has been stopped."""
    configs, stopped, begun = seeds(2), threading.Event(), threading.Event()

    class Slow(MemoryListener):
        def evaluated(self, result: Any, iteration: int, best: bool) -> None:
            super().evaluated(result, iteration, best)
            if iteration == 6:
                begun.set()
                assert stopped.wait(60)

    # After its own validation, which ends with a checkpoint and no sign of life.
    asked = MemoryListener(
        lambda progress: "stop" if begun.is_set() and asked.evaluations[-1][0] == progress.iteration == 6 else "run"
    )
    crew = Crew(configs, pictures, tmp_path, [Slow(), asked])
    leave = crew.meeting.members[1].leave
    crew.meeting.members[1].leave = lambda: (leave(), stopped.set())
    waiting, take = [], crew.meeting.members[1].take

    def noted(stepper: Any, step: Any, tick: Callable[[float], None]) -> Any:
        return take(stepper, step, lambda waited: (waiting.append(step[0]), tick(waited)))

    crew.meeting.members[1].take = noted
    first, second = crew.run()
    assert first is None
    assert isinstance(second, Stopped)
    assert crew.trainers[1].iteration == 6
    assert waiting[-1] == 6, "it was told while it waited, not during its own validation"


def test_waiting_for_others_is_no_training_time(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock says that each meeting took 1000 s to come about."""
    config = seeds(1)[0]
    trainer = Trainer(config, open_tiny(config, pictures), tmp_path, MemoryListener(), beat=0.0)
    take, later = together.Single.take, [0.0]

    def late(self: together.Single, *arguments: Any) -> tuple[Any, float]:
        later[0] += 1000.0
        return take(self, *arguments)[0], 1000.0

    real = trainer.clock
    trainer.clock = trainer.spent.clock = lambda: real() + later[0]
    monkeypatch.setattr(together.Single, "take", late)
    trainer.run()
    assert trainer.seconds < 1000.0
    assert sum(trainer.spent.so_far().values()) < 1000.0


def test_which_runs_may_take_their_steps_together() -> None:
    def may(*assignments: str, base: str = "sinusoid") -> bool:
        config = parse(values(base, *assignments))
        return may_be_taken_together(config, build_learner(config, without_data(config), "stacked"))

    assert may()
    assert may("algorithm=anil")
    assert may("algorithm=protonet", base="doodles")
    assert not may("algorithm=nearest-centroid", base="doodles"), "it takes no steps"
    assert not may(base="conv4"), "several may not fit a GPU"
    assert may("algorithm=pretrain")
    assert may("algorithm=reptile")
    assert not may("algorithm=scratch")
    assert not may("training.tasks_at_once=1")
    assert not may("training.minutes=1")
    assert not may(base="navigation")


def test_a_learner_that_is_not_recorded_takes_its_steps_in_turn(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[int]
) -> None:
    monkeypatch.setattr(Repeated, "_next", lambda *_: None)
    configs = seeds(2)
    crew = Crew(configs, pictures, tmp_path, [MemoryListener(), MemoryListener()])
    assert crew.run() == [None, None]
    assert not taken
    for i, config in enumerate(configs):
        assert same(crew.listeners[i], crew.trainers[i], config, pictures, tmp_path / f"alone {i}")


@pytest.mark.parametrize("when", ["made", "called"])
def test_what_fails_as_one_is_taken_in_turn(
    when: str, pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[int]
) -> None:
    """Of the meta-batches that are drawn by then none is lost, and each is learned from once."""
    real = StackedRecordings.__call__

    def full(self: StackedRecordings, batches: Sequence[Episodes]) -> list[Any]:
        if len(taken) == (0 if when == "made" else 3):
            taken.append(-1)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, batches)

    monkeypatch.setattr(StackedRecordings, "__call__", full)
    configs = seeds(2)
    crew = Crew(configs, pictures, tmp_path, [MemoryListener(), MemoryListener()])
    assert crew.run() == [None, None]
    assert taken[-1] == -1
    for i, config in enumerate(configs):
        assert same(crew.listeners[i], crew.trainers[i], config, pictures, tmp_path / f"alone {i}")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("part", ["gradient", "report"])
def test_what_is_not_a_number_where_it_was_one_is_not_stacked(
    which: int, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, batches = recordings(LEARNERS["one step"], 2)
    real = StackedRecordings.__call__

    def lost(self: StackedRecordings, given: Sequence[Episodes]) -> list[Any]:
        found = real(self, given)
        gradients, report = found[which]
        (gradients[0] if part == "gradient" else report.query_loss).fill_(torch.nan)
        return found

    monkeypatch.setattr(StackedRecordings, "__call__", lost)
    stacked, said = stacked_up(alone, batches)
    assert stacked is None
    assert said.endswith("together they would differ by inf.")


def test_each_gradient_is_measured_by_itself() -> None:
    """A small one that is wrong is not lost beside a large one; one that is nothing beside it is rounding."""
    report = StepReport(torch.tensor(1.0), None)
    large, small, nothing = torch.full((3,), 100.0), torch.full((3,), 0.1), torch.full((3,), 1e-9)
    right = [large, small, nothing]
    assert apart((right, report), (right, report)) == 0.0
    assert apart(([large, small * 1.01, nothing], report), (right, report)) == pytest.approx(0.01, rel=1e-3)
    assert apart(([large, small, -nothing], report), (right, report)) < 1e-6


def test_who_has_left_does_not_come_back_after_a_pause() -> None:
    """As in its final test: the others would wait for a step that it never takes."""
    first, second = Together(2).members
    second.leave()
    with second.away():
        assert not second.there
    assert not second.there
    with first.away():
        assert not first.there
    assert first.there


def test_how_long_a_run_waits_for_another_is_known(pictures: Home, tmp_path: Path) -> None:
    """The other is at its first meeting once this one has given three signs of life there."""
    configs, told, waited = seeds(2), threading.Event(), []
    crew = Crew(configs, pictures, tmp_path, [MemoryListener(), MemoryListener()])
    first, second = crew.meeting.members
    early, late = first.take, second.take

    def take(stepper: Any, step: Any, tick: Callable[[float], None]) -> Any:
        def noted(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                told.set()
            tick(seconds)

        report, seconds = early(stepper, step, noted)
        if step[0] == 0:
            waited.append(seconds)
        return report, seconds

    def after_it(*given: Any) -> Any:
        assert told.wait(60)
        return late(*given)

    first.take, second.take = take, after_it
    before = time.perf_counter()
    assert crew.run() == [None, None]
    assert all(seconds > 0.009 for seconds in waited[:3]), "a beat each"
    assert 0.027 < sum(waited) < time.perf_counter() - before
    trainer = crew.trainers[0]
    assert trainer.seconds + sum(waited) < time.perf_counter() - before
