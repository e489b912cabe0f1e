"""The charts of a comparison, as plain arrays: one line a group of seeds with its band, in one colour in all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from core.charts import (
    POINTS,
    VALIDATION,
    Chart,
    Trace,
    adapted_chart,
    by_median,
    drawn_as,
    floats,
    mode,
    scored_chart,
    smoothing,
    step_scores,
    title,
)
from core.comparing.bands import band
from core.comparing.groups import Group
from core.runs.facts import Facts
from core.runs.outline import QUERY_LOSS
from core.runs.schema import Run
from core.runs.series import SeriesReader, downsample, smoothed
from data.language import mark, tr
from data.metric import Metric

Axis = Literal["iteration", "work", "time"]
Curve = tuple[Run, np.ndarray, np.ndarray]  # whose it is; x and y, each (points,)
COLORS = 8  # of the palette; a line beyond them is dashed
UNITS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"))  # of training time: seconds in one, and its sign
SEEN = {"tasks": mark("tasks seen"), "examples": mark("examples seen")}  # titles of the axis
LONG = 3  # of a unit that the longest time has at least


@dataclass(frozen=True)
class View:
    """How curves are drawn. axis: iterations, tasks (or examples) seen, or training time. band: which one, see ``band``.
    seeds: each run of a group as a faint line. best: a star at the best validation. smooth: losses as moving averages, with the
    raw curves behind them.
    """

    axis: Axis = "iteration"
    band: str = "standard deviation"
    seeds: bool = False
    best: bool = True
    log_x: bool = False
    log_y: bool = False
    smooth: bool = False


@dataclass(frozen=True)
class Line:
    """One group's curve on its way into a chart. color, dash: see ``look``. curves: its runs'. error: of a single run's
    points, see ``charts.Trace``.
    """

    group: Group
    color: int
    dash: str
    curves: list[Curve]
    error: np.ndarray | None = None


def look(place: int) -> tuple[int, str]:
    """Colour and dash of the group at a place, in twice as many ways as there are colours."""
    return place % COLORS, "solid" if place < COLORS else "dash"


def loss_charts(groups: Sequence[Group], reader: SeriesReader, view: View) -> list[Chart]:
    """Query loss of each group, and a chart for each kind of loss and of x axis."""
    unit, charts = time_unit(groups), {}
    for place, group in enumerate(groups):
        curves = [(run, *reader.series(run.id, QUERY_LOSS)) for run in group.runs]
        curves = [curve for curve in curves if len(curve[1])]
        if curves:
            axes = (_x_title(group.runs[0], view, unit), tr(Facts.of(group.runs[0]).loss))
            line = Line(group, *look(place), [(run, _along(run, x, reader, view, unit), y) for run, x, y in curves])
            found = traces(line, view)
            if view.smooth:  # each run by itself: in the mean of several, one that ends would be a step
                averages = [smoothed(x, y, smoothing(len(x))) for _, x, y in curves]
                smooth = [(run, x, y) for (run, x, _), y in zip(line.curves, averages, strict=True)]
                raw = replace(found[-1], raw=True, listed=False, low=None, high=None)
                found = [raw, *traces(replace(line, curves=smooth), view)]
            charts.setdefault(axes, []).extend(found)
    label = tr("Query loss of the chosen runs")
    return [
        Chart(sorted(found, key=lambda trace: not trace.raw), *axes, label, log_y=view.log_y, log_x=view.log_x)
        for axes, found in charts.items()
    ]


def validation_charts(groups: Sequence[Group], reader: SeriesReader, view: View) -> list[Chart]:
    """Validation score of each group, and a chart for each metric and kind of x axis."""
    unit, charts = time_unit(groups), {}
    for place, group in enumerate(groups):
        metric, drawn, error = drawn_as(group.runs[0]), [], None
        for run in group.runs:
            scores = reader.validations(run.id)
            x = _along(run, np.array([one.iteration for one in scores], np.float64), reader, view, unit)
            if len(x):
                drawn.append((run, x, metric.factor * floats([one.mean for one in scores])))
                error = metric.factor * floats([one.ci95 for one in scores])
        if drawn:
            line = Line(group, *look(place), drawn, error if len(drawn) == 1 else None)
            found = traces(line, view, "lines+markers")
            found += [_best(found[-1], metric)] if view.best else []
            charts.setdefault((_x_title(group.runs[0], view, unit), metric), []).extend(found)
    return [
        scored_chart(found, metric, x_title, tr(VALIDATION[1]), log_x=view.log_x)
        for (x_title, metric), found in charts.items()
    ]


def adaptation_charts(groups: Sequence[Group], reader: SeriesReader, view: View) -> list[Chart]:
    """The score after each inner step, of the final test where a whole group has one, else of the latest validation. Of medians,
    and on a logarithmic axis, where ``by_median`` and ``wide`` say so.
    """
    evaluated: dict[Metric, list[tuple[int, Group, list, str]]] = {}
    for place, group in enumerate(groups):
        results, what = _results(group, reader)
        if any(len(result["curve"]) > 1 for _, result in results):  # else the learner reads a support set at once
            evaluated.setdefault(drawn_as(group.runs[0]), []).append((place, group, results, what))
    return [_adaptation_chart(metric, found, view) for metric, found in evaluated.items()]


def _adaptation_chart(metric: Metric, evaluated: Sequence[tuple[int, Group, list, str]], view: View) -> Chart:
    medians = by_median([result for *_, results, _ in evaluated for _, result in results])
    found = []
    for place, group, results, what in evaluated:
        drawn = [(run, *step_scores(metric, result["curve"], medians)) for run, result in results]
        error = drawn[0][3] if len(drawn) == 1 else None
        line = Line(group, *look(place), [(run, x, y) for run, x, y, _ in drawn], error)
        found += [
            replace(trace, name=tr("{name}, {what}", name=trace.name, what=what))
            for trace in traces(line, view, "lines+markers")
        ]
    return adapted_chart(found, metric, medians)


def traces(line: Line, view: View, drawn_with: str = "") -> list[Trace]:
    """A group's traces, its own last: single seeds if they are wanted, and the mean with its band, or the only run there is.

    drawn_with: Plotly's mode; by the number of points where it is empty.
    """
    named = {"color": line.color, "dash": line.dash, "group": line.group.label}
    if len(line.curves) == 1:
        _, x, y = line.curves[0]
        if line.error is None:
            x, y = downsample(x, y, POINTS)
        return [Trace(line.group.label, x, y, line.error, drawn_with or mode(x), **named)]
    found = []
    if view.seeds:
        for run, *curve in line.curves:
            x, y = downsample(*curve, POINTS)
            found.append(Trace(title(run), x, y, listed=False, faint=True, **named))
    around = band([(x, y) for _, x, y in line.curves], view.band)
    kept = np.searchsorted(around.x, downsample(around.x, around.mean, POINTS)[0])
    x, mean, low, high = (part[kept] for part in (around.x, around.mean, around.low, around.high))
    if view.log_y:  # a logarithm has no place for what lies at or below nothing: the band ends at the least mean
        low = np.where(low > 0, low, np.nanmin(mean))
    return [*found, Trace(line.group.label, x, mean, None, drawn_with or mode(x), low=low, high=high, **named)]


def time_unit(groups: Sequence[Group]) -> tuple[float, str]:
    """The unit of training time that suits the longest run: seconds in one, and its sign."""
    longest = max((run.seconds for group in groups for run in group.runs), default=0.0)
    return next((unit for unit in reversed(UNITS) if longest >= LONG * unit[0]), UNITS[0])


def _along(run: Run, iterations: np.ndarray, reader: SeriesReader, view: View, unit: tuple[float, str]) -> np.ndarray:
    """Where a run's iterations lie on the axis."""
    if view.axis == "work":
        return iterations * np.float64(Facts.of(run).work_per_iteration)
    if view.axis == "time":
        return reader.seconds(run.id, iterations) / unit[0]
    return iterations


