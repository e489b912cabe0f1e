"""Which of two groups is better, how sure that is, and what would make it surer: the statistics of ``paired`` in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from core import about
from core.comparing.alike import Remedy, Tested, in_common, refusal, remedy
from core.comparing.limits import FEWEST, LOST
from core.comparing.paired import ALPHA, Difference, difference, holm, needed_episodes
from core.runs.facts import Facts
from core.runs.schema import Evaluation
from core.runs.store import RunStore
from data.language import joined, mark, tr
from data.metric import Metric, fixed

MOST_EPISODES = 100_000  # of an evaluation
FEW = mark(
    "yet {ahead} does better on {most} of the {differing} tasks that tell them apart (sign test, p = {p:.2g}): "
    "few tasks make the difference"
)
LARGE = mark(
    "yet {ahead} does better on {most} of the {differing} tasks that tell them apart (sign test, p = {p:.2g}): "
    "a few large ones decide the mean"
)


@dataclass(frozen=True)
class Scored:
    """A group's scores, (seeds, episodes), one row for each of the ``seeds``, not-a-number where not finite."""

    label: str
    scores: np.ndarray
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Verdict:
    """What can be said of two groups, a and b. text: in words, all of it.

    difference: a − b in the metric's stored unit; low, high: its 95 % interval over tasks and, with several seeds of each,
    over trainings; None where there is no verdict, with ``reasons`` why, and a ``remedy`` where an evaluation would be one.
    better: the label of the better one where it is decided. decided: the difference of the means is there at 5 % after Holm's
    correction for all comparisons made at once, and the sign test does not say the contrary. episodes: shared tasks;
    excluded: those left out. seeds_won: in how many of the ``seeds`` that both have the one with the better mean is better.
    p, adjusted_p: before and after the correction. episode_se, seed_se: the two parts of the standard error, see
    ``paired``; seed_se is None where a group has one seed, and the verdict then on these trainings alone.
    wins: tasks on which a is better, losses: b; sign_p: of the sign test over them. needed_episodes: with which about 80 % of
    tests would decide that a difference as large as this one is there; None where it is decided, or no number would do.
    """

    a: str
    b: str
    text: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    decided: bool = False
    better: str | None = None
    episodes: int = 0
    excluded: int = 0
    seeds_won: int = 0
    seeds: int = 0
    p: float | None = None
    adjusted_p: float | None = None
    episode_se: float | None = None
    seed_se: float | None = None
    wins: int = 0
    losses: int = 0
    sign_p: float | None = None
    needed_episodes: int | None = None
    reasons: tuple[str, ...] = ()
    remedy: Remedy | None = None

    @property
    def sentence(self) -> str:
        """The text with a capital and a full stop."""
        return tr("{sentence}.", sentence=f"{self.text[:1].upper()}{self.text[1:].rstrip('.。')}")


def verdicts(found: Sequence[Tested], store: RunStore) -> list[Verdict]:
    """A verdict on each pair of groups, by their newest tests under a protocol that both have."""
    read: dict[int, np.ndarray | None] = {}  # the scores of an evaluation, which is in many pairs
    refused, asked, metric = {}, {}, {}
    for pair in combinations(range(len(found)), 2):
        a, b = (found[place] for place in pair)
        if reasons := refusal(a, b):
            refused[pair] = _none(a.group.label, b.group.label, reasons, remedy(a, b))
            continue
        both = [scored(one, tests, store, read) for one, tests in zip((a, b), in_common(a, b), strict=True)]
        if lacking := [one.group.label for one, of in zip((a, b), both, strict=True) if of is None]:
            reasons = [
                tr("{label} was tested by a version that kept no single scores: test it again.", label=label)
                for label in lacking
            ]
            refused[pair] = _none(a.group.label, b.group.label, reasons)
        else:
            asked[pair], metric[pair] = both, Facts.of(a.group.runs[0]).metric
    judged = dict(zip(asked, judge(list(asked.values()), list(metric.values())), strict=True))
    return [(refused | judged)[pair] for pair in combinations(range(len(found)), 2)]


