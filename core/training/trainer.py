"""The training of one run, from its first meta-step to its final test. Knows nothing of processes or databases."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from core.algorithms.base import Algorithm, StepReport
from core.config.run import RunConfig
from core.training import checkpoint
from core.training.build import build_learner, tried_out
from core.training.evaluation import EvaluationResult, evaluate
from core.training.frozen import Tick, frozen_episodes
from core.training.schedule import done, learning_rate
from core.training.streams import stream
from core.training.tuning import tune
from data.errors import InnerloopError
from data.family import TaskFamily

Desired = Literal["run", "pause", "stop"]
Phase = Literal["loading", "training", "tuning", "testing"]
Row = tuple[int, float, str, float]  # iteration, training seconds, key, value

STATE = {"device", "forward", "validated", "seconds", "best", "optimizer", "generator", "torch"}  # to resume from
CHECKPOINT_SECONDS = 60.0  # a crash costs at most this much training


class TrainingError(InnerloopError):
    """Training cannot go on."""


class Stopped(Exception):
    """The person asked for a stop; everything up to now is in the last checkpoint."""


@dataclass(frozen=True)
class Progress:
    """How far a run is. rate: meta-steps per second lately. remaining: seconds to the end of the phase, None if unknown."""

    phase: Phase
    iteration: int
    seconds: float
    rate: float | None = None
    remaining: float | None = None
    fraction: float | None = None  # of the phase, where it does not count iterations


class Listener(Protocol):
    """Who is told what happens, and is asked what is wanted."""

    def progress(self, progress: Progress) -> Desired:
        """A sign of life, at most every ``beat`` seconds; the answer is obeyed."""

    def metrics(self, rows: list[Row]) -> None: ...

    def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None: ...

    def prepared(self, algorithm: Algorithm) -> None:
        """The learner is built and known to work."""

    def check(self) -> None:
        """Called before a checkpoint is put in place; raises if this run is another's to train by now."""

    def resumed(self, iteration: int) -> None:
        """Whatever was reported after this iteration is void: it will be trained again."""


@dataclass
class Window:
    """Step reports since the last write, kept on the device: reading them would wait for it."""

    reports: list[StepReport] = field(default_factory=list)
    since: float = 0.0


