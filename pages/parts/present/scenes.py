"""A recorded run, or several beside each other, as scenes for an audience: which curve draws itself, and the words it ends in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core import charts
from core.charts import Chart
from core.comparing import curves
from core.comparing.again import with_newest_tests
from core.comparing.alike import tested
from core.comparing.curves import View, look
from core.comparing.groups import Group, grouped
from core.comparing.scores import Standing, standing
from core.comparing.verdict import verdicts
from core.runs.facts import Facts
from core.runs.schema import Run, Score
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from data import kept_words
from data.language import joined, mark, tr
from pages.parts import readable, say
from pages.parts.compare.scores import in_words

MILESTONES = 3  # validations of a run at which its replay stops, beside the untrained start
VERDICTS = 3  # sentences that an audience reads
SEEN = {"tasks": mark("{number} tasks"), "examples": mark("{number} examples")}  # by what an iteration is made of
SLOW, QUICK, STILL = 9.0, 4.0, 1.5  # seconds of a whole curve, of a part of one, and of the inner steps alone


@dataclass(frozen=True)
class Row:
    """A line of a list: what it is of, its score, and its colour's place in the palette."""

    name: str
    score: str
    color: int


@dataclass(frozen=True)
class Scene:
    """What is shown until somebody goes on. title: above. big: the words or number that everybody reads. text: a sentence below.

    chart: draws itself from x ``start`` to ``end`` within ``seconds``; there at once where the two are equal. beside: the score
    after each inner step at that moment, drawn last. counted: what one unit of x is worth while it is drawn, and of what, as
    (16, "tasks"), which SEEN has in words; None where x is not told.
    """

    title: str
    big: str
    text: str = ""
    rows: tuple[Row, ...] = ()
    chart: Chart | None = None
    beside: Chart | None = None
    start: float = 0.0
    end: float = 0.0
    seconds: float = STILL
    counted: tuple[int, str] | None = None


def scenes(runs: Sequence[Run], store: RunStore, reader: SeriesReader) -> list[Scene]:
    """What there is to show of these runs, in order; the first scene says what they are. reader: has read them."""
    if len(runs) == 1:
        return _alone(runs[0], store, reader)
    found = [tested(group, store) for group in grouped(runs)]
    groups = [with_newest_tests(one) for one in found]
    standings = [standing(group) for group in groups]
    decided = sorted(verdicts(found, store), key=lambda one: (not one.decided, bool(one.reasons)))
    drawn = [*_losses(groups, reader), *_validations(groups, reader)]
    return [_opening(groups), *drawn, *_tests(standings), *_verdicts([one.sentence for one in decided])]


def _alone(run: Run, store: RunStore, reader: SeriesReader) -> list[Scene]:
    facts = Facts.of(run)
    task = tr("{task} tasks: ", task=kept_words.said(facts.task)) if facts.task else ""
    opening = Scene(
        charts.title(run),
        tr(
            "{learner_title} on {family_title}",
            learner_title=tr(facts.learner_title),
            family_title=tr(facts.family_title),
        ),
        tr(
            "{task}each shows a few examples of something new. The learner adapts to them, and is then asked "
            "about others.",
            task=task,
        ),
    )
    return [opening, *_loss(run, facts, reader), *_milestones(run, facts, store, reader)]


def _loss(run: Run, facts: Facts, reader: SeriesReader) -> list[Scene]:
    chart = charts.loss_chart(run, reader)
    if not facts.trains or not chart.traces:
        return []
    first, last = (readable.number(float(chart.traces[-1].y[place])) for place in (0, -1))
    end = _reach(chart)
    seen = _seen(facts, end)
    text = tr(
        "The loss of its answers went from {first} to {last} ({loss}).", first=first, last=last, loss=tr(facts.loss)
    )
    drawn = {"end": end, "seconds": SLOW, "counted": (facts.work_per_iteration, facts.work)}
    return [Scene(tr("Meta-training"), tr("{seen} seen", seen=seen), text, chart=chart, **drawn)]


def _seen(facts: Facts, iterations: float) -> str:
    return tr(SEEN[facts.work], number=readable.count(iterations * facts.work_per_iteration))


def _milestones(run: Run, facts: Facts, store: RunStore, reader: SeriesReader) -> list[Scene]:
    """The untrained start, some validations on the way, and the final test, each with its inner steps."""
    scores = reader.validations(run.id)
    chart = charts.validation_chart(run, scores) if scores else None
    stops = [(score, found.result) for score in _stops(scores) if (found := store.evaluation(score.id))]
    untrained = stops[0][1] if stops and stops[0][0].iteration == 0 else None
    results = [result for _, result in stops] + ([run.test] if run.test else [])
    medians = charts.by_median([result for result in results if result and result.get("curve")])
    found, start = [], 0.0
    for score, result in stops:
        shown = [(tr("untrained"), untrained)] if untrained and score.iteration else []
        shown.append((tr("after training so far") if score.iteration else tr("untrained"), result))
        told = _untrained(facts, result) if not score.iteration else _trained(facts, score, result)
        part = {"start": start, "end": float(score.iteration), "counted": (facts.work_per_iteration, facts.work)}
        seconds = QUICK if score.iteration else STILL
        found.append(replace(told, chart=chart, beside=_steps(run, shown, medians), seconds=seconds, **part))
        start = float(score.iteration)
    if run.test:
        shown = [*([(tr("untrained"), untrained)] if untrained else []), (tr("final test"), run.test)]
        end = {"start": start, "end": start, "beside": _steps(run, shown, medians)}
        found.append(replace(_final(facts, run.test), chart=chart, **end))
    return found


