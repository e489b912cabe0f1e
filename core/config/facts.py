"""What pages will say of a run, taken from its config once, as it is submitted: see ``Facts``."""

from collections.abc import Mapping
from typing import Any

from core.algorithms.base import Algorithm, algorithms
from core.config.checks import without_effect
from core.config.presets import PRESETS
from core.config.run import RunConfig
from core.config.telling import telling
from core.runs.facts import Facts
from data.registry import families


def facts_of(config: RunConfig) -> Facts:
    learner, family = algorithms()[config.algorithm.name], families()[config.family.name]
    values = config.model_dump(mode="json")
    shape = config.family.shape
    support, query = learner.curve_names()
    return Facts(
        learner=called(config),
        learner_title=learner.title,
        group=learner.group,
        family_title=family.title,
        task=family.task(shape),
        metric=family.metric(config.test_shape),
        trains=learner.meta_trained,
        takes_steps=learner.takes_steps,
        loss=learner.loss_title or family.loss_title(shape),
        support_curve=support,
        query_curve=query,
        work="tasks" if learner.episodic else "examples",
        work_per_iteration=work_of(learner, config),
        preset=preset_of(config),
        idle=tuple(sorted(without_effect(values))),
        telling=tuple(telling(values)),
        fixed_way=config.family.shape.n_way > 1 and learner.fixed_way,
    )


def preset_of(config: RunConfig) -> str:
    """The name of the preset that a config is, but for seed and device; empty if it is none."""
    values = _compared(config)
    for preset in PRESETS:
        if _within(preset.config, values) and _compared(RunConfig.model_validate(preset.config)) == values:
            return preset.name
    return ""


def _compared(config: RunConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude={"seed", "device"})


def _within(some: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether values has all of some: quickly said of most presets, which need not be made complete."""
    there = [(value, values.get(key)) for key, value in some.items()]
    return all(_within(a, b) if isinstance(a, Mapping) and isinstance(b, Mapping) else a == b for a, b in there)


def called(config: RunConfig) -> str:
    """The learner's name in lists and legends: as in the config, and whether MAML or its kin is first order."""
    return config.algorithm.name + (", first order" if getattr(config.algorithm, "first_order", False) else "")


def work_of(learner: type[Algorithm], config: RunConfig) -> int:
    return config.training.meta_batch_size if learner.episodic else config.algorithm.batch_size
