"""From plain config values to queued runs. Imports torch, through core.prepare, only when something is launched."""

from typing import Any

from core.runs import scheduler
from core.runs.schema import Run
from pages.parts import session


def launch(values: dict[str, Any], name: str, seeds: int = 1) -> list[Run]:
    """Check a config and queue it once per seed, from its own seed upwards. Several seeds form a group.

    Raises ConfigError, ModelError or RunError; then nothing is queued.
    """
    from core.launch import seeded

    configs = seeded(values, seeds, session.home().folders)
    group = f"{name} × {seeds}" if seeds > 1 else None
    names = [f"{name} seed {config['seed']}" if group else name for config in configs]
    return scheduler.submit(session.store(), session.home(), list(zip(names, configs, strict=True)), group)
