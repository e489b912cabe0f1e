"""Metric curves for live charts: each row is read from the store once, by one reader for the whole process."""

import threading
from collections.abc import Collection

import numpy as np
from tsdownsample import MinMaxDownsampler

from core.runs.store import RunStore


class _Curve:
    """A growing series. Growth doubles the arrays, so that appending n points costs O(n)."""

    def __init__(self) -> None:
        self.size = 0
        self.iterations = np.empty(256, np.int32)
        self.values = np.empty(256, np.float64)

    def append(self, iteration: int, value: float | None) -> None:
        if self.size == len(self.iterations):  # new arrays: views handed out before keep the old ones
            self.iterations = np.concatenate([self.iterations, np.empty_like(self.iterations)])
            self.values = np.concatenate([self.values, np.empty_like(self.values)])
        self.iterations[self.size] = iteration
        self.values[self.size] = np.nan if value is None else value
        self.size += 1

    def view(self) -> tuple[np.ndarray, np.ndarray]:
        views = self.iterations[: self.size], self.values[: self.size]
        for view in views:
            view.flags.writeable = False
        return views


class _History:
    """The curves of one run, up to the metric row ``last``, as of ``revision`` of its metrics."""

    def __init__(self, revision: int):
        self.revision, self.last, self.curves = revision, 0, {}


class SeriesReader:
    """Reads the metrics of the runs it is asked for, increments only. Safe to share between threads."""

    def __init__(self, store: RunStore):
        self._store, self._lock = store, threading.Lock()
        self._histories: dict[int, _History] = {}

    def poll(self, run_ids: Collection[int]) -> None:
        """Fetch what is new. A run seen for the first time, or whose metrics were cut back, is loaded whole."""
        with self._lock:
            revisions = self._store.revisions(run_ids)
            for run in run_ids:
                known = self._histories.get(run)
                if run not in revisions:
                    self._histories.pop(run, None)  # deleted
                elif known is None or known.revision != revisions[run]:
                    self._histories[run] = _History(revisions[run])
            self._append({run: self._histories[run].last for run in revisions})

    def _append(self, last: dict[int, int]) -> None:
        for id, run, iteration, key, value in self._store.metrics_after(last):
            history = self._histories[run]
            history.last = id
            if key not in history.curves:
                history.curves[key] = _Curve()
            history.curves[key].append(iteration, value)

    def keys(self, run: int) -> list[str]:
        """The metric keys of a run, in the order in which they first came."""
        with self._lock:
            return list(self._histories[run].curves) if run in self._histories else []

    def series(self, run: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Iterations (points,) int32 and values (points,) float64, as read-only views; empty if there are none.

        Not-a-number marks a value that was not finite.
        """
        with self._lock:
            history = self._histories.get(run)
            curve = history.curves.get(key) if history else None
            return (curve or _Curve()).view()


def downsample(x: np.ndarray, y: np.ndarray, points: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """At most ``points`` + 2 of the points (x, y): the least and greatest of each bucket, the first and the last.

    Spikes survive, which a mean or every n-th point would hide. Input that is short enough is returned unchanged;
    not-a-number is never taken for an extreme, and a gap wider than a bucket stays a gap.
    """
    if len(y) <= points:
        return x, y
    kept = MinMaxDownsampler().downsample(np.ascontiguousarray(y), n_out=points - points % 2)
    kept = np.unique(np.concatenate([[0], kept.astype(np.int64), [len(y) - 1]]))
    return x[kept], y[kept]
