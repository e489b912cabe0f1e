"""A run from its first meta-step to its test, with a listener that remembers: repeatable, interruptible, never silent."""

import errno
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.algorithms.optimizers import Adam
from core.config.checks import without_effect
from core.config.run import RunConfig
from core.runs.home import Home
from core.training import checkpoint, trainer
from core.training.build import build_learner
from core.training.checkpoint import CheckpointError
from core.training.evaluation import EvaluationResult, evaluate
from core.training.listener import Desired, Progress, Stopped
from core.training.schedule import learning_rate
from core.training.spent import Spent
from core.training.summary import rank
from core.training.trainer import Trainer
from core.training.window import TrainingError
from data.metric import SQUARED_ERROR
from tests.core.tiny import MemoryListener, StepClock, open_tiny, tiny, values

RUNS = {
    "sinusoid": ("sinusoid",),
    "doodles": ("conv4", "training.gradient_clip=0.1", "training.schedule=cosine"),
    "pretrain": ("doodles", "algorithm=pretrain", "algorithm.finetune_lr=0.1"),
}


def train(
    config: RunConfig, folder: Path, home: Home, listener: MemoryListener | None = None, **settings
) -> tuple[EvaluationResult, MemoryListener, Trainer]:
    """A whole run; every iteration is reported by itself."""
    listener = listener or MemoryListener()
    trainer = Trainer(config, open_tiny(config, home), folder, listener, **{"beat": 0.0, **settings})
    return trainer.run(), listener, trainer


def comparable(result: EvaluationResult) -> str:
    return repr(asdict(replace(result, seconds=0.0)))  # as text, in which nan equals nan


