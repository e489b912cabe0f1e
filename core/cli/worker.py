"""What a launcher starts."""

from typing import Annotated

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
