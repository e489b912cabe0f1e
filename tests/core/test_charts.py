"""What charts show, as arrays."""

from pathlib import Path

import numpy as np
import pytest

from core import charts
from core.config.facts import facts_of
from core.runs.outline import Outline
from core.runs.schema import Evaluation, Run
from core.runs.series import SeriesReader, smoothed
from core.runs.store import RunStore
from core.runs.system import System
from core.system_charts import system_charts
from tests.core.tiny import tiny


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'runs.db'}")


def made(store: RunStore, tmp_path: Path, *assignments: str, base: str = "doodles") -> Run:
    """A run as it is submitted."""
    config = tiny(base, *assignments)
    facts = facts_of(config).as_json()
    return store.create(config.model_dump(mode="json"), "one", folder_root=tmp_path, datasets=tmp_path, facts=facts)


def make(store: RunStore, tmp_path: Path, points: int = 5, base: str = "doodles") -> tuple[Run, SeriesReader]:
    run = made(store, tmp_path, base=base)
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
        ("protonet", "query", "cross-entropy, nats"),
        ("reptile", "task, after training on it", "cross-entropy, nats"),
        ("relationnet", "query", "squared error of relation scores"),
        ("pretrain", "training batch", "cross-entropy, nats"),
    ],
)
def test_what_does_not_adapt_while_training_is_not_said_to(store, tmp_path, algorithm: str, name: str, unit: str):
    run = made(store, tmp_path, f"algorithm={algorithm}", base="conv4")
    store.add_metrics(run.id, [(1, 0.0, charts.QUERY_LOSS, 0.5)])
    reader = SeriesReader(store)
    reader.poll([run.id])
    chart = charts.loss_chart(run, reader)
    assert [trace.name for trace in chart.traces] == [name]
    assert chart.y_title == unit


def test_a_long_curve_is_thinned_and_keeps_its_ends(store, tmp_path):
    (support, query) = charts.loss_chart(*make(store, tmp_path, points=5000)).traces
    for trace in (support, query):
        assert len(trace.x) == len(trace.y) <= charts.POINTS + 2
        assert (trace.x[0], trace.x[-1]) == (1, 5000)


def test_the_first_points_of_a_loss_are_marked(store, tmp_path):
    """A line shows nothing of a single point; of many, marks would hide the line."""
    for points, mode in ((1, "lines+markers"), (charts.FEW, "lines+markers"), (charts.FEW + 1, "lines")):
        assert {trace.mode for trace in charts.loss_chart(*make(store, tmp_path, points)).traces} == {mode}


def test_a_smoothed_loss_has_the_raw_one_behind_it(store, tmp_path):
    run, reader = make(store, tmp_path, points=5000)
    chart = charts.loss_chart(run, reader, smooth=True)
    support, query = "support, before adapting", "query, after adapting"
    assert [(trace.name, trace.raw, trace.listed, trace.color) for trace in chart.traces] == [
        (support, True, False, 1),
        (query, True, False, 0),
        (support, False, True, 1),
        (query, False, True, 0),
    ]
    x, y = reader.series(run.id, charts.QUERY_LOSS)
    drawn, smooth = chart.traces[3], dict(zip(x, smoothed(x, y, charts.smoothing(len(x))), strict=True))
    np.testing.assert_array_equal(chart.traces[1].y, charts.loss_chart(run, reader).traces[1].y)
    assert len(drawn.x) <= charts.POINTS + 2
    np.testing.assert_array_equal(drawn.y, [smooth[one] for one in drawn.x])
    other = charts.beside(charts.loss_chart(run, reader), chart, "#2")
    assert [trace.raw for trace in other.traces] == [False] * 3, "of another run the smoothed curve alone"
    np.testing.assert_array_equal(other.traces[-1].y, drawn.y)


def test_accuracies_are_in_per_cent_and_errors_as_they_are(store, tmp_path):
    run, _ = make(store, tmp_path)
    chart = charts.validation_chart(run, [evaluation(1, 0.5), evaluation(2, 0.75)])
    np.testing.assert_allclose(chart.traces[0].y, [50, 75])
    np.testing.assert_allclose(chart.traces[0].error, [1, 1])
    assert chart.suffix == " %"
    regression, _ = make(store, tmp_path, base="sinusoid")
    chart = charts.validation_chart(regression, [evaluation(1, 0.5, "mse")])
    np.testing.assert_allclose(chart.traces[0].y, [0.5])
    assert (chart.suffix, chart.y_title) == ("", "mean squared error")


