"""How many examples of a class each learner of a tournament needs: scores of the same checkpoints with other numbers of shots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import shots
from core.charts import Chart, Trace
from core.comparing.curves import look
from core.comparing.scores import Score, over_seeds
from core.runs.store import RunStore
from core.tournament.answer import Place
from data.language import joined, plural, tr
from data.metric import Metric


@dataclass(frozen=True)
class Curve:
    """A learner's scores by the number of shots, of those that each of its tested runs has."""

    label: str
    metric: Metric
    scores: dict[int, Score]


def curves(places: Sequence[Place], store: RunStore) -> list[Curve]:
    """Of the learners that have a score."""
    found = []
    for place in places:
        if not place.standing.test:
            continue
        runs = place.standing.group.runs
        tests = [shots.by_shots(run, store.evaluations(run.id, split="test")) for run in runs]
        common = [k for k in tests[0] if all(k in one for one in tests)]
        scores = {k: over_seeds([one[k].result for one in tests], tests[0][k].episodes) for k in common}
        found.append(Curve(place.label, place.standing.metric, {k: one for k, one in scores.items() if one}))
    return found


def sentence(places: Sequence[Place], found: Sequence[Curve]) -> str:
    """With how many shots each reaches, by its mean, what the best has with as many as the tournament was about; empty where
    nobody was tested with others.
    """
    if not any(len(one.scores) > 1 for one in found):
        return ""
    best, metric = places[0], places[0].standing.metric
    k, goal = shots.own(best.group.runs[0]), best.standing.test.mean
    parts = []
    for one in found[1:]:
        enough = [shot for shot, score in one.scores.items() if metric.gain(score.mean) >= metric.gain(goal)]
        most = max(one.scores, default=k)
        parts.append(
            tr("{label} needs {shots}", label=one.label, shots=enough[0])
            if enough
            else tr("{shots} are not enough for {label}", label=one.label, shots=most)
        )
    said = plural(
        "To score on average as {best} does with {n} shot ({score}), {others}.",
        "To score on average as {best} does with {n} shots ({score}), {others}.",
        k,
        best=best.label,
        score=metric.text(goal),
        others=tr("; ").join(parts),
    )
    return joined([said, tr("That is by means alone; no verdict stands behind it.")])


def chart(found: Sequence[Curve]) -> Chart:
    """Score against shots, with 95 % intervals."""
    metric, traces = found[0].metric, []
    for place, one in enumerate(found):
        color, dash = look(place)
        y = np.array([score.mean for score in one.scores.values()])
        error = np.array([np.nan if score.half is None else score.half for score in one.scores.values()])
        x = np.array(list(one.scores))
        traces.append(
            Trace(one.label, x, metric.factor * y, metric.factor * error, mode="lines+markers", color=color, dash=dash)
        )
    return Chart(
        traces,
        tr("shots"),
        tr("{what}, {scores}", what=tr("test"), scores=metric.axis),
        tr("Score by the number of shots, with 95 % intervals"),
        metric.suffix,
    )
