"""An evaluation of a run task by task: how the scores are spread, which tasks are hard, and which classes. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.hardest import worst
from core.runs import views
from core.runs.artifacts import Artifacts
from core.runs.facts import Facts
from core.runs.schema import Run, Score
from core.runs.store import RunStore
from data.metric import Metric
from data.view import TaskView

BINS = 20
WIDE = 1000  # times its least score that the greatest has at least where bins grow by equal factors
Which = Literal["test", "val"]


@dataclass(frozen=True)
class TaskScores:
    """scores: (episodes,), NaN where a task was left out. checkpoint: of which weights. diverged: places of tasks, None where
    nobody wrote them down. confusion: as ``Confusion.found`` gives it. views: what there is to look at, by place.
    """

    split: Which
    iteration: int
    checkpoint: str
    metric: Metric
    scores: np.ndarray
    diverged: list[int] | None = None
    confusion: dict[str, Any] | None = None
    views: dict[int, TaskView] = field(default_factory=dict)

    @property
    def lost(self) -> list[int]:
        """Places of the tasks that were not finite."""
        return np.flatnonzero(~np.isfinite(self.scores)).tolist()

    @property
    def worst(self) -> list[int]:
        """Places of the ten tasks that were solved worst, the worst first."""
        return worst(self.metric, self.scores)

    def as_json(self) -> dict[str, Any]:
        """Plain values, without what is there to look at."""
        finite = self.scores[np.isfinite(self.scores)]
        quartiles = np.percentile(finite, (0, 25, 50, 75, 100)).tolist() if len(finite) else [None] * 5
        return {
            "split": self.split,
            "iteration": self.iteration,
            "checkpoint": self.checkpoint,
            "metric": self.metric.name,
            "episodes": len(self.scores),
            "spread": dict(
                zip(("least", "lower_quartile", "median", "upper_quartile", "greatest"), quartiles, strict=True)
            ),
            "worst": [{"episode": place, "score": float(self.scores[place])} for place in self.worst],
            "not_finite": self.lost,
            "diverged": self.diverged,
            **dict.fromkeys(("pairs", "classes"), None),
            **{part: self.confusion[part] for part in ("pairs", "classes") if self.confusion},
        }


def of_test(run: Run, store: RunStore, artifacts: Artifacts) -> TaskScores | None:
    """The run's final test; None before it, and where an early version kept no single scores."""
    if not run.test:
        return None
    protocol = run.test.get("protocol", {})
    own = [one for one in store.evaluations(run.id, split="test") if (one.result or {}).get("protocol") == protocol]
    scores = store.scores(own[-1].id) if own else None
    if scores is None:
        return None
    told = (Facts.of(run).metric, scores)
    shown, digest = views.test(artifacts), protocol.get("episodes_sha256")
    if shown is None or shown.about.get("episodes_sha256") != digest:
        return TaskScores("test", own[-1].iteration, own[-1].checkpoint, *told)
    looks = dict(zip(shown.tasks, shown.views, strict=False))  # a family may have no look
    about = (shown.about["diverged"], shown.about["confusion"], looks)
    return TaskScores("test", own[-1].iteration, own[-1].checkpoint, *told, *about)


def of_best_validation(
    run: Run, store: RunStore, artifacts: Artifacts, validations: Sequence[Score]
) -> TaskScores | None:
    """The best validation so far; None before the first one. validations: all that the run had."""
    iteration = (run.best or {}).get("iteration")
    found = [one for one in validations if one.iteration == iteration]
    scores = store.scores(found[-1].id) if found else None
    if scores is None:
        return None
    looks = dict(enumerate(views.validation(artifacts, iteration)))
    return TaskScores("val", iteration, found[-1].checkpoint, Facts.of(run).metric, scores, views=looks)


def spread(metric: Metric, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the finite scores lie in each of BINS equal steps: edges (BINS + 1,), counts (BINS,). Between the metric's
    bounds where it has them; by equal factors where scores of an error lie far apart. Empty where nothing is finite.
    """
    finite = scores[np.isfinite(scores)].astype(np.float64)
    if not len(finite):
        return np.empty(0), np.empty(0, int)
    low = finite.min() if metric.low is None else metric.low
    high = finite.max() if metric.high is None else metric.high
    if metric.unbounded_error and 0 < WIDE * finite.min() <= finite.max():
        edges = np.geomspace(finite.min(), finite.max(), BINS + 1)
        edges[[0, -1]] = finite.min(), finite.max()  # rounding must not leave them out
    else:
        edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    return edges, np.histogram(finite, edges)[0]
