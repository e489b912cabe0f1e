"""What is wrong with a config, with the ways out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a config. path: dotted, such as ``family.k_shot``.

    changes: the ways out that the remedy tells, as settings by path. Each leads out by itself, and into no other problem.
    A learner or network is given by its name alone, ``{"algorithm": "maml"}``, as on the command line.
    """

    path: str
    message: str
    remedy: str = ""
    changes: tuple[Mapping[str, Any], ...] = ()
