"""Curves of other tools over the charts of a comparison: dotted, with a mark of their own, and named as imported."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from core.charts import Chart, Trace, floats, mode
from core.comparing.curves import COLORS, time_title, time_unit
from core.comparing.groups import Group
from core.imported import Imported
from data.language import mark, tr

LOSS, SCORES = ("loss",), ("score", "percent")  # of ``core.imported.PLACES``, those that lie on a chart of either kind
JUDGED = mark("It has no episodes, and so cannot be judged: no verdict is on it.")


def laid_over(
    charts: Sequence[Chart], curves: Sequence[Imported], places: Collection[str], groups: Sequence[Group]
) -> list[Chart]:
    """The charts of these groups with the curves that lie there, in colours behind theirs.

    A curve is drawn where it has what the x axis counts: iterations, or training time where its file told the time; and one in
    per cent only where scores are.
    """
    drawn = [(len(groups) + place, one) for place, one in enumerate(curves) if one.place in places]
    unit = time_unit(groups)
    return [replace(chart, traces=[*chart.traces, *_traces(chart, drawn, unit)]) for chart in charts]


def _traces(chart: Chart, curves: Sequence[tuple[int, Imported]], unit: tuple[float, str]) -> list[Trace]:
    """unit: of a time axis, as ``time_unit`` has it."""
    found, per_cent = [], chart.suffix == " %"
    for color, one in curves:
        x = _along(chart, one, unit)
        if x is None or (one.place == "percent" and not per_cent):
            continue
        y = floats(one.values) * (100 if one.place == "score" and per_cent else 1)
        named = {"color": color % COLORS, "dash": "dot", "symbol": "x", "group": one.id}
        found.append(Trace(tr("{name}, imported", name=one.name), x, y, mode=mode(x), **named))
    return found


def _along(chart: Chart, one: Imported, unit: tuple[float, str]) -> np.ndarray | None:
    if chart.x_title == tr("iteration"):
        return np.array(one.steps, np.float64)
    if chart.x_title == time_title(unit[1]) and one.seconds is not None:
        return np.array(one.seconds) / unit[0]
    return None


def told(one: Imported) -> str:
    """``loss of theirs: imported from loss.csv on 3 March 2026. It has no episodes, …``."""
    return tr("{name}: {origin}. {judged}", name=one.name, origin=one.origin, judged=tr(JUDGED))
