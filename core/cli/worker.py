"""What is started by others of Innerloop's processes, not by people."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.cli.options import HomeOption, RunArgument, open_home


def worker(
    run: RunArgument,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Only if the run is at this attempt.")] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="RUN:ATTEMPT", help="Another run to train in the same process."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Train one queued run in this process, or several: what the launcher starts."""
    from core.worker import work

    found, _ = open_home(home)
    others = dict(_attempt(word) for word in beside or [])
    raise typer.Exit(0 if work(found, run, attempt, others) else 1)


def _attempt(word: str) -> tuple[int, int]:
    try:
        run, attempt = map(int, word.split(":"))
    except ValueError:
        text = f"'{word}' is no run and attempt."
        raise typer.BadParameter(f"{text} Give both as numbers, such as 7:1.", param_hint="--with") from None
    return run, attempt


def answer(function: str, folder: Path) -> NoReturn:
    """Answer the question that lies in a folder: what a page starts."""
    from core.elsewhere import main

    main(function, folder)
