"""Scoring a trained run again from the command line."""

from typing import Annotated

import typer

from core import diverged
from core.cli import follow
from core.cli.options import CheckpointOption, HomeOption, JsonOption, RunArgument, SetOption, find_run, open_home
from core.cli.output import emit
from data.errors import InputError


def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    episodes: Annotated[
        int | None, typer.Option("--episodes", help="Number of frozen episodes; default as in the run.")
    ] = None,
    checkpoint: CheckpointOption = "",
    set_: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Score a run's best checkpoint, or another one, on frozen episodes, by its own protocol or a changed one."""
    from core.trained import evaluate_run
    from data.family import SPLITS

    if split not in SPLITS:
        raise InputError(f"There is no split named {split}.", f"Choose {', '.join(SPLITS)}.", "split")
    found, store = open_home(home)
    one = find_run(store, run)
    with follow.bar("evaluating") as tick:
        result = evaluate_run(found, one, split, episodes, set_ or [], tick=tick, which=checkpoint)
    whole = result.as_json(run)
    text = f"{result.split} {result.metric.title} {result.metric.text(result.mean, result.ci95)} on {result.episodes} episodes"
    lines = [f"{text}, {result.non_finite} not finite{diverged.remark(result.metric, whole)}", diverged.sentence(whole)]
    emit(whole, as_json, "\n".join(filter(None, lines)))
