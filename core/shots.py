"""How good trained learners are with fewer and more examples: tests of one checkpoint with another k_shot. Free of torch."""

import re
from collections.abc import Sequence

from core.runs.schema import Evaluation, Run
from data.errors import InputError
from data.language import tr

SHOTS = (1, 2, 5, 10)
MOST = 20  # numbers of examples at once
# What such tests share with the run's own; all but k_shot and the tasks, which follow from it.
SAME = ("split", "n_way", "n_query", "inner_steps", "batch_statistics", "episodes", "seed", "checkpoint")


def read(text: str) -> tuple[int, ...]:
    """``1,2,5,10`` in order, each once. Raises InputError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,3}", part) and int(part) for part in parts) or len(parts) > MOST:
        raise InputError(tr("{text} are no numbers of shots.", text=text[:40]), tr("Write them as 1,2,5,10."), "shots")
    return tuple(sorted({int(part) for part in parts}))


def own(run: Run) -> int | None:
    """Shots of the run's own test; None while it has none."""
    return run.test["protocol"].get("k_shot") if run.test and run.test.get("protocol") else None


def by_shots(run: Run, tests: Sequence[Evaluation]) -> dict[int, Evaluation]:
    """The run's tests that are its own but for k_shot, by that, in order. tests: all of them, oldest first."""
    if own(run) is None:
        return {}
    wanted = _shared(run.test["protocol"])
    found = {
        test.result["protocol"]["k_shot"]: test
        for test in tests
        if test.result and test.split == "test" and _shared(test.result["protocol"]) == wanted
    }
    return dict(sorted(found.items()))


def missing(run: Run, tests: Sequence[Evaluation], shots: Sequence[int] = SHOTS) -> tuple[int, ...]:
    """The numbers of shots with which the run was not tested yet; none for one without a test of its own."""
    known = by_shots(run, tests)
    return () if own(run) is None else tuple(one for one in shots if one not in known)


def _shared(protocol: dict) -> list:
    return [protocol.get(name) for name in SAME]
