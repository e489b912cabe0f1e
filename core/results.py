"""The table of results: which presets are trained for it, what the papers report, and how the two stand side by side.

Published numbers are those of ``published``. They were measured under the papers' own protocols, ours under the one each row
states.
"""

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import diverged
from core.config.presets import PRESETS, Preset
from core.published import Published, published_for
from core.runs.facts import Facts
from core.runs.schema import Run
from data.errors import InputError
from data.language import mark, plural, tr
from data.metric import Metric

MOST_ITERATIONS = 10_000_000  # there may be: a time budget is to end the training
ENDLESS = f"training.iterations={MOST_ITERATIONS}"
LEARNERS = (
    "maml", "fomaml", "anil", "meta-sgd", "reptile", "maml++", "protonet", "matchingnet", "relationnet", "snail",
    "proto-maml", "baseline++", "pretrain", "scratch", "nearest-centroid",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A row to be measured: a preset, what is changed of it as by ``--set``, and the paper's number if there is one."""

    name: str
    preset: str
    assignments: tuple[str, ...]
    published: Published | None


@dataclass(frozen=True)
class Row:
    """A finished recipe. mean, ci95: accuracy in [0, 1] or the family's own score, None where it is not finite. diverged: how
    many tasks did; median: of the tasks, None in older results. seconds: of training. gap: our mean minus the published one;
    None without either.
    """

    recipe: str
    run: int
    learner: str
    tasks: str
    metric: Metric
    mean: float | None
    ci95: float | None
    diverged: int
    median: float | None
    iterations: int
    seconds: float
    device: str
    protocol: str
    published: Published | None
    gap: float | None


def recipe(preset: Preset) -> Recipe:
    """The preset as a row of the table. Schedules that follow the clock get iterations without end; an exponential one
    counts iterations, and keeps the number it was made for.
    """
    clocked = preset.config.get("training", {}).get("schedule", "constant") != "exponential"
    return Recipe(preset.name, preset.name, (ENDLESS,) if clocked else (), published_for(preset.name))


RECIPES = {preset.name: recipe(preset) for preset in PRESETS}
DEFAULT = [name for name in (f"omniglot-5w1s-{learner}" for learner in LEARNERS) if name in RECIPES]
DEFAULT += [name for name in RECIPES if name.startswith("sinusoid-")]


def chosen(names: Sequence[str]) -> list[Recipe]:
    """The recipes of these names, each once; the default set for none. Raises InputError with the near names."""
    for name in names:
        if name not in RECIPES:
            near = difflib.get_close_matches(name, RECIPES, n=4)
            remedy = f"Did you mean {', '.join(near)}?" if near else f"Choose {', '.join(RECIPES)}."
            raise InputError(f"There is no recipe named {name}.", remedy, "only")
    return [RECIPES[name] for name in dict.fromkeys(names or DEFAULT)]


def row(recipe: Recipe, run: Run) -> Row:
    """What a finished run's final test says."""
    test, published, facts = run.test, recipe.published, Facts.of(run)
    mean = test["mean"]
    return Row(
        recipe=recipe.name,
        run=run.id,
        learner=facts.learner,
        tasks=" ".join(filter(None, (test["family"], test["protocol"]["family"].get("split")))),
        metric=facts.metric,
        mean=mean,
        ci95=test["ci95"],
        diverged=diverged.count(test),
        median=test.get("median"),
        iterations=run.iteration,
        seconds=run.seconds,
        device=run.device,
        protocol=protocol(test),
        published=published,
        gap=None if mean is None or published is None else mean - published.mean,
    )


def protocol(test: dict[str, Any]) -> str:
    """A test's protocol in a line; all of it is in the run. Regression has no classes to count."""
    of = test["protocol"]
    wrong = {mark("{n} not finite"): test["non_finite"], mark("{n} diverged"): diverged.count(test)}
    lost = tr(", ").join(tr(how, n=number) for how, number in wrong.items() if number)
    parts = [f"{of['n_way']}-way"] if of["n_way"] > 1 else []
    parts += [f"{of['k_shot']}-shot", tr("{n} queries", n=of["n_query"])]
    if steps := of["inner_steps"]:  # none for those that read the support set at once
        parts.append(plural("{n} step", "{n} steps", steps))
    if of["batch_statistics"] != "none":
        parts.append(tr("BatchNorm by {statistics}", statistics=tr(of["batch_statistics"])))
    episodes = tr("{n} episodes", n=test["episodes"])
    return tr(", ").join([*parts, tr("{episodes} ({lost})", episodes=episodes, lost=lost) if lost else episodes])


HEAD = (
    "learner", "tasks", "mean ± 95 %", "iterations", "training seconds", "device", "protocol", "published",
    "source (mark)", "gap",
)  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table with its legend."""
    lines = [HEAD, ["---"] * len(HEAD), *(_cells(one) for one in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    legend = "Gap: ours minus published, which was measured under the paper's own recipe and protocol. Marks: V, read in the "
    return f"{table}\n\n{legend}paper or its official code; S, in a secondary copy; M, from memory.\n"


def _cells(row: Row) -> list[str]:
    """A row's cells, in the order of the table's head."""
    paper, gap = row.published, ""
    if row.gap is not None:
        gap = row.metric.difference(row.gap)
    reported = [paper.text, f"{paper.source} ({paper.mark})"] if paper else ["", ""]
    measured = f"{row.metric.title} {row.metric.text(row.mean, row.ci95)}"
    measured += f", median {row.metric.text(row.median)}" if row.diverged else ""
    return [
        row.learner,
        row.tasks,
        measured,
        str(row.iterations),
        f"{row.seconds:.0f}",
        row.device,
        row.protocol,
        *reported,
        gap,
    ]


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows as JSON, for the file beside the table and for ``--json``."""
    return {"rows": [{**asdict(one), "metric": one.metric.name} for one in rows]}


def check_output(output: Path) -> None:
    """That the table can be written there, asked before hours of training. Raises InputError."""
    if output.suffix == ".json":
        raise InputError(f"{output} is where the rows go beside the table.", "Name the table, as results.md.", "output")
    try:
        usable = not output.is_dir() and output.parent.is_dir()
    except OSError as error:
        raise InputError(
            f"{output} is no name of a file: {error.strerror}.", "Give a shorter one.", "output"
        ) from error
    if not usable:
        wrong = f"{output} is a folder." if output.is_dir() else f"The folder {output.parent} does not exist."
        raise InputError(wrong, "Give --output a file in a folder that exists.", "output")


def write(output: Path, rows: Sequence[Row]) -> None:
    """The table, and beside it the same rows as .json. Raises InputError where the folder takes no files."""
    try:
        output.write_text(markdown(rows), encoding="utf-8")
        output.with_suffix(".json").write_text(json.dumps(document(rows), allow_nan=False, indent=2), encoding="utf-8")
    except OSError as error:
        message = f"The table cannot be written to {output}: {error.strerror}."
        raise InputError(message, "Choose another --output; the runs themselves are kept.", "output") from error
