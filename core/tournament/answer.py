"""What a tournament answers, in words with the numbers they rest on; nothing is recommended that no verdict bears out.

All statistics are those of ``core.comparing``. Free of torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from core import about
from core.comparing.alike import Tested, tested
from core.comparing.bands import band
from core.comparing.groups import Group
from core.comparing.scores import Standing, standing
from core.comparing.verdict import Verdict, amount, verdicts
from core.runs.facts import Facts
from core.runs.schema import ENDED, Run
from core.runs.store import RunStore
from core.tournament.budget import Budget
from core.tournament.record import Tournament
from data.language import joined, mark, tr
from data.metric import Metric

CHEAPER = 0.8  # of another's cost: what costs more than this share of it is no cheaper to speak of
AGNOSTIC = "model-agnostic"
BOTH = mark("failed or stopped")
LOST = [mark("failed"), mark("stopped"), mark("lost")]  # statuses of runs that ended without a score
# What is asked of costs, and that nobody measured them.
OF_TRAINING = (mark("Where training time counts"), mark("Nobody measured what training takes {labels}."))
OF_ADAPTING = (mark("Where adaptation must be fast"), mark("Nobody measured what adapting takes {labels}."))


@dataclass(frozen=True)
class Place:
    """A learner's share in the answer.

    group: its tested runs; while none is, those that train, or all. standing: its scores and costs. tested: its runs that have a
    score, of so many ``entered``; remark: what became of the others, empty where nothing is to be said. iterations, work: of
    training, the mean of the seeds; the latter in tasks or examples, as ``unit`` says. memory: bytes of the worker at its last
    sign of life, the most of the seeds; None where it is not known. between: standard deviation of the seeds' scores, in the
    metric's stored unit; noise: half the 95 % interval of one seed's score over its tasks. Both None where there is none.
    """

    group: Group
    standing: Standing
    tested: int
    entered: int
    remark: str
    iterations: float
    work: float
    unit: str
    memory: int | None
    between: float | None
    noise: float | None

    @property
    def label(self) -> str:
        return self.group.label

    @property
    def kind(self) -> str:
        """The group of learners that it belongs to, as ``model-agnostic``."""
        return Facts.of(self.group.runs[0]).group

    @property
    def agnostic(self) -> bool:
        """Whether it takes any network, as its authors have it."""
        return self.kind == AGNOSTIC

    @property
    def score(self) -> str:
        """``91.20 ± 0.80 % (3 seeds)``."""
        one = self.standing.test
        return tr("{score} ({over})", score=self.standing.metric.text(one.mean, one.half), over=one.over)


@dataclass(frozen=True)
class Advice:
    """The answer to one question. decided: whether one learner could be named."""

    question: str
    text: str
    decided: bool


@dataclass(frozen=True)
class Answer:
    """places: of all learners, the best score first. verdicts: on each pair of those with a score. tests: what they rest on."""

    places: tuple[Place, ...]
    verdicts: tuple[Verdict, ...]
    tests: tuple[Tested, ...]
    advice: tuple[Advice, ...]


def answer(found: Tournament, store: RunStore) -> Answer:
    """What can be said by now."""
    places = [_place(group) for group in found.groups]
    scored = [place for place in places if place.standing.test]
    tests = [_main_tests(place.group, store) for place in scored]
    said = verdicts(tests, store) if len(tests) > 1 else []
    metric = places[0].standing.metric
    places.sort(key=lambda one: -metric.gain(one.standing.test.mean) if one.standing.test else np.inf)
    return Answer(tuple(places), tuple(said), tuple(tests), tuple(_advice(found, places, said)))


def _main_tests(group: Group, store: RunStore) -> Tested:
    """Of the tests those with as many shots and steps as each run's own: others are another question."""
    whole = tested(group, store)
    kept = [
        tuple(test for test in tests if _asked(test.result) == _asked(run.test))
        for run, tests in zip(group.runs, whole.tests, strict=True)
    ]
    return replace(whole, tests=tuple(kept), own_steps=True)


def _asked(result: dict[str, Any]) -> list[Any]:
    return [result["protocol"].get(name) for name in ("k_shot", "inner_steps")]


def _place(entered: Group) -> Place:
    runs = [run for run in entered.runs if run.test and run.test["mean"] is not None]
    begun = tuple(run for run in entered.runs if run.iteration)
    group = replace(entered, runs=tuple(runs) or begun or entered.runs)
    facts = Facts.of(group.runs[0])
    iterations = float(np.mean([run.iteration for run in group.runs]))
    memory = [run.load["memory"] for run in group.runs if run.load and run.load.get("memory")]
    halves = [run.test["ci95"] for run in runs if run.test["ci95"] is not None]
    return Place(
        group=group,
        standing=standing(group),
        tested=len(runs),
        entered=len(entered.runs),
        remark=_remark(entered, runs),
        iterations=iterations,
        work=iterations * facts.work_per_iteration,
        unit=facts.work,
        memory=max(memory, default=None),
        between=_between([run.test["mean"] for run in runs]),
        noise=float(np.mean(halves)) if halves else None,
    )


