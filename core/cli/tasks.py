"""An evaluation task by task, from the command line."""

from typing import Annotated

import typer

from core import task_scores
from core.cli.options import HomeOption, JsonOption, RunArgument, find_run, open_home
from core.cli.output import emit
from core.task_scores import TaskScores
from data.errors import InputError

MOST = 10  # of the confused pairs, and of the hardest classes, that a person is told; JSON has all that were kept
LISTED = 20  # tasks that are told by number
SPLITS = ("test", "val")


def tasks(
    run: RunArgument,
    split: Annotated[str, typer.Option("--split", help="test, or val for the best validation.")] = "test",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Which tasks of a run's final test are hard: the worst by number, and which classes are taken for which."""
    if split not in SPLITS:
        raise InputError(f"There are no scores of single tasks of {split}.", "Choose test or val.", "split")
    found, store = open_home(home)
    one = find_run(store, run)
    of = (one, store, found.artifacts(one))
    if split == "test":
        scored = task_scores.of_test(*of)
    else:
        scored = task_scores.of_best_validation(*of, store.validations_after({run: 0}).get(run, []))
    if scored is None:
        which = "final test" if split == "test" else "validation"
        text = f"Run {run} has no {which} yet, or an early version kept no score of each task."
        raise InputError(text, f"`python -m core show {run}` says how it stands.", "run")
    emit({"run": run} | scored.as_json(), as_json, "\n".join(in_words(scored)))


def in_words(scored: TaskScores) -> list[str]:
    said, metric = scored.as_json(), scored.metric
    spread = ", ".join(f"{name.replace('_', ' ')} {metric.text(value)}" for name, value in said["spread"].items())
    lines = [f"{metric.title} of {said['episodes']} tasks at {scored.checkpoint}: {spread}"]
    for title, places in (("not finite", scored.lost), ("diverged", scored.diverged or [])):
        if places:
            more = f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
            lines.append(f"{title}: tasks {', '.join(map(str, places[:LISTED]))}{more}")
    lines.append("worst tasks, by their place among the frozen episodes, counted from 0:")
    lines += [f"  task {one['episode']:>5}  {metric.text(one['score'])}" for one in said["worst"]]
    if said["pairs"] is None:
        return lines
    lines.append("classes that are taken for others most often:")
    lines += [
        f"  {one['class']} for {one['taken_for']}: {one['count']} of {one['of']} queries"
        for one in said["pairs"][:MOST]
    ]
    lines.append("hardest classes:")
    return lines + [f"  {one['class']}: {one['right']} of {one['of']} queries right" for one in said["classes"][:MOST]]
