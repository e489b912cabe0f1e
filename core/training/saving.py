"""What makes a run cheaper, one change at a time: first order, fewer tasks at once, fewer inner steps, a smaller network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.algorithms.base import algorithms
from core.config.run import RunConfig, TrainingConfig
from data.language import plural, tr

Changes = dict[str, Any]  # the new value by its path, as with --set
LEAST_WIDTH = 8  # units or filters below which halving makes a network small rather than smaller


@dataclass(frozen=True)
class Saving:
    """A kind of change. words: what it is called in a sentence, with the new value. changes: none where it does not apply."""

    words: Callable[[Changes], str]
    changes: Callable[[RunConfig], Changes]


def first_order(config: RunConfig) -> Changes:
    if getattr(config.algorithm, "first_order", True):
        return {}
    return {"algorithm.first_order": True}


def tasks_at_once(config: RunConfig) -> Changes:
    tasks = config.training.meta_batch_size
    if "tasks_at_once" not in TrainingConfig.model_fields or not algorithms()[config.algorithm.name].episodic:
        return {}
    now = min(tasks, config.training.tasks_at_once or tasks)
    return {"training.tasks_at_once": max(1, now // 4)} if now > 1 else {}


def recomputed(config: RunConfig) -> Changes:
    if getattr(config.algorithm, "recompute", True) or getattr(config.algorithm, "first_order", False):
        return {}
    if config.training.outer_update == "trpo" or getattr(config.family, "meta_gradient", "") == "e-maml":
        return {}  # which need the graphs
    return {"algorithm.recompute": True}


def fewer_steps(config: RunConfig) -> Changes:
    steps = getattr(config.algorithm, "inner_steps", None)
    return {"algorithm.inner_steps": steps // 2} if steps and steps > 1 else {}


def smaller_network(config: RunConfig) -> Changes:
    if not algorithms()[config.algorithm.name].uses_network:
        return {}
    if (filters := getattr(config.model, "filters", 0)) >= 2 * LEAST_WIDTH:
        return {"model.filters": filters // 2}
    widths = getattr(config.model, "widths", [])
    if widths and min(widths) >= 2 * LEAST_WIDTH:
        return {"model.widths": [width // 2 for width in widths]}
    return {}


def shown(changes: Changes) -> Any:
    (value,) = changes.values()
    return ", ".join(map(str, value)) if isinstance(value, list) else value


SAVINGS = {
    "first_order": Saving(lambda _: tr("first order"), first_order),
    "tasks_at_once": Saving(lambda c: plural("{n} task at once", "{n} tasks at once", shown(c)), tasks_at_once),
    "recomputed": Saving(lambda _: tr("recomputed inner steps"), recomputed),
    "fewer_steps": Saving(lambda c: plural("{n} inner step", "{n} inner steps", shown(c)), fewer_steps),
    "smaller_network": Saving(
        lambda c: tr("{n} filters", n=shown(c)) if "model.filters" in c else tr("{n} units", n=shown(c)),
        smaller_network,
    ),
}


def changed(config: RunConfig, changes: Changes) -> RunConfig:
    """The run with these changes."""
    values = config.model_dump(mode="json")
    for path, value in changes.items():
        section, _, name = path.partition(".")
        values[section][name] = value
    return RunConfig.model_validate(values)
