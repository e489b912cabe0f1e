"""What the commands take in common: their options, the home they work in, the run they are told."""

from typing import Annotated

import typer

from core.runs.home import Home
from core.runs.run_lists import RunFilter
from core.runs.schema import LARGEST_RUN, Run
from core.runs.store import RunStore
from data.errors import InputError

HomeOption = Annotated[
    str | None, typer.Option("--home", help="Folder of runs and database; default .innerloop beside app.py.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a setting; may be repeated.")
]
CheckpointOption = Annotated[
    str, typer.Option("--checkpoint", metavar="WHICH", help="best (default), last or an iteration that was kept.")
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


def find_run(store: RunStore, id: int) -> Run:
    found = store.runs([id])
    if not found:
        if store.count(RunFilter(f"is:deleted run:{id}")):
            raise InputError(f"Run {id} was deleted.", f"Bring it back with `python -m core restore {id}`.", "run")
        raise InputError(f"Run {id} does not exist.", "List the runs with `python -m core runs`.", "run")
    return found[0]
