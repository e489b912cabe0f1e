"""From what a person chose to configs that are known to run: the same way from every page and the command line."""

from collections.abc import Sequence
from typing import Any

from core.config.checks import ConfigError, Problem, parse
from core.config.overrides import apply
from core.config.presets import Preset
from core.config.run import LARGEST_SEED
from core.training.build import check
from data.errors import InputError
from data.folders import Folders

LONGEST_NAME = 80


def from_preset(preset: Preset, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's complete config, changed by ``--set`` assignments. Raises ConfigError."""
    complete = parse(preset.config).model_dump(mode="json")
    return parse(apply(complete, list(assignments))).model_dump(mode="json")


def checked_name(name: str) -> str:
    """A run's name without the blanks around it. Raises InputError for what is no name."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        wrong = (
            "is empty" if not name else f"has {len(name)} characters" if name.isprintable() else "is not all printable"
        )
        raise InputError(f"The run's name {wrong}.", f"Give it 1 to {LONGEST_NAME} printable characters.", "name")
    return name


def seeded(values: dict[str, Any], count: int, folders: Folders | None = None) -> list[dict[str, Any]]:
    """``count`` configs with consecutive seeds, after a trial of learner and network. Raises ConfigError, ModelError.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    config = parse(values, folders)
    if config.seed + count - 1 > LARGEST_SEED:
        text = f"{count} seeds from {config.seed} on end beyond {LARGEST_SEED}."
        raise ConfigError([Problem("seed", text, f"Start at {LARGEST_SEED - count + 1} or below.")])
    check(config, folders)
    complete = config.model_dump(mode="json")
    return [{**complete, "seed": config.seed + i} for i in range(count)]
