"""The settings with which a learner is known to do well: those of a preset with it, on the same or on like tasks."""

from typing import Any

from core.config.presets import PRESETS
from data.registry import families

RATES = ("meta_lr", "schedule", "decay_rate", "decay_every", "staircase")  # of the meta-training, that a learner brings


def suited_to(family: str, learner: str) -> dict[str, Any]:
    """The settings of the first preset with this learner, on this family or else on one most like it; none on any of its kind."""
    alike = {name: likeness(family, name) for name in families()}
    with_it = [one.config for one in PRESETS if one.config["algorithm"]["name"] == learner]
    fitting = [config for config in with_it if alike[config["family"]["name"]]]
    return max(fitting, key=lambda config: alike[config["family"]["name"]], default={})


def likeness(family: str, other: str) -> int:
    """0: of another kind. 1: of one kind. 2: their inputs are also both tokens, or both real numbers. 3: it is the same."""
    ours, theirs = families()[family], families()[other]
    if ours.kind != theirs.kind:
        return 0
    return 3 if family == other else 1 + (ours.Config().input_spec.dtype == theirs.Config().input_spec.dtype)
