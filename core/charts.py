"""What the charts show, as plain arrays: which series, which axes, in which units. Knows no page and no torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np

from core import diverged
from core.runs.facts import Facts
from core.runs.outline import QUERY_LOSS
from core.runs.schema import Run, Score
from core.runs.series import SeriesReader, downsample, smoothed
from data.language import mark, tr
from data.metric import Metric

VALIDATION = (mark("iteration"), mark("Validation score by iteration, with 95 % intervals"))
ADAPTATION = (mark("inner gradient step"), mark("Score after each inner step, with 95 % intervals"))
MEDIANS = (mark("inner gradient step"), mark("Median score after each inner step, with quartiles"))
WIDE = 1000  # times its least score that a chart's greatest has at least where it gets a logarithmic axis
POINTS = 1000  # a curve is thinned to about as many points as a chart has pixels
SUPPORT_LOSS = "train/support_loss"
FEW = 24  # points of a loss that are marked: a line shows nothing of a single one


@dataclass(frozen=True)
class Trace:
    """One series. x, y: (points,). error: half-widths of 95 % intervals (points,), how far quartiles lie below and above
    (2, points), or None.

    mode: lines, markers or both, as Plotly writes it. color: index into the theme's palette, so that a run has one
    colour in every chart. dash: solid, dot or dash. listed: has a line in the legend. faint: not what the chart is about.
    raw: what the trace of the same name is smoothed from, behind it.
    low, high: (points,) ends of a band around the line, or None. group: traces of one group are hidden and shown together;
    none if empty. symbol: of its markers, as Plotly names it; an arrow stands at the line's end alone, and points along it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray | None = None
    mode: str = "lines"
    color: int = 0
    dash: str = "solid"
    listed: bool = True
    faint: bool = False
    raw: bool = False
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    group: str = ""
    symbol: str = "circle"


@dataclass(frozen=True)
class Moment:
    """A curve as it was at an iteration. label: when that was, in words."""

    iteration: int
    label: str
    trace: Trace


@dataclass(frozen=True)
class Chart:
    """Series over common axes. label: what a screen reader says. suffix: follows the numbers on the y axis.
    steps: x counts a few steps, each of which gets its tick. apart: points that have no x in common, each of them told alone.
    moments: of one more series, oldest first. One is shown at a time, which the reader chooses; the axes stay meanwhile.
    plane: where x and where y begin and end, if a unit is to be as long on either axis: what lies beyond is not seen.
    """

    traces: list[Trace]
    x_title: str
    y_title: str
    label: str
    suffix: str = ""
    log_y: bool = False
    steps: bool = False
    log_x: bool = False
    apart: bool = False
    moments: tuple[Moment, ...] = ()
    plane: tuple[tuple[float, float], tuple[float, float]] | None = None


def loss_chart(
    run: Run, reader: SeriesReader, *, log_y: bool = False, until: float = np.inf, smooth: bool = False
) -> Chart:
    """Training loss of one run: of most learners on the support set before adaptation and on the query set after it.

    until: the last iteration that is drawn. smooth: as moving averages, with the raw curves behind them.
    """
    facts, traces = Facts.of(run), []
    for color, key, name in ((1, SUPPORT_LOSS, facts.support_curve), (0, QUERY_LOSS, facts.query_curve)):
        x, y = reader.series(run.id, key)
        drawn = np.searchsorted(x, until, side="right")
        traces += loss_traces(tr(name), x[:drawn], y[:drawn], color, smooth)
    traces.sort(key=lambda trace: not trace.raw)
    return Chart(traces, tr("iteration"), tr(facts.loss), tr("Meta-training loss by iteration"), log_y=log_y)


def loss_traces(name: str, x: np.ndarray, y: np.ndarray, color: int, smooth: bool = False) -> list[Trace]:
    """A curve of a loss, thinned: smoothed with the raw one before it, or as it is; nothing of no points."""
    if not len(x):
        return []
    thin = downsample(x, y, points=POINTS)
    raw = Trace(name, *thin, mode=mode(thin[0]), color=color)
    if not smooth:
        return [raw]
    average = downsample(x, smoothed(x, y, smoothing(len(x))), points=POINTS)
    return [replace(raw, raw=True, listed=False), Trace(name, *average, mode=raw.mode, color=color)]


def smoothing(points: int) -> float:
    """The weight with which a curve of so many points is smoothed: over about a fiftieth of them, and no fewer than ten."""
    return 1 - 1 / max(10.0, points / 50)


def mode(x: np.ndarray) -> str:
    """How the points of a loss are drawn."""
    return "lines+markers" if len(x) <= FEW else "lines"


def validation_chart(run: Run, evaluations: Sequence[Score]) -> Chart:
    """Validation score of one run over iterations, with 95 % intervals."""
    metric = Facts.of(run).metric
    return scored_chart([_validated(tr("validation"), metric, evaluations, 2)], metric, *map(tr, VALIDATION))


def _validated(name: str, metric: Metric, evaluations: Sequence[Score], color: int) -> Trace:
    x = np.array([one.iteration for one in evaluations])
    y, error = mean_scores(metric, [{"mean": one.mean, "ci95": one.ci95} for one in evaluations])
    return Trace(name, x, y, error, "lines+markers", color)


