"""What the commands answer: a run in a line and as JSON, and either of them on stdout."""

import json
from typing import Any

from core import diverged
from core.cli import follow
from core.further_scores import further_scores
from core.runs.schema import Run, storable


def emit(document: Any, as_json: bool, text: str) -> None:
    """The answer of a command on stdout: one JSON document, or text for a person."""
    print(json.dumps(storable(document), allow_nan=False, indent=2) if as_json else text)


def shown(run: Run) -> dict[str, Any]:
    """A run as JSON, the same everywhere."""
    fields = (
        "name", "status", "config", "iteration", "seconds", "best", "test", "group", "parent", "device", "error", "remedy",
        "tags", "starred", "archived",
    )  # fmt: skip
    return {"run": run.id, **{field: getattr(run, field) for field in fields}, "spent": (run.load or {}).get("spent")}


def summary(run: Run) -> str:
    """A run in a line."""
    total, minutes = run.config["training"]["iterations"], run.config["training"].get("minutes")
    done = (
        f"{run.iteration}/{total}" if minutes is None else f"{run.iteration} in {run.seconds / 60:.1f}/{minutes:g} min"
    )
    parts = [f"{run.id:>4}", f"{run.status:<9}", f"{run.name:<28}", done]
    for label, result in (("best val", run.best), ("test", run.test)):
        if result:
            parts.append(f"{label} {follow.scored(run, result)}")
    parts += [f"[{' '.join(run.tags)}]"] if run.tags else []
    parts += [word for word in ("starred", "archived") if getattr(run, word)]
    below = [", ".join(f"{title} {text}" for title, text in further_scores(run.test or {}))]
    below += [f"{run.error} {run.remedy}" if run.error else "", diverged.sentence(run.test or {})]
    return "\n      ".join(["  ".join(parts), *filter(None, below)])
