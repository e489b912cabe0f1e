"""A learner that takes its meta-steps from a recording, as soon as there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, StepReport
from data.batch import Episodes

if TYPE_CHECKING:
    from core.training.recording import Recording


log = logging.getLogger(__name__)


class Repeated:
    """A learner's ``learn``: for some steps as it is, then from a recording, if that gives the same to the last bit."""

    def __init__(self, learner: Algorithm, after: int):
        """after: steps before one is recorded, for a short run does not earn what recording takes.

        That is half a second, and in a process that has not imported torch's compiler two seconds more.
        """
        self.learner, self.after, self.taken = learner, after, 0
        self.as_written = learner.learn
        self.recording: Recording | None = None

    def __call__(self, batch: Episodes, share: float = 1.0) -> StepReport:
        recording, whole = self.recording, share == 1.0 and isinstance(batch, Episodes) and self.learner.settled
        if recording is None or not whole or not recording.fits(batch):
            report = self.as_written(batch, share)
            self.taken += whole
            if whole and self.taken == self.after:
                self._record(batch, report)
            return report
        gradients, report = recording(batch)
        put(recording, gradients)
        return report

    def record_next(self) -> None:
        """Write down the next step that is whole, however many were taken before."""
        self.after = self.taken + 1

    def _record(self, batch: Episodes, report: StepReport) -> None:
        """Write down a step that was just taken. Where that cannot be done, or gives anything else, all stays as it is."""
        try:
            from core.training.recording import Recording  # with what traces, which takes seconds to import

            for turning in (True, False):
                recording = Recording(self.learner, batch, turning)
                if same := _gives(recording, batch, report):
                    self.recording = recording
                    break
        except Exception as error:  # whatever tracing raises for a network that it cannot follow
            log.info("The meta-step is not recorded: %s: %s", type(error).__name__, str(error).splitlines()[0])
            return
        how = "is recorded" if same else "is not recorded: a recording would give other numbers"
        log.info("The meta-step %s after %d steps.", how, self.taken)


def _gives(recording: Recording, batch: Episodes, report: StepReport) -> bool:
    """Whether a recording gives the gradients that the parameters have, and a report, to the last bit."""
    gradients, again = recording(batch)
    wanted = [p for p in recording.parameters.values() if p.grad is not None]
    if len(wanted) != len(gradients):
        return False
    pairs = [*zip((p.grad for p in wanted), gradients, strict=True), *zip(values(report), values(again), strict=True)]
    return all(torch.equal(one, other) for one, other in pairs)


def put(recording: Recording, gradients: list[Tensor]) -> None:
    """Add what a recording gave to its parameters' ``grad``."""
    for p, gradient in zip(recording.learned, gradients, strict=True):
        p.grad = gradient if p.grad is None else p.grad + gradient


def values(report: StepReport) -> list[Tensor]:
    return [value for value in vars(report).values() if value is not None]