def scored(
    one: Tested, tests: Sequence[Evaluation], store: RunStore, read: dict[int, np.ndarray | None]
) -> Scored | None:
    """The scores of these tests, one of each of the group's ``trainings``. None where scores were not kept. read: what was read
    before.
    """
    of = {run.id: test for run, test in zip(one.group.runs, tests, strict=True)}
    seeds = {run.config.get("seed", 0): of[run.id] for run in one.group.trainings}
    for test in seeds.values():
        if test.id not in read:
            read[test.id] = store.scores(test.id)
    rows = [read[test.id] for test in seeds.values()]
    return None if any(row is None for row in rows) else Scored(one.group.label, np.stack(rows), tuple(seeds))


def judge(pairs: Sequence[tuple[Scored, Scored]], metrics: Sequence[Metric]) -> list[Verdict]:
    """A verdict on each pair of scores of the same episodes, corrected for their number. metrics: of each pair."""
    reasons = [_too_few(a, b) for a, b in pairs]
    found = [None if why else difference(a.scores, b.scores) for (a, b), why in zip(pairs, reasons, strict=True)]
    adjusted = iter(holm([one.p for one in found if one]))
    count = sum(one is not None for one in found)
    return [
        _none(a.label, b.label, why) if one is None else _judged(a, b, metric, one, next(adjusted), count)
        for (a, b), metric, one, why in zip(pairs, metrics, found, reasons, strict=True)
    ]


def _none(a: str, b: str, reasons: Sequence[str], way_out: Remedy | None = None) -> Verdict:
    said = [*reasons, *([tr("To compare them, {way_out}.", way_out=way_out.text)] if way_out else [])]
    text = tr("no verdict on {a} and {b}. {reasons}", a=a, b=b, reasons=joined(said))
    return Verdict(a, b, text, reasons=tuple(reasons), remedy=way_out)


def _too_few(a: Scored, b: Scored) -> list[str]:
    """Why these scores give no verdict."""
    lost = [~np.isfinite(one.scores).all(0) for one in (a, b)]
    episodes, gone = len(lost[0]), int((lost[0] | lost[1]).sum())
    if gone > LOST * episodes:
        whose = about.listed(
            [
                tr("{label} on {n}", label=one.label, n=of.sum())
                for one, of in zip((a, b), lost, strict=True)
                if of.any()
            ],
            "and",
        )
        text = mark("Too many of the {n} tasks have no finite score: {whose}. What is left would flatter it.")
        return [tr(text, n=episodes, whose=whose)]
    if episodes - gone < FEWEST:
        return [tr("{n} shared tasks are too few: at least {fewest} are needed.", n=episodes - gone, fewest=FEWEST)]
    return []


def _judged(a: Scored, b: Scored, metric: Metric, found: Difference, adjusted: float, count: int) -> Verdict:
    ahead = (metric.gain(found.mean) > 0) - (metric.gain(found.mean) < 0)  # 1 where a is better, -1 where b is
    wins, losses = (found.wins, found.losses) if metric.higher_is_better else (found.losses, found.wins)
    contrary = found.sign_p < ALPHA / count and (wins - losses) * ahead < 0
    decided = adjusted < ALPHA and not contrary
    needed = math.inf if decided or contrary or not ahead else needed_episodes(found, ALPHA / count)
    shared = sorted(set(a.seeds) & set(b.seeds))
    verdict = Verdict(
        a=a.label,
        b=b.label,
        text="",
        difference=found.mean,
        low=found.low,
        high=found.high,
        decided=decided,
        better=(a.label if ahead > 0 else b.label) if decided else None,
        episodes=found.episodes,
        excluded=found.excluded,
        seeds_won=_seeds_won(a, b, shared, metric, ahead),
        seeds=len(shared),
        p=found.p,
        adjusted_p=adjusted,
        episode_se=found.episode_se,
        seed_se=found.seed_se,
        wins=wins,
        losses=losses,
        sign_p=found.sign_p,
        needed_episodes=_rounded(needed) if needed <= MOST_EPISODES else None,
    )
    return replace(verdict, text=_text(verdict, found, metric, count, _left_out(a, b)))


def _seeds_won(a: Scored, b: Scored, shared: Sequence[int], metric: Metric, ahead: int) -> int:
    """In how many of the shared seeds the group that is ahead has the better mean over the episodes that both have."""
    finite = np.isfinite(a.scores).all(0) & np.isfinite(b.scores).all(0)
    means = [[one.scores[one.seeds.index(seed)][finite].mean(dtype=np.float64) for seed in shared] for one in (a, b)]
    return sum(bool(metric.gain(mine - theirs) * ahead > 0) for mine, theirs in zip(*means, strict=True))


