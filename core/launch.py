"""From what a person chose to queued runs: the same way from every page and the command line."""

from collections.abc import Sequence
from typing import Any

from core.config.checks import ConfigError, Problem, parse
from core.config.overrides import apply
from core.config.presets import Preset
from core.config.run import LARGEST_SEED
from core.runs import scheduler
from core.runs.home import Home
from core.runs.names import checked_name
from core.runs.schema import Run
from core.runs.store import RunStore
from core.trial import tried
from data.folders import Folders


def launch(store: RunStore, home: Home, values: dict[str, Any], name: str, seeds: int = 1) -> list[Run]:
    """Check a config, try it out and queue it once per seed, from its own seed upwards. Several seeds form a group.

    Raises InputError for the name, ConfigError, ModelError or RunError; then nothing is queued.
    """
    name = checked_name(name)
    configs = seeded(values, seeds, home.folders)
    if seeds == 1:
        return scheduler.submit(store, home, [(name, configs[0])])
    named = [(f"{name} seed {config['seed']}", config) for config in configs]
    return scheduler.submit(store, home, named, f"{name} × {seeds}")


def from_preset(preset: Preset, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's complete config, changed by ``--set`` assignments. Raises ConfigError."""
    complete = parse(preset.config).model_dump(mode="json")
    return parse(apply(complete, list(assignments))).model_dump(mode="json")


def seeded(values: dict[str, Any], count: int, folders: Folders | None = None) -> list[dict[str, Any]]:
    """``count`` configs with consecutive seeds, after one trial of learner and network. Raises ConfigError, ModelError.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    config = parse(values, folders)
    if config.seed + count - 1 > LARGEST_SEED:
        text = f"{count} seeds from {config.seed} on end beyond {LARGEST_SEED}."
        raise ConfigError([Problem("seed", text, f"Start at {LARGEST_SEED - count + 1} or below.")])
    tried(config, folders)
    complete = config.model_dump(mode="json")
    return [{**complete, "seed": config.seed + i} for i in range(count)]
