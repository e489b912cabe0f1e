"""The steps of a training between two writes: their means, and what to say where a loss is not a number."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, StepReport
from core.config.run import RunConfig
from data.errors import InnerloopError

SERIES = ("support_loss", "query_loss", "query_score")  # of a step's report, as far as a learner has them


class TrainingError(InnerloopError):
    """Training cannot go on."""


@dataclass
class Window:
    """Step reports since the last write, kept on the device: reading them would wait for it.

    since: training seconds at its beginning. most: steps with which it is full, however little time they took: the first
    window has one, so that there is a point at once, and each has room for twice as many as the one before, until windows
    last a beat. Neither a validation nor a checkpoint cuts a window short: the mean of few steps beside means of many would be
    a kink in the curve that the learner never made. earlier: of a window that a resumed run found begun, what its steps
    reported up to then, as ``series`` gives it. before: likewise, of the steps that the point before is the mean of.
    """

    reports: list[StepReport] = field(default_factory=list)
    since: float = 0.0
    most: float = 1.0
    earlier: dict[str, Tensor] = field(default_factory=dict)
    before: dict[str, Tensor] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return len(self.reports) + max(map(len, self.earlier.values()), default=0)

    def full(self, seconds: float, beat: float) -> bool:
        """seconds: of training up to now. beat: seconds that a window lasts at most, or one step where that takes longer."""
        steps = self.steps
        return steps > 0 and (steps >= self.most or seconds - self.since >= beat)

    def next(self, seconds: float, before: dict[str, Tensor]) -> "Window":
        """The empty one that follows a point that is the mean of ``before``."""
        return Window(since=seconds, most=2 * self.most, before=before)

    def series(self) -> dict[str, Tensor]:
        """Each of SERIES (steps,) in float64 on the processor; none of them where there are no steps."""
        if not self.reports:
            return dict(self.earlier)
        there = [name for name in SERIES if getattr(self.reports[0], name) is not None]
        found = {name: torch.stack([getattr(one, name) for one in self.reports]).cpu().double() for name in there}
        return {name: torch.cat([self.earlier[name], new]) if self.earlier else new for name, new in found.items()}

    def averaged(self, series: dict[str, Tensor], full: bool) -> dict[str, Tensor]:
        """What this window's point is the mean of: its own steps, ``series``. Where it ends before it is full (with the training,
        or at a stop) also those just before them, as many as the point before has in all: a few steps alone would be a kink.
        """
        if full or not self.before:
            return series
        steps = max(self.steps, max(map(len, self.before.values())))
        return {name: torch.cat([self.before[name], new])[-steps:] for name, new in series.items()}

    def state(self) -> dict[str, Any]:
        """For a checkpoint, as plain values and tensors."""
        return {"since": self.since, "most": self.most, "earlier": self.series(), "before": self.before}


def first_bad(series: dict[str, Tensor]) -> int | None:
    """The first step with a loss that is not finite; None if all are."""
    losses = [~values.isfinite() for name, values in series.items() if name.endswith("loss")]
    if not losses:
        return None
    bad = torch.stack(losses).any(0).nonzero()
    return int(bad[0]) if len(bad) else None


def not_finite(config: RunConfig, algorithm: Algorithm, iteration: int, before: float = math.nan) -> TrainingError:
    """before: the support loss before the inner steps of that iteration, if it is known."""
    inner = getattr(config.algorithm, "inner_lr", None)
    at = "training.trust_region" if config.training.outer_update == "trpo" else "training.meta_lr"
    outer = f"{at} (now {getattr(config.training, at.removeprefix('training.')):g})"
    if inner and math.isfinite(before):
        learned = f" or {outer}, with which the inner rates are learned," if hasattr(algorithm, "rates") else ""
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
        "algorithm.inner_lr" if inner else at,
    )
