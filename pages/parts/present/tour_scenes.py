"""What the tour shows of recorded runs and of learners that answered: its scenes as plain values. Free of torch."""

import string
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.charts import Chart
from core.comparing.again import with_newest_tests
from core.comparing.alike import tested
from core.comparing.curves import View, look, validation_charts
from core.comparing.groups import Group, grouped
from core.comparing.scores import standing
from core.comparing.verdict import verdicts
from core.playground.recorded import Recording
from core.runs.facts import Facts
from data.language import plural, tr
from pages.parts import readable
from pages.parts.compare.scores import in_words
from pages.parts.present.scenes import Row


@dataclass(frozen=True)
class Steps:
    """How a learner's answer to one drawing changed. heads: of the columns. shares: (columns, classes), probabilities."""

    heads: tuple[str, ...]
    shares: np.ndarray


@dataclass(frozen=True)
class TourScene:
    """big: what everybody reads. text: a sentence below. more: others, smaller. note: where it is from. caption: of the chart.
    seconds: until all of it is there. steps, chart, rows: what is shown, each where there is one.
    """

    big: str
    text: str
    more: tuple[str, ...] = ()
    note: str = ""
    caption: str = ""
    seconds: float = 0.0
    steps: Steps | None = None
    chart: Chart | None = None
    rows: tuple[Row, ...] = ()


def titles() -> list[str]:
    """Of the scenes, in their order."""
    return [tr("Draw"), tr("Learn"), tr("Compare"), tr("Verdict")]


def drawing() -> TourScene:
    text = tr(
        "Two learners have seen each sign once. Draw one of them again, on the pad at the right: which one is it?"
    )
    return TourScene(tr("Five signs that nobody has drawn before"), text)


def learning(shares: np.ndarray, steps: Sequence[int], recording: Recording) -> TourScene:
    """shares: what MAML said after each of the steps, (steps, classes)."""
    best = int(shares[-1].argmax())
    before, after = (f"{share:.0%}".replace("%", "\u202f%") for share in shares[[0, -1], best])
    sign = string.ascii_uppercase[best]
    big = plural(
        "Sign {sign}: {before} before, {after} after {n} inner step",
        "Sign {sign}: {before} before, {after} after {n} inner steps",
        steps[-1],
        sign=sign,
        before=before,
        after=after,
    )
    text = tr(
        "What MAML answers to that drawing, as gradient steps on the five examples change its weights. "
        "Beside it: how runs learn to."
    )
    caption = tr("Recorded: {n} seeds of MAML on new tasks, while they train", n=len(_groups(recording)[0].runs))
    heads = tuple(plural("after {n} step", "after {n} steps", step) if step else tr("before") for step in steps)
    group = _groups(recording)[0]
    (chart,) = validation_charts([group], recording.reader, View(seeds=True, best=False))
    return TourScene(
        big, text, note=noted(recording), caption=caption, seconds=6.0, steps=Steps(heads, shares), chart=chart
    )


def comparing(recording: Recording) -> TourScene:
    groups = _groups(recording)
    (chart,) = validation_charts(groups, recording.reader, View(best=False))
    seeds = min(len(group.runs) for group in groups)
    big = tr("{learners} learners, {seeds} seeds each", learners=len(groups), seeds=seeds)
    text = tr(
        "Accuracy on tasks that they were not trained on. Bands are the standard deviation over seeds. "
        "An iteration is not the same work for each of them."
    )
    return TourScene(big, text, note=noted(recording), seconds=9.0, chart=chart)


def judging(recording: Recording) -> TourScene:
    """The sentences that the Compare page would say of these runs."""
    found = [tested(group, recording.store) for group in _groups(recording)]
    groups = [with_newest_tests(one) for one in found]
    decided = sorted(verdicts(found, recording.store), key=lambda one: (not one.decided, -abs(one.difference or 0)))
    first, *others = (one.sentence for one in decided)
    standings = [standing(group) for group in groups]
    scored = [(place, one) for place, one in enumerate(standings) if one.test]
    scored.sort(key=lambda item: item[1].metric.gain(item[1].test.mean), reverse=True)
    rows = tuple(Row(one.group.label, in_words(one.metric, one.test), look(place)[0]) for place, one in scored)
    tasks = min(run.test["episodes"] for group in groups for run in group.runs)
    text = tr(
        "Accuracy in the final test: {tasks} tasks that none of them had seen, the same for all. "
        "Each ± is half of a 95 % interval over seeds.",
        tasks=readable.count(tasks),
    )
    return TourScene(first, text, tuple(others), noted(recording), rows=rows)


def noted(recording: Recording) -> str:
    """That these are recordings, and whose."""
    run = recording.runs[0]
    day = time.strftime("%Y-%m-%d", time.localtime(recording.made))
    return tr(
        "Recorded on {day}: short runs of {iterations} iterations on {family}, {machine}, {versions}.",
        day=day,
        iterations=readable.count(run.iterations),
        family=tr(Facts.of(run).family_title),
        machine=recording.machine,
        versions=recording.versions,
    )


def _groups(recording: Recording) -> list[Group]:
    """Those of the recording, under their names in the current language."""
    return [replace(group, label=tr(group.label)) for group in grouped(recording.runs, recording.named)]


def sent(scene: TourScene) -> dict[str, Any]:
    """All but what the browser gets in a form of its own."""
    parts = ("big", "text", "more", "note", "caption", "seconds")
    return {part: getattr(scene, part) for part in parts} | {"rows": [vars(row) for row in scene.rows]}
