"""Which scores compare: a badge beside each, what two groups' tests do not share, and the evaluation that would be shared."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from core.comparing.groups import Group
from core.runs.facts import Facts
from core.runs.lineage import worded
from core.runs.protocols import comparable
from core.runs.schema import Evaluation, Run
from core.runs.store import RunStore
from data.language import mark, plural, tr

STEPS, TASKS = mark("inner steps"), mark("episodes")
EPISODES, NORM = mark("number of episodes"), mark("BatchNorm's statistics")
SHOWN = 6  # signs of a digest
# The settings of an evaluation under the names that people read, and how they ask for one, and for several.
SETTINGS = {
    mark("classes"): ("evaluation.n_way", mark("{value}-way"), ""),
    mark("shots"): ("evaluation.k_shot", mark("{value}-shot"), ""),
    mark("queries"): ("evaluation.n_query", mark("{value} query"), mark("{value} queries")),
    STEPS: ("evaluation.inner_steps", mark("{value} inner step"), mark("{value} inner steps")),
    EPISODES: ("evaluation.episodes", mark("{value} test episode"), mark("{value} test episodes")),
    mark("episode seed"): ("evaluation.seed", mark("episode seed {value}"), ""),
    NORM: ("batch_statistics", mark("BatchNorm's statistics by the {value} set"), ""),
}
VALUES = [
    mark("1.96 standard errors over episodes"),
    mark("val"),
    mark("none"),
    mark("yes"),
    mark("no"),
    mark("support"),
    mark("queries together"),
    mark("support and queries together"),
]
ALONE = "support"  # the statistics under which all learners normalise a query by the same


@dataclass(frozen=True)
class Badge:
    """The protocol of a score. text: ``test · 5-way 1-shot · 15 queries · 5 steps · 600 tasks · seed 0 · #a1b2c3``. digest: of
    all but steps and norm. steps: None for a learner that takes none. norm: what BatchNorm normalised by, None for a network
    without any.
    """

    text: str
    digest: str
    steps: int | None
    norm: str | None

    @property
    def key(self) -> tuple[str, int | None, str | None]:
        return self.digest, self.steps, self.norm

    def alike(self, other: "Badge") -> bool:
        """Whether the two scores compare: equal digests, and where both take inner steps, or have BatchNorm, the same of it."""
        own = zip(self.key[1:], other.key[1:], strict=True)
        return self.digest == other.digest and all(None in pair or pair[0] == pair[1] for pair in own)


def badge(result: dict[str, Any], facts: Facts) -> Badge:
    """The badge of an evaluation's result, as a run's ``test`` is one."""
    protocol = result["protocol"]
    parts = comparable(protocol, facts) | {TASKS: protocol.get("episodes_sha256")}
    parts[mark("metric")] = result.get("metric")
    steps, norm = parts.pop(STEPS, None), parts.pop(NORM, None)
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:SHOWN]
    way = f"{protocol['n_way']}-way " if protocol.get("n_way", 1) > 1 else ""
    said = [tr(str(protocol.get("split"))), f"{way}{protocol.get('k_shot')}-shot"]
    said += [tr("{n} queries", n=protocol.get("n_query"))]
    said += [] if steps is None else [plural("{n} step", "{n} steps", steps)]
    said += [
        tr("{n} tasks", n=protocol.get("episodes")),
        tr("seed {number}", number=protocol.get("seed")),
        f"#{digest}",
    ]
    return Badge(" · ".join(said), digest, steps, norm)


@dataclass(frozen=True)
class Tested:
    """A group with the tests of each of its runs, newest first. own_steps: how many inner steps a learner takes is part of its
    recipe, as in a tournament, and no difference of protocols.
    """

    group: Group
    tests: tuple[tuple[Evaluation, ...], ...]
    own_steps: bool = False

    @cached_property
    def by_badge(self) -> list[tuple[Badge, tuple[Evaluation, ...]]]:
        """Tests that each run has under the same protocol, and as many steps, newest first."""
        kept = [{one.key: (one, test) for one, test in reversed(runs)} for runs in self._badged]
        common = [key for key in reversed(kept[0]) if all(key in one for one in kept)]
        return [(kept[0][key][0], tuple(one[key][1] for one in kept)) for key in common]

    def as_asked(self, tests: Sequence[Evaluation]) -> bool:
        """Whether these tests, one a run, have as many shots as each run's own."""
        own = [run.test and run.test.get("protocol", {}).get("k_shot") for run in self.group.runs]
        return own == [test.result["protocol"].get("k_shot") for test in tests]

    @property
    def newest(self) -> list[tuple[Run, dict[str, Any]]]:
        """Each run that was tested, with its newest test's result."""
        return [(run, tests[0].result) for run, tests in zip(self.group.runs, self.tests, strict=True) if tests]

    @property
    def _badged(self) -> list[list[tuple[Badge, Evaluation]]]:
        return [
            [(self._badge(test, run), test) for test in tests]
            for run, tests in zip(self.group.runs, self.tests, strict=True)
        ]

    def _badge(self, test: Evaluation, run: Run) -> Badge:
        found = badge(test.result, Facts.of(run))
        return replace(found, steps=None) if self.own_steps else found


