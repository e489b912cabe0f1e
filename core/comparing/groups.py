"""Runs that are the same recipe under other seeds, brought together and named by what sets them apart."""

import json
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from core.runs.facts import Facts
from core.runs.lineage import BETWEEN, differences, flat, main, short, start, worded
from core.runs.schema import Run
from data.language import tr

# Where a run is computed, and in how many parts: the same numbers up to rounding. Matrix precision is not among them, for tf32
# changes the meta-gradient.
PLACE = ("device", "training.processes", "training.tasks_at_once")
MOST_TOLD = 3  # settings in a label
MOST = 16  # groups whose lines can be told apart
MOST_RUNS = 48  # of theirs, whose curves are read


@dataclass(frozen=True)
class Group:
    """Runs that are taken for seeds of one recipe. label: unlike those of the groups beside it."""

    label: str
    runs: tuple[Run, ...]

    @property
    def trainings(self) -> tuple[Run, ...]:
        """One run a seed, the newest: a recipe that was trained twice from one seed is one training."""
        return tuple({run.config.get("seed", 0): run for run in sorted(self.runs, key=lambda run: run.id)}.values())

    @property
    def mixed(self) -> list[str]:
        """The settings in which its runs differ though they are no seeds; only a group that a person named has any."""
        rows = differences([recipe(run.config) for run in self.runs], [Facts.of(run).idle for run in self.runs])
        return [short(path) for path in main(rows)]


def recipe(config: dict[str, Any]) -> dict[str, Any]:
    """A config's settings by dotted path without its seed and without what cannot change numbers. A run with a time budget
    gets as far as its machine is fast, so that its place stays.
    """
    settings = flat(config)
    aside = {"seed"} | (set() if settings.get("training.minutes") else set(PLACE))
    return {path: value for path, value in settings.items() if path not in aside}


def group_key(config: dict[str, Any]) -> Hashable:
    """Equal for configs that are the same recipe, see ``recipe``."""
    return json.dumps(recipe(config), sort_keys=True)


def grouped(runs: Sequence[Run], named: Collection[str] = ()) -> list[Group]:
    """The runs in groups by their recipe, each in the order of the runs. A run that goes on from another one is no seed of
    those that began anew, and stands alone. named: of the rows' groups, those that stay together under their own name
    whatever they are made of.
    """
    found: dict[Hashable, list[Run]] = {}
    for run in runs:
        alone = run.id if start(run.facts) else None
        key = (run.group,) if run.group in named else (group_key(run.config), alone)
        found.setdefault(key, []).append(run)
    several = len({run.family for run in runs}) > 1
    titles = [_title(same[0], named, several) for same in found.values()]
    labels = told_apart(titles, [same[0] for same in found.values()])
    return [Group(label, tuple(same)) for label, same in zip(labels, found.values(), strict=True)]


def shown(groups: Sequence[Group]) -> list[Group]:
    """The first of the groups, whole, as many as can be shown at once: MOST of them with MOST_RUNS runs."""
    runs, found = 0, []
    for group in groups[:MOST]:
        runs += len(group.runs)
        if runs > MOST_RUNS and found:
            break
        found.append(Group(group.label, group.runs[:MOST_RUNS]))
    return found


def _title(run: Run, named: Collection[str], several: bool) -> str:
    """The name that a person gave, or the learner, and on which tasks where there are ``several`` families."""
    if run.group in named:
        return run.group
    learner = Facts.of(run).learner
    return tr("{learner} on {family}", learner=learner, family=run.family) if several else learner


def told_apart(labels: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """The labels, and behind equal ones what their runs differ in, at most MOST_TOLD settings; where that says nothing or
    leaves equal ones, the run's number.
    """
    found = list(labels)
    for same in _equal(found):
        configs, idle = [recipe(runs[place].config) for place in same], [Facts.of(runs[place]).idle for place in same]
        rows = main(differences(configs, idle))
        told = sorted(rows, key=_rank([Facts.of(runs[place]).telling for place in same]))[:MOST_TOLD]
        for i, place in enumerate(same):
            found[place] = BETWEEN.join([found[place], *(f"{short(path)} {worded(rows[path][i])}" for path in told)])
    for same in _equal(found):
        for place in same:
            found[place] += f" #{runs[place].id}"
    return found


def _equal(labels: Sequence[str]) -> list[list[int]]:
    """The places of labels that are not the only ones of their kind."""
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    return [same for same in places.values() if len(same) > 1]


def _rank(telling: Sequence[Sequence[str]]) -> Callable[[str], int]:
    """Which of two settings says more of a run: another network, then what people try again with another value, then any."""
    order = list(dict.fromkeys(path for one in telling for path in one))
    return lambda path: -1 if path.endswith(".name") else order.index(path) if path in order else len(order)