def test_scores_of_unlike_metrics_have_charts_of_their_own(store, tmp_path):
    accuracy, error = made(store, tmp_path), made(store, tmp_path, base="sinusoid")
    curve = [{"step": step, "mean": 0.5, "ci95": 0.1} for step in range(3)]
    results = [("a", accuracy, {"curve": curve}), ("b", error, {"curve": curve})]
    assert [(chart.y_title, len(chart.traces)) for chart in charts.adaptation_charts(results, [0, 1])] == [
        ("accuracy, %", 1),
        ("mean squared error", 1),
    ]


def test_a_score_that_was_not_finite_is_a_gap(store, tmp_path):
    run, _ = make(store, tmp_path)
    (trace,) = charts.validation_chart(run, [evaluation(1, None), evaluation(2, 0.5)]).traces
    assert np.isnan(trace.y[0])
    assert trace.y[1] == 50


def test_the_adaptation_curve_counts_steps(store, tmp_path):
    curve = [{"step": step, "mean": 0.2 * (step + 1), "ci95": 0.02} for step in range(3)]
    (chart,) = charts.adaptation_charts([("test", made(store, tmp_path), {"curve": curve})], [4])
    np.testing.assert_array_equal(chart.traces[0].x, [0, 1, 2])
    np.testing.assert_allclose(chart.traces[0].y, [20, 40, 60])
    assert (chart.traces[0].color, chart.traces[0].dash) == (4, "solid")


def point(step: int, mean: float, diverged: int = 0) -> dict:
    summary = {"median": 0.5, "quartiles": [0.2, 0.9], "diverged": diverged}
    return {"step": step, "mean": mean, "ci95": 2 * mean, **summary}


def test_where_tasks_diverged_the_medians_are_drawn(store, tmp_path):
    """Of all curves in the chart, also where none did any more at the last step."""
    run = made(store, tmp_path, base="sinusoid")
    sound, wrecked = [point(0, 2.0), point(1, 0.7)], [point(0, 2.0), point(1, 1e28, diverged=1), point(2, 0.7)]
    results = [("start", run, {"curve": sound}), ("test", run, {"curve": wrecked})]
    (chart,) = charts.adaptation_charts(results, [2, 0])
    assert (chart.y_title, chart.log_y) == ("mean squared error, median", False)
    assert "quartiles" in chart.label
    np.testing.assert_allclose([y for trace in chart.traces for y in trace.y], 0.5)
    np.testing.assert_allclose(chart.traces[1].error, [[0.3] * 3, [0.4] * 3])
    (chart,) = charts.adaptation_charts(results[:1], [2])
    assert chart.y_title == "mean squared error"
    (chart,) = charts.adaptation_charts(results[:1], [2], medians=True)
    np.testing.assert_allclose(chart.traces[0].y, 0.5)


def test_a_curve_without_medians_gets_a_logarithmic_axis(store, tmp_path):
    run = made(store, tmp_path, base="sinusoid")
    curve = [{"step": step, "mean": mean, "ci95": 0.9} for step, mean in enumerate((2.0, 0.8, 1e28))]
    (chart,) = charts.adaptation_charts([("test", run, {"curve": curve})], [0])
    assert (chart.log_y, chart.y_title) == (True, "mean squared error")
    np.testing.assert_allclose(chart.traces[0].y, [2.0, 0.8, 1e28])


@pytest.mark.parametrize(
    ("base", "means", "log_y"),
    [
        ("sinusoid", [2.0, 0.002], True),
        ("sinusoid", [2.0, 0.0021], False),
        ("sinusoid", [2000.0, 0.0], False),
        ("sinusoid", [None, 2.0], False),
        ("sinusoid", [], False),
        ("doodles", [0.9, 0.0001], False),
    ],
)
def test_validation_scores_get_a_logarithmic_axis_where_they_span_three_powers_of_ten(
    store, tmp_path, base, means, log_y
):
    scored = [evaluation(i, mean, "any") for i, mean in enumerate(means)]
    chart = charts.validation_chart(made(store, tmp_path, base=base), scored)
    assert chart.log_y is log_y