def _between(means: Sequence[float]) -> float | None:
    """Standard deviation of the seeds' scores; None of a single one."""
    if len(means) < 2:
        return None
    around = band([(np.zeros(1), np.array([mean])) for mean in means], "standard deviation")
    return float(around.high[0] - around.mean[0])


def _remark(entered: Group, scored: Sequence[Run]) -> str:
    """What became of runs that ended without a score. That those are left out flatters the learner if they failed."""
    lost = [run for run in entered.runs if run.status in ENDED and run not in scored]
    if not lost:
        return ""
    failed = [run for run in lost if run.status in ("failed", "lost")]
    statuses, n, total = {run.status for run in lost}, len(lost), len(entered.runs)
    how = tr(lost[0].status if len(statuses) == 1 else BOTH)
    text = tr("{n} of {total} runs {how}", n=n, total=total, how=how)
    if failed and failed[0].error:
        text = tr("{what}: {why}", what=text, why=tr(failed[0].error))
    text = text.rstrip(".。")
    if failed and scored:
        text = tr("{what}; its score is of the others, which flatters it", what=text)
    return tr("{sentence}.", sentence=text)


def _advice(found: Tournament, places: Sequence[Place], said: Sequence[Verdict]) -> list[Advice]:
    """The questions that people ask, as far as there are numbers. places: the best score first."""
    scored = [place for place in places if place.standing.test]
    if len(scored) < 2:
        text = tr("Nothing is tested yet.")
        if scored:
            text = tr("{label} alone has a score so far: {score}.", label=scored[0].label, score=scored[0].score)
        return [Advice(tr("Which scores best"), text, False)]
    pairs = {frozenset((one.a, one.b)): one for one in said}
    rivals = [place for place in scored[1:] if not _better(scored[0], place, pairs)]
    contenders = [scored[0], *rivals]
    training = partial(_training, found.budget)
    advice = [_best(scored, rivals, pairs)]
    advice.append(_where_it_counts(*OF_TRAINING, contenders, scored, pairs, training))
    advice.append(_where_it_counts(*OF_ADAPTING, contenders, scored, pairs, _adapting))
    advice.append(_any_network(scored, pairs))
    return [*advice, _seeds(found, scored)]


Pairs = dict[frozenset[str], Verdict]


def _better(a: Place, b: Place, pairs: Pairs) -> bool:
    """Whether it is decided that a is better than b."""
    return pairs[frozenset((a.label, b.label))].better == a.label


def _gap(a: Place, b: Place, pairs: Pairs) -> str:
    """How far apart two are, without a sign: ``3.0 ± 0.7 points``."""
    verdict = pairs[frozenset((a.label, b.label))]
    return amount(a.standing.metric, abs(verdict.difference), (verdict.high - verdict.low) / 2)


def _best(scored: Sequence[Place], rivals: Sequence[Place], pairs: Pairs) -> Advice:
    question, first, second = tr("Which scores best"), scored[0], scored[1]
    if not rivals:
        verdict = pairs[frozenset((first.label, second.label))]
        said = {"first": first.label, "score": first.score, "second": second.label, "gap": _gap(first, second, pairs)}
        if len(scored) == 2:
            text = tr("{first}: {score}, better than {second} by {gap}.", **said)
        else:
            text = mark("{first}: {score}, better than each of the other {n}; the next, {second}, is {gap} behind.")
            text = tr(text, **said, n=len(scored) - 1)
        if verdict.seed_se is None:
            alone = tr("This is of these trainings alone: more seeds would say whether it holds for others.")
            text = joined([text, alone])
        return Advice(question, text, True)
    names = [tr("{label} with {score}", label=one.label, score=one.score) for one in (first, *rivals)]
    why = [pairs[frozenset((first.label, one.label))].sentence for one in rivals]
    behind = [one.label for one in scored if one is not first and one not in rivals]
    text = tr("No difference was found between {labels}.", labels=about.listed(names, "and"))
    rest = (
        tr("{first} is better than {others}.", first=first.label, others=about.listed(behind, "and")) if behind else ""
    )
    return Advice(question, joined([text, rest, *why]), False)


def _training(budget: Budget, place: Place) -> tuple[float | None, str]:
    """Seconds, and how they are said. Where all were given as many, that is what they cost: by how much a last step or a
    validation ran over says nothing of a learner.
    """
    if not Facts.of(place.group.runs[0]).trains:
        return 0.0, tr("no training at all")
    seconds = budget.seconds or place.standing.seconds
    return seconds, tr("{time} of training", time=about_time(seconds))


