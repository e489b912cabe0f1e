"""Several runs of one process that differ in their seed alone and take their meta-steps together: each its own, all at once.

Each is trained by a thread of its own, and its learner, its numbers, checkpoints and writes are those of a run alone. Only the
steps are taken by one thread for all, so that their operations can be stacked (``StackedRecordings``).
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from core.algorithms.base import StepReport
from core.training.build import first_line
from core.training.recorded import Repeated, put, values
from core.training.recording import Recording, StackedRecordings
from core.training.step import Stepper
from data.batch import TaskBatch

log = logging.getLogger(__name__)

ROUNDING = 1e-4  # of a tensor's largest number: what a GPU's kernels for more tasks may differ by from those for fewer
NOTHING = 1e-4  # of the largest gradient
Step = tuple[int, float, float]  # iteration, meta learning rate, progress: see ``Stepper.take``
Tick = Callable[[float], None]  # called about once a beat while others are waited for: the seconds since the last time
Answered = tuple[list[Tensor], StepReport]  # a recording's: gradients, and what it reports


class Company(Protocol):
    """How a run's trainer takes its steps: alone, or with others."""

    alone: AbstractContextManager  # in which no other run of the process tries its learner out

    def take(self, stepper: Stepper, step: Step, tick: Tick) -> tuple[StepReport, float]:
        """The step's report, and for how many seconds it waited for others since the last tick."""

    def away(self) -> AbstractContextManager:
        """While it lasts, others do not wait for this run."""

    def leave(self) -> None:
        """It takes no further step."""


class Single:
    """The company of a run that is alone in its process."""

    alone = nullcontext()

    def take(self, stepper: Stepper, step: Step, tick: Tick) -> tuple[StepReport, float]:
        return stepper.take(*step), 0.0

    def away(self) -> AbstractContextManager:
        return nullcontext()

    def leave(self) -> None:
        """Nobody waits for it."""


class Wish:
    """A step that a run waits for. answer: its report, or what was raised. began: when it was taken, None before that.

    Whatever is done for it is done in the context of the run's own thread, and so told in the run's own log.
    """

    def __init__(self, stepper: Stepper, step: Step):
        self.stepper, self.step = stepper, step
        self.answer: Future[StepReport] = Future()
        self.began: float | None = None
        self.batch: TaskBatch | None = None
        self.report: StepReport | None = None
        self.context = contextvars.copy_context()

    def draw(self) -> None:
        self.stepper.begin(*self.step)
        self.batch = self.stepper.draw()

    def learn(self) -> None:
        self.report = self.stepper.algorithm.learn(self.batch)

    def learned(self, recording: Recording, given: Answered) -> None:
        """Instead of ``learn``, of what was found for it."""
        gradients, self.report = given
        put(recording.learned, gradients)

    def end(self) -> None:
        self.stepper.end()
        self.answer.set_result(self.report)

    def does(self, what: Callable[[], None]) -> bool:
        """Whether it could be done. If not, the run that waits is told why."""
        try:
            self.context.run(what)
        except Exception as error:  # of one run, whatever it is: the others go on
            self.answer.set_exception(error)
            return False
        return True


class Together:
    """The meeting of some runs. Whoever comes last takes the step for all that are there, while they wait.

    All wait for one that validates or writes: it comes back soon, and steps that are taken together cost less. None waits for
    one that is paused or at its end; how many a step is taken for makes no difference to its numbers (on a GPU, none but
    rounding).
    """

    def __init__(self, runs: int, beat: float = 1.0):
        """beat: seconds after which one that waits gives a sign of life."""
        self.beat, self.turn = beat, threading.Condition()
        self.alone = threading.Lock()
        self.members = [Member(self) for _ in range(runs)]
        self.stacked_for: list[Recording] = []
        self.stacked: StackedRecordings | None = None

    def go_on(self) -> None:
        """Take the step of all that are there, if all of them wait for it. Called by whoever has the turn."""
        wishes = [member.wish for member in self.members if member.there]
        if not wishes or any(wish is None or wish.answer.done() for wish in wishes):
            return
        now = time.perf_counter()
        for wish in wishes:
            wish.began = now
        drawn = [wish for wish in wishes if wish.does(wish.draw)]
        for wish in self._learned(drawn):
            wish.does(wish.end)
        self.turn.notify_all()

    def _learned(self, wishes: list[Wish]) -> list[Wish]:
        """Those of which the gradients are there."""
        if (found := self._as_one(wishes)) is None:
            return [wish for wish in wishes if wish.does(wish.learn)]
        return [wish for wish, given in zip(wishes, found, strict=True) if wish.does(partial(wish.learned, *given))]

    def _as_one(self, wishes: list[Wish]) -> list[tuple[Recording, Answered]] | None:
        """What one step gives each of them; None where nothing takes theirs as one, or not yet. None of them has moved then."""
        try:
            if (stacked := self._stacked_of(wishes)) is None:
                return None
            return list(zip(stacked.recordings, stacked([wish.batch for wish in wishes]), strict=True))
        except Exception as error:  # such as no memory
            self.stacked = None
            self._say(wishes, in_turn(len(wishes), error))
            return None

    def _stacked_of(self, wishes: list[Wish]) -> StackedRecordings | None:
        """What takes these steps as one; None where nothing does, or not yet."""
        learns = [wish.stepper.algorithm.learn for wish in wishes]
        recordings = [learn.recording for learn in learns if isinstance(learn, Repeated) and learn.recording]
        if recordings != self.stacked_for:
            self.stacked_for, self.stacked = [], None  # whoever has left is not kept
        if len(recordings) < 2 or len(recordings) < len(wishes):
            return None
        if not all(one.fits(wish.batch) for one, wish in zip(recordings, wishes, strict=True)):
            return None
        if not self.stacked_for:
            self.stacked_for = recordings
            self.stacked, said = stacked_up(recordings, [wish.batch for wish in wishes])
            self._say(wishes, said)
        return self.stacked

    def _say(self, wishes: list[Wish], text: str) -> None:
        """In each one's log."""
        for wish in wishes:
            wish.context.run(log.info, text)


