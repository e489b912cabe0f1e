"""The charts of a comparison: a line a group, in one colour everywhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.charts import POINTS, QUERY_LOSS, smoothing
from core.comparing import curves
from core.comparing.curves import View
from core.comparing.groups import MOST, grouped
from core.config.facts import facts_of
from core.runs.schema import Run
from core.runs.series import SeriesReader, smoothed
from core.runs.store import RunStore
from tests.core.tiny import tiny

AXES = ("iteration", "work", "time")
CURVE = [{"step": step, "mean": 0.2 + 0.3 * step, "ci95": 0.01} for step in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'runs.db'}")


@pytest.fixture
def make(store: RunStore, tmp_path: Path) -> Callable[..., Run]:
    """A run of so many points, whose loss starts at ``height``."""

    def made(*assignments: str, base: str = "doodles", seed: int = 0, points: int = 4, height: float = 1.0) -> Run:
        config = tiny(base, *assignments, f"seed={seed}")
        places = {"folder_root": tmp_path, "datasets": tmp_path}
        run = store.create(config.model_dump(mode="json"), "one", **places, facts=facts_of(config).as_json())
        store.add_metrics(run.id, [(i, 60.0 * i, QUERY_LOSS, height / i) for i in range(1, points + 1)])
        store.update(run.id, seconds=60.0 * points)
        return store.get(run.id)

    return made


@pytest.fixture
def read(store: RunStore) -> Callable[..., SeriesReader]:
    def reader(*runs: Run) -> SeriesReader:
        found = SeriesReader(store)
        found.poll([run.id for run in runs])
        return found

    return reader


def validate(store: RunStore, run: Run, *means: float) -> None:
    metric = run.facts["metric"]["name"]
    for place, mean in enumerate(means, 1):
        store.add_evaluation(run.id, place, "val", metric, mean, 0.02, episodes=9, checkpoint=f"last@{place}")


def test_seeds_become_one_line_with_a_band(make, read):
    runs = [make(seed=seed, height=height) for seed, height in enumerate((1.0, 2.0, 3.0))]
    (chart,) = curves.loss_charts(grouped(runs), read(*runs), View())
    (line,) = chart.traces
    np.testing.assert_allclose(line.y, [2, 1, 2 / 3, 1 / 2])
    np.testing.assert_allclose(line.high[:2] - line.y[:2], [1, 1 / 2])
    np.testing.assert_allclose(line.y[:2] - line.low[:2], [1, 1 / 2])
    assert (line.error, line.listed) == (None, True)


def test_smoothing_is_of_each_run_before_their_mean_and_shows_the_raw_mean_behind(make, read):
    runs = [make(seed=seed, points=200, height=height) for seed, height in enumerate((1.0, 3.0))]
    reader, groups = read(*runs), grouped([*runs, make("algorithm=pretrain", points=30)])
    reader.poll([3])
    (chart,) = curves.loss_charts(groups[:1], reader, View(smooth=True))
    (plain,) = curves.loss_charts(groups[:1], reader, View())[0].traces
    raw, mean = chart.traces
    assert (raw.raw, raw.listed, raw.low, mean.raw, mean.listed) == (True, False, None, False, True)
    np.testing.assert_array_equal(raw.y, plain.y)
    series = [reader.series(run.id, QUERY_LOSS) for run in runs]
    averages = np.stack([smoothed(x, y, smoothing(len(x))) for x, y in series])
    np.testing.assert_allclose(mean.y, averages.mean(0))
    np.testing.assert_allclose(mean.high - mean.low, 2 * averages.std(0, ddof=1))
    several = [trace for one in curves.loss_charts(groups, reader, View(smooth=True)) for trace in one.traces]
    assert [trace.raw for trace in several] == [True, True, False, False], "what is smooth lies over all that is raw"


def test_smoothing_follows_iterations_whatever_the_axis(make, read):
    run = make(points=100)
    drawn = [curves.loss_charts(grouped([run]), read(run), View(axis, smooth=True))[0].traces[-1].y for axis in AXES]
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0], other)


def test_single_seeds_are_faint_lines_that_are_hidden_with_their_group(make, read):
    runs = [make(seed=seed) for seed in range(2)]
    (chart,) = curves.loss_charts(grouped(runs), read(*runs), View(seeds=True))
    *seeds, mean = chart.traces
    assert [(one.name, one.faint, one.listed, one.group) for one in seeds] == [
        (f"#{run.id} one", True, False, mean.group) for run in runs
    ]
    assert mean.group == mean.name
    assert not mean.faint


def test_losses_of_unlike_kinds_have_charts_of_their_own(make, read):
    runs = [make(base=base) for base in ("doodles", "sinusoid", "conv4")]
    first, second = curves.loss_charts(grouped(runs), read(*runs), View())
    assert [trace.color for trace in first.traces] == [0, 2], "a group has one colour in every chart"
    assert [trace.color for trace in second.traces] == [1]
    assert (first.y_title, second.y_title) == ("cross-entropy, nats", "mean squared error")


def test_scores_of_unlike_metrics_have_charts_of_their_own(store, make, read):
    runs = [make(), make(base="sinusoid"), make("family.n_way=4")]
    for run in runs:
        validate(store, run, 0.5)
        store.update(run.id, test={"curve": CURVE})
    groups = grouped(store.runs()[::-1])
    for draw in (curves.validation_charts, curves.adaptation_charts):
        first, second = draw(groups, read(*runs), View(best=False))
        assert (first.y_title, second.y_title) == ("accuracy, %", "mean squared error")
        assert [trace.color for trace in first.traces] == [0, 2]


def test_a_single_run_keeps_the_interval_over_its_tasks(store, make, read):
    run = make()
    validate(store, run, 0.5, 0.75)
    (chart,) = curves.validation_charts(grouped([run]), read(run), View(best=False))
    (line,) = chart.traces
    np.testing.assert_allclose(line.error, [2, 2])
    assert line.low is None


@pytest.mark.parametrize(("base", "best"), [("doodles", 2), ("sinusoid", 3)])
def test_the_best_so_far_is_marked_as_the_metric_says(store, make, read, base, best):
    run = make(base=base)
    validate(store, run, 0.5, 0.75, 0.25)
    (chart,) = curves.validation_charts(grouped([run]), read(run), View())
    *_, star = chart.traces
    assert (star.symbol, star.listed, list(star.x)) == ("star", False, [best])


def test_tasks_seen_and_examples_seen_are_told_apart(make, read):
    runs = [make("training.meta_batch_size=4"), make("algorithm=pretrain")]
    first, second = curves.loss_charts(grouped(runs), read(*runs), View("work"))
    assert (first.x_title, second.x_title) == ("tasks seen", "examples seen")
    np.testing.assert_array_equal(first.traces[0].x, [4, 8, 12, 16])


def test_training_time_is_in_the_unit_that_suits_the_longest(store, make, read):
    run = make()
    validate(store, run, 0.5, 0.75)
    for draw in (curves.loss_charts, curves.validation_charts):
        (chart,) = draw(grouped([run]), read(run), View("time"))
        assert chart.x_title == "training time, min"
        np.testing.assert_allclose(chart.traces[0].x[:2], [1, 2])


def test_long_curves_are_thinned_with_their_bands(make, read):
    runs = [make(seed=seed, points=5000) for seed in range(2)]
    (chart,) = curves.loss_charts(grouped(runs), read(*runs), View(seeds=True, log_y=True))
    for trace in chart.traces:
        assert len(trace.x) == len(trace.y) <= POINTS + 2
        assert trace.x[-1] == 5000
    assert len(chart.traces[-1].low) == len(chart.traces[-1].y)
    assert chart.traces[-1].low.min() > 0


def test_sixteen_lines_can_be_told_apart():
    assert len({curves.look(place) for place in range(MOST)}) == MOST == 16


def test_what_a_chart_is_drawn_from_changes_with_it_alone(store, make, read):
    run = make()
    reader, groups = read(run), grouped([run])
    before = curves.changed_by(groups, reader)
    store.add_metrics(run.id, [(5, 300.0, QUERY_LOSS, 0.1)])
    reader.poll([run.id])
    after = curves.changed_by(groups, reader)
    assert [draw for draw in before if before[draw] != after[draw]] == [curves.loss_charts]
