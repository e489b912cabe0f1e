"""What is started by others of Innerloop's processes, not by people."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from core.cli.options import HomeOption, RunArgument, open_home


def worker(
    run: RunArgument,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Only if the run is at this attempt.")] = None,
    home: HomeOption = None,
) -> None:
    """Train one queued run in this process: what the launcher starts."""
    from core.worker import work

    found, _ = open_home(home)
    raise typer.Exit(0 if work(found, run, attempt) else 1)


def answer(function: str, folder: Path) -> NoReturn:
    """Answer the question that lies in a folder: what a page starts."""
    from core.elsewhere import main

    main(function, folder)
