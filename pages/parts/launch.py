"""From plain config values to queued runs. Imports torch, through core.config, only when something is launched."""

import copy
import secrets
from typing import Any

from core import scheduler
from core.schema import Run
from pages.parts import session


def launch(values: dict[str, Any], name: str, seeds: int = 1) -> list[Run]:
    """Check a config and queue it once per seed, from its own seed upwards. Several seeds form a group.

    Raises ConfigError, ModelError or RunError; then nothing is queued.
    """
    from core.config import parse
    from core.learner import check

    config = parse(values)
    if config.model.name == "module":  # a person's own network can be wrong in ways that no setting shows
        check(config)
    configs = []
    for seed in range(config.seed, config.seed + seeds):
        one = parse(copy.deepcopy(values) | {"seed": seed})
        configs.append((f"{name}-s{seed}" if seeds > 1 else name, one.model_dump(mode="json")))
    group = f"{name}-{secrets.token_hex(3)}" if seeds > 1 else None
    return scheduler.submit(session.store(), session.home(), configs, group)
