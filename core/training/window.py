"""The steps of a training between two writes: their means, and what to say where a loss is not a number."""

import math
from dataclasses import dataclass, field

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
    """Step reports since the last write, kept on the device: reading them would wait for it. since: training seconds."""

    reports: list[StepReport] = field(default_factory=list)
    since: float = 0.0

    def series(self) -> dict[str, Tensor]:
        """Each of SERIES (steps,) in float64 on the processor."""
        there = [name for name in SERIES if getattr(self.reports[0], name) is not None]
        return {name: torch.stack([getattr(one, name) for one in self.reports]).cpu().double() for name in there}


def first_bad(series: dict[str, Tensor]) -> int | None:
    """The first step with a loss that is not finite; None if all are."""
    losses = [~values.isfinite() for name, values in series.items() if name.endswith("loss")]
    bad = torch.stack(losses).any(0).nonzero()
    return int(bad[0]) if len(bad) else None


def not_finite(config: RunConfig, algorithm: Algorithm, iteration: int, before: float = math.nan) -> TrainingError:
    """before: the support loss before the inner steps of that iteration, if it is known."""
    inner = getattr(config.algorithm, "inner_lr", None)
    outer = f"training.meta_lr (now {config.training.meta_lr:g})"
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
        "algorithm.inner_lr" if inner else "training.meta_lr",
    )