def _adapting(place: Place) -> tuple[float | None, str]:
    seconds = place.standing.adaptation
    return seconds, "" if seconds is None else tr("{time} a task", time=about_time(seconds))


def about_time(seconds: float) -> str:
    """To two digits, also well below a second: ``3.1 ms``, ``20 s``, ``6 min``."""
    if seconds >= 120:
        return about.duration(seconds)
    return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"


def _where_it_counts(
    question: str,
    unknown: str,
    contenders: Sequence[Place],
    scored: Sequence[Place],
    pairs: Pairs,
    cost: Callable[[Place], tuple[float | None, str]],
) -> Advice:
    """The cheapest of those that no other was found to beat; and what is cheaper still, with what that costs in score."""
    if any(cost(place)[0] is None for place in scored):
        lacking = about.listed([place.label for place in scored if cost(place)[0] is None], "and")
        return Advice(tr(question), tr(unknown, labels=lacking), False)
    order = sorted(contenders, key=lambda one: cost(one)[0])
    alike = [one for one in order if cost(order[0])[0] >= CHEAPER * cost(one)[0]]
    first, said = (
        order[0],
        about.listed([tr("{label} {cost}", label=one.label, cost=cost(one)[1]) for one in order], "and"),
    )
    if len(contenders) == 1:
        text = tr("{label}, which scores best: {cost}.", label=first.label, cost=cost(first)[1])
    elif len(alike) == 1:
        text = mark("{label}: of those between which no difference in score was found it is the cheapest: {costs}.")
        text = tr(text, label=first.label, costs=said)
    else:
        names = about.listed([one.label for one in alike], "and")
        text = tr("No choice between {labels}: they score and cost about the same: {costs}.", labels=names, costs=said)
    rest = [one for one in scored if one not in contenders and cost(one)[0] < CHEAPER * cost(first)[0]]
    if rest:
        least = min(rest, key=lambda one: cost(one)[0])
        best = contenders[0]
        worse = {"least": least.label, "cost": cost(least)[1], "best": best.label, "gap": _gap(least, best, pairs)}
        text = joined([text, tr("{least} is cheaper ({cost}) and worse than {best} by {gap}.", **worse)])
    return Advice(tr(question), text, len(alike) == 1)


def _any_network(scored: Sequence[Place], pairs: Pairs) -> Advice:
    question, agnostic = tr("Where any network must do"), [place for place in scored if place.agnostic]
    if not agnostic:
        return Advice(question, tr("None of these learners is model-agnostic; MAML and its kin are."), False)
    first, best = agnostic[0], scored[0]
    rivals = [one for one in agnostic[1:] if not _better(first, one, pairs)]
    if rivals:
        names = about.listed([one.label for one in (first, *rivals)], "and")
        return Advice(question, tr("No difference was found between the model-agnostic {labels}.", labels=names), False)
    only = tr("the only model-agnostic one here") if len(agnostic) == 1 else tr("the best of the model-agnostic ones")
    said = {"label": first.label, "only": only, "score": first.score}
    if first is best:
        return Advice(question, tr("{label}, {only}, and no other scores higher: {score}.", **said), True)
    if _better(best, first, pairs):
        text = mark("{label}, {only}: {score}, {gap} behind {best}.")
        return Advice(question, tr(text, **said, best=best.label, gap=_gap(best, first, pairs)), True)
    return Advice(
        question, tr("{label}, {only}: {score}, with no difference found to {best}.", **said, best=best.label), True
    )


def _seeds(found: Tournament, scored: Sequence[Place]) -> Advice:
    """How far seeds are apart, named apart from what the choice of test tasks makes uncertain in each of them."""
    question, several = tr("How much the seed matters"), [one for one in scored if one.between is not None]
    if not several:
        text = tr("One seed each says nothing of it: the others are not tested.")
        if found.seeds == 1:
            text = tr("One seed each says nothing of it: start a tournament with three or more.")
        return Advice(question, text, False)
    metric = scored[0].standing.metric
    parts = []
    for one in several:
        part = tr("{label} {spread} between seeds", label=one.label, spread=spread(metric, one.between))
        if one.noise is not None:
            part = tr("{seeds} (± {spread} from the test tasks)", seeds=part, spread=spread(metric, one.noise))
        parts.append(part)
    text = tr("Standard deviations: {parts}.", parts=tr(", ").join(parts))
    few = tr("So few seeds tell their spread but roughly.") if found.seeds < 5 else ""
    return Advice(question, joined([text, few]), False)


def spread(metric: Metric, value: float) -> str:
    """A distance between scores: ``1.2 points``."""
    return metric.difference(value).removeprefix("+")
