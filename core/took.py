"""What runs took, by learner and tasks: medians of those that came to their end. Free of torch."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from core.runs.facts import Facts
from core.runs.schema import Run


@dataclass(frozen=True)
class Took:
    """runs: how many. iteration: median seconds of one. seconds: median of the whole training."""

    learner: str
    family: str
    runs: int
    iteration: float
    seconds: float


def took(runs: Sequence[Run]) -> list[Took]:
    """Of each learner on each family, the quickest iteration first; of runs that took no iteration nothing is said."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.iteration and run.seconds:
            facts = Facts.of(run)
            found.setdefault((facts.learner, facts.family_title), []).append(run)
    rows = [
        Took(
            *key,
            len(same),
            statistics.median(run.seconds / run.iteration for run in same),
            statistics.median(run.seconds for run in same),
        )
        for key, same in found.items()
    ]
    return sorted(rows, key=lambda one: one.iteration)
