"""What a diagnosis of a run rests on: scores with their intervals, the curve per inner step, parts of the training loss."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import charts
from core.comparing.limits import FEWEST
from core.runs.facts import Facts
from core.runs.outline import QUERY_LOSS
from core.runs.schema import ENDED, Evaluation, Run, Score
from core.runs.series import SeriesReader
from data.language import tr
from data.metric import Metric

POINTS = 10  # of a loss, whose mean stands for a part of the training
Z = 1.96  # standard errors that half a 95 % interval of a mean is wide
NOTCH = 1.57  # interquartile ranges / √n on either side of a median: McGill, Tukey and Larsen 1978, for 95 %


@dataclass(frozen=True)
class Interval:
    """A score and half of its 95 % interval, in the metric's stored unit; not-a-number where unknown. median: if it is one."""

    middle: float
    half: float
    median: bool = False

    @classmethod
    def of(cls, score: dict[str, Any] | Score, tasks: int = 0, medians: bool = False) -> "Interval":
        """Of a result, a point of its curve, or a validation. tasks: that it is of; needed for its median."""
        values = score if isinstance(score, dict) else vars(score)
        if medians and tasks:
            low, high = charts.floats(values["quartiles"])
            return cls(float(charts.floats([values["median"]])[0]), NOTCH * float(high - low) / math.sqrt(tasks), True)
        return cls(*charts.floats([values["mean"], values["ci95"]]).tolist())

    def said(self, metric: Metric) -> str:
        text = metric.text(self.middle, self.half)
        return tr("median {score}", score=text) if self.median else text


@dataclass(frozen=True)
class Evidence:
    """loss: iterations (points,) and training losses (points,); of a run that trains, those up to its newest validation.

    validations: oldest first, without that of the untrained start. latest: the newest of them as a whole. total: iterations
    of the whole training, as far as it is known.
    """

    run: Run
    facts: Facts
    loss: tuple[np.ndarray, np.ndarray]
    validations: tuple[Score, ...]
    latest: Evaluation | None
    total: int

    @classmethod
    def of(cls, run: Run, reader: SeriesReader) -> "Evidence":
        """reader: has polled the run."""
        facts, scores, latest = Facts.of(run), reader.validations(run.id), reader.latest(run.id)
        if facts.trains:
            scores = tuple(one for one in scores if one.iteration > 0)
            latest = latest if scores else None
        x, y = reader.series(run.id, QUERY_LOSS)
        until = np.inf if run.status in ENDED else latest.iteration if latest else 0
        counted = (x <= until) & np.isfinite(y)
        planned = run.iterations or run.config.get("training", {}).get("iterations", 0)
        total = run.iteration if run.status == "finished" else planned
        return cls(run, facts, (x[counted], y[counted]), scores, latest, total)

    @property
    def metric(self) -> Metric:
        return self.facts.metric

    @property
    def share(self) -> float:
        """How much of the training the newest validation has seen, in [0, 1]."""
        if not self.facts.trains:
            return float(self.latest is not None)
        return self.latest.iteration / self.total if self.latest and self.total else 0.0

    @property
    def enough(self) -> bool:
        """Whether validations are of so many tasks that their intervals say something."""
        return self.latest is not None and self.latest.episodes >= FEWEST

    @property
    def scored(self) -> str:
        """What the newest validation scored and where: ``Validation accuracy at iteration 400``."""
        metric = tr(self.metric.title)
        if not self.facts.trains:
            return tr("Validation {metric}", metric=metric)
        return tr("Validation {metric} at iteration {iteration}", metric=metric, iteration=self.latest.iteration)

    @property
    def curve(self) -> list[tuple[int, Interval]]:
        """Inner steps and scores of the newest validation, from no step to the last; medians where tasks diverged at some step.
        Empty where there are no steps to compare.
        """
        points = ((self.latest and self.latest.result) or {}).get("curve", [])
        if not self.facts.takes_steps or not self.enough or len(points) < 2:
            return []
        medians = charts.by_median([{"curve": points}])
        return [(point["step"], Interval.of(point, self.latest.episodes, medians)) for point in points]

    def better(self, one: Interval, other: Interval) -> bool:
        """Whether one score is better than the other beyond both intervals; False where any of it is unknown."""
        return self.metric.gain(one.middle) - self.metric.gain(other.middle) > one.half + other.half

    def fallen(self, start: float, middle: float) -> tuple[float, float] | None:
        """Mean training losses of the parts (start, middle] and (middle, 1] of the training so far, where the second is lower
        beyond the 95 % intervals of both; None where it is not, or where either part has fewer than POINTS points.
        """
        x, y = self.loss
        if not len(x):
            return None
        place = x / x[-1]
        parts = [y[(place > a) & (place <= b)] for a, b in ((start, middle), (middle, 1.0))]
        if min(map(len, parts)) < POINTS:
            return None
        before, after = (float(part.mean()) for part in parts)
        halves = sum(Z * float(part.std(ddof=1)) / math.sqrt(len(part)) for part in parts)
        return (before, after) if before - after > halves else None

    def setting(self, path: str) -> Any:
        """The value of a setting, by its dotted path; None where the config has no such one."""
        section, _, name = path.partition(".")
        return self.run.config.get(section, {}).get(name)
