"""A learner that takes its meta-steps from a recording, as soon as there is one."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm, StepReport, laid_out
from core.algorithms.replicas import Replicas, Taken
from core.training.build import first_line
from core.training.recording import Recording
from data.batch import Episodes, TaskBatch

log = logging.getLogger(__name__)


LOOKS = 3  # steps in a row at which a recording has to give what the learner gives
OTHER = "a recording would give other numbers"


class Repeated:
    """A learner's ``learn``: for some steps as it is, then from a recording, if that gives the same to the last bit."""

    def __init__(self, learner: Algorithm, after: int):
        """after: calls from which on a recording is used. To make one takes some hundredths of a second for a small network, for
        one of convolutions a few times as long as one of its tasks.
        """
        self.learner, self.after, self.taken, self.looks = learner, after, 0, min(LOOKS, after)
        self.written = learner.learn
        self._begin()

    def _begin(self) -> None:
        """To look for a recording."""
        # Whether there is nothing more to look at. Steps that are computed again are compared by their numbers.
        self.over = getattr(self.learner.config, "recompute", False)
        self.recording: Recording | None = None
        self.candidate: Recording | None = None
        self.agreed, self.reason = 0, OTHER  # looks at the candidate
        # A processor repeats what is left of what was traced once it is tidied, a GPU all of it.
        self.ways = iter([True] if self.learner.family.device.type == "cuda" else [True, False])

    def __call__(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        recording, whole = self.recording, self.may_repeat(batch, share)
        if recording is None or not whole or not recording.fits(self.example(batch)):
            found = self._written(batch, share)
            self.taken += whole
            if whole and not self.over and self.taken > self.after - self.looks:
                self._look(batch, found)
            return found[1]
        gradients, report = self.repeated(recording, batch)
        put(recording.learned, gradients, share)
        return report

    def as_written(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        """As without a recording."""
        return self._written(batch, share)[1]

    def _written(self, batch: TaskBatch, share: float) -> Taken:
        """The same, and the gradients that a whole meta-batch gives the parameters that are learned."""
        report = self.written(batch, share)
        return [p.grad for p in learned(self.learner)], report

    def may_repeat(self, batch: TaskBatch, share: float) -> bool:
        """Whether a step with this batch is one that repeats."""
        return share == 1.0 and isinstance(batch, Episodes) and self.learner.settled

    def example(self, batch: Episodes) -> Episodes:
        """What of a batch a recording is made for."""
        return batch

    def repeated(self, recording: Recording, batch: Episodes) -> Taken:
        """Of the recording's ``learned``."""
        return recording(batch)

    def record_next(self) -> None:
        """Have the next step that repeats be the last that is not from a recording, however many were taken before."""
        self.after, self.looks = self.taken + 1, 1
        self._begin()

    def _look(self, batch: Episodes, found: Taken) -> None:
        """Whether a recording gives what was found as written. Where none can be made, or none does, all stays as it is."""
        self.candidate = self.candidate or self._next(batch)
        while self.candidate is not None and self.candidate.fits(self.example(batch)):
            if self._agrees(batch, found):
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
                return Recording(self.learner, self.example(batch), turning)
            except Exception as error:  # whatever tracing raises for a network that it cannot follow
                self.reason = first_line(error)
        return None

    def _agrees(self, batch: Episodes, found: Taken) -> bool:
        """Whether the candidate gives these gradients and this report, to the last bit."""
        recording = self.candidate
        try:
            gradients, again = self.repeated(recording, batch)
        except Exception as error:  # such as no memory
            self.reason = first_line(error)
            return False
        self.reason = OTHER
        wanted = [gradient for gradient in found[0] if gradient is not None]
        if len(wanted) != len(gradients):
            return False
        pairs = [*zip(wanted, gradients, strict=True), *zip(values(found[1]), values(again), strict=True)]
        return all(torch.equal(one, other) for one, other in pairs)


class RepeatedByTask(Repeated):
    """The same of a network whose tasks are divided among the processor's cores: each core takes one task at a time, so that a
    recording is of a single one, and holds no more than that one needs.
    """

    def __init__(self, learner: Algorithm, after: int):
        super().__init__(learner, after)
        self.replicas = Replicas(learner)

    def _written(self, batch: TaskBatch, share: float) -> Taken:
        if not isinstance(batch, Episodes):
            return super()._written(batch, share)
        found = self.replicas.by_task(batch, gradients_of)
        put(learned(self.learner), found[0], share)
        return found

    def may_repeat(self, batch: TaskBatch, share: float) -> bool:
        return super().may_repeat(batch, 1.0)

    def example(self, batch: Episodes) -> Episodes:
        return batch[:1]

    def repeated(self, recording: Recording, batch: Episodes) -> Taken:
        return self.replicas.by_task(batch, lambda _, task: recording(task))


def gradients_of(learner: Algorithm, task: Episodes) -> Taken:
    """Of a task, as written; laid out as their parameters are."""
    parameters = learned(learner)
    gradients, report = learner.gradients(task, parameters)
    return [g if g is None else laid_out(g, p) for g, p in zip(gradients, parameters, strict=True)], report


def learned(learner: Algorithm) -> list[nn.Parameter]:
    """What gets a gradient."""
    return [p for p in learner.parameters() if p.requires_grad]


def put(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor | None], share: float = 1.0) -> None:
    """Add gradients, times their share of the meta-batch, to the parameters' ``grad``."""
    for p, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None:
            part = gradient if share == 1.0 else share * gradient
            p.grad = part if p.grad is None else p.grad + part


def values(report: StepReport) -> list[Tensor]:
    return [value for value in vars(report).values() if value is not None]
