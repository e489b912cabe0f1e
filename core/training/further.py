"""Scores beside a family's own metric, and that metric apart for each sort of task, all after the last inner step."""

from collections import defaultdict
from typing import Any

import numpy as np
from torch import Tensor

from core.training.summary import interval
from data.batch import Answer, TaskBatch
from data.family import TaskFamily
from data.metric import Metric


class Further:
    """Collects them, task by task in the frozen episodes' order."""

    def __init__(self, family: TaskFamily, metric: Metric):
        self.family, self.metric = family, metric
        self._sorts: list[str] = []
        self._scores: dict[str, list[np.ndarray]] = defaultdict(list)

    def scores(self, batch: TaskBatch, answer: Answer) -> Tensor:
        """The family's own scores of the next tasks → (tasks,); the others are kept."""
        self._sorts += self.family.sorts(batch)
        if not self.family.further:
            return batch.scores(answer)
        found = batch.scored(answer)
        for one in self.family.further:
            self._scores[one.name].append(found[one.name].cpu().double().numpy())
        return found[self.metric.name]

    def found(self, own: np.ndarray) -> list[dict[str, Any]]:
        """Plain values of each: its metric, of which sort of tasks (empty: of all), mean, ci95 and how many tasks count.

        own: the family's own scores (episodes,), NaN where a task was left out, which is then left out of the others too.
        """
        others = [(one, np.concatenate(self._scores[one.name])) for one in self.family.further]
        rows = [_row(one, "", np.where(np.isfinite(own), scores, np.nan)) for one, scores in others]
        sorts = np.array(self._sorts)
        often = sorted(set(self._sorts), key=lambda sort: (-(sorts == sort).sum(), sort))
        return rows + [_row(self.metric, sort, own[sorts == sort]) for sort in often]


def _row(metric: Metric, sort: str, scores: np.ndarray) -> dict[str, Any]:
    mean, ci95 = interval(scores)
    return {
        "metric": metric.as_json(),
        "sort": sort,
        "mean": mean,
        "ci95": ci95,
        "episodes": int(np.isfinite(scores).sum()),
    }
