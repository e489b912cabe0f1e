"""What the commands share: their common options, the home they work in, a run as text and as JSON."""

import json
from typing import Annotated, Any

import typer

from core.cli import follow
from core.runs.home import Home
from core.runs.schema import LARGEST_RUN, Run, storable
from core.runs.store import RunStore
from data.errors import InputError

HomeOption = Annotated[
    str | None, typer.Option("--home", help="Folder of runs and database; default .innerloop beside app.py.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a setting; may be repeated.")
]
RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, max=LARGEST_RUN, help="Number of the run.")]


def named(home: str) -> str:
    """The folder that --home names; it has to name one. An empty name would be the working directory."""
    if not home.strip() or "\0" in home:
        raise InputError(
            "--home names no folder.", "Give a folder, or leave it out for .innerloop beside app.py.", "home"
        )
    return home


def open_home(home: str | None) -> tuple[Home, RunStore]:
    """The home named after the command, before it, or by the environment."""
    found = Home.find(None if home is None else named(home))
    return found, RunStore(found.database, found.root)


def emit(document: Any, as_json: bool, text: str) -> None:
    """The answer of a command on stdout: one JSON document, or text for a person."""
    print(json.dumps(storable(document), allow_nan=False, indent=2) if as_json else text)


def find_run(store: RunStore, id: int) -> Run:
    found = store.runs([id])
    if not found:
        raise InputError(f"Run {id} does not exist.", "List the runs with `python -m core runs`.", "run")
    return found[0]


def shown(run: Run) -> dict[str, Any]:
    """A run as JSON, the same everywhere."""
    fields = ("name", "status", "config", "iteration", "seconds", "best", "test", "group", "device", "error", "remedy")
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
            parts.append(f"{label} {follow.scored(run, result['mean'], result['ci95'])}")
    return "  ".join(parts) + (f"\n      {run.error} {run.remedy}" if run.error else "")
