"""``python -m core``: list, train, watch, evaluate. The same engine and the same runs as in the browser."""

import json
import os
import sys
import traceback

import typer

from core.cli import (
    curves,
    data,
    datasets,
    evaluate,
    handover,
    keeping,
    listing,
    predict,
    results,
    runs,
    tasks,
    tournament,
    train,
    worker,
)
from core.cli.options import HomeOption, named
from data.errors import LONGEST, InnerloopError, InputError, shortened

app = typer.Typer(
    help="Meta-learning experiments without a browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = {
    "list": listing.choices, "train": train.train, "tournament": tournament.play, "results": results.table,
    "runs": runs.runs, "show": runs.show, "log": runs.log, "stop": runs.stop, "resume": runs.resume, "tag": keeping.tag,
    "star": keeping.star, "archive": keeping.archive, "delete": runs.delete, "restore": keeping.restore,
    "empty": keeping.empty, "evaluate": evaluate.evaluate, "tasks": tasks.tasks, "predict": predict.predict,
    "export": handover.export, "report": handover.make_report, "import": curves.import_curve, "download": data.download,
    "worker": worker.worker,
}  # fmt: skip
for name, command in COMMANDS.items():
    app.command(name)(command)


app.add_typer(datasets.app, name="datasets")
app.command("answer", hidden=True)(worker.answer)


@app.callback()
def root(home: HomeOption = None) -> None:
    if home is not None:  # where Home.find looks, here and in the workers
        os.environ["INNERLOOP_HOME"] = named(home)


def main() -> None:
    """Run a command; errors become one line, or one JSON document, and an exit status of 1 or 2."""
    as_json = "--json" in sys.argv
    try:
        status = app(standalone_mode=False)
    except typer.exceptions.TyperException as error:  # an unknown command or option, a value of the wrong type
        _fail(shortened(error.format_message(), LONGEST), "See `python -m core --help`.", "", as_json, 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("Interrupted.", "", "", as_json, 1)
    except InnerloopError as error:
        message, remedy = (error.message, error.remedy) if as_json else (str(error), "")
        _fail(message, remedy, error.path, as_json, 2 if isinstance(error, InputError) else 1)
    except Exception as error:  # a bug shows its traceback; whoever asked for JSON gets a document all the same
        traceback.print_exc()
        from core.training.memory import REMEDY, out_of_memory  # brings torch, which the quick commands do without

        remedy = f"The memory is full. {REMEDY}" if out_of_memory(error) else "The traceback is on stderr."
        _fail(f"{type(error).__name__}: {error}", remedy, "", as_json, 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, remedy: str, path: str, as_json: bool, status: int) -> None:
    if as_json:
        print(json.dumps({"error": {"message": message, "remedy": remedy, "path": path}}, indent=2))
    else:
        print(f"{message} {remedy}".strip(), file=sys.stderr)
    sys.exit(status)
