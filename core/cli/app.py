"""``python -m core``: list, train, watch, evaluate. The same engine and the same runs as in the browser."""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from core import results
from core.cli import follow
from core.cli.listing import LISTS
from core.config import presets
from core.runs import scheduler
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from data.errors import DataError, InnerloopError, InputError

app = typer.Typer(
    help="Meta-learning experiments without a browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of runs and database; default .innerloop beside app.py.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a setting; may be repeated.")
]
RunArgument = Annotated[int, typer.Argument(metavar="RUN", help="Number of the run.")]


@app.callback()
def root(home: HomeOption = None) -> None:
    if home is not None:  # where Home.find looks, here and in the workers
        os.environ["INNERLOOP_HOME"] = str(home)


def open_home(home: Path | None) -> tuple[Home, RunStore]:
    """The home named after the command, before it, or by the environment."""
    found = Home.find(home)
    return found, RunStore(found.database)


def emit(document: Any, as_json: bool, text: str) -> None:
    print(json.dumps(_finite(document), allow_nan=False, indent=2) if as_json else text)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(metavar="presets|families|algorithms|models|devices")],
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """What there is to choose from."""
    del home  # accepted everywhere; what there is does not depend on it
    if what not in LISTS:
        raise InputError(f"There is no list of {what}.", f"Choose {', '.join(LISTS)}.", "what")
    items = LISTS[what]()
    width = max(len(item["name"]) for item in items)
    lines = [
        f"{item['name']:<{width}}  {item['title']} ({item['group']}{'; ' + ', '.join(item['kinds']) if 'kinds' in item else ''})"
        for item in items
    ]
    emit(items, json, "\n".join(lines))


