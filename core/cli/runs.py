"""Runs from the command line: list, show, log, stop, resume, delete."""

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli import follow
from core.cli.options import HomeOption, JsonOption, RunArgument, find_run, open_home
from core.cli.output import emit, shown, summary
from core.diagnosis import Diagnosis, diagnoses
from core.runs import bin, scheduler, warm
from core.runs.run_lists import RunFilter
from core.runs.schema import LARGEST_RUN
from core.runs.series import SeriesReader
from data.errors import InputError


def runs(
    search: Annotated[
        str,
        typer.Option(
            "--search", help="Only these: words, learner:maml, tag:x, is:archived, 'score>0.9', -status:failed …"
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=LARGEST_RUN, help="List at most this many; default all of them.")
    ] = None,
    offset: Annotated[
        int, typer.Option("--offset", min=0, max=LARGEST_RUN, help="Leave out this many of the newest.")
    ] = 0,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """All runs but archived ones, newest first, or a page of them."""
    found, store = open_home(home)
    scheduler.reconcile(store, found)
    if problems := store.search(search).problems:
        raise InputError(" ".join(problems), "Nothing is listed before all of it is understood.", "search")
    wanted = RunFilter(search)
    listed, total = store.page(wanted, limit=limit, offset=offset), store.count(wanted)
    lines = [summary(run) for run in listed]
    if 0 < len(listed) < total:
        lines.append(f"{offset + 1}–{offset + len(listed)} of {total} runs.")
    none = "No runs yet. Try `python -m core train --preset doodles-5w1s`."
    if total or search:
        none = f"There are {total} runs." if total else "No run matches. Archived ones are found by is:archived."
    text = "\n".join(lines) or none
    emit({"runs": [shown(run) for run in listed]}, as_json, text)


def show(run: RunArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """One run, and what stands out in its numbers."""
    found, store = open_home(home)
    scheduler.reconcile(store, found)
    one, reader = find_run(store, run), SeriesReader(store)
    reader.poll([run])
    said = diagnoses(one, reader)
    lines = [summary(one), scheduler.waits_for(one, found), *(in_words(diagnosis) for diagnosis in said)]
    answer = shown(one) | {"diagnoses": [asdict(diagnosis) for diagnosis in said]}
    emit(answer, as_json, "\n      ".join(filter(None, lines)))


def in_words(diagnosis: Diagnosis) -> str:
    """A diagnosis on two lines, with what is worth a try as ``--set`` takes it."""
    proposed = "".join(f" Try --set {path}={value}." for path, value in (diagnosis.change or {}).items())
    return f"{diagnosis.text}{proposed}\n        {diagnosis.numbers}"


def log(run: RunArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """What the worker of a run has written: with what it works, each score, warnings, and a traceback where it failed."""
    found, store = open_home(home)
    text = found.artifacts(find_run(store, run)).log().decode(errors="replace").rstrip()
    emit({"run": run, "log": text}, as_json, text or f"Run {run} has no log yet: it starts with the worker.")


def stop(
    run: Annotated[
        int | None, typer.Argument(metavar="[RUN]", min=1, max=LARGEST_RUN, help="Number of the run.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Stop all runs of this home, and the process that waits for the next one.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Stop a run with a checkpoint, or all of them; they can be resumed."""
    if (run is None) is not every:
        raise InputError("stop takes one run, or --all.", "Give the number of a run, or --all and none.", "run")
    found, store = open_home(home)
    if every:
        stopped = [follow.until_ended(store, found, id) for id in scheduler.stop_all(store, found)]
        ended = warm.end(found)
        text = "\n".join(map(summary, stopped)) or "No run is unfinished."
        emit({"runs": [shown(one) for one in stopped], "warm": ended}, as_json, text)
        return
    find_run(store, run)
    scheduler.stop(store, found, run)
    one = follow.until_ended(store, found, run)
    emit(shown(one), as_json, summary(one))


def resume(
    run: RunArgument,
    detach: Annotated[bool, typer.Option("--detach", help="Queue and return.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Go on with a stopped, failed or lost run from its last checkpoint."""
    found, store = open_home(home)
    find_run(store, run)
    scheduler.reconcile(store, found)  # a worker that was killed is found out before its run is asked for
    one = scheduler.resume(store, found, run)
    if not detach:
        one = follow.all_to_end(store, found, [run])[0]
    emit(shown(one), as_json, summary(one))
    raise typer.Exit(0 if detach or one.status == "finished" else 1)


def delete(
    run: RunArgument,
    later: Annotated[
        bool, typer.Option("--later", help=f"Keep it for {bin.DAYS} days, in which `restore` brings it back.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Remove a run that is not active, with its checkpoints: at once, unless --later."""
    found, store = open_home(home)
    if later or not store.count(RunFilter(f"is:deleted run:{run}")):  # what was deleted before may go for good
        find_run(store, run)
    scheduler.reconcile(store, found)
    if later:
        bin.set_aside(store, found, [run])
        emit({"deleted": run}, as_json, f"Run {run} is deleted; `restore {run}` brings it back for {bin.DAYS} days.")
        return
    scheduler.delete(store, found, run)
    emit({"deleted": run}, as_json, f"Run {run} is deleted.")
