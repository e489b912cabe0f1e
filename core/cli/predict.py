"""A trained run on examples of one's own, from the command line."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli import follow
from core.cli.options import CheckpointOption, HomeOption, JsonOption, RunArgument, find_run, open_home
from core.cli.output import emit
from core.runs.facts import Facts
from core.runs.schema import Run
from data.errors import InputError

if TYPE_CHECKING:
    from core.library import Answers, OwnTask

MOST_STEPS = 1000


def predict(
    run: RunArgument,
    more: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Further files to --query.")] = None,
    support: Annotated[
        str,
        typer.Option(
            "--support",
            metavar="PATH",
            help="Labelled examples. Pictures: a folder or zip with a folder a class, or a CSV of path,label. Texts: a table "
            "with the columns text and label, or a folder with a .txt file a class. Curves: a CSV of x,y.",
        ),
    ] = "",
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query",
            metavar="FILE…",
            help="What is asked: pictures; of texts and of curves, files with one text or x a line, - for stdin.",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=0, max=MOST_STEPS, help="Inner steps; default as in the run's test.")
    ] = None,
    checkpoint: CheckpointOption = "",
    batch_statistics: Annotated[
        Literal["support", "transductive"],
        typer.Option(
            "--batch-statistics",
            help="What BatchNorm takes its mean and variance from: the support set, so that each query is answered by itself, "
            "or the queries together.",
        ),
    ] = "support",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a trained learner a few labelled examples of your own, and ask it about others."""
    found, store = open_home(home)
    one, queries = find_run(store, run), [*(query or []), *(more or [])]
    for value, option in ((support, "support"), (queries, "query")):
        if not value or "\0" in "".join(value):
            raise InputError(
                f"--{option} names no file.", "`python -m core predict --help` says what it takes.", option
            )
    if steps is not None and not Facts.of(one).takes_steps:
        raise InputError(f"{Facts.of(one).learner_title} takes no inner steps.", "Leave --steps out.", "steps")
    from core.library import load  # brings torch

    with follow.bar("reading", delay=follow.LONG) as tick:
        options = {"batch_statistics": batch_statistics, "checkpoint": checkpoint}
        learner = load(run, home=found, progress=lambda done, _: tick(done), **options)
        task = learner.given(support, steps)
        answers = task.answers(*queries)
    document = _document(one, task, answers)
    if not as_json:
        print("\n".join(_said(document)), file=sys.stderr)
    emit(document, as_json, str(answers))


def _document(run: Run, task: "OwnTask", answers: "Answers") -> dict[str, Any]:
    trained = task.learner.trained
    asked = zip(answers.names, answers.said, answers.values.tolist(), strict=True)
    kind = "class" if answers.classes else "value"
    return {
        "run": run.id,
        "checkpoint": trained.checkpoint,
        "steps": task.steps,
        "examples": len(task.given.targets),
        "classes": list(answers.classes),
        "predictions": [
            {"query": name, kind: said, **({"probability": max(values)} if answers.classes else {})}
            for name, said, values in asked
        ],
        "probabilities": answers.values.tolist() if answers.classes else None,
        "batch_statistics": trained.config.batch_statistics,
        "normalised_by": trained.algorithm.normalises_by,
        "tested_with": run.config.get("batch_statistics", "transductive"),
        "remarks": list(answers.remarks),
    }


def _said(document: dict[str, Any]) -> list[str]:
    """What a person should know beside the answers."""
    steps, shown = document["steps"], f"{document['examples']} examples"
    classes = f" of {len(document['classes'])} classes" if document["classes"] else ""
    after = f", adapted in {steps} step{'' if steps == 1 else 's'} to" if steps else ", shown"
    lines = [f"run {document['run']}, {document['checkpoint']}{after} {shown}{classes}", *document["remarks"]]
    if document["normalised_by"] not in ("none", "running") and document["batch_statistics"] != document["tested_with"]:
        lines.append(
            f"BatchNorm goes by batch statistics {document['batch_statistics']}; the run was tested with "
            f"{document['tested_with']}."
        )
    return lines