class Trainer:
    """Trains, validates, checkpoints and tests one run. ``run`` may be called once."""

    def __init__(
        self,
        config: RunConfig,
        family: TaskFamily,
        folder: Path,
        listener: Listener,
        *,
        beat: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        """folder: for checkpoints. beat: seconds between two signs of life and two writes of metrics."""
        self.config, self.family, self.folder, self.listener = config, family, folder, listener
        self.beat, self.clock = beat, clock
        self.iteration, self.validated, self.seconds, self.rate = 0, 0, 0.0, None
        self.best: dict[str, Any] | None = None
        self.window, self.last_beat, self.last_save = Window(), -math.inf, clock()

    def run(self) -> EvaluationResult:
        """Everything up to the final test's result. Raises Stopped, TrainingError, CheckpointError, ModelError."""
        self._prepare()
        if self.algorithm.meta_trained:
            self._train()
        return self._test()

    def _prepare(self) -> None:
        torch.manual_seed(stream(self.config.seed, "noise"))  # of a person's own network
        saved = checkpoint.newest(self.folder, "last")
        state = self._state_of(saved) if saved else {}
        # A resumed run that looped goes on so. One that stacked is tried out anew: another kind of device may not be able to.
        looped = state.get("forward") == "loop"
        self.algorithm = (
            build_learner(self.config, self.family, "loop") if looped else tried_out(self.config, self.family)
        )
        self.forward = self.algorithm.forward_tasks.mode
        training = self.config.training
        self.optimizer = self.algorithm.optimizer(training.meta_lr)
        self.generator = torch.Generator(self.family.device).manual_seed(stream(self.config.seed, "tasks"))
        if saved:
            self._restore(saved)
        else:
            self.listener.resumed(-1)  # an attempt that died before its first checkpoint may have left rows behind
        self.listener.prepared(self.algorithm)
        self.validation = frozen_episodes(self.config, self.family, "val", self.config.evaluation.val_episodes)

    def _state_of(self, saved: checkpoint.Checkpoint) -> dict[str, Any]:
        state = checkpoint.read(saved)[1]
        if missing := STATE - state.keys():
            text = f"The checkpoint {saved.folder} cannot be resumed from: it lacks {', '.join(sorted(missing))}."
            raise checkpoint.CheckpointError(text, "Start the run anew.", str(saved.folder))
        return state

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        state = checkpoint.load(saved, self.algorithm)
        self.iteration, self.validated, self.seconds = saved.iteration, state["validated"], state["seconds"]
        self.best, self.window = state["best"], Window(since=self.seconds)
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch"])
        if state["device"] == self.family.device.type:
            self.generator.set_state(state["generator"])
            if "cuda" in state:
                torch.cuda.set_rng_state(state["cuda"], self.family.device)
        else:  # another kind of device has another generator: as good tasks, but not the very same
            print(f"Resumed on {self.family.device.type} what began on {state['device']}: the numbers will differ.")
            self.generator.manual_seed(stream(self.config.seed, "tasks", self.iteration))
        self.listener.resumed(self.iteration)

    def _save(self) -> None:
        if not all(p.isfinite().all() for p in self.algorithm.parameters()):
            raise self._not_finite(self.iteration)
        state: dict[str, Any] = {
            "device": self.family.device.type,
            "forward": self.forward,
            "validated": self.validated,
            "seconds": self.seconds,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
        }
        if self.family.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.family.device)
        self._put("last", self.iteration, state)
        self.last_save = self.clock()

    def _put(self, which: checkpoint.Which, iteration: int, state: dict[str, Any]) -> None:
        checkpoint.save(self.folder, which, iteration, self.algorithm, state, self.listener.check)

    def _train(self) -> None:
        training, started = self.config.training, self.clock() - self.seconds
        self.algorithm.train()
        while True:
            last = done(training, self.iteration, self.seconds) == 1.0
            due = self.iteration > 0 and (last or self.iteration % training.evaluate_every == 0)
            if due or self.clock() - self.last_beat >= self.beat:
                self._flush()
                started += self._obey(self._training_progress())
            if due and self.validated < self.iteration:
                self._save()  # whatever happens during a long validation, the training is safe
                self._validate()
                self._save()
                started = self.clock() - self.seconds  # validation is not training time
            elif self.clock() - self.last_save >= CHECKPOINT_SECONDS:
                self._flush()  # finds a loss that is not a number before it gets into a checkpoint
                self._save()
            if last:
                return
            self._step()
            self.seconds = self.clock() - started

    def _step(self) -> None:
        training = self.config.training
        rate = learning_rate(training, self.iteration, self.seconds)
        self.algorithm.progress = done(training, self.iteration, self.seconds)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        report = self.algorithm.meta_step(self.config.family.shape, training.meta_batch_size, self.generator)
        if training.gradient_clip is not None:
            torch.nn.utils.clip_grad_value_(self.algorithm.parameters(), training.gradient_clip)
        self.optimizer.step()
        self.iteration += 1
        self.window.reports.append(report)

    def _flush(self) -> None:
        """Write the window's means. Raises TrainingError at the first loss that is not finite."""
        reports, first = self.window.reports, self.iteration - len(self.window.reports) + 1
        if not reports:
            return
        keys = [key for key in ("support_loss", "query_loss", "query_score") if getattr(reports[0], key) is not None]
        series = {key: torch.stack([getattr(report, key) for report in reports]).cpu().double() for key in keys}
        bad = torch.stack([~series[key].isfinite() for key in keys if key.endswith("loss")]).any(0).nonzero()
        if len(bad):
            at = int(bad[0])
            raise self._not_finite(
                first + at, float(series["support_loss"][at]) if "support_loss" in series else math.nan
            )
        rows = [(self.iteration, self.seconds, f"train/{key}", float(series[key].mean())) for key in keys]
        rate = self.optimizer.param_groups[0]["lr"]
        self.listener.metrics([*rows, (self.iteration, self.seconds, "train/learning_rate", rate)])
        self.rate = len(reports) / max(self.seconds - self.window.since, 1e-9)
        self.window = Window(since=self.seconds)

    def _not_finite(self, iteration: int, before: float = math.nan) -> TrainingError:
        """before: the support loss before the inner steps of that iteration, if it is known."""
        inner = getattr(self.config.algorithm, "inner_lr", None)
        outer = f"training.meta_lr (now {self.config.training.meta_lr:g})"
        if inner and math.isfinite(before):
            learned = (
                f" or {outer}, with which the inner rates are learned," if hasattr(self.algorithm, "rates") else ""
            )
            return TrainingError(
                f"The inner loop explodes at iteration {iteration}: the support loss is {before:.3g} before the inner steps, and "
                "the query loss after them is not a number.",
                f"The inner steps are too large: lower algorithm.inner_lr (now {inner:g}){learned} and launch again.",
                "algorithm.inner_lr",
            )
        knobs = f"algorithm.inner_lr (now {inner:g}) or {outer}" if inner else outer
        return TrainingError(
            f"The loss is not a number at iteration {iteration}.",
            f"The steps are too large: lower {knobs} and launch again.",
            "algorithm.inner_lr" if inner else "training.meta_lr",
        )

    def _training_progress(self) -> Progress:
        left = self.config.training.iterations - self.iteration
        remaining = left / self.rate if self.rate else None
        if minutes := self.config.training.minutes:
            budget = max(0.0, 60 * minutes - self.seconds)
            remaining = budget if remaining is None else min(remaining, budget)
        return Progress("training", self.iteration, self.seconds, self.rate, remaining)

    def _obey(self, progress: Progress) -> float:
        """Tell and do what is wanted; returns the seconds spent paused. Raises Stopped after a checkpoint."""
        desired, began = self.listener.progress(progress), self.clock()
        self.last_beat = began
        if desired == "pause":
            if progress.phase == "training":
                self._save()
            while desired == "pause":
                time.sleep(self.beat)
                desired = self.listener.progress(progress)
        if desired == "stop":
            if progress.phase == "training":
                self._save()
            raise Stopped
        return self.clock() - began

    def _tick(self, phase: Phase) -> Callable[[float], None]:
        """A sign of life during an evaluation, which has no iterations to count."""
        began = self.clock()

        def tick(fraction: float) -> None:
            if self.clock() - self.last_beat >= self.beat:
                if phase == "training":  # a validation in between: what counts is still the iterations
                    self._obey(self._training_progress())
                    return
                spent = self.clock() - began
                left = spent / fraction - spent if fraction else None
                self._obey(Progress(phase, self.iteration, self.seconds, self.rate, left, fraction))

        return tick

    def _validate(self) -> None:
        result = self._evaluate_validation()
        sign = 1 if result.metric.higher_is_better else -1
        # Fewer episodes that are not finite come first: a checkpoint must not win by losing the hard tasks.
        rank = (-result.non_finite, sign * result.mean)
        best = math.isfinite(result.mean) and (self.best is None or rank > tuple(self.best["rank"]))
        if best:
            self.best = {"iteration": self.iteration, "rank": list(rank)}
            self._put("best", self.iteration, {})
        self.validated = self.iteration
        self.listener.evaluated(result, self.iteration, best)

    def _evaluate_validation(self) -> EvaluationResult:
        name, episodes = f"last@{self.iteration}", self.config.evaluation.val_episodes
        if self.algorithm.tunes_to_validate:
            tune(self.algorithm, self.config, self.validation.first_block(), self._tick("training"))
            self.algorithm.train()
        return evaluate(
            self.algorithm,
            self.config,
            self.family,
            "val",
            episodes=episodes,
            checkpoint=name,
            frozen=self.validation,
            tick=self._tick("training"),
        )

    def _test(self) -> EvaluationResult:
        """The final test of the checkpoint that did best on validation, never of one chosen on test tasks."""
        saved = checkpoint.newest(self.folder, "best")
        if saved:
            checkpoint.load(saved, self.algorithm)
        iteration = saved.iteration if saved else self.iteration
        tested = f"best@{iteration}"
        if self.best and not saved:  # somebody removed it: the score is of other weights, and has to say so
            tested = f"last@{iteration}, as best@{self.best['iteration']} is missing"
            print(
                f"The best checkpoint, of iteration {self.best['iteration']}, is missing: the last is tested.",
                flush=True,
            )
        if self.algorithm.candidates():
            tick = self._tick("tuning")
            tune(self.algorithm, self.config, self.validation, tick)
            self._put("best", iteration, {})
            self.listener.evaluated(self._tuned(iteration, lambda _: tick(1.0)), iteration, True)
        result = evaluate(
            self.algorithm,
            self.config,
            self.family,
            "test",
            episodes=self.config.evaluation.episodes,
            checkpoint=tested,
            tick=self._tick("testing"),
        )
        self.listener.evaluated(result, iteration, False)
        return result

    def _tuned(self, iteration: int, tick: Tick) -> EvaluationResult:
        return evaluate(
            self.algorithm,
            self.config,
            self.family,
            "val",
            episodes=self.config.evaluation.val_episodes,
            checkpoint=f"best@{iteration}",
            frozen=self.validation,
            tick=tick,
        )
