"""What each group of a comparison reached, at what cost, and which of them nobody beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core import published
from core.charts import Chart, Trace, drawn_as
from core.comparing.bands import band
from core.comparing.curves import look, time_title, time_unit
from core.comparing.groups import Group
from core.runs.facts import Facts
from core.runs.schema import Run
from data.language import mark, tr
from data.metric import Metric

COSTS = {"training": "seconds", "adaptation": "adaptation"}  # by what a score is drawn against, where a standing has it
FRONT = 5  # colour of the line through the best trades: grey
ADAPTATION = (1e-3, mark("adaptation and scoring, ms a task"))  # seconds in what the axis shows, and its title


@dataclass(frozen=True)
class Score:
    """A score with the half-width of its 95 % interval, None where there is none, and what that is taken over."""

    mean: float
    half: float | None
    over: str


@dataclass(frozen=True)
class Standing:
    """A group's scores and costs. best: of validation. seconds: of training, the mean over seeds. adaptation: seconds to adapt
    to one test task and to score it, None where nobody took them.
    """

    group: Group
    metric: Metric
    best: Score | None
    test: Score | None
    seconds: float
    adaptation: float | None


def standing(group: Group) -> Standing:
    """Of each seed's newest run, see ``Group.trainings``."""
    group = replace(group, runs=group.trainings)
    tests = [run.test for run in group.runs]
    took = [test["seconds"] / test["episodes"] for test in tests if test and test.get("seconds")]
    best = [run.best for run in group.runs]
    return Standing(
        group,
        Facts.of(group.runs[0]).metric,
        over_seeds(best, _validated_on(group.runs[0])),
        over_seeds(tests, tests[0] and tests[0]["episodes"]),
        float(np.mean([run.seconds for run in group.runs])),
        float(np.mean(took)) if took else None,
    )


def over_seeds(results: Sequence[dict[str, Any] | None], tasks: int | None) -> Score | None:
    """Of the seeds that have one: their mean with its interval over them, or one run's own with its interval over tasks."""
    found = [one for one in results if one and one["mean"] is not None]
    if not found:
        return None
    if len(results) == 1:
        return Score(found[0]["mean"], found[0]["ci95"], tr("{n} tasks", n=tasks) if tasks else tr("tasks"))
    over = tr("{n} seeds", n=len(found))
    if len(found) < len(results):
        over = tr("{n} of {total} seeds", n=len(found), total=len(results))
    if len(found) == 1:
        return Score(found[0]["mean"], None, over)
    place = np.zeros(1)
    around = band([(place, np.array([one["mean"]])) for one in found], "95 % interval")
    return Score(float(around.mean[0]), float(around.high[0] - around.mean[0]), over)


def beside_papers(standing: Standing) -> published.Standing | None:
    """Where the group's test score stands, with its interval, to the published number whose protocol is nearest; None where there
    is no score or no such number.
    """
    tested = [run for run in standing.group.runs if run.test]
    if not standing.test:
        return None
    counts = {name: sum(run.test.get(name) or 0 for run in tested) for name in ("episodes", "non_finite", "diverged")}
    score = {"mean": standing.test.mean, "ci95": standing.test.half}
    return next(iter(published.near(replace(tested[0], test=tested[0].test | counts | score))), None)


def _validated_on(run: Run) -> int | None:
    return run.config.get("evaluation", {}).get("val_episodes")


def trade_charts(standings: Sequence[Standing], cost: str) -> list[Chart]:
    """Score against what it costs, ``training`` or ``adaptation``: a point a group, a line through those that nobody beats in
    both, and a chart for each metric. Tests where all of its groups have one, else best validations.
    """
    kinds: dict[Metric, list[tuple[int, Standing]]] = {}
    for place, one in enumerate(standings):
        if getattr(one, COSTS[cost]) is not None and (one.test or one.best):
            kinds.setdefault(drawn_as(one.group.runs[0]), []).append((place, one))
    second, sign = time_unit([one.group for one in standings])
    axis = (ADAPTATION[0], tr(ADAPTATION[1])) if cost == "adaptation" else (second, time_title(sign))
    return [_trade_chart(metric, same, COSTS[cost], *axis) for metric, same in kinds.items()]


def _trade_chart(
    metric: Metric, standings: Sequence[tuple[int, Standing]], cost: str, unit: float, x_title: str
) -> Chart:
    tested = all(one.test for _, one in standings)
    scored = [(place, one, one.test if tested else one.best) for place, one in standings]
    traces = [_point(place, one, score, getattr(one, cost) / unit) for place, one, score in scored if score]
    x, y = (np.concatenate([getattr(trace, part) for trace in traces]) for part in ("x", "y"))
    best = front(x, np.array([metric.gain(value) for value in y]))
    if len(best) > 1:
        traces = [Trace(tr("nobody is better and cheaper"), x[best], y[best], color=FRONT, dash="dot"), *traces]
    what = tr("test") if tested else tr("best validation")
    y_title = tr("{what}, {scores}", what=what, scores=metric.axis)
    return Chart(traces, x_title, y_title, tr("Score against {cost}", cost=x_title), metric.suffix, apart=True)


def front(cost: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The Pareto front: places, by ascending cost, of the points that no other beats in gain for at most the same cost."""
    order = np.lexsort((-gain, cost))
    leads = np.concatenate([[-np.inf], np.maximum.accumulate(gain[order])[:-1]])
    return order[gain[order] > leads]


def _point(place: int, standing: Standing, score: Score, x: float) -> Trace:
    (color, dash), factor = look(place), standing.metric.factor
    error = None if score.half is None else np.array([factor * score.half])
    named = {"mode": "markers", "color": color, "symbol": "circle" if dash == "solid" else "diamond"}
    return Trace(standing.group.label, np.array([x]), np.array([factor * score.mean]), error, **named)
