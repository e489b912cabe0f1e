"""What the charts show, as plain arrays: which series, which axes, in which units. Knows no page and no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.runs.outline import QUERY_LOSS
from core.runs.schema import Run, Score
from core.runs.series import SeriesReader, downsample

POINTS = 1000  # a curve is thinned to about as many points as a chart has pixels
SUPPORT_LOSS = "train/support_loss"
UNITS = {"accuracy": "accuracy, %", "mse": "mean squared error"}
LOSSES = {"accuracy": "cross-entropy, nats", "mse": "mean squared error"}
OWN_LOSSES = {"relationnet": "squared error of relation scores"}  # learners whose curve is not of their family's loss


@dataclass(frozen=True)
class Trace:
    """One series. x, y: (points,). error: (points,) half-widths of 95 % intervals, or None.

    mode: lines, markers or both, as Plotly writes it. color: index into the theme's palette, so that a run has one
    colour in every chart. dash: solid, dot or dash. listed: has a line in the legend.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray | None = None
    mode: str = "lines"
    color: int = 0
    dash: str = "solid"
    listed: bool = True


@dataclass(frozen=True)
class Chart:
    """Series over common axes. label: what a screen reader says. suffix: follows the numbers on the y axis.
    steps: x counts a few steps, each of which gets its tick.
    """

    traces: list[Trace]
    x_title: str
    y_title: str
    label: str
    suffix: str = ""
    log_y: bool = False
    steps: bool = False


def metric_of(run: Run) -> str:
    """The score's name, as far as it is known before the first evaluation."""
    for scored in (run.test, run.best):
        if scored:
            return scored["metric"]
    return "accuracy" if "n_way" in run.config.get("family", {}) else "mse"  # regression has no classes


def loss_of(run: Run) -> str:
    """What is drawn as the training loss, with its unit."""
    own = OWN_LOSSES.get(run.config.get("algorithm", {}).get("name"))
    return own or LOSSES.get(metric_of(run), "loss")


def examples(run: Run) -> int | None:
    """Examples in a training batch of a learner that trains without episodes; None for the others."""
    return run.config.get("algorithm", {}).get("batch_size")


def loss_names(run: Run, reader: SeriesReader) -> dict[str, str]:
    """What the run's training curves are of, by series."""
    if run.config.get("algorithm", {}).get("name") == "reptile":  # a task's support and query set are one there
        return {SUPPORT_LOSS: "task, before training on it", QUERY_LOSS: "task, after training on it"}
    adapts = len(reader.series(run.id, SUPPORT_LOSS)[0]) > 0
    query = "query, after adapting" if adapts else "query" if examples(run) is None else "training batch"
    return {SUPPORT_LOSS: "support, before adapting", QUERY_LOSS: query}


def scale(metric: str) -> tuple[float, str]:
    """Factor and suffix under which a metric is drawn: shares in per cent."""
    return (100.0, " %") if metric == "accuracy" else (1.0, "")


def loss_chart(run: Run, reader: SeriesReader, *, log_y: bool = False) -> Chart:
    """Training loss of one run: of most learners on the support set before adaptation and on the query set after it."""
    names, traces = loss_names(run, reader), []
    for color, key in ((1, SUPPORT_LOSS), (0, QUERY_LOSS)):
        x, y = downsample(*reader.series(run.id, key), points=POINTS)
        if len(x):
            traces.append(Trace(names[key], x, y, color=color))
    return Chart(traces, "iteration", loss_of(run), "Meta-training loss by iteration", log_y=log_y)


def losses_chart(runs: Sequence[Run], reader: SeriesReader, *, log_y: bool = False) -> Chart:
    """Query loss of several runs, one colour a run."""
    traces, units = [], set()
    for color, run in enumerate(runs):
        x, y = downsample(*reader.series(run.id, QUERY_LOSS), points=POINTS)
        if len(x):
            traces.append(Trace(title(run), x, y, color=color))
            units.add(loss_of(run))
    return Chart(traces, "iteration", " / ".join(sorted(units)), "Query loss of the chosen runs", log_y=log_y)


def validation_chart(scored: Sequence[tuple[Run, Sequence[Score]]]) -> Chart:
    """Validation score over iterations with 95 % intervals, one colour a run."""
    traces, metrics = [], list(dict.fromkeys(metric_of(run) for run, _ in scored))
    for color, (run, evaluations) in enumerate(scored):
        if evaluations:
            factor, _ = scale(evaluations[0].metric)
            name = title(run) if len(scored) > 1 else "validation"
            x = np.array([one.iteration for one in evaluations])
            y, error = (factor * floats([getattr(one, part) for one in evaluations]) for part in ("mean", "ci95"))
            traces.append(Trace(name, x, y, error, "lines+markers", color if len(scored) > 1 else 2))
    return _scored_chart(traces, metrics, "iteration", "Validation score by iteration, with 95 % intervals")


def adaptation_chart(results: Sequence[tuple[str, dict[str, Any]]], colors: Sequence[int]) -> Chart:
    """The score after each inner step, from (name, evaluation result) pairs and their colours."""
    traces, metrics = [], list(dict.fromkeys(result["metric"] for _, result in results))
    for (name, result), color in zip(results, colors, strict=True):
        factor, _ = scale(result["metric"])
        x = np.array([point["step"] for point in result["curve"]])
        y, error = (factor * floats([point[part] for point in result["curve"]]) for part in ("mean", "ci95"))
        traces.append(Trace(name, x, y, error, "lines+markers", color))
    return _scored_chart(
        traces, metrics, "inner gradient step", "Score after each inner step, with 95 % intervals", steps=True
    )


def _scored_chart(traces: list[Trace], metrics: list[str], x_title: str, label: str, *, steps: bool = False) -> Chart:
    suffix = scale(metrics[0])[1] if len(metrics) == 1 else ""
    return Chart(
        traces, x_title, " / ".join(UNITS.get(metric, metric) for metric in metrics), label, suffix, steps=steps
    )


def learner(run: Run) -> str:
    """What the run's learner is called: its name in the config, and whether MAML or its kin is first order."""
    algorithm = run.config.get("algorithm", {})
    return algorithm.get("name", "?") + (", first order" if algorithm.get("first_order") else "")


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
