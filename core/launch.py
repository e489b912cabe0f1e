"""From what a person chose to configs that are known to run: the same way from every page and the command line."""

from collections.abc import Sequence
from typing import Any

from core.config.overrides import apply
from core.config.presets import Preset
from core.config.run import parse
from core.training.build import check


def from_preset(preset: Preset, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's complete config, changed by ``--set`` assignments. Raises ConfigError."""
    complete = parse(preset.config).model_dump(mode="json")
    return parse(apply(complete, list(assignments))).model_dump(mode="json")


def seeded(values: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """``count`` configs with consecutive seeds, after a trial of learner and network. Raises ConfigError, ModelError."""
    config = parse(values)
    check(config)
    complete = config.model_dump(mode="json")
    return [{**complete, "seed": config.seed + i} for i in range(count)]
