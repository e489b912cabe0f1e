"""From what a person chose to configs that are known to run: the same way from every page and the command line."""

from collections.abc import Sequence
from typing import Any

from core.config.checks import parse
from core.config.overrides import apply
from core.config.presets import Preset
from core.training.build import check
from data.folders import Folders


def from_preset(preset: Preset, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's complete config, changed by ``--set`` assignments. Raises ConfigError."""
    complete = parse(preset.config).model_dump(mode="json")
    return parse(apply(complete, list(assignments))).model_dump(mode="json")


def seeded(values: dict[str, Any], count: int, folders: Folders | None = None) -> list[dict[str, Any]]:
    """``count`` configs with consecutive seeds, after a trial of learner and network. Raises ConfigError, ModelError.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    config = parse(values, folders)
    check(config, folders)
    complete = config.model_dump(mode="json")
    return [{**complete, "seed": config.seed + i} for i in range(count)]
