"""The table of results from the command line: one recipe after another, beside the published numbers."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core import results
from core.cli import follow
from core.cli.data import need_data
from core.cli.options import HomeOption, JsonOption, open_home
from core.cli.output import emit, summary
from core.config import presets
from core.runs.home import Home
from core.runs.scheduler import Launch


def table(
    minutes: Annotated[float, typer.Option("--minutes", help="Minutes of training for each recipe.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="A preset for the table; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of every run.")] = None,
    output: Annotated[Path, typer.Option("--output", help="The table; its rows go to a .json beside it.")] = Path(
        "results.md"
    ),
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train recipes one after another and write a table of their final tests. Ctrl-C ends it with those finished."""
    found, store = open_home(home)
    recipes = results.chosen(only or [])
    results.check_output(output)
    common = [f"training.minutes={minutes}", *([] if seed is None else [f"seed={seed}"])]
    launches = prepared(recipes, common, found, download)  # all of them, before the first is trained
    budget = f"{len(launches)} recipe{'s' if len(launches) > 1 else ''}, {minutes:g} min of training each"
    print(f"{budget}, and their tests. Rows go to {output} as they are made.", file=sys.stderr)
    rows = []
    ended = follow.one_by_one(store, found, launches, f"results {minutes:g} min")
    for run, recipe in zip(ended, recipes, strict=False):  # fewer after a Ctrl-C
        if run.status != "finished":
            print(summary(run), file=sys.stderr)
            continue
        rows.append(results.row(recipe, run))
        results.write(output, rows)  # after each, so that nothing measured is lost
    emit(results.document(rows), as_json, results.markdown(rows) if rows else "No run finished: there is no table.")
    raise typer.Exit(0 if len(rows) == len(recipes) else 1)


def prepared(recipes: Sequence[results.Recipe], common: list[str], home: Home, download: bool) -> list[Launch]:
    """A launch for each recipe, tried out and with its data there. common: assignments for all of them."""
    from core import launch

    launches = []
    for recipe in recipes:
        config = launch.from_preset(presets.preset(recipe.preset), [*recipe.assignments, *common])
        need_data(config, home, download)
        launches += launch.prepared(config, recipe.name, home=home)
    return launches
