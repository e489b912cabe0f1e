"""Metric curves for live charts: each row is read from the store once, a fixed number of points is kept of a curve, and what
is drawn of it is thinned and smoothed.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from tsdownsample import MinMaxDownsampler

from core.runs.metric_rows import MetricRow
from core.runs.schema import Evaluation, Score
from core.runs.store import RunStore

KEPT = 4096  # points of a curve at most; a chart draws about 1000
RUNS = 64  # runs whose curves stay in memory; the one not asked for the longest goes
BATCH = 20_000  # rows of one query
VALIDATIONS = 2000  # of a run at most
ADAPTED = 60  # of them whose adaptation curves are read, beside the best and the newest


class Curve:
    """A growing series of which at most KEPT points stay.

    All of them while there are no more. Then the least and the greatest of each ``every`` consecutive ones, the first and
    the newest ones: a spike survives, which a mean or every n-th point would lose. What stays does not depend on the
    portions in which the points came.
    """

    def __init__(self) -> None:
        self.appended, self.every, self.size = 0, 1, 0
        self._places, self._iterations, self._values = (
            np.empty(256, kind) for kind in (np.int64, np.int32, np.float64)
        )
        self._lock = threading.Lock()

    def extend(self, iterations: np.ndarray, values: np.ndarray) -> None:
        """Append points: iterations (points,), values (points,), not-a-number where nothing finite was measured."""
        done = 0
        with self._lock:
            while done < len(values):
                if self.size == KEPT:
                    self._thin()
                portion = slice(done, done + KEPT - self.size)
                done += self._append(iterations[portion], values[portion])

    def view(self) -> tuple[np.ndarray, np.ndarray]:
        """Iterations (points,) int32 and values (points,) float64, read-only; later points do not change them."""
        with self._lock:
            views = self._iterations[: self.size], self._values[: self.size]
        for view in views:
            view.flags.writeable = False
        return views

    def _append(self, iterations: np.ndarray, values: np.ndarray) -> int:
        end, room = self.size + len(values), len(self._values)
        while room < end:
            room *= 2
        if room > len(self._values):
            self._replace(np.arange(self.size), room)
        self._places[self.size : end] = np.arange(self.appended, self.appended + len(values))
        self._iterations[self.size : end], self._values[self.size : end] = iterations, values
        self.size, self.appended = end, self.appended + len(values)
        return len(values)

    def _thin(self) -> None:
        while self.size > KEPT * 5 // 8:  # makes room for many, so that it is seldom done
            kept = extremes(self._places[: self.size] // self.every, self._values[: self.size])
            if len(kept) == self.size:
                self.every *= 2
            else:
                self._replace(kept, KEPT)

    def _replace(self, kept: np.ndarray, room: int) -> None:
        """Into new arrays: views handed out before keep the old ones."""
        for name in ("_places", "_iterations", "_values"):
            before = getattr(self, name)
            after = np.empty(room, before.dtype)
            after[: len(kept)] = before[kept]
            setattr(self, name, after)
        self.size = len(kept)


def extremes(buckets: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where the least and greatest value of each bucket lie, and the very first: ascending places (kept,).

    buckets: (points,), ascending. Not-a-number is an extreme only in a bucket that has nothing else.
    """
    missing = np.isnan(values)
    ends = np.flatnonzero(np.diff(buckets, append=buckets[-1] + 1))
    starts = np.concatenate([[0], ends[:-1] + 1])
    least = np.lexsort((np.where(missing, np.inf, values), buckets))[starts]
    greatest = np.lexsort((np.where(missing, -np.inf, values), buckets))[ends]
    return np.unique(np.concatenate([[0], least, greatest]))


