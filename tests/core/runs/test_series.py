"""The reader of metric curves: increments, resumed runs, deleted runs, and thinning that keeps spikes."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from core.runs.schema import evaluations
from core.runs.series import BATCH, KEPT, RUNS, VALIDATIONS, Curve, SeriesReader, downsample, smoothed
from core.runs.store import RunStore

LOSS = "train/query_loss"


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    store = RunStore(url, tmp_path)
    for name in "ab":
        store.create({}, name, folder_root=tmp_path / "runs", datasets=tmp_path)
    return store


def add(store: RunStore, run: int, iterations: range, key: str = LOSS) -> None:
    store.add_metrics(run, [(i, 0.0, key, float(i)) for i in iterations])


def test_each_row_is_read_once(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, read = SeriesReader(store), []
    original = store.newer_metrics

    def counted(*asked: int) -> list:
        rows = original(*asked)
        read.extend(rows)
        return rows

    monkeypatch.setattr(store, "newer_metrics", counted)
    add(store, 1, range(600))
    reader.poll([1])
    add(store, 1, range(600, 605))
    add(store, 2, range(3))
    reader.poll([1, 2])
    reader.poll([1, 2])
    assert len(read) == 608
    x, y = reader.series(1, LOSS)
    assert x.dtype == np.int32
    np.testing.assert_array_equal(x, np.arange(605))
    np.testing.assert_array_equal(y, np.arange(605.0))
    np.testing.assert_array_equal(reader.series(2, LOSS)[0], [0, 1, 2])


def test_views_handed_out_do_not_change(store: RunStore) -> None:
    reader = SeriesReader(store)
    add(store, 1, range(10))
    reader.poll([1])
    before = reader.series(1, LOSS)[1]
    add(store, 1, range(10, 1000))
    reader.poll([1])
    np.testing.assert_array_equal(before, np.arange(10.0))
    with pytest.raises(ValueError, match="read-only"):
        before[0] = 5


def test_a_resumed_run_is_read_again(store: RunStore) -> None:
    reader = SeriesReader(store)
    add(store, 1, range(10))
    reader.poll([1])
    store.truncate_after(1, 3)
    reader.poll([1])
    np.testing.assert_array_equal(reader.series(1, LOSS)[0], [0, 1, 2, 3])
    add(store, 1, range(4, 7))
    reader.poll([1])
    np.testing.assert_array_equal(reader.series(1, LOSS)[0], np.arange(7))


def test_not_a_number_missing_keys_and_deleted_runs(store: RunStore) -> None:
    reader = SeriesReader(store)
    store.add_metrics(1, [(0, 0.0, LOSS, float("nan")), (0, 0.0, "train/learning_rate", 0.1)])
    reader.poll([1, 99])
    assert np.isnan(reader.series(1, LOSS)[1]).tolist() == [True]
    assert reader.keys(1) == [LOSS, "train/learning_rate"]
    assert len(reader.series(1, "no/such")[0]) == len(reader.series(99, LOSS)[0]) == 0
    store.delete(1)
    reader.poll([1])
    assert reader.keys(1) == []


def looks_like(run: int) -> np.ndarray:
    """A curve of 50 000 points with two spikes and a gap."""
    y = np.sin(np.arange(50_000) / 500 + run)
    y[12_345], y[40_001], y[20_000:22_000] = 40.0, -40.0, np.nan
    return y


def test_a_long_curve_keeps_its_spikes_ends_and_gaps_in_a_bounded_number_of_points(store: RunStore) -> None:
    reader, whole = SeriesReader(store), looks_like(0)
    for start in range(0, len(whole), 10_000):
        portion = range(start, start + 10_000)
        store.add_metrics(1, [(i, 0.0, LOSS, whole[i]) for i in portion])
        reader.poll([1])
        x, y = reader.series(1, LOSS)
        assert len(x) <= KEPT
        assert (x[0], x[-1]) == (0, portion[-1])
        np.testing.assert_array_equal(y, whole[x])
    assert {12_345, 40_001} <= set(x.tolist())
    assert np.isnan(y[(x >= 20_100) & (x < 21_900)]).all()
    assert np.diff(x).max() < 100, "all of the run is covered"


@settings(deadline=None, max_examples=30)
@given(
    values=st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=60).map(np.array),
    repeats=st.integers(1, 400),
    portion=st.integers(1, 9000),
)
def test_what_is_kept_does_not_depend_on_the_portions(values: np.ndarray, repeats: int, portion: int) -> None:
    whole = np.tile(values, repeats)
    at_once, by_portions, iterations = Curve(), Curve(), np.arange(len(whole), dtype=np.int32)
    at_once.extend(iterations, whole)
    for start in range(0, len(whole), portion):
        by_portions.extend(iterations[start : start + portion], whole[start : start + portion])
    x, y = at_once.view()
    for mine, other in zip(at_once.view(), by_portions.view(), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert len(x) == len(whole) if len(whole) <= KEPT else len(x) <= KEPT
    assert (x[0], x[-1]) == (0, len(whole) - 1)
    np.testing.assert_array_equal(y, whole[x])
    if not np.isnan(whole).all():
        assert (np.nanmin(y), np.nanmax(y)) == (np.nanmin(whole), np.nanmax(whole))


def test_runs_that_nobody_asks_for_any_more_are_forgotten(store: RunStore, tmp_path: Path) -> None:
    reader = SeriesReader(store)
    ids = [store.create({}, "c", folder_root=tmp_path / "runs", datasets=tmp_path).id for _ in range(RUNS + 2)]
    for id in ids:
        add(store, id, range(3))
    reader.poll(ids[:RUNS])
    reader.poll(ids[:1])  # used again, so the second is now the oldest
    reader.poll(ids[RUNS:])
    assert reader.kept == 3 * RUNS
    assert [id for id in ids if not reader.keys(id)] == ids[1:3]
    reader.poll(ids[1:2])
    np.testing.assert_array_equal(reader.series(ids[1], LOSS)[0], [0, 1, 2])


def test_rows_are_read_in_batches(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, original = [], store.newer_metrics
    monkeypatch.setattr(store, "newer_metrics", lambda *asked: sizes.append(len(rows := original(*asked))) or rows)
    add(store, 1, range(BATCH * 2 + 5))
    SeriesReader(store).poll([1])
    assert sizes == [BATCH, BATCH, 5]


def test_several_runs_are_read_at_once_each_from_where_it_is_known(store: RunStore) -> None:
    together, reader = SeriesReader(store), SeriesReader(store)
    for portion in range(3):
        for run, count in ((2, 4), (1, BATCH // 2 + 3 * portion)):
            add(store, run, range(portion * count, (portion + 1) * count))
        if portion == 0:
            together.poll([1])  # of which more is known than of the other
        together.poll([2, 1])
    for run in (1, 2):
        reader.poll([run])
        for mine, alone in zip(together.series(run, LOSS), reader.series(run, LOSS), strict=True):
            np.testing.assert_array_equal(mine, alone)


def test_a_run_that_is_being_read_does_not_hold_up_another(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread is stopped in the middle of reading run 1 while this one reads run 2 and looks at run 1."""
    add(store, 1, range(BATCH + 10))
    add(store, 2, range(10))
    reader, arrived, go_on, original = SeriesReader(store), threading.Event(), threading.Event(), store.newer_metrics

    def slow(lasts: dict[int, int], limit: int) -> list:
        if lasts.get(1):
            arrived.set()
            assert go_on.wait(30)
        return original(lasts, limit)

    monkeypatch.setattr(store, "newer_metrics", slow)
    thread = threading.Thread(target=reader.poll, args=([1],))
    thread.start()
    assert arrived.wait(30)
    reader.poll([2])
    assert len(reader.series(2, LOSS)[0]) == 10
    assert 0 < len(reader.series(1, LOSS)[0]) <= KEPT
    go_on.set()
    thread.join()
    assert reader.series(1, LOSS)[0][-1] == BATCH + 9