@dataclass(frozen=True)
class Remedy:
    """The evaluation that makes two groups' tests alike. assignments: as by ``--set``. text: ``evaluate both with 10 inner
    steps, 600 test episodes, episode seed 0``.
    """

    assignments: tuple[str, ...]
    text: str


def tested(group: Group, store: RunStore) -> Tested:
    """The group's tests in the store, of its runs that have ended or not."""
    kept = [reversed(store.evaluations(run.id, split="test")) for run in group.runs]
    return Tested(group, tuple(tuple(one for one in found if one.result) for found in kept))


def in_common(a: Tested, b: Tested) -> tuple[tuple[Evaluation, ...], tuple[Evaluation, ...]] | None:
    """Each run's newest test under a protocol that all of them share; None where there is none."""
    pairs = [(mine, theirs) for one, mine in a.by_badge for other, theirs in b.by_badge if one.alike(other)]

    def rank(pair: tuple[tuple[Evaluation, ...], tuple[Evaluation, ...]]) -> tuple[bool, int]:
        own = a.as_asked(pair[0]) and b.as_asked(pair[1])  # with other numbers of shots a score is of another question
        return own, sum(test.id for test in (*pair[0], *pair[1]))

    return max(pairs, key=rank, default=None)


def refusal(a: Tested, b: Tested) -> list[str]:
    """Why there is no verdict on two groups, each a sentence; empty where their scores compare."""
    found = []
    for one in (a, b):
        label = one.group.label
        if one.group.mixed:
            settings = tr(", ").join(one.group.mixed)
            found.append(
                tr("{label} is no group of seeds: its runs differ in {settings}.", label=label, settings=settings)
            )
        if missing := [f"#{run.id}" for run, tests in zip(one.group.runs, one.tests, strict=True) if not tests]:
            found.append(tr("{label} has runs without a test: {runs}.", label=label, runs=tr(", ").join(missing)))
    if found or in_common(a, b):
        return found
    rows = unlike(a, b)
    said = [tr("{name} ({values})", name=tr(name), values=_values(row)) for name, row in rows.items()]
    return [tr("They were tested otherwise: {differences}.", differences=tr(", ").join(said))]


def _values(row: dict[str, Any]) -> str:
    return tr(", ").join(tr("{who} {value}", who=who, value=tr(worded(value))) for who, value in row.items())


def unlike(a: Tested, b: Tested) -> dict[str, dict[str, Any]]:
    """What the newest tests do not share: the value by who has it, a group's label, or ``label #number`` where its runs do not
    share it. That the tasks are others is said only where nothing else explains it.
    """
    values: dict[str, dict[str, Any]] = {}
    for one in (a, b):
        parts = {run.id: _parts(result, Facts.of(run)) for run, result in one.newest}
        for name in dict.fromkeys(name for part in parts.values() for name in part):
            of = {f"{one.group.label} #{id}": part[name] for id, part in parts.items() if name in part}
            alone = len({json.dumps(value) for value in of.values()}) == 1
            values.setdefault(name, {}).update({one.group.label: next(iter(of.values()))} if alone else of)
    if a.own_steps and b.own_steps:
        values.pop(STEPS, None)
    found = {name: row for name, row in values.items() if len({json.dumps(value) for value in row.values()}) > 1}
    if len(found) > 1:
        found.pop(TASKS, None)
    return found


def _parts(result: dict[str, Any], facts: Facts) -> dict[str, Any]:
    return {**comparable(result["protocol"], facts), "metric": result.get("metric")}


def remedy(a: Tested, b: Tested) -> Remedy | None:
    """The evaluation that would make the tests alike: of each setting that differs the first group's, of numbers of tasks,
    queries and steps the largest, of classes those that a learner was trained on which takes no others. None where no evaluation
    can: other tasks were asked for, the data are not the same, two such learners were trained on other numbers of classes, or a
    run has no test that could be taken otherwise.
    """
    if not all((*a.tests, *b.tests)):
        return None
    rows = unlike(a, b)
    fixed = {result["protocol"]["n_way"] for run, result in (*a.newest, *b.newest) if Facts.of(run).fixed_way}
    if not rows or rows.keys() - SETTINGS.keys() or ("classes" in rows and len(fixed) > 1):
        return None
    wanted = {name: _wanted(name, list(row.values())) for name, row in rows.items()}
    if "classes" in wanted and fixed:
        wanted["classes"] = fixed.pop()
    assignments = tuple(f"{SETTINGS[name][0]}={value}" for name, value in wanted.items())
    said = tr(", ").join(_asked(name, one) for name, one in wanted.items())
    return Remedy(assignments, tr("evaluate both with {settings}", settings=said))


def _wanted(name: str, values: Sequence[Any]) -> Any:
    if name == NORM:
        return ALONE
    return max(values) if name in ("queries", STEPS, EPISODES) else values[0]


def _asked(name: str, value: Any) -> str:
    _, one, several = SETTINGS[name]
    return tr(several if several and value != 1 else one, value=tr(str(value)))
