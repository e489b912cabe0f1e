"""What the charts of single tasks show: fits to a curve, features in a plane, paths, returns. Free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.charts import Chart, Trace
from data.language import mark, plural, tr
from data.view import TaskView

BEFORE, AFTER, TRUTH = 1, 0, 2  # colours
FAR = 3.0  # times the truth's span: a fit further away is not drawn
NAMED = 10  # classes that a legend names at most


def after(step: int) -> str:
    """``before adapting``, ``after 1 step``, ``after 5 steps``."""
    return plural("after {n} step", "after {n} steps", step) if step else tr("before adapting")


def fit_chart(view: TaskView) -> Chart:
    """A curve, the support points on it, and the learner's fit after each inner step that is shown. Where a fit is far away
    it is left out: it would press all others flat.
    """
    given, last = view.given, max(view.said)
    traces = [Trace(tr("truth"), given["x"], given["truth"], color=TRUTH, dash="dash")]
    for step, said in view.said.items():
        name, color = (tr("fit") if last == 0 else after(step)), BEFORE if step == 0 < last else AFTER
        between = 0 < step < last
        y, dash = near(said["y"], given["truth"]), "dot" if between else "solid"
        name = name if np.isfinite(y).all() else tr("{name} (beyond the chart)", name=name)
        traces.append(Trace(name, given["x"], y, color=color, dash=dash, faint=between))
    points = given["support_x"], given["support_y"]
    traces.append(Trace(tr("support"), *points, mode="markers", color=TRUTH))
    return Chart(traces, "x", "y", tr("A task's curve, its support points, and the fit before and after adapting"))


def near(y: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What of a fit is no further from the truth's middle than FAR times its span, at least 1; not-a-number elsewhere."""
    middle, span = (truth.max() + truth.min()) / 2, max(float(np.ptp(truth)), 1.0)
    return np.where(np.abs(y - middle) <= FAR * span, y, np.nan)


def plane_chart(view: TaskView) -> Chart:
    """Support (stars) and queries (dots, crosses where taken for another class) after the last inner step, a colour a class."""
    given, step = view.given, max(view.said)
    said, labels, support = view.said[step], given["labels"], given["support"]
    known = np.arange(len(labels)) < support
    right = known.copy()
    right[support:] = said["predicted"] == labels[support:]
    traces, classes = [], np.unique(labels).tolist()
    for label in classes:
        named = len(classes) <= NAMED
        for symbol, part in (("circle", ~known & right), ("x", ~known & ~right), ("star", known)):
            x, y = said["points"][part & (labels == label)].T
            name, listed = tr("class {number}", number=label + 1), named and symbol == "star"
            traces.append(Trace(name, x, y, None, "markers", label, listed=listed, group=name, symbol=symbol))
    text = tr("Support and queries in the plane of their features {when}", when=after(step))
    return Chart(traces, tr("first component"), tr("second component"), text, apart=True)


def paths_chart(view: TaskView) -> Chart:
    """Paths in the plane before and after adapting, and where they ought to lead."""
    goals = np.atleast_2d(view.given.get("goals", view.given.get("goal")))
    lines = {step: [np.asarray(path).T for path in said["paths"]] for step, said in view.said.items()}
    traces = trajectories(view, tr("path"), mark("{group}, path {number}"), lines)
    traces.append(
        Trace(tr("goal"), *goals.T, mode="markers", color=TRUTH, symbol="star")
    )  # over the paths that lead to it
    return Chart(traces, "x", "y", tr("Paths before and after adapting"), apart=True)


def returns_chart(view: TaskView) -> Chart:
    """What a few trajectories have gathered by each step, before and after adapting; a dot where each of them ends, as those that
    are paid alike lie on each other.
    """
    lines = {step: [(np.arange(len(one)), one) for one in said["returns"]] for step, said in view.said.items()}
    traces = trajectories(view, tr("trajectory"), mark("{group}, trajectory {number}"), lines)
    ends = [replace(one, x=one.x[-1:], y=one.y[-1:], mode="markers", listed=False, faint=False) for one in traces]
    text = tr("Return so far of trajectories before and after adapting, and where they end")
    return Chart([*traces, *ends], tr("step"), tr("return so far"), text)


def trajectories(
    view: TaskView, what: str, numbered: str, lines: Mapping[int, Sequence[tuple[np.ndarray, np.ndarray]]]
) -> list[Trace]:
    """Lines (x, y) of a policy before adapting and after the last inner step, a colour and a place in the legend each.

    what: they are, where nothing adapts. numbered: how all but the first are called, of ``group`` and ``number``.
    """
    traces, last = [], max(view.said)
    for step in sorted({0, last}):
        for number, (x, y) in enumerate(lines[step]):
            group, color = (what if last == 0 else after(step)), BEFORE if step == 0 < last else AFTER
            name = tr(numbered, group=group, number=number + 1) if number else group
            traces.append(Trace(name, x, y, color=color, listed=number == 0, group=group, faint=True))
    return traces
