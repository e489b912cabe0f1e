"""The training of one run, from its first meta-step to its final test. Knows nothing of processes or databases."""

import logging
import math
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.algorithms.base import Algorithm
from core.config.run import RunConfig
from core.models.chance import begin
from core.training import account, checkpoint
from core.training.build import build_learner, small, tried_out
from core.training.confusion import Confusion
from core.training.evaluation import Early, EvaluationResult, evaluate
from core.training.frozen import FrozenEpisodes, Tick, frozen_episodes
from core.training.listener import Desired, Listener, Phase, Progress, Stopped
from core.training.parallel import Team
from core.training.schedule import done, early_validations, learning_rate, validated_after
from core.training.shown import of_test, of_validation
from core.training.spent import Spent
from core.training.step import Stepper, optimizer_of
from core.training.streams import stream
from core.training.together import Company, Single
from core.training.tuning import tune
from core.training.window import Window, first_bad, not_finite
from data.family import TaskFamily
from data.view import Shown

log = logging.getLogger(__name__)

STATE = {"device", "forward", "validated", "seconds", "best", "optimizer", "generator", "torch"}  # to resume from
CHECKPOINT_SECONDS = 60.0  # a crash costs at most this much training
NEVER = -1  # ``validated`` before the untrained start is


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
        company: Company | None = None,
    ):
        """folder: for checkpoints. beat: seconds between two signs of life and two writes of metrics.

        team: other processes that share the meta-steps; everything else this one does alone. company: other runs of this
        process, which take their meta-steps together with this one's.
        """
        self.team, self.company = team, company or Single()
        self.config, self.family, self.folder, self.listener = config, family, folder, listener
        self.beat, self.clock = beat, clock
        self.iteration, self.validated, self.seconds, self.rate = 0, NEVER, 0.0, None
        self.best: dict[str, Any] | None = None
        self.kept: list[dict[str, Any]] = []  # the best and those after it, of which a checkpoint is kept
        self.early = early_validations(config.training)
        self.window, self.spent, self.last_beat, self.last_save = Window(), Spent(), -math.inf, clock()
        self.saved = NEVER  # the iteration of the last checkpoint that the log tells of

    def run(self) -> EvaluationResult:
        """Everything up to the final test's result. Raises Stopped, TrainingError, CheckpointError, ModelError."""
        try:
            with self.company.alone:
                self._prepare()
            if self.algorithm.meta_trained:
                with self.spent.on("training"):
                    self._train()
        finally:
            self.company.leave()
        with self.spent.on("validation"):
            result = self._test()
        self.listener.progress(self._progress("testing", 0.0, 1.0))  # what it all took; there is nothing left to stop
        log.info(account.spent(self.spent.so_far()))
        return result

    def _prepare(self) -> None:
        begin(stream(self.config.seed, "noise"))  # of a person's own network
        saved = checkpoint.newest(self.folder, "last")
        state = self._state_of(saved) if saved else {}
        # A resumed run that looped goes on so. One that stacked is tried out anew: another kind of device may not be able to.
        looped = state.get("forward") == "loop"
        self.algorithm = (
            build_learner(self.config, self.family, "loop") if looped else tried_out(self.config, self.family)
        )
        self.forward = self.algorithm.forward_tasks.mode
        self.optimizer = optimizer_of(self.config, self.algorithm)
        self.generator = torch.Generator(self.family.device).manual_seed(stream(self.config.seed, "tasks"))
        if saved:
            self._restore(saved)
        else:
            self.listener.resumed(-1)  # an attempt that died before its first checkpoint may have left rows behind
        self.content = self.family.content()
        self.algorithm.draw = self.spent.drawing(self.algorithm.draw)  # it need not know that it is timed
        self.listener.prepared(self.algorithm)
        if self.algorithm.meta_trained and done(self.config.training, self.iteration, self.seconds) < 1.0:
            with self.spent.on("data"):
                self.family.read("train")  # what that takes comes off no budget of training time
        self.stepper = Stepper(self.config, self.algorithm, self.optimizer, self.generator, self.team)
        for line in account.opening(self.config, self.family, self.algorithm):
            log.info(line)

    @cached_property
    def validation(self) -> FrozenEpisodes:
        """The frozen validation episodes, drawn when they are needed: the first point of the loss does not wait for them."""
        return frozen_episodes(self.config, self.family, "val", self.config.evaluation.val_episodes)

    def _state_of(self, saved: checkpoint.Checkpoint) -> dict[str, Any]:
        state = checkpoint.read(saved)[1]
        if missing := STATE - state.keys():
            text = f"The checkpoint {saved.folder} cannot be resumed from: it lacks {', '.join(sorted(missing))}."
            raise checkpoint.CheckpointError(text, "Start the run anew.", str(saved.folder))
        return state

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        state = checkpoint.load(saved, self.algorithm)
        self.family.expect(state.get("content", ""))  # which 0.3 did not keep
        self.iteration, self.validated, self.seconds = saved.iteration, state["validated"], state["seconds"]
        self.best, self.spent = state["best"], Spent(state.get("spent"))  # which 0.2 did not keep
        self.kept = state.get("kept", [self.best] if self.best else [])
        self.window = Window(**state["window"]) if "window" in state else Window(since=self.seconds)
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch"])
        if state["device"] == self.family.device.type:
            self.generator.set_state(state["generator"])
            if "cuda" in state:
                torch.cuda.set_rng_state(state["cuda"], self.family.device)
        else:  # another kind of device has another generator: as good tasks, but not the very same
            log.warning(
                "resumed on %s what began on %s: the numbers will differ", self.family.device.type, state["device"]
            )
            self.generator.manual_seed(stream(self.config.seed, "tasks", self.iteration))
        self.listener.resumed(self.iteration)
        log.info("resumed at iteration %d, from the checkpoint %s", self.iteration, saved.folder.name)

    def _save(self) -> None:
        self._finite_series()
        if not all(p.isfinite().all() for p in self.algorithm.parameters()):
            raise not_finite(self.config, self.algorithm, self.iteration)
        self._put("last", self.iteration, self._state())
        self.last_save = self.clock()
        if self.saved != self.iteration:  # after a validation there is another one
            self.saved = self.iteration
            log.info("checkpoint at %d", self.iteration)

    def _state(self) -> dict[str, Any]:
        """All that the training goes on from, beside the weights."""
        state: dict[str, Any] = {
            "device": self.family.device.type,
            "forward": self.forward,
            "content": self.content,
            "validated": self.validated,
            "seconds": self.seconds,
            "best": self.best,
            "kept": self.kept,
            "window": self.window.state(),
            "spent": self.spent.so_far(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
        }
        if self.family.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.family.device)
        return state

    def _put(
        self, which: checkpoint.Which, iteration: int, state: dict[str, Any], algorithm: Algorithm | None = None
    ) -> None:
        with self.spent.on("writing"):
            keep = [one["iteration"] for one in self.kept]
            checkpoint.save(
                self.folder, which, iteration, algorithm or self.algorithm, state, self.listener.check, keep
            )

    def _train(self) -> None:
        if self.team:
            self.team.join(self.stepper, self.family, self._waiting, self.beat)
        training, started = self.config.training, self.clock() - self.seconds
        self.algorithm.train()
        while True:
            last = done(training, self.iteration, self.seconds) == 1.0
            if last or self.window.full(self.seconds, self.beat):
                self._flush()
            due = last or validated_after(training, self.iteration, self.early)
            if due or self.clock() - self.last_beat >= self.beat:
                started += self._obey(self._training_progress())
            if self.validated == NEVER and self.iteration > 0:  # the first point of the loss is there by now
                self._validate(0, self._untrained())
                started = self.clock() - self.seconds  # validation is not training time
            if due and self.validated < self.iteration:
                self._save()  # whatever happens during a long validation, the training is safe
                self._validate(self.iteration, self.algorithm)
                self._save()
                started = self.clock() - self.seconds
            elif self.clock() - self.last_save >= CHECKPOINT_SECONDS:
                self._save()
            if last:
                return
            started += self._step()
            self.seconds = self.clock() - started

    def _untrained(self) -> Algorithm:
        """The learner as it was before the first meta-step: its start follows from the seed."""
        return build_learner(self.config, self.family, self.forward)

    def _step(self) -> float:
        """Returns how many of its seconds were no training: of waiting for others, and of what was wanted meanwhile."""
        other = 0.0

        def meanwhile(waited: float) -> None:
            nonlocal other
            self.spent.leave_out(waited)
            other += waited
            if self.clock() - self.last_beat >= self.beat:
                other += self._obey(self._training_progress())

        rate = learning_rate(self.config.training, self.iteration, self.seconds)
        progress = done(self.config.training, self.iteration, self.seconds)
        report, waited = self.company.take(self.stepper, (self.iteration, rate, progress), meanwhile)
        self.spent.leave_out(waited)
        self.iteration += 1
        self.window.reports.append(report)
        return other + waited

    def _finite_series(self) -> dict[str, Tensor]:
        """What the window's steps reported. Raises TrainingError at the first loss that is not finite."""
        series = self.window.series()
        if (at := first_bad(series)) is not None:
            before = float(series["support_loss"][at]) if "support_loss" in series else math.nan
            raise not_finite(self.config, self.algorithm, self.iteration - self.window.steps + 1 + at, before)
        return series

    def _flush(self) -> None:
        """Write the window's point and begin the next one. Raises TrainingError as above."""
        series = self._finite_series()
        if not series:
            return
        averaged = self.window.averaged(series, self.window.full(self.seconds, self.beat))
        rows = [
            (self.iteration, self.seconds, f"train/{key}", float(values.mean())) for key, values in averaged.items()
        ]
        rate = self.optimizer.param_groups[0]["lr"]
        with self.spent.on("writing"):
            self.listener.metrics([*rows, (self.iteration, self.seconds, "train/learning_rate", rate)])
        if self.window.most > 1:  # what the very first step takes is no measure of the others
            self.rate = self.window.steps / max(self.seconds - self.window.since, 1e-9)
        self.window = self.window.next(self.seconds, averaged)

    def _training_progress(self) -> Progress:
        left = self.config.training.iterations - self.iteration
        remaining = left / self.rate if self.rate else None
        if minutes := self.config.training.minutes:
            budget = max(0.0, 60 * minutes - self.seconds)
            remaining = budget if remaining is None else min(remaining, budget)
        return self._progress("training", remaining)

    def _progress(self, phase: Phase, remaining: float | None, fraction: float | None = None) -> Progress:
        return Progress(phase, self.iteration, self.seconds, self.rate, remaining, fraction, self.spent.so_far())

    def _obey(self, progress: Progress) -> float:
        """Tell and do what is wanted; returns the seconds spent paused. Raises Stopped after a checkpoint."""
        desired, began = self._told(progress), self.clock()
        self.last_beat = began
        if desired == "pause":
            log.info("paused at %d", self.iteration)
            if progress.phase == "training":
                self._save()
            with self.company.away():
                while desired == "pause":
                    with self.spent.on(None):
                        time.sleep(self.beat)
                    desired = self._told(progress)
            if desired == "run":
                log.info("going on")
        if desired == "stop":
            log.info("asked to stop at %d", self.iteration)
            if progress.phase == "training":
                self._flush()  # nobody knows whether the run will be resumed
                self._save()
            raise Stopped
        return self.clock() - began

    def _told(self, progress: Progress) -> Desired:
        with self.spent.on("writing"):
            return self.listener.progress(progress)

    def _waiting(self) -> None:
        """A sign of life while other processes get ready."""
        if self.clock() - self.last_beat >= self.beat:
            self._obey(self._progress("loading", None))

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
                self._obey(self._progress(phase, left, fraction))

        return tick

    def _validate(self, iteration: int, algorithm: Algorithm) -> None:
        """Score the learner as it is after so many iterations, and keep it if it is among the best so far."""
        with self.spent.on("validation"):
            began = time.perf_counter()
            # Before the training there is nothing yet to look at: the score is told before its curve is complete.
            early = None if iteration or small(algorithm) else self._tell_early
            result = self._validated(iteration, algorithm, early)
            seconds = account.duration(time.perf_counter() - began)
            score = {"iteration": iteration, "rank": list(result.rank)}
            if math.isfinite(result.mean):  # of two that are equal the older one is the better
                ranked = sorted([*self.kept, score], key=lambda one: tuple(one["rank"]), reverse=True)
                self.kept = ranked[: self.config.training.keep_best]
            self.validated, best = iteration, self.kept[:1] == [score]
            if score in self.kept:
                self.best = self.kept[0]
                trained = algorithm is self.algorithm  # another run can go on from it, but not from the untrained start
                state = self._state() if trained else {"content": self.content}
                self._put("best" if best else "kept", iteration, state, algorithm)
            self._show(of_validation(algorithm, self.config, self.validation, iteration))
            self._tell(result, iteration, best)
            remark = " (best so far)" if best else ""
            log.info("validation at %d: %s%s, %s", iteration, account.scored(result), remark, seconds)

    def _validated(self, iteration: int, algorithm: Algorithm, early: Early | None) -> EvaluationResult:
        tick = self._tick("training")
        if algorithm.tunes_to_validate:
            tune(algorithm, self.config, self.validation.first_block(), tick)
            algorithm.train()
        return self._scored(algorithm, f"last@{iteration}", tick, early)

    def _scored(self, algorithm: Algorithm, name: str, tick: Tick, early: Early | None = None) -> EvaluationResult:
        """On the validation episodes."""
        episodes = self.config.evaluation.val_episodes
        return evaluate(
            *(algorithm, self.config, self.family, "val"),
            episodes=episodes,
            checkpoint=name,
            frozen=self.validation,
            tick=tick,
            early=early,
        )

    def _tell_early(self, result: EvaluationResult) -> None:
        with self.spent.on("writing"):
            self.listener.scored(result, 0)

    def _tell(self, result: EvaluationResult, iteration: int, best: bool) -> None:
        with self.spent.on("writing"):
            self.listener.evaluated(result, iteration, best)

    def _show(self, shown: Shown) -> None:
        """Before the evaluation is told: who hears of that finds its tasks."""
        if shown.views or shown.about:
            with self.spent.on("writing"):
                self.listener.shown(shown, self.best and self.best["iteration"])

    def _test(self) -> EvaluationResult:
        """The final test of the checkpoint that did best on validation, never of one chosen on test tasks."""
        saved = checkpoint.newest(self.folder, "best")
        state = checkpoint.load(saved, self.algorithm) if saved else {}
        state.pop("algorithm", None)  # is chosen below
        iteration = saved.iteration if saved else self.iteration
        tested = f"best@{iteration}"
        if self.best and not saved:  # somebody removed it: the score is of other weights, and has to say so
            tested = f"last@{iteration}, as best@{self.best['iteration']} is missing"
            log.warning("the best checkpoint, of %d, is missing: the last is tested", self.best["iteration"])
        if self.algorithm.candidates():
            tick = self._tick("tuning")
            tune(self.algorithm, self.config, self.validation, tick)
            self._put("best", iteration, state)
            tuned = self._scored(self.algorithm, f"best@{iteration}", lambda _: tick(1.0))
            self._tell(tuned, iteration, True)
            log.info(
                "fine-tuning chosen on validation tasks: %s; %s", account.chosen(self.algorithm), account.scored(tuned)
            )
        began, tick, episodes = time.perf_counter(), self._tick("testing"), self.config.evaluation.episodes
        frozen = frozen_episodes(self.config, self.family, "test", episodes, tick)
        confusion = Confusion(frozen, "test")
        result = evaluate(
            *(self.algorithm, self.config, self.family, "test"),
            episodes=episodes,
            checkpoint=tested,
            frozen=frozen,
            tick=tick,
            heard=confusion.take,
        )
        self._show(of_test(self.algorithm, self.config, frozen, iteration, result, confusion))
        self._tell(result, iteration, False)
        seconds = account.duration(time.perf_counter() - began)
        log.info("final test of %s: %s, %d tasks, %s", tested, account.scored(result), result.episodes, seconds)
        return result
