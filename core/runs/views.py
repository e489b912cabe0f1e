"""Tasks of a run that people look at, kept among its artifacts: of some validations, and of the final test.

What a validation task is does not change and is kept once; beside it what the learner made of it, a file an iteration.
"""

import re
from dataclasses import asdict
from typing import Any

from core.runs.artifacts import Artifacts
from data.view import Shown, TaskView, pack, unpack

KEPT = 24  # validations, among them always the first, the best and the last
TASKS, TEST = "val-tasks", "test"
ITERATION = re.compile(r"val-(\d{9,18})")


def keep(artifacts: Artifacts, shown: Shown, best: int | None) -> None:
    """best: the iteration of the best validation so far. Raises StoreError."""
    if shown.split == "test":
        artifacts.put_view(TEST, pack(asdict(shown)))
        return
    known = iterations(artifacts)
    if not known:  # written before: a reader who finds an iteration finds its tasks
        artifacts.put_view(TASKS, pack([{"kind": view.kind, "given": view.given} for view in shown.views]))
    artifacts.put_view(_name(shown.iteration), pack([view.said for view in shown.views]))
    for iteration in surplus(sorted({*known, shown.iteration}), best):
        artifacts.drop_view(_name(iteration))


def surplus(known: list[int], best: int | None) -> list[int]:
    """Which of these ascending iterations are not kept: those without which the others lie most evenly."""
    kept, gone = list(known), []
    while len(kept) > KEPT:
        gaps = {kept[i]: kept[i + 1] - kept[i - 1] for i in range(1, len(kept) - 1) if kept[i] != best}
        gone.append(min(gaps, key=lambda iteration: gaps[iteration]))
        kept.remove(gone[-1])
    return gone


def drop_after(artifacts: Artifacts, iteration: int) -> None:
    """A run that resumes from there shows its tasks again."""
    for later in iterations(artifacts):
        if later > iteration:
            artifacts.drop_view(_name(later))
    artifacts.drop_view(TEST)


def iterations(artifacts: Artifacts) -> list[int]:
    """The validations of which tasks can be looked at, ascending."""
    found = (ITERATION.fullmatch(name) for name in artifacts.views())
    return sorted(int(match[1]) for match in found if match)


def validation(artifacts: Artifacts, iteration: int) -> list[TaskView]:
    """The tasks of a validation; none where it is not kept (any more)."""
    tasks, said = _read(artifacts, TASKS), _read(artifacts, _name(iteration))
    if tasks is None or said is None:
        return []
    return [_view({**task, "said": words}) for task, words in zip(tasks, said, strict=True)]


def test(artifacts: Artifacts) -> Shown | None:
    """What the final test left to look at; None where there was none yet, or an earlier version made it."""
    whole = _read(artifacts, TEST)
    return None if whole is None else Shown(**{**whole, "views": [_view(one) for one in whole["views"]]})


def _view(plain: dict[str, Any]) -> TaskView:
    return TaskView(plain["kind"], plain["given"], {int(step): words for step, words in plain["said"].items()})


def _read(artifacts: Artifacts, name: str) -> Any:
    """None where nothing is kept, or what is there was damaged."""
    content = artifacts.view(name)
    if content is None:
        return None
    try:
        return unpack(content)
    except ValueError:
        return None


def _name(iteration: int) -> str:
    return f"val-{iteration:09d}"
