"""Who hears of a training, and what they are told: nothing here knows of processes or databases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.algorithms.base import Algorithm
from core.training.evaluation import EvaluationResult
from data.view import Shown

Desired = Literal["run", "pause", "stop"]
Phase = Literal["loading", "training", "tuning", "testing"]
Row = tuple[int, float, str, float]  # iteration, training seconds, key, value


class Stopped(Exception):
    """The person asked for a stop; everything up to now is in the last checkpoint."""


@dataclass(frozen=True)
class Progress:
    """How far a run is. rate: meta-steps per second lately. remaining: seconds to the end of the phase, None if unknown.
    spent: seconds by what they went into so far, see ``Spent``.
    """

    phase: Phase
    iteration: int
    seconds: float
    rate: float | None = None
    remaining: float | None = None
    fraction: float | None = None  # of the phase, where it does not count iterations
    spent: Mapping[str, float] = field(default_factory=dict)


class Listener(Protocol):
    """Who is told what happens, and is asked what is wanted."""

    def progress(self, progress: Progress) -> Desired:
        """A sign of life, at most every ``beat`` seconds; the answer is obeyed. The last comes when all is over."""

    def metrics(self, rows: list[Row]) -> None: ...

    def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None: ...

    def scored(self, result: EvaluationResult, iteration: int) -> None:
        """What ``evaluated`` will say, with less of its curve, as soon as there is a score."""

    def shown(self, shown: Shown, best: int | None) -> None:
        """What the learner makes of single tasks of the evaluation that is told next. best: iteration of the best so far."""

    def prepared(self, algorithm: Algorithm) -> None:
        """The learner is built and known to work."""

    def check(self) -> None:
        """Called before a checkpoint is put in place; raises if this run is another's to train by now."""

    def resumed(self, iteration: int) -> None:
        """Whatever was reported after this iteration is void: it will be trained again."""
