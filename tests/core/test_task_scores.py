"""How the scores of single tasks are spread."""

import numpy as np
import pytest

from core.task_scores import BINS, TaskScores, spread
from data.metric import SQUARED_ERROR, Metric, accuracy


@pytest.mark.parametrize(
    ("metric", "scores"),
    [
        (accuracy(5), [0.0, 0.2, 1.0]),
        (SQUARED_ERROR, [0.1, 0.2, 5.0]),
        (SQUARED_ERROR, [0.001, 0.2, 1e9]),
        (SQUARED_ERROR, [0.0, 0.0]),
        (Metric("return", "mean reward", True), [-7.0, -7.0]),
    ],
)
def test_every_finite_score_is_counted_once(metric: Metric, scores: list[float]) -> None:
    edges, counts = spread(metric, np.array([*scores, np.nan], np.float32))
    assert len(edges) == BINS + 1 and len(counts) == BINS
    assert counts.sum() == len(scores) and (np.diff(edges) > 0).all()


def test_bins_are_those_of_the_metric_or_grow_where_errors_lie_far_apart() -> None:
    assert spread(accuracy(5), np.array([0.4, 0.5]))[0][[0, -1]].tolist() == [0.0, 1.0]
    edges = spread(SQUARED_ERROR, np.array([0.001, 10.0]))[0]
    np.testing.assert_allclose(edges[1:] / edges[:-1], 10 ** (4 / BINS))
    assert len(spread(SQUARED_ERROR, np.array([np.nan]))[1]) == 0


def test_as_json_says_what_is_not_known() -> None:
    plain = TaskScores("val", 3, "last@3", accuracy(5), np.array([np.nan, np.nan])).as_json()
    assert plain["spread"]["median"] is None and plain["not_finite"] == [0, 1]
    assert (plain["diverged"], plain["pairs"], plain["classes"]) == (None, None, None)
