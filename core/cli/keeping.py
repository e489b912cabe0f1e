"""Keeping runs in order from the command line: tag, star, archive, restore, empty."""

from typing import Annotated

import typer

from core.cli.options import HomeOption, JsonOption, find_run, open_home
from core.cli.output import emit, shown, summary
from core.runs import bin
from core.runs.schema import LARGEST_RUN
from core.runs.store import RunStore
from data.errors import InputError

RunsArgument = Annotated[list[int], typer.Argument(metavar="RUN…", min=1, max=LARGEST_RUN, help="Numbers of the runs.")]
UndoOption = Annotated[bool, typer.Option("--undo", help="Take it back.")]
WordsOption = typer.Option(metavar="TAG", help="One word; may be repeated.")


def tag(
    runs: RunsArgument,
    add: Annotated[list[str] | None, WordsOption] = None,
    remove: Annotated[list[str] | None, WordsOption] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Add words to runs, or take them away; `runs --search tag:TAG` finds them."""
    if not (add or remove):
        raise InputError("tag takes --add or --remove.", "Write `tag 7 --add paper`.", "add")
    store = _known(runs, home)
    store.tag(runs, add or [], remove or [])
    _tell(store, runs, as_json)


def star(runs: RunsArgument, undo: UndoOption = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Mark runs with a star; `runs --search is:starred` finds them."""
    store = _known(runs, home)
    store.star(runs, on=not undo)
    _tell(store, runs, as_json)


def archive(runs: RunsArgument, undo: UndoOption = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Take runs out of the lists; `runs --search is:archived` finds them."""
    store = _known(runs, home)
    store.archive(runs, on=not undo)
    _tell(store, runs, as_json)


def restore(runs: RunsArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Bring back runs that were deleted on a page, or by `delete --later`."""
    found, store = open_home(home)
    bin.restore(store, found, runs)
    _tell(store, runs, as_json)


def empty(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Remove all deleted runs for good, before their days are over."""
    found, store = open_home(home)
    gone = bin.empty(store, found)
    emit({"removed": gone}, as_json, f"Removed for good: {', '.join(map(str, gone)) or 'none was deleted'}.")


def _known(runs: list[int], home: str | None) -> RunStore:
    """The store, which has all of these runs. Raises InputError."""
    _, store = open_home(home)
    for run in runs:
        find_run(store, run)
    return store


def _tell(store: RunStore, runs: list[int], as_json: bool) -> None:
    found = [store.get(run) for run in runs]
    emit({"runs": [shown(run) for run in found]}, as_json, "\n".join(map(summary, found)))
