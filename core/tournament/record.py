"""A tournament again, out of its runs. Free of torch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.comparing.groups import Group
from core.runs.facts import Facts
from core.runs.schema import ACTIVE, ENDED, RESUMABLE, Run
from core.runs.store import RunStore
from core.tournament.budget import Budget
from data.language import plural, tr

KEY = "tournament"  # of a run's facts


@dataclass(frozen=True)
class Tournament:
    """number: of its first run. planned: how many runs it began with. runs: those that are left, oldest first."""

    number: int
    name: str
    budget: Budget
    planned: int
    runs: tuple[Run, ...]

    @cached_property
    def groups(self) -> list[Group]:
        """The runs of each learner, under its title, in the order in which they were entered."""
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.config["algorithm"]["name"], []).append(run)
        return [Group(tr(Facts.of(runs[0]).learner_title), tuple(runs)) for runs in found.values()]

    @property
    def seeds(self) -> int:
        """The most of one learner."""
        return max(len(group.runs) for group in self.groups)

    @property
    def unfinished(self) -> list[Run]:
        return [run for run in self.runs if run.status not in ENDED]

    @property
    def resumable(self) -> list[Run]:
        return [run for run in self.runs if run.status in RESUMABLE]

    @property
    def finished(self) -> list[Run]:
        return [run for run in self.runs if run.status == "finished"]

    @property
    def state(self) -> str:
        """``under way``, ``finished``, or how many of how many runs came to their end."""
        if self.unfinished:
            return tr("under way")
        done = len(self.finished)
        if done == self.planned:
            return tr("finished")
        return tr("{n} of {total} runs finished", n=done, total=self.planned)

    @property
    def headline(self) -> str:
        """``doodles-5w1s: MAML, ProtoNet × 3 seeds, 20 s of training each, under way``."""
        return tr("{name}: {field}, {state}", name=self.name, field=self.field, state=self.state)

    @property
    def field(self) -> str:
        """``MAML, ProtoNet × 3 seeds, 20 s of training each``."""
        learners = tr(", ").join(group.label for group in self.groups)
        said = {"learners": learners, "budget": self.budget.text}
        return plural("{learners} × {n} seed, {budget}", "{learners} × {n} seeds, {budget}", self.seeds, **said)


def tournament(store: RunStore, number: int) -> Tournament | None:
    """The tournament of this number; None where there is none, or all of its runs were deleted."""
    runs = store.of_tournament(number)
    return _read(runs) if runs else None


def tournaments(store: RunStore, limit: int) -> list[Tournament]:
    """The newest ones, newest first."""
    return [_read(store.of_tournament(number)) for number in store.tournaments(limit)]


def _read(runs: Sequence[Run]) -> Tournament:
    said: dict[str, Any] = runs[0].facts[KEY]
    return Tournament(said["number"], said["name"], Budget(**said["budget"]), said["runs"], tuple(runs))


@dataclass(frozen=True)
class Left:
    """How long it will still take. seconds: at least. whole: whether nothing is left out because nobody knows."""

    seconds: float
    whole: bool


def left(found: Tournament) -> Left:
    """What remains of the run that trains, and for each one that waits what a run of its learner took, or was said to take.

    They train one after the other, and so do other runs in the queue, which are not counted.
    """
    parts = [_remains(run, found) for run in found.unfinished]
    known = [part for part in parts if part is not None]
    return Left(sum(known), len(known) == len(parts))


def _remains(run: Run, found: Tournament) -> float | None:
    whole = takes(run, found)
    if run.status not in ACTIVE:
        return whole
    if whole is None:
        return run.remaining
    return max(run.remaining or 0.0, whole - (time.time() - (run.started or time.time())), 0.0)


def takes(run: Run, found: Tournament) -> float | None:
    """Seconds of a whole run of its learner, test and all: by those that have finished, else as was estimated before."""
    learner = run.config["algorithm"]["name"]
    took = [
        one.ended - one.started
        for one in found.finished
        if one.config["algorithm"]["name"] == learner and one.started and one.ended and one.attempt == 1
    ]
    return sum(took) / len(took) if took else run.facts[KEY].get("expected")
