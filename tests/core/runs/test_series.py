"""The reader of metric curves: increments, resumed runs, deleted runs, and thinning that keeps spikes."""

import threading
from pathlib import Path

import numpy as np
import pytest

from core.runs.series import SeriesReader, downsample
from core.runs.store import RunStore

LOSS = "train/query_loss"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(f"sqlite:///{tmp_path / 'runs.db'}")
    for name in "ab":
        store.create({}, name, folder_root=tmp_path / "runs", datasets=tmp_path)
    return store


def add(store: RunStore, run: int, iterations: range, key: str = LOSS) -> None:
    store.add_metrics(run, [(i, 0.0, key, float(i)) for i in iterations])


def test_each_row_is_read_once(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, read = SeriesReader(store), []
    original = store.metrics_after

    def counted(last: dict[int, int]) -> list:
        rows = original(last)
        read.extend(rows)
        return rows

    monkeypatch.setattr(store, "metrics_after", counted)
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
