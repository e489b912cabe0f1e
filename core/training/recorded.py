"""A learner that takes its meta-steps from a recording, as soon as there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, StepReport
from core.training.build import first_line
from data.batch import Episodes

if TYPE_CHECKING:
    from core.training.recording import Recording


log = logging.getLogger(__name__)


LOOKS = 3  # steps in a row at which a recording has to give what the learner gives
OTHER = "a recording would give other numbers"


class Repeated:
    """A learner's ``learn``: for some steps as it is, then from a recording, if that gives the same to the last bit."""

    def __init__(self, learner: Algorithm, after: int):
        """after: steps from which on a recording is used, for a short run does not earn what making one takes.

        That is half a second, and in a process that has not imported torch's compiler two seconds more.
        """
        self.learner, self.after, self.taken, self.looks = learner, after, 0, min(LOOKS, after)
        self.as_written = learner.learn
        self.recording: Recording | None = None
        self.candidate: Recording | None = None
        self.agreed, self.over, self.reason = 0, False, OTHER  # looks at the candidate; whether there are no more
        # A processor repeats what is left of what was traced once it is tidied, a GPU all of it.
        self.ways = iter([True] if learner.family.device.type == "cuda" else [True, False])

    def __call__(self, batch: Episodes, share: float = 1.0) -> StepReport:
        recording, whole = self.recording, share == 1.0 and isinstance(batch, Episodes) and self.learner.settled
        if recording is None or not whole or not recording.fits(batch):
            report = self.as_written(batch, share)
            self.taken += whole
            if whole and not self.over and self.taken > self.after - self.looks:
                self._look(batch, report)
            return report
        gradients, report = recording(batch)
        put(recording, gradients)
        return report

    def record_next(self) -> None:
        """Have the next step that is whole be the last that is not from a recording, however many were taken before."""
        self.after, self.looks = self.taken + 1, 1

    def _look(self, batch: Episodes, report: StepReport) -> None:
        """Whether a recording gives what a step has just given. Where none can be made, or none does, all stays as it is."""
        self.candidate = self.candidate or self._next(batch)
        while self.candidate is not None and self.candidate.fits(batch):
            if self._agrees(batch, report):
                self.agreed += 1
                if self.agreed == self.looks:
                    self.recording, self.over = self.candidate, True
                    log.info("The meta-step is recorded after %d steps.", self.taken)
                return
            self.candidate, self.agreed = None, 0  # its memory is free before the next one asks for some
            self.candidate = self._next(batch)
        if self.candidate is None:
            self.over = True
            log.info("The meta-step is not recorded: %s", self.reason)

    def _next(self, batch: Episodes) -> Recording | None:
        for turning in self.ways:
            try:
                from core.training.recording import Recording  # with what traces, which takes seconds to import

                return Recording(self.learner, batch, turning)
            except Exception as error:  # whatever tracing raises for a network that it cannot follow
                self.reason = first_line(error)
        return None

    def _agrees(self, batch: Episodes, report: StepReport) -> bool:
        """Whether the candidate gives the gradients that the parameters have, and a report, to the last bit."""
        recording = self.candidate
        try:
            gradients, again = recording(batch)
        except Exception as error:  # such as no memory
            self.reason = first_line(error)
            return False
        wanted = [p for p in recording.parameters.values() if p.grad is not None]
        self.reason = OTHER
        if len(wanted) != len(gradients):
            return False
        pairs = [
            *zip((p.grad for p in wanted), gradients, strict=True),
            *zip(values(report), values(again), strict=True),
        ]
        return all(torch.equal(one, other) for one, other in pairs)


def put(recording: Recording, gradients: list[Tensor]) -> None:
    """Add what a recording gave to its parameters' ``grad``."""
    for p, gradient in zip(recording.learned, gradients, strict=True):
        p.grad = gradient if p.grad is None else p.grad + gradient


def values(report: StepReport) -> list[Tensor]:
    return [value for value in vars(report).values() if value is not None]
