"""A trained run on examples of one's own, from the command line."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli import follow
from core.cli.handover import write
from core.cli.options import CheckpointOption, HomeOption, JsonOption, RunArgument, find_run, open_home
from core.cli.output import emit
from core.runs.facts import Facts
from core.runs.schema import Run
from data.errors import InputError
from data.extras import check, install

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
            "with the columns text and label, or a folder with a .txt file a class. Curves: a CSV of x,y. Names to translate: a "
            "table with the columns name and translation.",
        ),
    ] = "",
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query",
            metavar="FILE…",
            help="What is asked: pictures; of texts, names and curves, files with one text, name or x a line, - for stdin.",
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
    save: Annotated[
        str, typer.Option("--save", metavar="FILE.zip", help="Write the adapted network, to answer with torch alone.")
    ] = "",
    onnx: Annotated[
        str, typer.Option("--onnx", metavar="FILE.onnx", help=f"The same in ONNX; needs {install('onnxscript')}.")
    ] = "",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a trained learner a few labelled examples of your own, and ask it about others, or keep it as it adapted."""
    found, store = open_home(home)
    one, queries = find_run(store, run), [*(query or []), *(more or [])]
    _check(Facts.of(one), support, queries, steps, {"save": save, "onnx": onnx})
    from core.library import load  # brings torch

    with follow.bar("reading", delay=follow.LONG) as tick:
        options = {"batch_statistics": batch_statistics, "checkpoint": checkpoint}
        learner = load(run, home=found, progress=lambda done, _: tick(done), **options)
        task = learner.given(support, steps)
        answers = task.answers(*queries) if queries else None
    document = _document(one, task, answers)
    if not as_json:
        print("\n".join(_said(document)), file=sys.stderr)
    _write(one, task, save, onnx)
    if answers or as_json:
        emit(document, as_json, str(answers))


def _check(facts: Facts, support: str, queries: list[str], steps: int | None, files: dict[str, str]) -> None:
    """Raises InputError for what cannot be meant, before anything is loaded."""
    wanted = {"support": support} if any(files.values()) else {"support": support, "query": "".join(queries)}
    for option, value in wanted.items():
        if not value:
            raise InputError(
                f"--{option} names no file.", "`python -m core predict --help` says what it takes.", option
            )
    for (option, file), ending in zip(files.items(), (".zip", ".onnx"), strict=True):
        if file and Path(file).suffix.lower() != ending:
            raise InputError(f"{file} is no {ending}.", f"Name the file so, as learner{ending}.", option)
    if files["onnx"]:
        check("onnxscript", "ONNX files")
    if steps is not None and not facts.takes_steps:
        raise InputError(f"{facts.learner_title} takes no inner steps.", "Leave --steps out.", "steps")


def _write(run: Run, task: "OwnTask", save: str, onnx: str) -> None:
    from core.handover import adapted

    if save:
        write(save, lambda file: adapted.zipped(run, task, file))
    if onnx:
        write(onnx, lambda file: adapted.onnx(run, task, file))


def _document(run: Run, task: "OwnTask", answers: "Answers | None") -> dict[str, Any]:
    trained, classes = task.learner.trained, task.given.classes
    values = answers.values.tolist() if answers else []
    asked = zip(answers.names, answers.said, values, strict=True) if answers else ()
    what = "translation" if answers and answers.written else "value"
    return {
        "run": run.id,
        "checkpoint": trained.checkpoint,
        "steps": task.steps,
        "examples": len(task.given.targets),
        "classes": list(classes),
        "predictions": [
            {"query": name, "class": said, "probability": max(each)} if classes else {"query": name, what: said}
            for name, said, each in asked
        ],
        "probabilities": values if classes else None,
        "batch_statistics": trained.config.batch_statistics,
        "normalised_by": trained.algorithm.normalises_by,
        "tested_with": run.config.get("batch_statistics", "transductive"),
        "remarks": list((answers or task.given).remarks),
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
