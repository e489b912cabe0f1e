"""Scoring a trained run again from the command line."""

from collections.abc import Sequence
from typing import Annotated

import typer

from core import diverged
from core.cli import follow
from core.cli.options import CheckpointOption, HomeOption, JsonOption, RunArgument, SetOption, find_run, open_home
from core.cli.output import emit
from core.further_scores import further_scores
from core.retest import left_out, with_shots
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from core.shots import read
from data.errors import InputError


def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option("--split", help="train, val or test.")] = "test",
    episodes: Annotated[
        int | None, typer.Option("--episodes", help="Number of frozen episodes; default as in the run.")
    ] = None,
    checkpoint: CheckpointOption = "",
    shots: Annotated[
        str | None,
        typer.Option(
            "--shots",
            metavar="1,2,5,10",
            help="Test with each of these k_shot, and keep the scores beside the run's test.",
        ),
    ] = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Score a run's best checkpoint, or another one, on frozen episodes, by its own protocol or a changed one."""
    from core.trained import evaluate_run
    from data.family import SPLITS

    if split not in SPLITS:
        raise InputError(f"There is no split named {split}.", f"Choose {', '.join(SPLITS)}.", "split")
    numbers = None if shots is None else read(shots)
    if numbers and split != "test":
        raise InputError("--shots is of test tasks.", "Leave --split out.", "split")
    found, store = open_home(home)
    one = find_run(store, run)
    if numbers:
        changes = [*(set_ or []), *([] if episodes is None else [f"evaluation.episodes={episodes}"])]
        _with_shots(found, store, one, numbers, changes, as_json)
        return
    with follow.bar("evaluating") as tick:
        result = evaluate_run(found, one, split, episodes, set_ or [], tick=tick, which=checkpoint)
    whole = result.as_json(run)
    text = f"{result.split} {result.metric.title} {result.metric.text(result.mean, result.ci95)} on {result.episodes} episodes"
    lines = [f"{text}, {result.non_finite} not finite{diverged.remark(result.metric, whole)}", diverged.sentence(whole)]
    lines += [f"  {title} {text}" for title, text in further_scores(whole)]
    emit(whole, as_json, "\n".join(filter(None, lines)))


def _with_shots(
    home: Home, store: RunStore, run: Run, shots: Sequence[int], changes: Sequence[str], as_json: bool
) -> None:
    """From the same checkpoint with each number of shots; those that do not fit are said."""
    with follow.bar("evaluating") as tick:
        results, why = with_shots(home, store, run, shots, changes, tick)
    lines = [
        f"{one.protocol['k_shot']:>3}-shot  {one.metric.title} {one.metric.text(one.mean, one.ci95)} on {one.episodes} episodes"
        for one in results
    ]
    document = {
        "results": [one.as_json(run.id) for one in results],
        "left_out": {str(k): text for k, text in why.items()},
    }
    emit(document, as_json, "\n".join(filter(None, [*lines, left_out(why)])))
