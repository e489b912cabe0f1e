"""The training of one run, from its first meta-step to its final test. Knows nothing of processes or databases."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.config.run import RunConfig
from core.training import checkpoint
from core.training.build import build_learner, tried_out
from core.training.evaluation import EvaluationResult, evaluate
from core.training.frozen import Tick, frozen_episodes
from core.training.listener import Listener, Phase, Progress, Stopped
from core.training.parallel import Team
from core.training.schedule import done, learning_rate
from core.training.step import Stepper
from core.training.streams import stream
from core.training.tuning import tune
from core.training.window import Window, first_bad, not_finite
from data.family import TaskFamily

STATE = {"device", "forward", "validated", "seconds", "best", "optimizer", "generator", "torch"}  # to resume from
CHECKPOINT_SECONDS = 60.0  # a crash costs at most this much training


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
        team: Team | None = None,
    ):
        """folder: for checkpoints. beat: seconds between two signs of life and two writes of metrics.

        team: other processes that share the meta-steps; everything else this one does alone.
        """
        self.team = team
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
        self.stepper = Stepper(self.config, self.algorithm, self.optimizer, self.generator, self.team)
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
            raise not_finite(self.config, self.algorithm, self.iteration)
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
        if self.team:
            self.team.join(self.stepper, self.family, self._waiting, self.beat)
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
        rate = learning_rate(self.config.training, self.iteration, self.seconds)
        progress = done(self.config.training, self.iteration, self.seconds)
        report = self.stepper.take(self.iteration, rate, progress)
        self.iteration += 1
        self.window.reports.append(report)

    def _flush(self) -> None:
        """Write the window's means. Raises TrainingError at the first loss that is not finite."""
        steps = len(self.window.reports)
        if not steps:
            return
        series = self.window.series()
        if (at := first_bad(series)) is not None:
            before = float(series["support_loss"][at]) if "support_loss" in series else math.nan
            raise not_finite(self.config, self.algorithm, self.iteration - steps + 1 + at, before)
        rows = [(self.iteration, self.seconds, f"train/{key}", float(values.mean())) for key, values in series.items()]
        rate = self.optimizer.param_groups[0]["lr"]
        self.listener.metrics([*rows, (self.iteration, self.seconds, "train/learning_rate", rate)])
        self.rate = steps / max(self.seconds - self.window.since, 1e-9)
        self.window = Window(since=self.seconds)

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

    def _waiting(self) -> None:
        """A sign of life while other processes get ready."""
        if self.clock() - self.last_beat >= self.beat:
            self._obey(Progress("loading", self.iteration, self.seconds))

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
        # Fewer episodes that are not finite come first: a checkpoint must not win by losing the hard tasks.
        rank = (-result.non_finite, result.metric.gain(result.mean))
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
