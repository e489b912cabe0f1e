"""Scores beside the family's own: by another metric, and apart for each sort of task."""

import numpy as np
import pytest
import torch

from core.further_scores import further_scores
from core.runs.home import Home
from core.training.build import build_learner
from core.training.evaluation import evaluate
from core.training.further import Further
from data.metric import Metric, accuracy
from tests.core.tiny import open_tiny, tiny


class Batch:
    tasks = 3

    def scored(self, answer: object) -> dict[str, torch.Tensor]:
        return {"own": torch.tensor([0.2, float("nan"), 0.6]), "other": torch.tensor([0.0, 1.0, 0.5])}


class Family:
    further = (Metric("other", "other score", True, "%", 100.0, 1),)

    def sorts(self, _: Batch) -> list[str]:
        return ["red", "blue", "red"]


def test_they_are_kept_task_by_task_and_a_task_that_is_left_out_is_left_out_everywhere() -> None:
    further = Further(Family(), Metric("own", "own score", True))
    own = torch.cat([further.scores(Batch(), None) for _ in range(2)]).double().numpy()
    other, red, blue = further.found(own)
    assert (other["metric"]["name"], other["sort"], other["episodes"]) == ("other", "", 4)
    assert other["mean"] == 0.25 and other["ci95"] == pytest.approx(1.96 * np.std([0, 0.5, 0, 0.5], ddof=1) / 2)
    assert (red["metric"]["name"], red["sort"], red["episodes"]) == ("own", "red", 4) and red["mean"] == pytest.approx(
        0.4
    )
    assert (blue["sort"], blue["episodes"]) == ("blue", 0) and np.isnan(blue["mean"])


def test_they_are_said_by_their_metric_and_sort() -> None:
    rows = [
        {"metric": accuracy(5).as_json(), "sort": "", "mean": 0.5, "ci95": 0.01, "episodes": 9},
        {"metric": accuracy(5).as_json(), "sort": "red", "mean": 0.25, "ci95": None, "episodes": 1},
    ]
    assert further_scores({"also": rows}) == [("accuracy", "50.00 ± 1.00 %"), ("accuracy, red", "25.00 % (1 task)")]
    assert further_scores({}) == []


def test_an_evaluation_of_translations_has_exact_matches_and_scores_by_script(pictures: Home) -> None:
    config = tiny("names")
    family = open_tiny(config, pictures)
    result = evaluate(build_learner(config, family, "stacked"), config, family, "val", episodes=12)
    exact, *scripts = result.also
    assert exact["metric"]["name"] == "exact" and 0 <= exact["mean"] <= 1 and exact["episodes"] == 12
    assert sum(one["episodes"] for one in scripts) == 12
    whole = sum(one["mean"] * one["episodes"] for one in scripts) / 12
    assert whole == pytest.approx(result.mean) and all(one["sort"].endswith(" script") for one in scripts)
    assert result.as_json(1)["also"] == result.also


def test_other_families_have_none(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    assert evaluate(build_learner(config, family, "stacked"), config, family, "val", episodes=2).also == []
