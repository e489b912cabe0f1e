"""What a person takes away, from the command line: exports of a run, and reports."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from core.cli.options import CheckpointOption, HomeOption, find_run, open_home
from core.handover import again, event_file, tables
from core.handover.report import charts_page, report
from core.imported import Curves
from core.runs.home import Home
from core.runs.run_lists import RunFilter
from core.runs.schema import LARGEST_RUN, Run
from core.runs.store import RunStore
from data.errors import InputError

STDOUT = "-"
TEXTS = {"config": again.config_text, "command": lambda run: f"{again.command_of_preset(run)}\n"}
WHAT = (*tables.TABLES, *TEXTS, "charts", "checkpoint", "tensorboard")
OutputOption = Annotated[
    str, typer.Option("--output", metavar="FILE", help="Where it is written; - is stdout, for what is text.")
]


def export(
    run: Annotated[int, typer.Argument(metavar="RUN", min=1, max=LARGEST_RUN, help="Number of the run.")],
    what: Annotated[str, typer.Option("--what", help=f"{', '.join(WHAT)}.")] = "metrics",
    output: OutputOption = STDOUT,
    checkpoint: CheckpointOption = "",
    home: HomeOption = None,
) -> None:
    """Give out a run: tables as .csv or .parquet, config as .json, charts as .html, the trained learner as .zip, what
    TensorBoard reads as .zip or in a folder that there is.
    """
    if what not in WHAT:
        raise InputError(f"There is nothing named {what} to export.", f"Choose {', '.join(WHAT)}.", "what")
    found, store = open_home(home)
    one = find_run(store, run)
    if what == "tensorboard" and Path(output).is_dir():
        event_folder(Path(output), one, store)
    else:
        write(output, exporter(what, output, one, store, found, checkpoint))


def exporter(
    what: str, output: str, run: Run, store: RunStore, home: Home, checkpoint: str = ""
) -> Callable[[BinaryIO], None]:
    """Writes what was asked for into an open file. Raises InputError where the file's name does not fit it."""
    if what == "checkpoint":
        if output == STDOUT:
            raise InputError("A checkpoint is not text.", "Give --output a file, as learner.zip.", "output")
        from core.handover import bundle  # brings torch

        return lambda file: bundle.write(run, home.artifacts(run), file, checkpoint)
    if what == "tensorboard":
        if Path(output).suffix.lower() != ".zip":
            raise InputError(
                f"{output} is neither a folder nor a .zip.",
                "Name a folder that exists, or a file as run.zip.",
                "output",
            )
        return lambda file: event_file.zipped(run, store, file)
    if what in tables.TABLES:
        ending = "csv" if output == STDOUT else Path(output).suffix.removeprefix(".").lower()
        if ending not in tables.FORMATS:
            raise InputError(f"{output} is neither .csv nor .parquet.", "Name the file so, or - for CSV.", "output")
        return lambda file: file.write(tables.FORMATS[ending](tables.TABLES[what](run, store)))
    if what == "charts":
        return lambda file: file.write(charts_page(run, store).encode())
    return lambda file: file.write(TEXTS[what](run).encode())


def event_folder(parent: Path, run: Run, store: RunStore) -> None:
    """The event file in a folder of the run's own, where ``tensorboard --logdir`` finds it."""
    folder, content = parent / event_file.folder(run), event_file.content(run, store)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "Choose another folder.", "output") from error
    write(str(folder / event_file.file(run)), lambda file: file.write(content))


def make_report(
    runs: Annotated[
        list[int] | None, typer.Argument(metavar="RUN…", min=1, max=LARGEST_RUN, help="Numbers of the runs.")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="All runs of this group instead.")] = None,
    output: OutputOption = "report.html",
    title: Annotated[str, typer.Option("--title", help="Its heading.")] = "",
    notes: Annotated[str, typer.Option("--notes", help="Your own words, on top.")] = "",
    curve: Annotated[list[str] | None, typer.Option("--curve", help="An imported curve over them; repeatable.")] = None,
    home: HomeOption = None,
) -> None:
    """Write one HTML file about runs, readable offline by people who never saw the app."""
    if bool(runs) is (group is not None):
        raise InputError("report takes runs, or --group.", "Give the numbers of runs, or the name of a group.", "runs")
    found, store = open_home(home)
    others = [Curves(found.curves).get(id) for id in curve or []]
    named = [find_run(store, id) for id in dict.fromkeys(runs or [])]
    chosen = named or store.page(RunFilter(group=group))[::-1]  # oldest first
    if not chosen:
        raise InputError(f"There is no run in a group {group}.", "`python -m core show RUN --json` says it.", "group")
    write(output, lambda file: file.write(report(chosen, store, title=title, notes=notes, others=others).encode()))


def write(output: str, fill: Callable[[BinaryIO], object]) -> None:
    """Into a file, all of it or none, or onto stdout. Raises InputError where it cannot be written."""
    if output == STDOUT:
        fill(sys.stdout.buffer)
        return
    remedy = "Choose a file in a folder that exists and that you may write to."
    path = Path(output)
    if not path.name or "\0" in output:
        raise InputError("--output names no file.", remedy, "output")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            fill(file)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}.", remedy, "output") from error
    finally:
        with suppress(OSError):
            part.unlink()
    print(f"Written to {output}.", file=sys.stderr)
