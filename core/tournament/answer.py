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
from data.metric import Metric

CHEAPER = 0.8  # of another's cost: what costs more than this share of it is no cheaper to speak of
AGNOSTIC = "model-agnostic"


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
        return f"{self.standing.metric.text(one.mean, one.half)} ({one.over})"


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
    how = f"{lost[0].status}" if len({run.status for run in lost}) == 1 else "failed or stopped"
    why = f": {failed[0].error}" if failed and failed[0].error else ""
    text = f"{len(lost)} of {len(entered.runs)} runs {how}{why}".rstrip(".")
    flattered = "; its score is of the others, which flatters it" if failed and scored else ""
    return f"{text}{flattered}."


def _advice(found: Tournament, places: Sequence[Place], said: Sequence[Verdict]) -> list[Advice]:
    """The questions that people ask, as far as there are numbers. places: the best score first."""
    scored = [place for place in places if place.standing.test]
    if len(scored) < 2:
        text = f"{scored[0].label} alone has a score so far: {scored[0].score}." if scored else "Nothing is tested yet."
        return [Advice("Which scores best", text, False)]
    pairs = {frozenset((one.a, one.b)): one for one in said}
    rivals = [place for place in scored[1:] if not _better(scored[0], place, pairs)]
    contenders = [scored[0], *rivals]
    training = partial(_training, found.budget)
    advice = [_best(scored, rivals, pairs)]
    advice.append(_where_it_counts("Where training time counts", "training", contenders, scored, pairs, training))
    advice.append(_where_it_counts("Where adaptation must be fast", "adapting", contenders, scored, pairs, _adapting))
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
    question, first, second = "Which scores best", scored[0], scored[1]
    if not rivals:
        verdict = pairs[frozenset((first.label, second.label))]
        gap = _gap(first, second, pairs)
        text = f"{first.label}: {first.score}, better than "
        text += (
            f"{second.label} by {gap}"
            if len(scored) == 2
            else f"each of the other {len(scored) - 1}; the next, {second.label}, is {gap} behind"
        )
        alone = " This is of these trainings alone: more seeds would say whether it holds for others."
        return Advice(question, f"{text}.{alone if verdict.seed_se is None else ''}", True)
    names = about.listed([f"{one.label} with {one.score}" for one in (first, *rivals)], "and")
    why = " ".join(pairs[frozenset((first.label, one.label))].sentence for one in rivals)
    behind = [one.label for one in scored if one is not first and one not in rivals]
    rest = f" {first.label} is better than {about.listed(behind, 'and')}." if behind else ""
    return Advice(question, f"No difference was found between {names}.{rest} {why}", False)


def _training(budget: Budget, place: Place) -> tuple[float | None, str]:
    """Seconds, and how they are said. Where all were given as many, that is what they cost: by how much a last step or a
    validation ran over says nothing of a learner.
    """
    if not Facts.of(place.group.runs[0]).trains:
        return 0.0, "no training at all"
    seconds = budget.seconds or place.standing.seconds
    return seconds, f"{about_time(seconds)} of training"


def _adapting(place: Place) -> tuple[float | None, str]:
    seconds = place.standing.adaptation
    return seconds, "" if seconds is None else f"{about_time(seconds)} a task"


def about_time(seconds: float) -> str:
    """To two digits, also well below a second: ``3.1 ms``, ``20 s``, ``6 min``."""
    if seconds >= 120:
        return about.duration(seconds)
    return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"


def _where_it_counts(
    question: str,
    what: str,
    contenders: Sequence[Place],
    scored: Sequence[Place],
    pairs: Pairs,
    cost: Callable[[Place], tuple[float | None, str]],
) -> Advice:
    """The cheapest of those that no other was found to beat; and what is cheaper still, with what that costs in score."""
    if any(cost(place)[0] is None for place in scored):
        lacking = about.listed([place.label for place in scored if cost(place)[0] is None], "and")
        return Advice(question, f"Nobody measured what {what} takes {lacking}.", False)
    order = sorted(contenders, key=lambda one: cost(one)[0])
    alike = [one for one in order if cost(order[0])[0] >= CHEAPER * cost(one)[0]]
    first, said = order[0], about.listed([f"{one.label} {cost(one)[1]}" for one in order], "and")
    if len(contenders) == 1:
        text = f"{first.label}, which scores best: {cost(first)[1]}."
    elif len(alike) == 1:
        text = f"{first.label}: of those between which no difference in score was found it is the cheapest: {said}."
    else:
        names = about.listed([one.label for one in alike], "and")
        text = f"No choice between {names}: they score and cost about the same: {said}."
    rest = [one for one in scored if one not in contenders and cost(one)[0] < CHEAPER * cost(first)[0]]
    if rest:
        least = min(rest, key=lambda one: cost(one)[0])
        best = contenders[0]
        text += (
            f" {least.label} is cheaper ({cost(least)[1]}) and worse than {best.label} by {_gap(least, best, pairs)}."
        )
    return Advice(question, text, len(alike) == 1)


def _any_network(scored: Sequence[Place], pairs: Pairs) -> Advice:
    question, agnostic = "Where any network must do", [place for place in scored if place.agnostic]
    if not agnostic:
        return Advice(question, "None of these learners is model-agnostic; MAML and its kin are.", False)
    first, best = agnostic[0], scored[0]
    rivals = [one for one in agnostic[1:] if not _better(first, one, pairs)]
    if rivals:
        names = about.listed([one.label for one in (first, *rivals)], "and")
        return Advice(question, f"No difference was found between the model-agnostic {names}.", False)
    only = "the only model-agnostic one here" if len(agnostic) == 1 else "the best of the model-agnostic ones"
    if first is best:
        return Advice(question, f"{first.label}, {only}, and no other scores higher: {first.score}.", True)
    apart = (
        f"{_gap(best, first, pairs)} behind {best.label}"
        if _better(best, first, pairs)
        else f"with no difference found to {best.label}"
    )
    return Advice(question, f"{first.label}, {only}: {first.score}, {apart}.", True)


def _seeds(found: Tournament, scored: Sequence[Place]) -> Advice:
    """How far seeds are apart, named apart from what the choice of test tasks makes uncertain in each of them."""
    question, several = "How much the seed matters", [one for one in scored if one.between is not None]
    if not several:
        way_on = "start a tournament with three or more" if found.seeds == 1 else "the others are not tested"
        return Advice(question, f"One seed each says nothing of it: {way_on}.", False)
    metric = scored[0].standing.metric
    parts = [
        f"{one.label} {spread(metric, one.between)} between seeds"
        + ("" if one.noise is None else f" (± {spread(metric, one.noise)} from the test tasks)")
        for one in several
    ]
    few = " So few seeds tell their spread but roughly." if found.seeds < 5 else ""
    return Advice(question, f"Standard deviations: {', '.join(parts)}.{few}", False)


def spread(metric: Metric, value: float) -> str:
    """A distance between scores: ``1.2 points``."""
    return metric.difference(value).removeprefix("+")