class _History:
    """The curves of one run, up to the metric row ``last``, as of ``revision`` of its metrics. validations: oldest first.
    latest: the newest of them as a whole. start: the one of iteration 0, as a whole. clock: seconds by iteration.
    """

    def __init__(self, revision: int):
        self.revision, self.last, self.curves, self.clock = revision, 0, {}, Curve()
        self.validations: tuple[Score, ...] = ()
        self.latest: Evaluation | None = None
        self.start: Evaluation | None = None
        self.adapted: dict[int, list[dict[str, Any]]] = {}  # adaptation curves by the validation's number
        self.reading = threading.Lock()  # held by who appends

    def validate(self, store: RunStore, new: Sequence[Score]) -> None:
        """Append validations, oldest first."""
        # The newest score of a checkpoint stands in place of an older one, in the store as here.
        again = {(one.iteration, one.checkpoint) for one in new}
        scores = [one for one in self.validations if (one.iteration, one.checkpoint) not in again] + list(new)
        while len(scores) > VALIDATIONS:
            means = np.array([one.mean for one in scores], np.float64)
            kept = np.union1d(extremes(np.arange(len(scores)) // 4, means), [len(scores) - 1])
            scores = [scores[place] for place in kept]
        self.latest, self.validations = store.evaluation(scores[-1].id), tuple(scores)
        if self.latest:
            self.adapted |= {self.latest.id: (self.latest.result or {}).get("curve") or []}
        if self.start is None and scores[0].iteration == 0:
            self.start = self.latest if len(scores) == 1 else store.evaluation(scores[0].id)

    def append(self, rows: Sequence[MetricRow]) -> None:
        """Append a run's metric rows, oldest first."""
        ids, iterations, keys, values, seconds = zip(*rows, strict=True)
        codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
        coded = np.fromiter((codes[key] for key in keys), np.int32, len(keys))
        iterations, values = np.array(iterations, np.int32), np.array(values, np.float64)  # None becomes not-a-number
        for key, code in codes.items():
            curve = self.curves.get(key) or self.curves.setdefault(key, Curve())
            chosen = coded == code
            curve.extend(iterations[chosen], values[chosen])
        ends = np.flatnonzero(np.diff(iterations, append=-1))  # several keys are measured at each iteration
        self.clock.extend(iterations[ends], np.array(seconds, np.float64)[ends])
        self.last = ids[-1]


class SeriesReader:
    """Reads the metrics and validations of the runs it is asked for, increments only. Safe to share between threads."""

    def __init__(self, store: RunStore):
        self._store, self._lock = store, threading.Lock()
        self._histories: OrderedDict[int, _History] = OrderedDict()

    def poll(self, run_ids: Collection[int]) -> None:
        """Fetch what is new. A run seen for the first time, or whose metrics were cut back, is read from its start.

        Of more than RUNS runs the last ones stay.
        """
        revisions = self._store.revisions(run_ids)
        found = {run: self._history(run, revisions.get(run)) for run in run_ids}
        there = {run: history for run, history in found.items() if history is not None}
        known = {run: history for run, history in there.items() if history.last > 0}
        for run in (
            there.keys() - known.keys()
        ):  # takes a while the first time: who wants another run does not wait for it
            self._catch_up({run: there[run]})
        self._catch_up(known)

    def _catch_up(self, histories: Mapping[int, _History]) -> None:
        """Read what is new, a batch at a time. Whoever else wants one of these runs meanwhile waits for the same rows."""
        with ExitStack() as held:
            for run in sorted(histories):  # in one order, so that no two wait for each other
                held.enter_context(histories[run].reading)
            lasts = {run: one.validations[-1].id if one.validations else 0 for run, one in histories.items()}
            for run, new in (self._store.validations_after(lasts) if lasts else {}).items():
                histories[run].validate(self._store, new)
            read = BATCH if histories else 0
            while read == BATCH:
                rows = self._store.newer_metrics({run: one.last for run, one in histories.items()}, BATCH)
                read = len(rows)
                for run, own in groupby(rows, key=itemgetter(0)):
                    histories[run].append([row for _, row in own])

    def _history(self, run: int, revision: int | None) -> _History | None:
        """The run's curves so far, now the most recently used; None for a run that was deleted."""
        with self._lock:
            if revision is None:
                self._histories.pop(run, None)
                return None
            known = self._histories.get(run)
            if known is None or known.revision < revision:
                self._histories[run] = _History(revision)
            self._histories.move_to_end(run)
            while len(self._histories) > RUNS:
                self._histories.popitem(last=False)
            return self._histories[run]

    def keys(self, run: int) -> list[str]:
        """The metric keys of a run, in the order in which they first came."""
        with self._lock:
            return list(self._histories[run].curves) if run in self._histories else []

    def series(self, run: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Iterations (points,) int32 and values (points,) float64, as read-only views; empty if there are none.

        At most KEPT points of a longer curve, see Curve. Not-a-number marks a value that was not finite.
        """
        with self._lock:
            history = self._histories.get(run)
            curve = history.curves.get(key) if history else None
        return (curve or Curve()).view()

    def seconds(self, run: int, iterations: np.ndarray) -> np.ndarray:
        """Seconds of training at these iterations, (points,) float64; not-a-number before anything was measured."""
        with self._lock:
            history = self._histories.get(run)
        known, seconds = (history.clock if history else Curve()).view()
        if not len(known):
            return np.full(len(iterations), np.nan)
        return np.interp(iterations, np.concatenate([[0], known]), np.concatenate([[0.0], seconds]))

    def validations(self, run: int) -> tuple[Score, ...]:
        """The run's validations, oldest first; of more than VALIDATIONS the best and worst of each stretch."""
        with self._lock:
            return self._histories[run].validations if run in self._histories else ()

    def latest(self, run: int) -> Evaluation | None:
        """The newest validation with its curve and protocol."""
        with self._lock:
            return self._histories[run].latest if run in self._histories else None

    def start(self, run: int) -> Evaluation | None:
        """The validation at iteration 0 with its curve and protocol, if there was one: runs before 0.3 have none."""
        with self._lock:
            return self._histories[run].start if run in self._histories else None

    def adaptations(self, run: int, best: int | None = None) -> dict[int, list[dict[str, Any]]]:
        """The scores after each inner step of the run's validations, by iteration, ascending; of an iteration that was validated
        again the newest. Of more than ADAPTED every second, fourth … one, the one at ``best``, and the newest. Those that are
        not known yet are read.
        """
        with self._lock:
            history = self._histories.get(run)
        numbers = {one.iteration: one.id for one in history.validations} if history else {}
        iterations, every = sorted(numbers), 1
        while len(iterations) > ADAPTED * every:
            every *= 2  # so that those which stay are among those that were read
        wanted = sorted({*iterations[::every], *iterations[-1:], *({best} & numbers.keys())})
        known = history.adapted if history else {}
        missing = [numbers[one] for one in wanted if numbers[one] not in known]
        known = {**known, **(self._store.curves(missing) if missing else {})}
        found = {one: known[numbers[one]] for one in wanted if numbers[one] in known}
        if history:
            history.adapted = {numbers[one]: curve for one, curve in found.items()}
        return found

    @property
    def kept(self) -> int:
        """Points in memory, of all runs."""
        with self._lock:
            return sum(curve.size for history in self._histories.values() for curve in list(history.curves.values()))


def downsample(x: np.ndarray, y: np.ndarray, points: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """At most ``points`` + 2 of the points (x, y): the least and greatest of each stretch of x, the first and the last.

    Spikes survive, which a mean or every n-th point would hide. Input that is short enough is returned unchanged;
    not-a-number is never taken for an extreme, and a gap wider than a stretch stays a gap. x: ascending.
    """
    if len(y) <= points:
        return x, y
    kept = MinMaxDownsampler().downsample(np.ascontiguousarray(x), np.ascontiguousarray(y), n_out=points - points % 2)
    kept = np.unique(np.concatenate([[0], kept.astype(np.int64), [len(y) - 1]]))
    return x[kept], y[kept]


def smoothed(x: np.ndarray, y: np.ndarray, weight: float) -> np.ndarray:
    """The exponential moving average of a curve, its bias corrected as TensorBoard does it: (points,) float64.

    weight: in [0, 1), what a point leaves to those before it; 0 is the curve itself. A point counts for the iterations since the
    one before, in units of the median distance, so that the first points, of one or a few iterations each, do not weigh like
    the others. Points that are not finite stay gaps, which the average leaves out. x: ascending iterations, counted from 0.
    """
    if not len(y) or not weight:
        return np.array(y, dtype=np.float64)
    spans = np.maximum(np.diff(x, prepend=0), 1).astype(np.float64)
    kept, averages = weight ** (spans / np.median(spans)), []
    total = counted = 0.0
    for keep, value in zip(kept.tolist(), np.asarray(y, np.float64).tolist(), strict=True):
        if math.isfinite(value):
            total, counted = keep * total + (1 - keep) * value, keep * counted + (1 - keep)
        averages.append(total / counted if math.isfinite(value) else math.nan)
    return np.array(averages)
