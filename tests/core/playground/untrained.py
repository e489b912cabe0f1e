"""Learners as they are before training, which adapt all the same."""

from core.library import Learner
from core.trained import Trained
from core.training.build import build_learner
from tests.core.learners import blank
from tests.core.tiny import tiny


def untrained(name: str, *assignments: str, base: str = "sinusoid") -> Learner:
    config = tiny(base, f"algorithm={name}", *assignments)
    family = blank(config)
    return Learner(Trained(build_learner(config, family, "stacked"), config, family, "best@0"))