def _rounded(number: float) -> int:
    """Up, to two significant digits."""
    unit = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return math.ceil(number / unit) * unit


def _text(verdict: Verdict, found: Difference, metric: Metric, count: int, left_out: str) -> str:
    half, tasks = (found.high - found.low) / 2, verdict.episodes
    if verdict.decided:
        other = verdict.b if verdict.better == verdict.a else verdict.a
        said = {
            "better": verdict.better,
            "other": other,
            "amount": amount(metric, abs(found.mean), half),
            "tasks": tasks,
        }
        if verdict.seeds > 1:
            won = {"won": verdict.seeds_won, "seeds": verdict.seeds}
            text = mark(
                "{better} is better than {other} by {amount} on {tasks} shared tasks, in {won} of {seeds} seeds"
            )
            parts = [tr(text, **said, **won)]
        else:
            parts = [tr("{better} is better than {other} by {amount} on {tasks} shared tasks", **said)]
    elif found.mean == 0 and found.se == 0:
        parts = [
            tr(
                "undecided: {a} and {b} have the same scores on {tasks} shared tasks",
                a=verdict.a,
                b=verdict.b,
                tasks=tasks,
            )
        ]
    else:
        said = {"a": verdict.a, "b": verdict.b, "amount": amount(metric, found.mean, half), "tasks": tasks}
        text = tr("undecided: {a} − {b} = {amount} on {tasks} shared tasks", **said)
        if count > 1:
            text = tr(
                "undecided: {a} − {b} = {amount} on {tasks} shared tasks, {n} comparisons at once", **said, n=count
            )
        parts = [text, _way_on(verdict, found)]
    parts += [_disagreement(verdict, found, count), left_out]
    if verdict.seed_se is None:
        parts.append(tr("this is of these trainings alone, other seeds may say otherwise: train both with several"))
    return tr("; ").join(filter(None, parts))


def _way_on(verdict: Verdict, found: Difference) -> str:
    """What would settle an undecided comparison."""
    if verdict.needed_episodes is not None:
        return tr("about {n} tasks would settle it", n=verdict.needed_episodes)
    if _contrary(verdict):
        return ""
    if found.between > found.episode_se**2:
        return tr("the seeds are further apart than the groups: more seeds would settle it, more tasks would not")
    return tr("if there is a difference, it is too small for tasks to settle it")


def _contrary(verdict: Verdict) -> bool:
    return not verdict.decided and verdict.adjusted_p < ALPHA


def _disagreement(verdict: Verdict, found: Difference, count: int) -> str:
    """Where means and single tasks do not say the same, which a few tasks with large errors bring about."""
    differing, most = verdict.wins + verdict.losses, max(verdict.wins, verdict.losses)
    ahead = verdict.a if verdict.wins > verdict.losses else verdict.b
    seen = {"ahead": ahead, "most": most, "differing": differing, "p": found.sign_p}
    if verdict.decided:
        return tr(FEW, **seen) if ahead != verdict.better and most > differing / 2 else ""
    # Seeds are no reason to doubt the mean of these tasks, only its tasks are.
    spread = abs(found.mean) < 1.96 * found.episode_se or _contrary(verdict)
    return tr(LARGE, **seen) if found.sign_p < ALPHA / count and spread else ""


def _left_out(a: Scored, b: Scored) -> str:
    lost = {one.label: int((~np.isfinite(one.scores).all(0)).sum()) for one in (a, b)}
    whose = [tr("{n} of {label}", n=count, label=label) for label, count in lost.items() if count]
    if len(whose) == 1:
        return tr("tasks without a finite score are left out ({whose}), which flatters it", whose=whose[0])
    if whose:
        both = about.listed(whose, "and")
        return tr("tasks without a finite score are left out ({whose}), which flatters them", whose=both)
    return ""


def amount(metric: Metric, difference: float, half: float) -> str:
    """A difference with half its interval, to the digit that the interval makes sense of: ``1.8 ± 0.6 points``."""
    values = metric.factor * difference, metric.factor * half
    digits = 2
    if values[1] > 0:
        place = math.floor(math.log10(values[1]))
        digits = max(0, -place + (values[1] < 2 * 10**place))
    text = " ± ".join(fixed(value, digits) for value in values)
    if metric.unit == "%":
        return tr("{number} points", number=text)
    return tr("{number} ({metric})", number=f"{text}{metric.suffix}", metric=tr(metric.title))
