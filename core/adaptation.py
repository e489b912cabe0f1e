"""How a run learned to adapt: its scores after each inner step, from the untrained start to the test, as pages and reports
draw them.
"""

from dataclasses import replace
from typing import Any

from core import about, charts
from core.charts import Chart, Moment, Trace
from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.series import SeriesReader
from data.language import mark, tr

TEST = mark("test")
COLOR = 2  # of validations, in the palette


def chart(run: Run, reader: SeriesReader, medians: bool | None = None) -> Chart | None:
    """The score after each inner step before meta-learning, of the newest validation and of the test, as far as they are, and
    of each validation so far as a moment to choose. medians: see ``charts.adaptation_charts``. None before there is anything.
    """
    learned = _learned(run, reader)
    still = _still(run, reader, bool(learned))
    if not still:
        return None
    drawn = [(name, run, result) for name, result, *_ in still]
    drawn += [
        (tr("iteration {number}", number=about.count(one)), run, {"curve": curve}) for one, curve in learned.items()
    ]
    colors = [color for _, _, color, _ in still] + [COLOR] * len(learned)
    (made,) = charts.adaptation_charts(drawn, colors, [dash for *_, dash in still], medians)  # of one run
    traces, history = made.traces[: len(still)], made.traces[len(still) :]
    if not learned:
        return made
    moments = [Moment(one, _told(run, one, list(learned)), trace) for one, trace in zip(learned, history, strict=True)]
    return replace(made, traces=[_beside(trace) for trace in traces], moments=tuple(moments))


def results(run: Run, reader: SeriesReader) -> list[dict[str, Any]]:
    """All of which the chart shows the curves, for ``charts.by_median``."""
    learned = _learned(run, reader)
    still = _still(run, reader, bool(learned))
    return [result for _, result, *_ in still] + [{"curve": curve} for curve in learned.values()]


def _still(run: Run, reader: SeriesReader, moving: bool) -> list[tuple[str, dict[str, Any], int, str]]:
    """Names, results, colours and dashes of what is shown all the time. moving: whether there are moments beside it."""
    found, start, latest = [], reader.start(run.id), reader.latest(run.id)
    trains = Facts.of(run).trains
    if start and trains:
        found.append((_untrained(run), start.result, COLOR, "dot"))
    if latest and not (start and trains and latest.id == start.id):
        name = tr("newest") if moving else tr("validation at {iteration}", iteration=about.count(latest.iteration))
        found.append((name, latest.result, COLOR, "solid"))
    return [curve for curve in [*found, (tr(TEST), run.test, 0, "solid")] if curve[1] and curve[1].get("curve")]


def _learned(run: Run, reader: SeriesReader) -> dict[int, list[dict[str, Any]]]:
    """The curve at each validated iteration; nothing where there is no way from one to another."""
    if not Facts.of(run).trains:
        return {}
    found = reader.adaptations(run.id, (run.best or {}).get("iteration"))
    found = {iteration: curve for iteration, curve in found.items() if len(curve) > 1}
    return found if len(found) > 1 else {}


def _untrained(run: Run) -> str:
    return tr("before meta-learning") if Facts.of(run).work == "tasks" else tr("before training")


def _told(run: Run, iteration: int, all_of_them: list[int]) -> str:
    """When that was, in words."""
    best = iteration == (run.best or {}).get("iteration")
    marks = [_untrained(run)] if iteration == 0 else []
    marks += [tr("best so far")] * best + [tr("newest")] * (iteration == all_of_them[-1])
    when = tr("iteration {number}", number=about.count(iteration))
    for each in marks:
        when = tr("{when}, {which}", when=when, which=each)
    return when


def _beside(trace: Trace) -> Trace:
    """What a moment is looked at beside. Its own bars would be taken for those of the moment."""
    return trace if trace.name == tr(TEST) else replace(trace, faint=True, error=None)