def test_beside_a_curve_on_a_logarithmic_axis_the_chart_has_one(store, tmp_path):
    run = made(store, tmp_path, base="sinusoid")
    mine, theirs = (
        charts.validation_chart(run, [evaluation(1, 1.0, "mse"), evaluation(2, end, "mse")]) for end in (0.5, 1e12)
    )
    assert [charts.beside(*pair, "other").log_y for pair in ((mine, mine), (mine, theirs), (theirs, mine))] == [
        False,
        True,
        True,
    ]


def test_curves_of_one_colour_are_told_apart_by_their_dashes(store, tmp_path):
    curve, run = [{"step": step, "mean": 0.2, "ci95": 0.02} for step in range(3)], made(store, tmp_path)
    results = [(name, run, {"curve": curve}) for name in ("before", "after")]
    (chart,) = charts.adaptation_charts(results, [2, 2], ["dot", "solid"])
    assert [trace.dash for trace in chart.traces] == ["dot", "solid"]


def test_another_runs_curve_stands_behind_in_the_same_colour(store, tmp_path):
    run, reader = make(store, tmp_path, points=2)
    other, _ = make(store, tmp_path, points=100)
    reader.poll([other.id])
    chart = charts.beside(
        charts.loss_chart(run, reader), charts.loss_chart(other, reader, until=4), charts.title(other)
    )
    assert [(trace.name, trace.dash, trace.faint) for trace in chart.traces] == [
        ("support, before adapting", "solid", False),
        ("query, after adapting", "solid", False),
        ("#2 one", "dash", True),
    ]
    compared = chart.traces[-1]
    np.testing.assert_array_equal(compared.x, [1, 2, 3, 4])
    np.testing.assert_allclose(compared.y, [1, 1 / 2, 1 / 3, 1 / 4])
    assert compared.color == chart.traces[1].color
    curve = [{"step": step, "mean": 0.2, "ci95": 0.02} for step in range(3)]
    (mine,), (theirs,) = (
        charts.adaptation_charts([("x", one, {"curve": curve})], [n]) for n, one in ((4, run), (0, other))
    )
    assert [(trace.name, trace.color) for trace in charts.beside(mine, theirs, "y").traces] == [("x", 4), ("y", 4)]


def test_another_runs_curve_is_there_before_the_first_point_of_the_run(store, tmp_path):
    run = made(store, tmp_path)
    other, reader = make(store, tmp_path)
    reader.poll([run.id])
    chart = charts.beside(charts.loss_chart(run, reader), charts.loss_chart(other, reader), "#2")
    assert [trace.name for trace in chart.traces] == ["#2"]


def test_what_is_measured_otherwise_is_not_put_on_the_same_axes(store, tmp_path):
    run, reader = make(store, tmp_path)
    other, _ = make(store, tmp_path, base="sinusoid")
    reader.poll([other.id])
    chart = charts.loss_chart(run, reader)
    assert charts.beside(chart, charts.loss_chart(other, reader), "other") == chart
    mine, theirs = (charts.validation_chart(one, [evaluation(1, 0.5)]) for one in (run, other))
    assert len(charts.beside(mine, theirs, "other").traces) == 1


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


def test_what_a_run_took_of_its_machine_is_drawn_as_far_as_it_was_measured(store, tmp_path):
    run, reader = make(store, tmp_path)
    assert system_charts(run, reader) == [], "as of a run of an earlier version"
    system = System("tasks", 4)
    for iteration in (1, 11, 21):
        load = {"cpu_percent": 150.0, "memory": 5e8, "gpu_percent": 60, "gpu_memory": 2e9}
        store.add_metrics(run.id, system.rows(iteration, iteration / 5, load))
    reader.poll([run.id])
    load, memory, rate = system_charts(run, reader)
    assert [(trace.name, trace.y.tolist()) for trace in load.traces] == [
        ("processor, 100 % a core", [150, 150]),
        ("GPU", [60, 60]),
    ]
    np.testing.assert_allclose([trace.y for trace in memory.traces], [[0.5, 0.5], [2, 2]])
    assert (load.y_title, load.suffix, memory.y_title, rate.y_title) == ("load", " %", "memory, GB", "tasks a second")
    np.testing.assert_allclose(rate.traces[0].y, [20, 20])