class Member:
    """One run's place in the meeting."""

    def __init__(self, together: Together):
        self.together, self.alone = together, together.alone
        self.there, self.left, self.wish = True, False, None

    def take(self, stepper: Stepper, step: Step, tick: Tick) -> tuple[StepReport, float]:
        wish = Wish(stepper, step)
        while True:
            came = time.perf_counter()
            if self._taken(wish):
                return wish.answer.result(), max(0.0, wish.began - came)
            tick(time.perf_counter() - came)

    def _taken(self, wish: Wish) -> bool:
        """Whether it was taken within a beat. While a tick lasts there is no wish that anybody could take."""
        turn = self.together.turn
        with turn:
            self.wish = wish
            self.together.go_on()
            turn.wait_for(wish.answer.done, self.together.beat)
            self.wish = None
        return wish.answer.done()

    @contextmanager
    def away(self) -> Iterator[None]:
        self._be(False)
        try:
            yield
        finally:
            self._be(not self.left)

    def leave(self) -> None:
        self.left = True
        self._be(False)

    def _be(self, there: bool) -> None:
        with self.together.turn:
            self.there = there
            self.together.go_on()  # the others may have waited for nobody else


def stacked_up(recordings: list[Recording], batches: Sequence[TaskBatch]) -> tuple[StackedRecordings | None, str]:
    """Recordings as one, if it gives each learner what its own one gives; and what there is to say of it."""
    try:
        stacked = StackedRecordings(recordings, batches)
        found = stacked(batches)
        alone = [one(batch) for one, batch in zip(recordings, batches, strict=True)]
        off = max(apart(a, b) for a, b in zip(found, alone, strict=True))
    except Exception as error:  # whatever vmap raises for an operation that it cannot follow, or no memory
        return None, in_turn(len(recordings), error)
    exact = batches[0].tensors[0].device.type == "cpu"
    if off > (0.0 if exact else ROUNDING):
        said = (
            f"Steps of {len(recordings)} runs are taken one after the other: together they would differ by {off:.1e}."
        )
        return None, said
    rounding = f", which differs from a run alone by rounding, {off:.1e}" if off else ""
    return stacked, f"Steps of {len(recordings)} runs are taken as one{rounding}."


def in_turn(runs: int, error: Exception) -> str:
    """That, and why."""
    return f"Steps of {runs} runs are taken one after the other: {first_line(error)}"


def apart(one: Answered, other: Answered) -> float:
    """How far two answers are from each other at most, each tensor beside the largest number in it, infinite for not-a-number.

    Gradients that are nothing beside the largest of all are measured by it: what should be zero is made of rounding.
    """
    least = max(float(g.abs().nan_to_num().max()) for g in other[0]) * NOTHING
    parts = [*zip(one[0], other[0], strict=True), *zip(values(one[1]), values(other[1]), strict=True)]
    return max(_off(a, b, least) for a, b in parts)


def _off(a: Tensor, b: Tensor, least: float) -> float:
    same = (a == b) | (a.isnan() & b.isnan())
    far = torch.where(same, 0.0, (a - b).abs().nan_to_num(nan=torch.inf))
    return float(far.max()) / max(float(b.abs().nan_to_num().max()), least, 1e-30)