def _x_title(run: Run, view: View, unit: tuple[float, str]) -> str:
    """Tasks and examples are no common measure, so that their axes are told apart."""
    if view.axis == "work":
        work = Facts.of(run).work
        return tr(SEEN[work]) if work in SEEN else f"{work} seen"
    return time_title(unit[1]) if view.axis == "time" else tr("iteration")


def time_title(sign: str) -> str:
    """Of an axis of training time in the unit with this sign."""
    return tr("training time, {unit}", unit=sign)


def _best(trace: Trace, metric: Metric) -> Trace:
    """A star at the best point so far."""
    gains = np.where(np.isnan(trace.y), -np.inf, [metric.gain(value) for value in trace.y])
    best = slice(int(np.argmax(gains)), int(np.argmax(gains)) + 1)
    name, y = tr("{name}, best", name=trace.name), trace.y[best]
    plain = {"error": None, "low": None, "high": None, "listed": False}
    return replace(trace, name=name, x=trace.x[best], y=y, mode="markers", symbol="star", **plain)


def _results(group: Group, reader: SeriesReader) -> tuple[list[tuple[Run, dict[str, Any]]], str]:
    """The evaluations whose curves are drawn, each with its run, and what they are."""
    found, what = [(run, run.test) for run in group.runs], tr("test")
    if not all(test for _, test in found):
        latest = [(run, reader.latest(run.id)) for run in group.runs]
        found, what = [(run, one and one.result) for run, one in latest], tr("validation")
    return [(run, result) for run, result in found if result and result.get("curve")], what


def changed_by(groups: Sequence[Group], reader: SeriesReader) -> dict[Callable, tuple]:
    """For each of the charts above what it is drawn from, in few numbers: as long as they are the same, so is the chart."""
    runs = [run for group in groups for run in group.runs]
    series = [reader.series(run.id, QUERY_LOSS)[0] for run in runs]
    latest = [reader.latest(run.id) for run in runs]
    validated = tuple(one and one.id for one in latest)
    return {
        loss_charts: tuple((len(x), int(x[-1]) if len(x) else 0) for x in series),
        validation_charts: validated,
        adaptation_charts: (validated, tuple(run.test is None for run in runs)),
    }