def same_weights(first: Trainer, second: Trainer) -> bool:
    pairs = zip(first.algorithm.learned().items(), second.algorithm.learned().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def stop_at(wanted: Callable[[Progress, int], bool]) -> MemoryListener:
    """Asks for a stop at the first sign of life for which ``wanted(progress, how often this iteration came)``."""
    seen: dict[int, int] = {}

    def answer(progress: Progress) -> Desired:
        seen[progress.iteration] = seen.get(progress.iteration, 0) + 1
        return "stop" if wanted(progress, seen[progress.iteration]) else "run"

    return MemoryListener(answer)


@pytest.mark.parametrize("run", RUNS)
def test_the_same_seed_gives_the_same_numbers(run: str, pictures: Home, tmp_path: Path) -> None:
    config = tiny(*RUNS[run])
    first, first_listener, first_trainer = train(config, tmp_path / "first", pictures)
    torch.rand(5)  # whatever else happened in the process
    second, second_listener, second_trainer = train(config, tmp_path / "second", pictures)
    assert first_listener.curve == second_listener.curve
    assert first_listener.scores == second_listener.scores
    assert comparable(first) == comparable(second)
    assert same_weights(first_trainer, second_trainer)
    other = train(tiny(*RUNS[run], "seed=1"), tmp_path / "other", pictures)
    assert first_listener.curve != other[1].curve


def test_reading_the_training_data_is_no_training_time(pictures: Home, tmp_path: Path) -> None:
    config, clock = tiny("doodles"), StepClock(0.01)
    family, read = open_tiny(config, pictures), []
    load = family.load

    def slow(split, progress):
        clock.now += 1000.0
        read.append(split)
        return load(split, progress)

    family.load = slow
    listener = MemoryListener()
    trainer = Trainer(config, family, tmp_path, listener, beat=0.0, clock=clock)
    trainer.run()
    assert read[0] == "train"
    assert trainer.iteration == config.training.iterations
    assert trainer.seconds < 1000.0


IDLE = {
    "maml": ("sinusoid", {"training.decay_rate": 0.1, "training.decay_every": 1, "training.final_lr": 1e-4}),
    "falling": ("sinusoid", "training.schedule=cosine", {"training.decay_rate": 0.1, "training.staircase": False}),
    "pretrain": ("doodles", "algorithm=pretrain", {"training.meta_batch_size": 7, "training.final_lr": 1e-4}),
    "cnp": ("sinusoid", "algorithm=cnp", {"model.widths": [5], "training.decay_rate": 0.1}),
    "nearest-centroid": (
        "doodles",
        "algorithm=nearest-centroid",
        {"model.widths": [5], "training.iterations": 9, "training.meta_lr": 1.0},
    ),
}


@pytest.mark.parametrize("case", IDLE)
def test_what_the_form_leaves_out_changes_nothing(case: str, pictures: Home, tmp_path: Path) -> None:
    base, *assignments, changes = IDLE[case]
    assert changes.keys() <= without_effect(values(base, *assignments))
    plain = train(tiny(base, *assignments), tmp_path / "plain", pictures)
    changed = [f"{path}={json.dumps(value)}" for path, value in changes.items()]
    other = train(tiny(base, *assignments, *changed), tmp_path / "other", pictures)
    assert plain[1].curve == other[1].curve
    assert plain[0].curve == other[0].curve


INTERRUPTIONS = {
    "before the first step": lambda progress, _: progress.iteration == 0,
    "while the untrained start is scored": lambda progress, often: progress.iteration == 1 and often == 2,
    "between two validations": lambda progress, _: progress.iteration == 3,
    "before a validation": lambda progress, _: progress.iteration == 2,
    "during a validation": lambda progress, often: progress.iteration == 2 and often == 2,
    "during the last validation": lambda progress, often: progress.iteration == 5 and often == 2,
    "during the test": lambda progress, _: progress.phase == "testing",
}


@pytest.mark.parametrize("when", INTERRUPTIONS)
@pytest.mark.parametrize("run", RUNS)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(
    run: str, when: str, pictures: Home, tmp_path: Path
) -> None:
    config = tiny(*RUNS[run], "training.iterations=5")
    whole, whole_listener, whole_trainer = train(config, tmp_path / "whole", pictures)
    listener = stop_at(INTERRUPTIONS[when])
    with pytest.raises(Stopped):
        train(config, tmp_path / "parts", pictures, listener)
    assert listener.curve != whole_listener.curve or when in ("during the test", "during the last validation")
    listener.answer = lambda _: "run"
    torch.rand(5)
    parts, _, trainer = train(config, tmp_path / "parts", pictures, listener)
    assert comparable(parts) == comparable(whole)
    assert same_weights(trainer, whole_trainer)
    assert listener.curve == whole_listener.curve
    assert set(listener.scores) == set(whole_listener.scores)
    assert trainer.best == whole_trainer.best


def test_dropout_goes_on_where_it_was(pictures: Home, tmp_path: Path, write_module: Callable[[], str]) -> None:
    config = tiny("doodles", "model=module", f"model.path={write_module()}:Dropped")
    _, whole, whole_trainer = train(config, tmp_path / "whole", pictures)
    listener = stop_at(INTERRUPTIONS["between two validations"])
    with pytest.raises(Stopped):
        train(config, tmp_path / "parts", pictures, listener)
    listener.answer = lambda _: "run"
    _, _, trainer = train(config, tmp_path / "parts", pictures, listener)
    assert listener.curve == whole.curve
    assert same_weights(trainer, whole_trainer)


def test_a_worker_that_was_killed_repeats_what_it_had_not_saved(pictures: Home, tmp_path: Path) -> None:
    config = tiny("sinusoid", "training.iterations=5")
    whole, whole_listener, _ = train(config, tmp_path / "whole", pictures)

    class Killed(BaseException):
        pass

    def kill(progress: Progress) -> Desired:
        if progress.iteration == 3:
            raise Killed
        return "run"

    listener = MemoryListener(kill)
    with pytest.raises(Killed):
        train(config, tmp_path / "parts", pictures, listener)
    assert listener.rows[-1][0] == 3
    listener.answer = lambda _: "run"
    parts, _, _ = train(config, tmp_path / "parts", pictures, listener)
    assert comparable(parts) == comparable(whole)
    assert listener.curve == whole_listener.curve  # iteration 3 came again, and its first report was void


def test_pausing_saves_and_changes_nothing(pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, answers = tiny("sinusoid"), iter(["pause", "pause", "run"])
    whole, whole_listener, _ = train(config, tmp_path / "whole", pictures)
    slept = []
    monkeypatch.setattr("core.training.trainer.time.sleep", slept.append)
    listener = MemoryListener(lambda progress: next(answers, "run") if progress.iteration == 1 else "run")
    paused, _, _ = train(config, tmp_path / "paused", pictures, listener)
    assert len(slept) == 2
    assert listener.curve == whole_listener.curve
    assert comparable(paused) == comparable(whole)


def test_time_spent_paused_and_validating_is_not_training_time(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(listener: MemoryListener, name: str) -> float:
        clock = StepClock(1e-3)

        def sleep(_: float) -> None:
            clock.now += 1000.0

        monkeypatch.setattr("core.training.trainer.time.sleep", sleep)
        trainer = train(tiny("sinusoid"), tmp_path / name, pictures, listener, clock=clock)[2]
        return trainer.seconds

    answers = iter(["pause", "run"])
    paused = MemoryListener(lambda progress: next(answers, "run") if progress.iteration == 1 else "run")
    assert seconds(paused, "paused") < 1.0
    assert seconds(MemoryListener(), "straight") > 0.0


def explosive() -> RunConfig:
    """The same run with inner steps that no float can follow."""
    return tiny("sinusoid", "algorithm.inner_lr=100", "algorithm.inner_steps=20", "training.iterations=9")


def test_a_loss_that_is_not_a_number_ends_the_run_and_leaves_the_checkpoint(pictures: Home, tmp_path: Path) -> None:
    config = tiny("sinusoid", "training.iterations=9")
    with pytest.raises(Stopped):
        train(config, tmp_path, pictures, stop_at(lambda progress, _: progress.iteration == 2))
    before = checkpoint.read(checkpoint.newest(tmp_path, "last"))[0]
    listener = MemoryListener()
    with pytest.raises(TrainingError, match="inner loop explodes at iteration 3") as caught:
        train(explosive(), tmp_path, pictures, listener)
    assert "inner_lr (now 100)" in caught.value.remedy
    assert caught.value.path == "algorithm.inner_lr"
    kept = checkpoint.newest(tmp_path, "last")
    assert kept.iteration == 2
    assert all(torch.equal(value, before[name]) for name, value in checkpoint.read(kept)[0].items())
    assert all(math.isfinite(value) for _, _, value in listener.curve)


def test_the_first_bad_iteration_of_a_window_is_named(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("sinusoid", "training.iterations=9", "training.evaluate_every=9")
    step, real = iter(range(1, 10)), Trainer._step

    def poisoned(trainer: Trainer) -> float:
        if next(step) == 4:
            with torch.no_grad():
                next(iter(trainer.algorithm.parameters())).fill_(math.nan)
        return real(trainer)

    monkeypatch.setattr(Trainer, "_step", poisoned)
    with pytest.raises(TrainingError, match="iteration 4"):
        train(config, tmp_path, pictures, beat=1e9)  # one window of nine iterations


def test_a_baseline_without_an_inner_rate_is_told_to_lower_the_outer_one(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("sinusoid", "algorithm=pretrain")
    real = Trainer._prepare

    def poisoned(trainer: Trainer) -> None:
        real(trainer)
        with torch.no_grad():
            next(iter(trainer.algorithm.parameters())).fill_(math.nan)

    monkeypatch.setattr(Trainer, "_prepare", poisoned)
    with pytest.raises(TrainingError) as caught:
        train(config, tmp_path, pictures)
    assert caught.value.path == "training.meta_lr"
    assert "training.meta_lr (now 0.001)" in caught.value.remedy


def test_a_full_disk_ends_the_run_and_it_goes_on_once_there_is_room(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("sinusoid", "training.iterations=5")
    whole, _, _ = train(config, tmp_path / "whole", pictures)

    def fill_up(progress: Progress) -> Desired:
        if progress.iteration == 3:
            patch.setattr(os, "fsync", full)
        return "run"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match="No space left"):
        train(config, tmp_path / "parts", pictures, MemoryListener(fill_up))
    assert checkpoint.newest(tmp_path / "parts", "last").iteration == 2
    assert comparable(train(config, tmp_path / "parts", pictures)[0]) == comparable(whole)


def test_what_is_tested_is_the_best_on_validation(pictures: Home, tmp_path: Path) -> None:
    """A meta learning rate this large makes things worse and worse."""
    settings = ("training.meta_lr=0.5", "training.iterations=6", "algorithm.inner_lr=0.01")
    config = tiny("sinusoid", *settings)
    result, listener, _ = train(config, tmp_path, pictures)
    validated = {iteration: mean for iteration, split, mean in listener.scores if split == "val"}
    best = min(validated, key=validated.get)
    assert best != 6
    assert result.protocol["checkpoint"] == f"best@{best}"
    assert [iteration for iteration, _, flagged in listener.evaluations if flagged][-1] == best
    family = open_tiny(config, pictures)

    def score(kind: str) -> float:
        learner = build_learner(config, family, "stacked")
        checkpoint.load(checkpoint.newest(tmp_path, kind), learner)
        return evaluate(learner, config, family, "test", episodes=30).mean

    assert score("best") == result.mean != score("last")


def test_a_checkpoint_does_not_lose_by_how_far_one_task_diverged(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to the untrained start, nor because the task overflowed. Of 30 tasks one is lost after training."""

    def scored(*arguments: Any, checkpoint: str, **settings: Any) -> EvaluationResult:
        result, metric = evaluate(*arguments, checkpoint=checkpoint, **settings), SQUARED_ERROR
        scores = np.full(30, 4.0 if checkpoint == "last@0" else 0.5)
        scores[0] = {"last@2": np.nan, "last@4": 1e28}.get(checkpoint, scores[0])
        limits = np.full(30, 100.0)  # a start of 1
        return replace(result, scores=scores, mean=float(np.nanmean(scores)), rank=rank(metric, scores, limits))

    monkeypatch.setattr(trainer, "evaluate", scored)
    result, _, _ = train(tiny("sinusoid"), tmp_path, pictures)
    assert result.protocol["checkpoint"] == "best@2"


def points(listener: MemoryListener, key: str) -> list[tuple[int, float]]:
    return [(iteration, value) for iteration, name, value in listener.curve if name == key]


def test_the_first_point_comes_at_once_and_windows_grow_by_the_number_of_steps(pictures: Home, tmp_path: Path) -> None:
    config = tiny("sinusoid", "training.schedule=cosine", "training.evaluate_every=9", "training.iterations=9")
    _, single, _ = train(config, tmp_path / "single", pictures)
    _, windows, _ = train(config, tmp_path / "windows", pictures, beat=1e9)
    for key in ("train/support_loss", "train/query_loss", "train/query_score"):
        each = [value for _, value in points(single, key)]
        assert len(each) == 9
        ends, means = zip(*points(windows, key), strict=True)
        assert ends == (1, 3, 7, 9)
        starts = (0, 1, 3, 5)  # the last has only two of its own, and goes as far back as the one before
        assert means == pytest.approx([sum(each[a:b]) / (b - a) for a, b in zip(starts, ends, strict=True)])
    rates = [value for _, value in points(single, "train/learning_rate")]
    assert rates == [learning_rate(config.training, i) for i in range(9)]
    assert [value for _, value in points(windows, "train/learning_rate")] == [rates[end - 1] for end in ends]


def test_the_first_point_is_there_before_the_untrained_start_is_scored(pictures: Home, tmp_path: Path) -> None:
    heard = []

    class Ordered(MemoryListener):
        def metrics(self, rows: list) -> None:
            heard.append(("metrics", rows[0][0]))

        def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
            heard.append((result.split, iteration, best))

    train(tiny("sinusoid"), tmp_path, pictures, Ordered())
    assert heard[:2] == [("metrics", 1), ("val", 0, True)]


@pytest.mark.parametrize("run", RUNS)
def test_the_untrained_start_is_scored_as_any_other(run: str, pictures: Home, tmp_path: Path) -> None:
    config = tiny(*RUNS[run])
    _, listener, _ = train(config, tmp_path, pictures)
    iteration, start, _ = listener.evaluations[0]
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    expected = evaluate(learner, config, family, "val", episodes=10, checkpoint="last@0")
    assert iteration == 0
    assert comparable(start) == comparable(expected)
    later = listener.evaluations[1][1]
    assert start.protocol | {"checkpoint": later.protocol["checkpoint"]} == later.protocol


@pytest.mark.parametrize("base", ["conv4", "sinusoid"])
def test_the_untrained_starts_score_is_told_before_its_curve(base: str, pictures: Home, tmp_path: Path) -> None:
    """Of a network that takes its time."""
    heard = []

    class Ordered(MemoryListener):
        def scored(self, result: EvaluationResult, iteration: int) -> None:
            super().scored(result, iteration)
            heard.append("early")

        def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
            super().evaluated(result, iteration, best)
            heard.append("whole")

    _, listener, _ = train(
        tiny(base, "evaluation.inner_steps=3", "family.k_shot=1", "evaluation.n_query=12"),
        tmp_path,
        pictures,
        Ordered(),
    )
    assert heard.count("early") == (base == "conv4")
    if base == "conv4":
        (iteration, early), (first, whole, _) = *listener.early, listener.evaluations[0]
        assert heard[:2] == ["early", "whole"] and iteration == first == 0
        assert early.curve == [whole.curve[0], whole.curve[-1]] and len(whole.curve) == 4
        assert replace(early, curve=whole.curve) == whole
        assert np.array_equal(early.scores, whole.scores) and early.rank == whole.rank


KEEPING = ("sinusoid", "training.keep_best=3", "training.iterations=8", "training.evaluate_every=1")


def kept_in(folder: Path) -> list[str]:
    kinds = ("best", "kept")
    return sorted(f"{one.label}" for kind in kinds for one in checkpoint.found(folder, kind))


def test_so_many_of_the_best_are_kept_and_no_more(pictures: Home, tmp_path: Path) -> None:
    result, listener, trainer = train(tiny(*KEEPING), tmp_path, pictures)
    validated = {iteration: score for iteration, split, score in listener.scores if split == "val"}
    order = sorted(validated, key=validated.get)[:3]
    assert [one["iteration"] for one in trainer.kept] == order
    assert kept_in(tmp_path) == sorted([f"best@{order[0]}", *(f"kept@{one}" for one in order[1:])])
    assert result.protocol["checkpoint"] == f"best@{order[0]}"
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("*.dropped"))


@pytest.mark.parametrize("at", [1, 4, 7])
def test_a_resumed_run_keeps_the_same_as_one_that_was_never_stopped(at: int, pictures: Home, tmp_path: Path) -> None:
    _, _, whole = train(tiny(*KEEPING), tmp_path / "whole", pictures)
    with pytest.raises(Stopped):
        train(tiny(*KEEPING), tmp_path / "parts", pictures, stop_at(lambda progress, _: progress.iteration == at))
    _, _, resumed = train(tiny(*KEEPING), tmp_path / "parts", pictures)
    assert resumed.kept == whole.kept
    assert kept_in(tmp_path / "parts") == kept_in(tmp_path / "whole")
    for label in kept_in(tmp_path / "whole"):
        weights = [
            checkpoint.read(checkpoint.named(tmp_path / name, label.partition("@")[2]))[0]
            for name in ("whole", "parts")
        ]
        assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_start_that_does_best_is_what_is_tested(pictures: Home, tmp_path: Path) -> None:
    """The inner rate is one that adapts well from a random start, and the meta learning rate ruins it."""
    config = tiny("sinusoid", "training.meta_lr=1", "algorithm.inner_lr=0.01")
    result, listener, _ = train(config, tmp_path, pictures)
    assert min(listener.scores, key=lambda one: one[2] if one[1] == "val" else math.inf)[0] == 0
    assert result.protocol["checkpoint"] == "best@0"
    family = open_tiny(config, pictures)
    start = build_learner(config, family, "stacked")
    assert result.mean == evaluate(start, config, family, "test", episodes=30).mean


def test_a_run_of_an_earlier_version_is_resumed_without_a_start_to_score(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoints have no window, no seconds spent, no list of what is kept, and 0 for no validation yet."""
    save = checkpoint.save

    def as_before(folder: Path, which: str, iteration: int, algorithm, state: dict, check: Callable, _: list) -> None:
        kept = {key: value for key, value in state.items() if key not in ("window", "spent", "kept")}
        if which == "last":
            kept |= {"validated": max(kept["validated"], 0), "best": None}
        save(folder, which, iteration, algorithm, kept, check)

    listener = stop_at(lambda progress, _: progress.iteration == 1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("core.training.trainer.checkpoint.save", as_before)
        train(tiny("sinusoid"), tmp_path, pictures, listener)
    listener.answer = lambda _: "run"
    train(tiny("sinusoid"), tmp_path, pictures, listener)
    assert [iteration for iteration, split, _ in listener.scores if split == "val"] == [2, 4]
    assert [iteration for iteration, _ in points(listener, "train/query_loss")] == [1, 2, 3, 4]


def test_early_validations_come_at_growing_distances_and_count_as_any(pictures: Home, tmp_path: Path) -> None:
    settings = ("training.iterations=20", "training.evaluate_every=10", "training.early_validations=2")
    some, none = tiny("sinusoid", *settings), tiny("sinusoid", *settings, "training.early_validations=0")
    _, listener, trainer = train(some, tmp_path / "some", pictures)
    validations = [(iteration, result) for iteration, result, _ in listener.evaluations if result.split == "val"]
    assert [iteration for iteration, _ in validations] == [0, 2, 5, 10, 20]
    assert len({result.protocol["episodes_sha256"] for _, result in validations}) == 1
    other = train(none, tmp_path / "none", pictures)[2]
    assert same_weights(trainer, other)
    assert trainer.best["iteration"] == min(validations, key=lambda one: one[1].mean)[0]


def test_a_checkpoint_does_not_cut_a_window_short(pictures: Home, tmp_path: Path) -> None:
    """Not for a run that goes on, and not for one that was killed after it."""
    config = tiny("sinusoid", "training.iterations=9", "training.evaluate_every=5")
    _, whole, _ = train(config, tmp_path / "whole", pictures, beat=1e9)
    assert [iteration for iteration, _ in points(whole, "train/query_loss")] == [1, 3, 7, 9]

    class Killed(BaseException):
        pass

    class Fragile(MemoryListener):
        def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
            super().evaluated(result, iteration, best)
            if iteration == 5:
                raise Killed

    listener = Fragile()
    with pytest.raises(Killed):
        train(config, tmp_path / "parts", pictures, listener, beat=1e9)
    again = MemoryListener()
    again.rows, again.evaluations = listener.rows, listener.evaluations
    train(config, tmp_path / "parts", pictures, again, beat=1e9)
    assert again.curve == whole.curve


def test_no_point_is_of_fewer_steps_than_the_one_before_through_validations_and_a_stop(
    pictures: Home, tmp_path: Path
) -> None:
    """A point of one step beside points of many would be a kink that the learner never made."""
    config = tiny("sinusoid", "training.iterations=40", "training.evaluate_every=9")
    _, single, _ = train(config, tmp_path / "single", pictures)
    listener = stop_at(lambda progress, _: progress.iteration == 18)  # where a window has three of 16 steps
    with pytest.raises(Stopped):
        train(config, tmp_path / "stopped", pictures, listener, beat=1e9)
    listener.answer = lambda _: "run"
    train(config, tmp_path / "stopped", pictures, listener, beat=1e9)
    each = [value for _, value in points(single, "train/query_loss")]
    sizes = {1: 1, 3: 2, 7: 4, 15: 8, 18: 8, 40: 22}
    found = dict(points(listener, "train/query_loss"))
    assert found == pytest.approx({end: sum(each[end - size : end]) / size for end, size in sizes.items()})


def test_a_stop_loses_no_step_of_the_curve(pictures: Home, tmp_path: Path) -> None:
    """A window that is begun is written even so: nobody knows whether the run will be resumed."""
    config = tiny("sinusoid", "training.iterations=99", "training.evaluate_every=99")
    listener, clock = stop_at(lambda progress, _: progress.iteration > 20), StepClock(0.01)
    with pytest.raises(Stopped):
        train(config, tmp_path, pictures, listener, beat=0.5, clock=clock)
    ends = [iteration for iteration, _ in points(listener, "train/query_loss")]
    assert ends[-1] == listener.beats[-1].iteration
    assert ends[-1] - ends[-2] < ends[-2] - ends[-3]


def test_the_rate_of_the_schedule_is_the_one_that_is_used(pictures: Home, tmp_path: Path) -> None:
    config = tiny("sinusoid", "training.schedule=exponential", "training.decay_every=1", "training.decay_rate=0.5")
    trainer = train(config, tmp_path, pictures)[2]
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.5**3)


def test_each_element_of_the_gradient_is_clipped(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def largest(*assignments: str) -> float:
        seen, real = [], Adam.step

        def step(optimizer: Adam) -> None:
            seen.extend(p.grad.abs().max().item() for group in optimizer.param_groups for p in group["params"])
            real(optimizer)

        with monkeypatch.context() as patch:
            patch.setattr(Adam, "step", step)
            train(tiny("sinusoid", *assignments), tmp_path / str(len(assignments)), pictures)
        return max(seen)

    assert largest() > 0.02
    assert largest("training.gradient_clip=0.02") == pytest.approx(0.02)


def test_once_windows_last_a_beat_there_are_two_writes_a_beat(pictures: Home, tmp_path: Path) -> None:
    """One of metrics, one sign of life, however fast the steps are; before that, one more for each doubling."""
    config = tiny("sinusoid", "training.iterations=300", "training.evaluate_every=300")
    clock, writes = StepClock(0.01), []

    class Counting(MemoryListener):
        def progress(self, progress: Progress) -> Desired:
            writes.append((clock.now, "progress"))
            return super().progress(progress)

        def metrics(self, rows: list) -> None:
            writes.append((clock.now, "metrics"))
            super().metrics(rows)

    train(config, tmp_path, pictures, Counting(), beat=1.0, clock=clock)
    metrics, beats = ([at for at, kind in writes if kind == what] for what in ("metrics", "progress"))
    apart = [later - earlier for earlier, later in pairwise(metrics)][:-1]  # the last one is what is left
    grown = next(place for place, seconds in enumerate(apart) if seconds >= 1.0)
    assert 2 < grown < 8
    assert all(seconds >= 1.0 for seconds in apart[grown:])
    assert len(apart) > grown + 2
    ends = 2  # the last validation comes when it comes, and so does the end
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(beats[:-ends]))


def test_progress_tells_what_the_time_went_into(pictures: Home, tmp_path: Path) -> None:
    """Also of a run that was resumed, and to the very end."""
    listener = stop_at(lambda progress, _: progress.iteration == 3)
    with pytest.raises(Stopped):
        train(tiny("doodles"), tmp_path, pictures, listener)
    before = listener.beats[-1].spent
    assert before.keys() == {"data", "training", "validation", "writing"}
    assert all(seconds > 0 for seconds in before.values())
    listener.answer = lambda _: "run"
    train(tiny("doodles"), tmp_path, pictures, listener)
    after = listener.beats[-1]
    assert (after.phase, after.fraction) == ("testing", 1.0)
    assert all(after.spent[activity] > before[activity] for activity in before)


def test_a_pause_is_spent_on_nothing(pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def sleep(_: float) -> None:
        now[0] += 1000.0

    monkeypatch.setattr("core.training.trainer.time.sleep", sleep)
    monkeypatch.setattr("core.training.trainer.Spent", lambda before=None: Spent(before, lambda: now[0]))
    answers = iter(["pause", "run"])
    listener = MemoryListener(lambda progress: next(answers, "run") if progress.iteration == 1 else "run")
    train(tiny("sinusoid"), tmp_path, pictures, listener)
    assert now[0] == 1000.0
    assert sum(listener.beats[-1].spent.values()) < 1000.0


def test_progress_tells_phase_rate_and_time_left(pictures: Home, tmp_path: Path) -> None:
    config = tiny("doodles", "algorithm=pretrain", "algorithm.finetune=all", "algorithm.finetune_steps=2")
    listener = train(config, tmp_path, pictures, clock=StepClock(0.25))[1]
    phases = list(dict.fromkeys(beat.phase for beat in listener.beats))
    assert phases == ["training", "tuning", "testing"]
    last = [beat for beat in listener.beats if beat.phase == "training" and beat.iteration == 3][-1]
    assert last.remaining == pytest.approx(1 / last.rate)
    assert last.seconds > 0
    testing = [beat for beat in listener.beats if beat.phase == "testing"]
    fractions = [beat.fraction for beat in testing]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(set(fractions)) > 2  # not from block to block alone
    assert testing[-1].remaining == pytest.approx(0.0)


def test_a_checkpoint_is_due_after_a_while_also_between_validations(pictures: Home, tmp_path: Path) -> None:
    config = tiny("sinusoid", "training.iterations=9", "training.evaluate_every=9")
    iterations = []

    def look(_: Progress) -> Desired:
        newest = checkpoint.newest(tmp_path, "last")
        iterations.append(newest and newest.iteration)
        return "run"

    train(config, tmp_path, pictures, MemoryListener(look), clock=StepClock(20.0))
    assert set(iterations) - {None, 9}


def test_the_forward_is_recorded_and_kept_on_resume(
    pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("sinusoid")
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("core.training.trainer.tried_out", lambda *given: build_learner(*given, "loop"))
        train(config, tmp_path, pictures, stop_at(lambda progress, _: progress.iteration == 1))
    _, listener, trainer = train(config, tmp_path, pictures)
    assert listener.forward == trainer.algorithm.forward_tasks.mode == "loop"
    assert train(config, tmp_path / "new", pictures)[1].forward == "stacked"


def test_a_missing_best_checkpoint_is_said_and_not_passed_over(pictures: Home, tmp_path: Path) -> None:
    listener = stop_at(INTERRUPTIONS["during the test"])
    config = tiny("doodles", "training.iterations=4")
    with pytest.raises(Stopped):
        train(config, tmp_path, pictures, listener)
    (best,) = tmp_path.glob("best-*")
    best.rename(tmp_path / "taken-away")
    listener.answer = lambda _: "run"
    result, _, trainer = train(config, tmp_path, pictures, listener)
    assert result.protocol["checkpoint"] == f"last@4, as best@{trainer.best['iteration']} is missing"


def test_a_checkpoint_that_lacks_a_part_is_not_resumed_from(pictures: Home, tmp_path: Path) -> None:
    listener = stop_at(INTERRUPTIONS["during the test"])
    with pytest.raises(Stopped):
        train(tiny("doodles"), tmp_path, pictures, listener)
    (last,) = tmp_path.glob("last-*")
    torch.save({"algorithm": {}, "device": "cpu"}, last / "state.pt")
    with pytest.raises(CheckpointError, match="cannot be resumed from: it lacks best, forward"):
        train(tiny("doodles"), tmp_path, pictures, MemoryListener())
