"""Who takes part in a tournament and how each is trained; its launch as ordinary runs.

Fair is what all have in common: the tasks, the network, the tasks of the test and of validation, the budget, and what BatchNorm
normalises a query by. That is the support set, under which all learners are normalised alike; by default those that compare do it
otherwise than those that take steps, and no verdict would be possible. A learner's own are its settings, its rates and how many
steps it takes at the test: of the preset that it is known to do well with, or as the config has them whose learner it is.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import launch
from core.algorithms.base import algorithms
from core.config.checks import ConfigError, parse
from core.config.contradictions import not_for
from core.config.facts import work_of
from core.config.run import RunConfig
from core.config.suited import RATES, suited_to
from core.models.base import ModelError
from core.results import MOST_ITERATIONS
from core.runs import scheduler
from core.runs.home import Home
from core.runs.names import LONGEST_NAME, checked_name
from core.runs.scheduler import Launch
from core.runs.schema import Run
from core.runs.store import RunStore
from core.tournament.budget import Budget
from core.tournament.record import KEY
from core.training.build import parameter_count
from data.errors import DataError, InputError
from data.family import EpisodeShape
from data.language import joined, mark, tr
from data.places import Folders

STATISTICS = "support"
LOOKS = 10  # validations of each training where all see as many tasks
FEWEST = 2  # learners in a tournament
MOST_SEEDS = 20
DEFAULT = ("maml", "protonet", "pretrain")
RULE = mark(
    "All learn the same tasks with the same network and budget, and are tested on the same tasks they have never seen. BatchNorm "
    "normalises by the support set in every run, so that all scores compare; settings, rates and steps at the test are each "
    "learner's own."
)


@dataclass(frozen=True)
class Contestant:
    """A learner on its way into a tournament. config: how it is trained, None where it cannot take part; why: the reason."""

    learner: str
    title: str
    config: RunConfig | None
    why: str = ""


def contestant(values: dict[str, Any], learner: str, budget: Budget, folders: Folders | None = None) -> Contestant:
    """values: a complete config of plain values, whose tasks, network and evaluation are everybody's."""
    title = tr(algorithms()[learner].title)
    if why := not_for(algorithms()[learner], values["family"]["name"]):
        return Contestant(learner, title, None, why)
    try:
        config = parse(settings(values, learner, budget), folders)
        if config.model.name != "module":  # of a network of one's own it is not known before it runs
            parameter_count(config, folders)
    except (ConfigError, ModelError, DataError) as error:
        return Contestant(learner, title, None, error.message)
    return Contestant(learner, title, config)


def settings(values: dict[str, Any], learner: str, budget: Budget) -> dict[str, Any]:
    """The config with which a learner takes part, as plain values that are not checked yet."""
    own = copy.deepcopy(values)
    if learner != own["algorithm"]["name"]:
        suited = suited_to(own["family"]["name"], learner)
        config = algorithms()[learner].Config(**suited.get("algorithm", {"name": learner}))
        own["algorithm"] = config.model_dump(mode="json")
        own["training"] |= {name: suited["training"][name] for name in RATES if name in suited.get("training", {})}
        own["evaluation"]["inner_steps"] = suited.get("evaluation", {}).get("inner_steps")
    own["training"] |= _budgeted(own, budget)
    return own | {"batch_statistics": STATISTICS}


def _budgeted(values: dict[str, Any], budget: Budget) -> dict[str, Any]:
    """The training's settings that make it end with the budget."""
    if budget.tasks is None:
        # Of the schedules the exponential one counts iterations, of which nobody knows how many there will be.
        clocked = {"schedule": "cosine"} if values["training"]["schedule"] == "exponential" else {}
        return {"iterations": MOST_ITERATIONS, "minutes": budget.seconds / 60, **clocked}
    iterations = math.ceil(budget.tasks / tasks_per_iteration(values))
    return {"iterations": iterations, "minutes": None, "evaluate_every": max(1, iterations // LOOKS)}


def tasks_per_iteration(values: dict[str, Any]) -> float:
    """That a training sees; of one on ordinary batches, as many tasks as have so many examples."""
    learner, config = algorithms()[values["algorithm"]["name"]], RunConfig.model_validate(values)
    work = work_of(learner, config)
    return work if learner.episodic else work / examples(config.family.shape)


def examples(shape: EpisodeShape) -> int:
    """Of a task, support and queries."""
    return shape.n_way * (shape.k_shot + shape.n_query)


def line_up(
    values: dict[str, Any], learners: Sequence[str], budget: Budget, folders: Folders | None = None
) -> list[Contestant]:
    """Those that take part, each once. Raises InputError for one that cannot, and where they are too few."""
    for name in learners:
        if name not in algorithms():
            raise InputError(
                tr("There is no learner named {name}.", name=name), _choose(mark("Choose {names}.")), "learners"
            )
    found = [contestant(values, name, budget, folders) for name in dict.fromkeys(learners)]
    if unfit := [one for one in found if one.config is None]:
        text = joined(
            tr("{title} cannot take part: {why}.", title=one.title, why=one.why.rstrip(".。")) for one in unfit
        )
        raise InputError(text, tr("Leave it out, or change the tasks."), "learners")
    if len(found) < FEWEST:
        raise InputError(
            tr("A tournament needs two learners at least."), _choose(mark("Choose from {names}.")), "learners"
        )
    return found


def enter(
    store: RunStore,
    home: Home,
    contestants: Sequence[Contestant],
    name: str,
    seeds: int,
    budget: Budget,
    expected: dict[str, float] | None = None,
) -> list[Run]:
    """Queue the tournament: first a run of each learner, then one more of each with the next seed, and so on.

    Its number is that of its first run, which no other ever has; each run says in its row that it belongs to it. expected:
    seconds that a run of a learner is about to take, by its name, as far as that is known.
    Raises InputError for the name or a learner that fails its trial, DataError for missing files; then nothing is queued.
    """
    name = checked_name(name)
    by_learner = [_launches(one, name, seeds, home) for one in contestants]
    launches = [of_one[place] for place in range(seeds) for of_one in by_learner]
    said = {"name": name, "budget": budget.as_json(), "runs": len(launches)}
    first: list[int] = []

    def ready(run: Run) -> None:
        first.append(run.id)
        takes = (expected or {}).get(run.config["algorithm"]["name"])
        entered = {KEY: {"number": first[0], "expected": takes, **said}}
        store.update(run.id, group=f"{name} #{first[0]}", facts=(run.facts or {}) | entered)

    return scheduler.submit(store, home, launches, ready=ready)


def _launches(one: Contestant, name: str, seeds: int, home: Home) -> list[Launch]:
    called = f"{one.learner} · {name}"
    called = called if len(called) <= LONGEST_NAME else f"{called[: LONGEST_NAME - 1]}…"
    try:
        return launch.prepared(one.config.model_dump(mode="json"), called, seeds, home)
    except (ConfigError, ModelError) as error:
        text = tr("{title} cannot take part: {message}", title=one.title, message=error.message)
        remedy = joined([error.remedy, tr("Or leave it out.")])
        raise InputError(text, remedy, "learners") from error


def _choose(text: str) -> str:
    return tr(text, names=tr(", ").join(algorithms()))