def _stops(scores: Sequence[Score]) -> list[Score]:
    """The start, and validations evenly apart up to the newest: as there are more of them early on, so are these."""
    later = [score for score in scores if score.iteration]
    places = np.unique(np.linspace(0, len(later) - 1, MILESTONES + 1).round().astype(int)[1:]) if later else []
    return [*scores[: int(scores[0].iteration == 0)], *(later[place] for place in places)] if scores else []


def _untrained(facts: Facts, result: dict[str, Any]) -> Scene:
    value, what = readable.headline(facts.metric, result)
    chance = facts.metric.chance
    guessing = tr(" Guessing reaches {chance}.", chance=facts.metric.text(chance)) if chance is not None else ""
    text = tr(
        "Its {title} on new tasks before any training ({what}).{guessing}",
        title=tr(facts.metric.title),
        what=what,
        guessing=guessing,
    )
    return Scene(tr("The untrained start"), value, text)


def _trained(facts: Facts, score: Score, result: dict[str, Any]) -> Scene:
    value, what = readable.headline(facts.metric, result)
    seen = _seen(facts, score.iteration)
    return Scene(
        tr("After {seen}", seen=seen),
        value,
        tr("Its {title} on tasks that it was not trained on ({what}).", title=tr(facts.metric.title), what=what),
    )


def _final(facts: Facts, test: dict[str, Any]) -> Scene:
    value, what = readable.headline(facts.metric, test)
    tasks = readable.count(test["episodes"])
    return Scene(
        tr("The final test"),
        value,
        tr(
            "Its {title} on {tasks} tasks that it had never seen ({what}).",
            title=tr(facts.metric.title),
            tasks=tasks,
            what=what,
        ),
    )


def _steps(run: Run, shown: Sequence[tuple[str, dict[str, Any] | None]], medians: bool) -> Chart | None:
    """The score after each inner step; None of a learner that takes none. The last is what the scene is about."""
    results = [(name, run, result) for name, result in shown if result and len(result.get("curve") or ()) > 1]
    if not results:
        return None
    dashes = ["dot"] * (len(results) - 1) + ["solid"]
    colors = [5] * (len(results) - 1) + [0]
    return charts.adaptation_charts(results, colors, dashes, medians)[0]  # of one run


def _opening(groups: Sequence[Group]) -> Scene:
    runs = [run for group in groups for run in group.runs]
    families = dict.fromkeys(tr(Facts.of(run).family_title) for run in runs)
    several = (
        tr("{n} learners", n=len(groups))
        if len(groups) > 1
        else tr("{n} seeds of {label}", n=len(runs), label=groups[0].label)
    )
    rows = tuple(Row(group.label, _seeds(group), look(place)[0]) for place, group in enumerate(groups))
    text = tr("Each adapts to a few examples of something new, and is then asked about others.")
    return Scene(
        tr("{n} runs", n=len(runs)),
        tr("{several} on {families}", several=several, families=tr(", ").join(families)),
        text,
        rows,
    )


def _seeds(group: Group) -> str:
    return tr("{n} seeds", n=len(group.runs)) if len(group.runs) > 1 else tr("run #{id}", id=group.runs[0].id)


def _losses(groups: Sequence[Group], reader: SeriesReader) -> list[Scene]:
    drawn = curves.loss_charts(groups, reader, View())
    return [
        Scene(
            tr("Meta-training"),
            tr("The loss while they train"),
            _y(chart),
            chart=chart,
            end=_reach(chart),
            seconds=SLOW,
        )
        for chart in drawn
    ]


def _validations(groups: Sequence[Group], reader: SeriesReader) -> list[Scene]:
    """Each with the inner steps of the same metric beside it."""
    steps = {
        chart.y_title.removesuffix(tr("{title}, median", title="")): chart
        for chart in curves.adaptation_charts(groups, reader, View())
    }
    return [
        Scene(
            tr("While they train"),
            tr("How well they do on new tasks"),
            _y(chart),
            chart=chart,
            beside=steps.get(chart.y_title),
            end=_reach(chart),
            seconds=SLOW,
        )
        for chart in curves.validation_charts(groups, reader, View())
    ]


def _y(chart: Chart) -> str:
    return tr("{y_title}, by {x_title}.", y_title=say.first_upper(chart.y_title), x_title=chart.x_title)


def _tests(standings: Sequence[Standing]) -> list[Scene]:
    """All final tests, the best first, where they are of one kind."""
    scored = [(place, one) for place, one in enumerate(standings) if one.test]
    if not scored:
        return []
    if len({charts.drawn_as(one.group.runs[0]) for _, one in scored}) == 1:
        scored.sort(key=lambda item: item[1].metric.gain(item[1].test.mean), reverse=True)
    rows = tuple(Row(one.group.label, in_words(one.metric, one.test), look(place)[0]) for place, one in scored)
    return [
        Scene(
            tr("The final test"),
            tr("On tasks that none of them had seen"),
            tr("Each ± is half of a 95 % interval."),
            rows,
        )
    ]


def _verdicts(sentences: Sequence[str]) -> list[Scene]:
    if not sentences:
        return []
    first, *others = sentences[:VERDICTS]
    return [Scene(tr("The verdict"), first, joined(others))]


def _reach(chart: Chart) -> float:
    """The last x that there is."""
    return max(float(trace.x[-1]) for trace in chart.traces if len(trace.x))