def adaptation_charts(
    results: Sequence[tuple[str, Run, dict[str, Any]]],
    colors: Sequence[int],
    dashes: Sequence[str] = (),
    medians: bool | None = None,
) -> list[Chart]:
    """The score after each inner step, from (name, run, evaluation result) and their colours; a chart for each metric.

    dashes: how each one's line is drawn; solid where it says nothing. medians: whether they are drawn, with quartiles, instead
    of means; by default each chart as ``by_median`` says.
    """
    found: dict[Metric, list[tuple]] = {}
    for (name, run, result), color, dash in zip_longest(results, colors, dashes, fillvalue="solid"):
        found.setdefault(drawn_as(run), []).append((name, result, color, dash))
    return [_adapted(metric, drawn, medians) for metric, drawn in found.items()]


def _adapted(metric: Metric, drawn: Sequence[tuple], medians: bool | None) -> Chart:
    medians = by_median([result for _, result, *_ in drawn]) if medians is None else medians
    traces = []
    for name, result, color, dash in drawn:
        traces.append(Trace(name, *step_scores(metric, result["curve"], medians), "lines+markers", color, dash))
    return adapted_chart(traces, metric, medians)


def adapted_chart(traces: list[Trace], metric: Metric, medians: bool) -> Chart:
    """Scores after each inner step on their axes. medians: whether they are medians."""
    return scored_chart(traces, metric, *map(tr, MEDIANS if medians else ADAPTATION), steps=True, medians=medians)


def step_scores(
    metric: Metric, curve: Sequence[dict[str, Any]], medians: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inner steps and scores as they are drawn, each (points,), and their bars, see ``Trace``."""
    return np.array([point["step"] for point in curve]), *(median_scores if medians else mean_scores)(metric, curve)


def by_median(results: Sequence[dict[str, Any]]) -> bool:
    """Whether curves that share a chart are to be of medians: where tasks of one of them diverged at some step, even if they
    came back or were lost later. The mean there says how far these went, and nothing of all others. Results of earlier
    versions have no medians to draw.
    """
    points = [point for result in results for point in result["curve"]]
    return any(map(diverged.count, points)) and all("median" in point for point in points)


def mean_scores(metric: Metric, curve: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """A curve's means as they are drawn, (points,), with the half-widths of their 95 % intervals, (points,)."""
    y, error = (metric.factor * floats([point[part] for point in curve]) for part in ("mean", "ci95"))
    return y, error


def median_scores(metric: Metric, curve: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """A curve's medians as they are drawn, (points,), and how far the quartiles lie below and above, (2, points)."""
    y = metric.factor * floats([point["median"] for point in curve])
    low, high = (metric.factor * floats([point["quartiles"][side] for point in curve]) for side in (0, 1))
    return y, np.stack([y - low, high - y])  # (2, points)


def scored_chart(
    traces: list[Trace],
    metric: Metric,
    x_title: str,
    label: str,
    *,
    steps: bool = False,
    medians: bool = False,
    log_x: bool = False,
) -> Chart:
    """Scores on the axis that their metric and their range ask for. medians: whether they are medians, which its title says."""
    log_y = metric.unbounded_error and wide(traces)
    y_title = tr("{title}, median", title=metric.axis) if medians else metric.axis
    return Chart(traces, x_title, y_title, label, metric.suffix, log_y, steps, log_x)


def wide(traces: Sequence[Trace]) -> bool:
    """Whether scores ask for a logarithmic axis: all above zero, and the greatest WIDE times the least."""
    scores = np.concatenate([trace.y[np.isfinite(trace.y)] for trace in traces] or [np.empty(0)])
    return bool(len(scores)) and bool(0 < WIDE * scores.min() <= scores.max())


def beside(chart: Chart, other: Chart, name: str) -> Chart:
    """A run's chart with the last curve of another run's: dashed and faint, in the colour of the curve it compares with.

    As it is where the other has nothing to draw, or nothing that belongs on these axes.
    """
    axes = (other.x_title, other.y_title, other.suffix)
    if not other.traces or axes != (chart.x_title, chart.y_title, chart.suffix):
        return chart
    last = other.traces[-1]
    color = chart.traces[-1].color if chart.traces else last.color
    compared = replace(last, name=name, color=color, dash="dash", faint=True)
    return replace(chart, traces=[*chart.traces, compared], log_y=chart.log_y or other.log_y)


def drawn_as(run: Run) -> Metric:
    """The run's metric as far as axes go: what guessing reaches may differ between runs in one chart."""
    return replace(Facts.of(run).metric, chance=None)


def title(run: Run) -> str:
    """How a run is called in a legend: names are not unique, numbers are."""
    return f"#{run.id} {run.name}"


def floats(values: Sequence[float | None]) -> np.ndarray:
    """(points,) float64, with not-a-number where nothing finite was measured."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def spark(line: Sequence[float], points: int = 60) -> list[float]:
    """A run's outline in fewer values, for a line as high as text."""
    if len(line) <= points:
        return list(line)
    edges = np.linspace(0, len(line), points + 1).astype(int)
    return [float(np.mean(line[a:b])) for a, b in pairwise(edges)]
