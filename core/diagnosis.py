"""What is typical of a run's numbers, in words, with a setting that is worth a try: judged by rules, free of torch.

A rule says nothing where the numbers do not allow it. It takes one score for better than another only where their 95 %
intervals do not overlap: a run's scores are of the same tasks, so that this asks for more than it has to. A run that trains
is judged by its newest validation and what was measured up to it: what is said changes with validations alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from core import diverged
from core.comparing.limits import FEWEST, LOST
from core.evidence import Evidence, Interval
from core.runs import lineage
from core.runs.facts import unknown
from core.runs.schema import Run
from core.runs.series import SeriesReader
from data.language import joined, mark, plural, tr
from data.metric import written

EARLY = 1 / 3  # share of a training before which nothing is said of how it goes: a learner has to begin somewhere
LATE = 2 / 3  # share of a training after which its end begins
IN_A_ROW = 3  # validations that have to say the same, as single ones go up and down
MANY = 5  # validations of which the best is flattered by having been chosen
NARROW, NARROW_ERROR = 0.1, 0.25  # of a score's scale: half of an interval that leaves no more open than this
SAME = 0.02  # of a score's scale: a change that is next to nothing, as two points of accuracy
STEEP = 0.1  # of a training loss, lost from the last sixth but one of a training to the last
FACTOR = 10  # that a rate is changed by: less is soon lost in what chance does to a training
HIGHEST = 1.0  # rate that is proposed
MOST_CLASSES = 10_000  # to train on that are proposed, as many as drawn characters can be


@dataclass(frozen=True)
class Diagnosis:
    """One finding. text: what it is and what may help. numbers: those it rests on, in words. change: settings by dotted path that
    are worth a try; None where no setting is.
    """

    text: str
    numbers: str
    change: dict[str, Any] | None = None


def diagnoses(run: Run, reader: SeriesReader) -> list[Diagnosis]:
    """All that is to be said, the most fundamental first. reader: has polled the run."""
    found = Evidence.of(run, reader)
    if found.facts == unknown(run):  # not even which scores are better
        return []
    idle = found.facts.idle
    said = [one for rule in RULES if (one := rule(found))]
    useless = [any(lineage.plays_no_part(path, idle) for path in one.change or ()) for one in said]
    return [replace(one, change=None) if vain else one for one, vain in zip(said, useless, strict=True)]


def at_chance(found: Evidence) -> Diagnosis | None:
    """More than EARLY of the training is over, and the intervals of the newest IN_A_ROW validations hold chance level, each so
    NARROW, as a share of the way from chance to a perfect score, that little more than chance would be seen.
    """
    metric, newest = found.metric, found.validations[-IN_A_ROW:]
    perfect = metric.high if metric.higher_is_better else metric.low
    if metric.chance is None or perfect is None or not found.enough:
        return None
    if not found.facts.trains or found.share <= EARLY or len(newest) < IN_A_ROW:
        return None
    scores, widest = [Interval.of(one) for one in newest], NARROW * abs(perfect - metric.chance)
    if not all(abs(one.middle - metric.chance) <= one.half <= widest for one in scores):
        return None
    if found.fallen(0, EARLY):
        advice, change = tr("Its training loss falls: what it learns does not help with new tasks so far."), None
    else:
        advice = tr("A meta learning rate that is too high is a common cause; a tenth of it is worth a try.")
        change = _scaled(found, "training.meta_lr", 1 / FACTOR)
    numbers = tr("{scored} of {total}: {score}.", scored=found.scored, total=found.total, score=scores[-1].said(metric))
    guessing = tr(
        "Guessing reaches {score}, within the newest {n} intervals.", score=metric.text(metric.chance), n=IN_A_ROW
    )
    text = tr("Still at chance level after {share:.0f} % of the training.", share=100 * found.share)
    return Diagnosis(joined([text, advice]), joined([numbers, guessing]), change)


def adapting_hurts(found: Evidence) -> Diagnosis | None:
    """More than EARLY of the training is over, and the newest validation is worse after the last inner step than after an earlier
    one or before the first, beyond the intervals. If that step is better than none at all, the steps are too many; if not, they
    are too long. So they are where more than LOST of the tasks diverged or ended in no number: the rest says little of all.
    """
    curve = found.curve if found.share > EARLY else []
    if not curve:
        return None
    start, end = curve[0], curve[-1]
    known = [point for point in curve if math.isfinite(point[1].middle)]
    best = max(known, key=lambda point: found.metric.gain(point[1].middle), default=start)
    if found.better(best[1], end[1]):
        if found.better(best[1], start[1]):
            text = mark(
                "More inner steps at test than help: the score is best after {best} and clearly worse after {end}."
            )
            text = tr(text, best=best[0], end=end[0])
            return Diagnosis(text, _along(found, start, best, end), {"evaluation.inner_steps": best[0]})
        return _too_long(found, _along(found, start, end))
    tasks, lost = found.latest.episodes, found.latest.non_finite + diverged.count(found.latest.result)
    if lost <= LOST * tasks:
        return None
    return _too_long(
        found,
        tr("{scored}: {n} of {total} tasks diverged or ended in no number.", scored=found.scored, n=lost, total=tasks),
    )


def _too_long(found: Evidence, numbers: str) -> Diagnosis:
    change = _inner_rate(found, 1 / FACTOR)
    advice = tr("A tenth of the rate is worth a try.") if change else tr("Fewer of them are worth a try.")
    return Diagnosis(joined([tr("Adapting makes it worse: the inner steps are too long."), advice]), numbers, change)


def adapting_does_nothing(found: Evidence) -> Diagnosis | None:
    """More than EARLY of the training is over, and the newest validation changes by no more than SAME from no inner step to the
    last: of the metric's span, or, for an error without an end, of the error before adapting. The intervals are NARROW (for
    such an error NARROW_ERROR): wide ones leave open whether tasks become better and worse in equal parts.
    """
    curve, metric = found.curve if found.share > EARLY else [], found.metric
    if not curve or adapting_hurts(found):
        return None
    (_, start), (_, end) = curve[0], curve[-1]
    bounded = metric.low is not None and metric.high is not None
    scale, narrow = (metric.high - metric.low, NARROW) if bounded else (abs(start.middle), NARROW_ERROR)
    if not (abs(end.middle - start.middle) <= SAME * scale and max(start.half, end.half) <= narrow * scale):
        return None
    change = _inner_rate(found, FACTOR)
    text = tr("The inner steps change next to nothing: they are too short, or there is nothing to adapt.")
    if change:
        text = joined([text, tr("{factor} times the rate is worth a try.", factor=FACTOR)])
    return Diagnosis(text, _along(found, curve[0], curve[-1]), change)


def overfitting(found: Evidence) -> Diagnosis | None:
    """More than EARLY of the training is over; the best validation came before its last third, and all of that, IN_A_ROW or
    more, are worse beyond the intervals; and the training loss went on falling from the second third to the last.
    """
    best, end = found.run.best, found.latest.iteration if found.latest else 0
    late = [Interval.of(one) for one in found.validations if one.iteration > LATE * end]
    if not best or found.share <= EARLY or not found.enough or len(late) < IN_A_ROW:
        return None
    top, fallen = Interval.of(best), found.fallen(EARLY, LATE)
    if not 0 < best["iteration"] <= LATE * end or not all(found.better(top, one) for one in late) or not fallen:
        return None
    text = tr(
        "Overfitting: validation became worse while the training loss went on falling. "
        "The test takes the best checkpoint, so what came after it costs time and no score."
    )
    scores = {"now": late[-1].said(found.metric), "then": best["iteration"], "best": top.said(found.metric)}
    losses = {"before": written(fallen[0]), "after": written(fallen[1])}
    numbers = joined(
        [
            tr("{scored}: {now}; at {then} it was {best}.", scored=found.scored, **scores),
            tr("Training loss: {before} in the second third so far, {after} in the last.", **losses),
        ]
    )
    if (classes := found.setting("family.train_classes")) and classes < MOST_CLASSES:
        more = {"family.train_classes": min(2 * classes, MOST_CLASSES)}
        return Diagnosis(joined([text, tr("More classes to train on may help.")]), numbers, more)
    fewer = {"training.iterations": best["iteration"]}
    return Diagnosis(joined([text, tr("Fewer iterations are enough.")]), numbers, fewer)


def below_validation(found: Evidence) -> Diagnosis | None:
    """The test is worse than the validation that chose its checkpoint, beyond the intervals. The best of MANY validations on
    fewer tasks is chosen partly by luck, which more tasks take out of it; otherwise the tasks of the test are harder.
    """
    test, best, tasks = found.run.test, found.run.best, found.setting("evaluation.val_episodes") or 0
    if not test or not best or min(tasks, test["episodes"]) < FEWEST:
        return None
    medians = bool(diverged.count(test) or diverged.count(best))
    if medians and not (test.get("quartiles") and best.get("quartiles")):
        return None
    tested, chosen = Interval.of(test, test["episodes"], medians), Interval.of(best, tasks, medians)
    if not found.better(chosen, tested):
        return None
    count, change = len(found.validations), None
    if count >= MANY and tasks < test["episodes"]:
        change = {"evaluation.val_episodes": test["episodes"]}
        advice = mark("The best of {n} validations is chosen partly by luck; more validation tasks choose more surely.")
        advice = tr(advice, n=count)
    else:
        advice = tr("Its tasks seem harder than those of validation; the test's score is the one to report.")
    scores = {
        "test": tested.said(found.metric),
        "of_test": test["episodes"],
        "best": chosen.said(found.metric),
        "of_best": tasks,
    }
    text = mark("Test {metric}: {test} on {of_test} tasks. Validation at iteration {iteration}: {best} on {of_best}.")
    numbers = tr(text, metric=tr(found.metric.title), iteration=best["iteration"], **scores)
    return Diagnosis(joined([tr("The test is clearly worse than validation."), advice]), numbers, change)


def still_falling(found: Evidence) -> Diagnosis | None:
    """The training finished, its loss fell by STEEP of itself, and beyond the intervals, from the last sixth but one to the last,
    and the best validation is of the last third: what it learned last still carried over. A loss below 0 has no such share.
    """
    run, best = found.run, found.run.best
    if run.status != "finished" or not found.facts.trains or (best and best["iteration"] < LATE * run.iteration):
        return None
    fallen = found.fallen(LATE, 5 / 6)
    if not fallen or not 0 < fallen[1] <= (1 - STEEP) * fallen[0]:
        return None
    by_time = found.setting("training.minutes") is not None and run.iteration < run.iterations
    losses = {"before": written(fallen[0]), "after": written(fallen[1])}
    numbers = tr("Training loss: {before} in the last sixth but one of the training, {after} in the last.", **losses)
    if by_time:
        path, text = (
            "training.minutes",
            tr("The training loss was still falling steeply at the end: more time may help."),
        )
    else:
        path = "training.iterations"
        text = tr("The training loss was still falling steeply at the end: more iterations may help.")
    return Diagnosis(text, numbers, {path: 2 * found.setting(path)})


def _along(found: Evidence, *points: tuple[int, Interval]) -> str:
    """``Validation accuracy at iteration 400: 41.20 ± 1.10 % before adapting, 20.30 ± 0.90 % after 5 inner steps.``"""
    said = []
    for step, score in points:
        text = score.said(found.metric)
        said.append(
            tr("{score} after {step}", score=text, step=step) if step else tr("{score} before adapting", score=text)
        )
    scores = tr(", ").join(said)
    return plural(
        "{scored}: {scores} inner step.",
        "{scored}: {scores} inner steps.",
        points[-1][0],
        scored=found.scored,
        scores=scores,
    )


def _inner_rate(found: Evidence, factor: float) -> dict[str, float] | None:
    """The size of an inner step, changed; None where the learner has none that a person sets."""
    paths = (f"algorithm.{name}" for name in diverged.RATES)
    return next((change for path in paths if (change := _scaled(found, path, factor))), None)


def _scaled(found: Evidence, path: str, factor: float) -> dict[str, float] | None:
    """A rate times a factor; None where it has none, or would be above HIGHEST."""
    rate = found.setting(path)
    changed = float(f"{rate * factor:.3g}") if rate else math.inf
    return {path: changed} if changed <= max(HIGHEST, rate or 0) else None


RULES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    at_chance, adapting_hurts, adapting_does_nothing, overfitting, below_validation, still_falling
)  # fmt: skip