def validate(store: RunStore, iteration: int, mean: float, checkpoint: str = "") -> None:
    result = {"curve": [{"step": 0, "mean": mean, "ci95": 0.1}]}
    scored = {"episodes": 10, "checkpoint": checkpoint or f"last@{iteration}", "result": result}
    store.add_evaluation(1, iteration, "val", "accuracy", mean, 0.1, **scored)


def test_only_new_validations_are_read_and_only_the_latest_whole(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, light, whole = SeriesReader(store), [], []
    validations_after, evaluation = store.validations_after, store.evaluation
    monkeypatch.setattr(
        store, "validations_after", lambda *asked: light.extend((found := validations_after(*asked)).values()) or found
    )
    monkeypatch.setattr(store, "evaluation", lambda id: whole.append(id) or evaluation(id))
    assert reader.validations(1) == () and reader.latest(1) is None
    for iteration in range(1, 31):
        validate(store, iteration, iteration / 100)
        if iteration >= 20:
            reader.poll([1])
            reader.poll([1])
    store.add_evaluation(1, 30, "test", "accuracy", 0.9, 0.1, episodes=600)
    reader.poll([1])
    assert sum(map(len, light)) == 30
    assert len(whole) == 11
    assert [(one.iteration, one.mean) for one in reader.validations(1)] == [(i, i / 100) for i in range(1, 31)]
    assert reader.latest(1) == store.evaluations(1, "val")[-1]


def test_a_checkpoint_validated_again_and_a_resumed_run(store: RunStore) -> None:
    reader = SeriesReader(store)
    for iteration in (1, 2, 3):
        validate(store, iteration, 0.5)
    reader.poll([1])
    validate(store, 2, 0.7, "last@2")
    reader.poll([1])
    assert [(one.iteration, one.mean) for one in reader.validations(1)] == [(1, 0.5), (3, 0.5), (2, 0.7)]
    assert [one.id for one in reader.validations(1)] == [one.id for one in store.evaluations(1)]
    store.truncate_after(1, 1)
    reader.poll([1])
    assert [one.iteration for one in reader.validations(1)] == [1]
    assert reader.latest(1).iteration == 1


def test_the_validation_of_the_start_is_kept_whole(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, whole, evaluation = SeriesReader(store), [], store.evaluation
    monkeypatch.setattr(store, "evaluation", lambda id: whole.append(id) or evaluation(id))
    validate(store, 0, 0.2)
    reader.poll([1])
    assert reader.start(1) == reader.latest(1) == store.evaluations(1, "val")[0]
    for iteration in (1, 2):
        validate(store, iteration, 0.5)
        reader.poll([1])
    assert (reader.start(1).mean, reader.latest(1).mean) == (0.2, 0.5)
    assert len(whole) == 3, "each is read whole once"
    late = SeriesReader(store)
    late.poll([1])
    assert (late.start(1), late.latest(1)) == (reader.start(1), reader.latest(1))


def test_a_run_of_an_earlier_version_has_no_start(store: RunStore) -> None:
    reader = SeriesReader(store)
    assert reader.start(1) is None
    validate(store, 200, 0.5)
    reader.poll([1])
    assert reader.start(1) is None


def test_very_many_validations_stay_bounded_with_their_best_and_the_newest(store: RunStore) -> None:
    reader, row = SeriesReader(store), {"run_id": 1, "split": "val", "metric": "accuracy", "ci95": 0.1, "created": 0.0}
    means = 0.5 + 0.1 * np.sin(np.arange(9000) / 40)
    means[4567] = 0.99
    rows = [row | {"iteration": i, "mean": mean, "checkpoint": f"last@{i}"} for i, mean in enumerate(means.tolist())]
    with store.database.writing() as connection:
        connection.execute(insert(evaluations), rows)
    reader.poll([1])
    kept = reader.validations(1)
    assert 500 < len(kept) <= VALIDATIONS
    assert (kept[0].iteration, kept[-1].iteration) == (0, 8999)
    assert max(kept, key=lambda one: one.mean).iteration == 4567


def test_threads_share_a_reader(store: RunStore) -> None:
    reader = SeriesReader(store)
    add(store, 1, range(2000))
    threads = [threading.Thread(target=reader.poll, args=([1, 2],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(reader.series(1, LOSS)[0], np.arange(2000))


def test_downsampling_keeps_spikes_ends_and_gaps() -> None:
    x, y = np.arange(100_000, dtype=np.int32), np.sin(np.arange(100_000) / 500)
    y[33_333], y[70_001], y[50_000:52_000] = 40.0, -40.0, np.nan
    fewer_x, fewer_y = downsample(x, y, points=500)
    assert len(fewer_x) <= 502
    assert (fewer_x[0], fewer_x[-1]) == (0, 99_999)
    assert {33_333, 70_001} <= set(fewer_x.tolist())
    assert np.nanmax(fewer_y) == 40.0
    assert np.isnan(fewer_y[(fewer_x >= 50_400) & (fewer_x < 51_600)]).all()
    assert not np.isnan(fewer_y[(fewer_x < 50_000) | (fewer_x >= 52_000)]).any()
    np.testing.assert_array_equal(fewer_y, y[fewer_x])


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_short_input_is_unchanged(size: int) -> None:
    x, y = np.arange(size), np.random.default_rng(0).normal(size=size)
    thin_x, thin_y = downsample(x, y)
    np.testing.assert_array_equal(thin_x, x)
    np.testing.assert_array_equal(thin_y, y)


def test_smoothing_is_a_moving_average_without_its_bias() -> None:
    """Of evenly spaced points as TensorBoard's: at a weight of 0.5 the last counts 1/2, the one before 1/4 …, by their sum."""
    found = smoothed(np.array([10, 20, 30, 40]), np.array([4.0, 2.0, 8.0, 1.0]), 0.5)
    third = (8 / 2 + 2 / 4 + 4 / 8) / (1 / 2 + 1 / 4 + 1 / 8)
    fourth = (1 / 2 + 8 / 4 + 2 / 8 + 4 / 16) / (1 / 2 + 1 / 4 + 1 / 8 + 1 / 16)
    np.testing.assert_allclose(found, [4, (2 / 2 + 4 / 4) / (1 / 2 + 1 / 4), third, fourth])
    np.testing.assert_array_equal(smoothed(np.array([10, 20]), np.array([4.0, 2.0]), 0.0), [4, 2])
    assert len(smoothed(np.array([]), np.array([]), 0.5)) == 0


def test_a_point_of_few_iterations_moves_the_average_little() -> None:
    """Distances 2, 2, 1 and 2 have a median of 2, so that the third point is half a point: 1/2 ** (1 / 2) stays of the others."""
    found = smoothed(np.array([2, 4, 5, 7]), np.array([4.0, 4.0, 100.0, 4.0]), 0.5)
    half = 0.5**0.5
    third = (half * (4 / 4 + 4 / 2) + (1 - half) * 100) / (half * (1 / 4 + 1 / 2) + (1 - half))
    np.testing.assert_allclose(found[:3], [4, 4, third])
    assert found[2] < smoothed(np.array([2, 4, 6, 8]), np.array([4.0, 4.0, 100.0, 4.0]), 0.5)[2]


def test_smoothing_leaves_out_what_is_not_finite_and_keeps_its_gap() -> None:
    found = smoothed(np.array([0, 1, 2, 3]), np.array([np.nan, 4.0, np.inf, 2.0]), 0.5)
    np.testing.assert_array_equal(np.isnan(found), [True, False, True, False])
    np.testing.assert_allclose(found[[1, 3]], [4, (2 / 2 + 4 / 4) / (1 / 2 + 1 / 4)])


def test_training_time_is_known_between_the_iterations_that_were_measured(store: RunStore) -> None:
    reader = SeriesReader(store)
    assert np.isnan(reader.seconds(1, np.array([1, 2]))).all(), "nothing was read"
    keys = ("train/support_loss", LOSS)
    store.add_metrics(1, [(i, 2.0 * i, key, 1.0) for i in (10, 20, 30) for key in keys])
    reader.poll([1])
    np.testing.assert_allclose(reader.seconds(1, np.array([0, 5, 10, 25, 30])), [0, 10, 20, 50, 60])
    store.add_metrics(1, [(i, 2.0 * i, LOSS, 1.0) for i in range(31, 20_000)])
    reader.poll([1])
    np.testing.assert_allclose(reader.seconds(1, np.array([5, 9999, 19_999])), [10, 19_998, 39_998])
