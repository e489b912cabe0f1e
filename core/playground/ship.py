"""Trains and measures the learners that come with Innerloop: ``python -m core.playground.ship [NAME …]``, all without a name.

Each is an ordinary run in a home of its own, given out as anybody gives out a run, and tested on the test classes of its own
family and of others. Takes a quarter of an hour a learner; what it takes from Omniglot has to be there.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.config.checks import parse
from core.library import load_file
from core.playground.shipped import FOLDER, MANIFEST, Measured, Shipped
from core.runs.home import Home
from core.training.build import open_family
from core.training.evaluation import evaluate

EPISODES = 1000


@dataclass(frozen=True)
class Recipe:
    """name, title: as in ``Shipped``. preset, changes: of the run. on: families that it is tested on, its own first."""

    name: str
    title: str
    preset: str
    changes: tuple[str, ...]
    on: tuple[str, ...]


# Narrower than the presets', so that all fit into a megabyte; and what a visitor asks is one drawing, which is answered alone.
DRAWN = ("model.filters=48", "batch_statistics=support", "training.minutes=12")
RECIPES = (
    Recipe(
        "doodles-protonet",
        "ProtoNet",
        "doodles-5w1s-protonet",
        (*DRAWN, "family.n_way=15", "training.meta_batch_size=2"),
        ("doodles", "omniglot"),
    ),
    Recipe(
        "doodles-maml",
        "MAML",
        "doodles-5w1s",
        (*DRAWN, "training.iterations=10000", "training.meta_batch_size=4"),
        ("doodles", "omniglot"),
    ),
    Recipe("sinusoid-maml", "MAML", "sinusoid-maml", (), ("sinusoid",)),
    Recipe("sinusoid-pretrain", "Pretraining", "sinusoid-pretrain", (), ("sinusoid",)),
)


def ship(recipe: Recipe, home: Home) -> Shipped:
    """Train, write and measure one."""
    at = (sys.executable, "-m", "core", "--home", str(home.root))
    changes = [part for change in recipe.changes for part in ("--set", change)]
    train = (*at, "train", "--preset", recipe.preset, "--name", recipe.name, *changes, "--json")
    run = json.loads(subprocess.run(train, check=True, stdout=subprocess.PIPE).stdout)["run"]
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{recipe.name}.zip"
    subprocess.run([*at, "export", str(run), "--what", "checkpoint", "--output", str(path)], check=True)
    return described(recipe, path, home)


def described(recipe: Recipe, path: Path, home: Home) -> Shipped:
    learner = load_file(path, home=home)
    measured = tuple(
        measure(learner.trained.config.model_dump(mode="json"), path, family, home) for family in recipe.on
    )
    config = learner.trained.config
    return Shipped(recipe.name, recipe.title, config.family.name, config.algorithm.name, measured[0].text, measured)


def measure(values: dict[str, Any], path: Path, family: str, home: Home) -> Measured:
    """The learner in a file on test tasks of a family, of the shape that it is tested on in its own."""
    own = values["family"]
    task = (
        own if family == own["name"] else {key: own[key] for key in ("n_way", "k_shot", "n_query")} | {"name": family}
    )
    config = parse({**values, "family": task}, home.folders)
    algorithm = load_file(path, home=home).algorithm
    opened = open_family(config, home.datasets, home.cache, algorithm.family.device)
    result = evaluate(algorithm, config, opened, "test", episodes=EPISODES, checkpoint="best")
    task_words = opened.task(config.test_shape)
    text = f"{result.metric.text(result.mean, result.ci95)} {result.metric.title} on {opened.title}, {task_words}"
    return Measured(family, text, result.mean, result.ci95, result.episodes)


def enter(one: Shipped) -> None:
    """Put it into the manifest, in its place or last."""
    path = FOLDER / MANIFEST
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    by_name = {row["name"]: row for row in rows} | {one.name: asdict(one)}
    path.write_text(json.dumps(list(by_name.values()), indent=2) + "\n", encoding="utf-8")


def main(names: Sequence[str]) -> None:
    home = Home.find(tempfile.mkdtemp(prefix="innerloop-ship-"))
    for recipe in RECIPES:
        if not names or recipe.name in names:
            enter(ship(recipe, home))


if __name__ == "__main__":
    main(sys.argv[1:])