@app.command()
def train(
    preset: Annotated[str, typer.Option("--preset", help="Where to start from; see `list presets`.")],
    set_: SetOption = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the run.")] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, max=100, help="Queue this many runs with consecutive seeds.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run; default the preset's.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Queue and return; training goes on by itself.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Queue a run, follow it to its end. Ctrl-C stops it with a checkpoint."""
    from core.launch import from_preset, seeded

    found, store = open_home(home)
    config = from_preset(_preset(preset), [*(set_ or []), *([] if seed is None else [f"seed={seed}"])])
    _need_data(config, found, download)
    configs = seeded(config, seeds or 1, found.folders)
    named = name or preset
    group = f"{named} × {seeds}" if seeds and seeds > 1 else None
    labels = [f"{named} seed {c['seed']}" if group else named for c in configs]
    runs = scheduler.submit(store, found, list(zip(labels, configs, strict=True)), group)
    if detach:
        ids = [run.id for run in runs]
        emit(
            {"runs": ids, "group": group}, json, f"Queued as run {', '.join(map(str, ids))}. See `python -m core runs`."
        )
        return
    ended = follow.all_to_end(store, found, [run.id for run in runs])
    documents = [shown(run) for run in ended]
    text = "\n".join(summary(run) for run in ended)
    emit(documents[0] if len(ended) == 1 else {"runs": documents, "group": group}, json, text)
    raise typer.Exit(0 if all(run.status == "finished" for run in ended) else 1)


@app.command("results")
def results_(
    minutes: Annotated[float, typer.Option("--minutes", help="Minutes of training for each recipe.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="A preset for the table; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of every run.")] = None,
    output: Annotated[Path, typer.Option("--output", help="The table; its rows go to a .json beside it.")] = Path(
        "results.md"
    ),
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train recipes one after another and write a table of their final tests. Ctrl-C ends it with those finished."""
    from core.launch import from_preset, seeded

    found, store = open_home(home)
    recipes = results.chosen(only or [])
    results.check_output(output)
    common = [f"training.minutes={minutes}", *([] if seed is None else [f"seed={seed}"])]
    named = []
    for recipe in recipes:  # all of them, before the first is trained
        config = from_preset(presets.preset(recipe.preset), [*recipe.assignments, *common])
        _need_data(config, found, download)
        named.append((recipe.name, seeded(config, 1, found.folders)[0]))
    budget = f"{len(named)} recipe{'s' if len(named) > 1 else ''}, {minutes:g} min of training each"
    print(f"{budget}, and their tests. Rows go to {output} as they are made.", file=sys.stderr)
    rows = []
    ended = follow.one_by_one(store, found, named, f"results {minutes:g} min")
    for run, recipe in zip(ended, recipes, strict=False):  # fewer after a Ctrl-C
        if run.status != "finished":
            print(summary(run), file=sys.stderr)
            continue
        rows.append(results.row(recipe, run))
        results.write(output, rows)  # after each, so that nothing measured is lost
    emit(results.document(rows), json, results.markdown(rows) if rows else "No run finished: there is no table.")
    raise typer.Exit(0 if len(rows) == len(recipes) else 1)


@app.command()
def runs(json: JsonOption = False, home: HomeOption = None) -> None:
    """All runs, newest first."""
    found, store = open_home(home)
    scheduler.reconcile(store, found)
    listed = store.runs()
    text = "\n".join(summary(run) for run in listed) or "No runs yet. Try `python -m core train --preset doodles-5w1s`."
    emit({"runs": [shown(run) for run in listed]}, json, text)


@app.command()
def show(run: RunArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """One run."""
    found, store = open_home(home)
    scheduler.reconcile(store, found)
    one = _run(store, run)
    emit(shown(one), json, "\n      ".join(filter(None, (summary(one), scheduler.waits_for(one, found)))))


@app.command()
def stop(run: RunArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Stop a run with a checkpoint; it can be resumed."""
    found, store = open_home(home)
    _run(store, run)
    scheduler.stop(store, found, run)
    ended = follow.until_ended(store, found, run)
    emit(shown(ended), json, summary(ended))


@app.command()
def resume(
    run: RunArgument,
    detach: Annotated[bool, typer.Option("--detach", help="Queue and return.")] = False,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Go on with a stopped, failed or lost run from its last checkpoint."""
    found, store = open_home(home)
    _run(store, run)
    scheduler.reconcile(store, found)  # a worker that was killed is found out before its run is asked for
    one = scheduler.resume(store, found, run)
    if not detach:
        one = follow.all_to_end(store, found, [run])[0]
    emit(shown(one), json, summary(one))
    raise typer.Exit(0 if detach or one.status == "finished" else 1)


@app.command()
def delete(run: RunArgument, json: JsonOption = False, home: HomeOption = None) -> None:
    """Remove a run that is not active, with its checkpoints."""
    found, store = open_home(home)
    _run(store, run)
    scheduler.reconcile(store, found)
    scheduler.delete(store, found, run)
    emit({"deleted": run}, json, f"Run {run} is deleted.")


@app.command()
def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    episodes: Annotated[
        int | None, typer.Option("--episodes", help="Number of frozen episodes; default as in the run.")
    ] = None,
    set_: SetOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Score a run's best checkpoint on frozen episodes, by its own protocol or a changed one."""
    from core.trained import evaluate_run
    from data.family import SPLITS

    if split not in SPLITS:
        raise InputError(f"There is no split named {split}.", f"Choose {', '.join(SPLITS)}.", "split")
    found, store = open_home(home)
    one = _run(store, run)
    with follow.bar("evaluating") as tick:
        result = evaluate_run(found, one, split, episodes, set_ or [], tick=tick)
    text = f"{result.split} {result.metric.title} {result.metric.text(result.mean, result.ci95)} on {result.episodes} episodes"
    emit(result.as_json(run), json, f"{text}, {result.non_finite} not finite")


@app.command()
def download(
    family: Annotated[str, typer.Argument(metavar="FAMILY")], json: JsonOption = False, home: HomeOption = None
) -> None:
    """Fetch a family's data set from its official address, with checksum, retry and resume."""
    from data.registry import families

    if family not in families():
        raise InputError(f"There is no family named {family}.", f"Choose {', '.join(families())}.", "family")
    found, _ = open_home(home)
    _fetch(families()[family], found)
    emit({"family": family, "datasets": str(found.datasets)}, json, f"{family} is in {found.datasets}.")


@app.command()
def worker(
    run: RunArgument,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Only if the run is at this attempt.")] = None,
    home: HomeOption = None,
) -> None:
    """Train one queued run in this process: what the launcher starts."""
    from core.worker import work

    found, _ = open_home(home)
    raise typer.Exit(0 if work(found, run, attempt) else 1)


def shown(run: Run) -> dict[str, Any]:
    """A run as JSON, the same everywhere."""
    fields = ("name", "status", "config", "iteration", "seconds", "best", "test", "group", "device", "error", "remedy")
    return {"run": run.id, **{field: getattr(run, field) for field in fields}}


def summary(run: Run) -> str:
    """A run in a line."""
    total, minutes = run.config["training"]["iterations"], run.config["training"].get("minutes")
    done = (
        f"{run.iteration}/{total}" if minutes is None else f"{run.iteration} in {run.seconds / 60:.1f}/{minutes:g} min"
    )
    parts = [f"{run.id:>4}", f"{run.status:<9}", f"{run.name:<28}", done]
    for label, result in (("best val", run.best), ("test", run.test)):
        if result:
            parts.append(f"{label} {follow.score(result['metric'], result['mean'], result['ci95'])}")
    return "  ".join(parts) + (f"\n      {run.error} {run.remedy}" if run.error else "")


def _preset(name: str) -> presets.Preset:
    try:
        return presets.preset(name)
    except KeyError:
        names = ", ".join(item.name for item in presets.PRESETS)
        raise InputError(f"There is no preset named {name}.", f"Choose {names}.", "preset") from None


def _run(store: RunStore, id: int) -> Run:
    found = store.runs([id])
    if not found:
        raise InputError(f"Run {id} does not exist.", "List the runs with `python -m core runs`.", "run")
    return found[0]


def _need_data(config: dict[str, Any], home: Home, download: bool) -> None:
    """Offer the download where a person can answer, else say where the files go."""
    from data.registry import families

    family = families()[config["family"]["name"]]
    missing = family.missing(home.datasets)
    if not missing:
        return
    asked = sys.stdin.isatty() and sys.stderr.isatty()
    if download or (asked and typer.confirm(f"{family.title} is not in {home.datasets}. Download it now?", err=True)):
        _fetch(family, home)
        return
    name = config["family"]["name"]
    raise DataError(
        f"{missing[0]} is missing.",
        f"Run `python -m core download {name}`, add --download, or set INNERLOOP_DATASETS to the folder that holds {name}/.",
        str(missing[0]),
    )


def _fetch(family: Any, home: Home) -> None:
    with follow.bar("downloading") as tick:
        family.download(home.datasets, lambda fraction, _: tick(fraction))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def main() -> None:
    """Run a command; errors become one line, or one JSON document, and an exit status of 1 or 2."""
    as_json = "--json" in sys.argv
    try:
        status = app(standalone_mode=False)
    except typer.exceptions.TyperException as error:  # an unknown command or option, a value of the wrong type
        _fail(error.format_message(), "See `python -m core --help`.", "", as_json, 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("Interrupted.", "", "", as_json, 1)
    except InnerloopError as error:
        message, remedy = (error.message, error.remedy) if as_json else (str(error), "")
        _fail(message, remedy, error.path, as_json, 2 if isinstance(error, InputError) else 1)
    except Exception as error:  # a bug shows its traceback; whoever asked for JSON gets a document all the same
        traceback.print_exc()
        from core.training.device import out_of_memory  # brings torch, which the quick commands do without

        full = out_of_memory(error)
        remedy = (
            "The memory is full: use a smaller network or another device." if full else "The traceback is on stderr."
        )
        _fail(f"{type(error).__name__}: {error}", remedy, "", as_json, 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, remedy: str, path: str, as_json: bool, status: int) -> None:
    if as_json:
        print(json.dumps({"error": {"message": message, "remedy": remedy, "path": path}}, indent=2))
    else:
        print(f"{message} {remedy}".strip(), file=sys.stderr)
    sys.exit(status)
