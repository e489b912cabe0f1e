"""Which of a run's settings people try again with another value. The config's fields say it themselves, see ``setting``."""

from typing import Any

from core.algorithms.base import algorithms
from core.config.checks import without_effect
from core.config.run import RunConfig
from core.models.base import models
from data.registry import families

MOST = 4
REGISTRIES = {"family": families, "model": models, "algorithm": algorithms}


def telling(values: dict[str, Any]) -> list[str]:
    """Paths of the most telling settings of a complete config of plain values, at most MOST; the most telling one first."""
    idle = without_effect(values) | _of_the_test_alone(values)
    ranks = {
        f"{section}.{name}": rank
        for section, fields in _sections(values).items()
        for name, field in fields.items()
        if (rank := (field.json_schema_extra or {}).get("telling", 0)) and f"{section}.{name}" not in idle
    }
    return sorted(ranks, key=ranks.get)[:MOST]


def _sections(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of each section of a config."""
    found = {section: known()[values[section]["name"]].Config for section, known in REGISTRIES.items()}
    found |= {section: RunConfig.model_fields[section].annotation for section in ("training", "evaluation")}
    return {section: config.model_fields for section, config in found.items()}


def _of_the_test_alone(values: dict[str, Any]) -> set[str]:
    """The shape of training tasks, where there are none and the test has its own."""
    learner = algorithms()[values["algorithm"]["name"]]
    if learner.meta_trained and learner.episodic:
        return set()
    return {f"family.{name}" for name in ("n_way", "k_shot", "n_query") if values["evaluation"][name] is not None}
