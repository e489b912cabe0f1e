"""What charts show, as arrays."""

from pathlib import Path

import numpy as np
import pytest

from core import charts
from core.runs.outline import Outline
from core.runs.schema import Evaluation, Run
from core.runs.series import SeriesReader
from core.runs.store import RunStore

CLASSIFICATION = {"family": {"name": "doodles", "n_way": 5}}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'runs.db'}")


def make(store: RunStore, tmp_path: Path, points: int = 5, config: dict = CLASSIFICATION) -> tuple[Run, SeriesReader]:
    run = store.create(config, "one", folder_root=tmp_path, datasets=tmp_path)
    rows = [(i, 0.0, key, 1.0 / i) for i in range(1, points + 1) for key in (charts.SUPPORT_LOSS, charts.QUERY_LOSS)]
    store.add_metrics(run.id, rows)
    reader = SeriesReader(store)
    reader.poll([run.id])
    return run, reader


def evaluation(iteration: int, mean: float | None, metric: str = "accuracy") -> Evaluation:
    return Evaluation(iteration, 1, iteration, "val", metric, mean, 0.01, 100, 0, "", None, 0.0)


def test_the_loss_is_drawn_before_and_after_adapting(store, tmp_path):
    chart = charts.loss_chart(*make(store, tmp_path))
    assert [trace.name for trace in chart.traces] == ["support, before adapting", "query, after adapting"]
    np.testing.assert_array_equal(chart.traces[1].x, [1, 2, 3, 4, 5])
    assert chart.y_title.startswith("cross-entropy")


@pytest.mark.parametrize(
    ("algorithm", "name", "unit"),
    [
        ({"name": "protonet"}, "query", "cross-entropy, nats"),
        ({"name": "reptile"}, "task, after training on it", "cross-entropy, nats"),
        ({"name": "relationnet"}, "query", "squared error of relation scores"),
        ({"name": "pretrain", "batch_size": 64}, "training batch", "cross-entropy, nats"),
    ],
)
def test_what_does_not_adapt_while_training_is_not_said_to(store, tmp_path, algorithm: dict, name: str, unit: str):
    run = store.create(CLASSIFICATION | {"algorithm": algorithm}, "one", folder_root=tmp_path, datasets=tmp_path)
    store.add_metrics(run.id, [(1, 0.0, charts.QUERY_LOSS, 0.5)])
    reader = SeriesReader(store)
    reader.poll([run.id])
    chart = charts.loss_chart(run, reader)
    assert [trace.name for trace in chart.traces] == [name]
    assert chart.y_title == charts.losses_chart([run], reader).y_title == unit


def test_a_long_curve_is_thinned_and_keeps_its_ends(store, tmp_path):
    (support, query) = charts.loss_chart(*make(store, tmp_path, points=5000)).traces
    for trace in (support, query):
        assert len(trace.x) == len(trace.y) <= charts.POINTS + 2
        assert (trace.x[0], trace.x[-1]) == (1, 5000)


def test_accuracies_are_in_per_cent_and_errors_as_they_are(store, tmp_path):
    run, _ = make(store, tmp_path)
    chart = charts.validation_chart([(run, [evaluation(1, 0.5), evaluation(2, 0.75)])])
    np.testing.assert_allclose(chart.traces[0].y, [50, 75])
    np.testing.assert_allclose(chart.traces[0].error, [1, 1])
    assert chart.suffix == " %"
    regression, _ = make(store, tmp_path, config={"family": {"name": "sinusoid", "k_shot": 5}})
    chart = charts.validation_chart([(regression, [evaluation(1, 0.5, "mse")])])
    np.testing.assert_allclose(chart.traces[0].y, [0.5])
    assert (chart.suffix, chart.y_title) == ("", "mean squared error")


def test_scores_in_different_units_have_no_common_suffix(store, tmp_path):
    accuracy, _ = make(store, tmp_path)
    error, _ = make(store, tmp_path, config={"family": {"name": "sinusoid"}})
    chart = charts.validation_chart([(accuracy, [evaluation(1, 0.5)]), (error, [evaluation(1, 0.5, "mse")])])
    assert chart.suffix == ""
    assert chart.y_title == "accuracy, % / mean squared error"


def test_a_score_that_was_not_finite_is_a_gap(store, tmp_path):
    run, _ = make(store, tmp_path)
    (trace,) = charts.validation_chart([(run, [evaluation(1, None), evaluation(2, 0.5)])]).traces
    assert np.isnan(trace.y[0])
    assert trace.y[1] == 50


def test_the_adaptation_curve_counts_steps():
    curve = [{"step": step, "mean": 0.2 * (step + 1), "ci95": 0.02} for step in range(3)]
    chart = charts.adaptation_chart([("test", {"metric": "accuracy", "curve": curve})], [4])
    np.testing.assert_array_equal(chart.traces[0].x, [0, 1, 2])
    np.testing.assert_allclose(chart.traces[0].y, [20, 40, 60])
    assert chart.traces[0].color == 4


def test_a_spark_line_is_short_and_covers_the_outline(store, tmp_path):
    run, _ = make(store, tmp_path, points=1000)
    outline = Outline.from_json(store.get(run.id).outline).line
    line = charts.spark(outline, points=40)
    assert len(line) == 40
    assert line[0] > line[-1]
    assert (max(line), min(line)) == pytest.approx((line[0], line[-1]))
    assert line[-1] == pytest.approx(np.mean(outline[len(outline) * 39 // 40 :]))
    assert charts.spark(outline[:7], points=40) == outline[:7]
    assert charts.spark([]) == []


def test_the_metric_is_known_before_anything_is_measured(store, tmp_path):
    accuracy, _ = make(store, tmp_path)
    error, _ = make(store, tmp_path, config={"family": {"name": "anything"}})
    assert (charts.metric_of(accuracy), charts.metric_of(error)) == ("accuracy", "mse")


def test_first_order_maml_is_called_so(store, tmp_path):
    for first_order, called in ((True, "maml, first order"), (False, "maml")):
        config = CLASSIFICATION | {"algorithm": {"name": "maml", "first_order": first_order}}
        assert charts.learner(make(store, tmp_path, config=config)[0]) == called
