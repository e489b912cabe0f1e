"""Runs small enough for a test, and a listener that remembers what it was told."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.config.run import RunConfig
    from core.runs.home import Home
    from core.runs.schema import Run
    from core.training.evaluation import EvaluationResult
    from core.training.listener import Desired, Progress, Row
    from data.family import TaskFamily
    from data.view import Shown

TRAINING = {"iterations": 4, "meta_batch_size": 3, "evaluate_every": 2, "early_validations": 0}
SIZES = {"n_way": 3, "k_shot": 2, "n_query": 2}
POOLS = {"train_classes": 12, "val_classes": 6, "test_classes": 6}
BASES: dict[str, dict[str, Any]] = {
    "sinusoid": {"family": {"name": "sinusoid", "k_shot": 5, "n_query": 5}, "model": {"name": "mlp", "widths": [8]}},
    "doodles": {"family": {"name": "doodles", **SIZES, **POOLS}, "model": {"name": "mlp", "widths": [8]}},
    "navigation": {
        "family": {"name": "navigation", "k_shot": 3, "n_query": 3, "horizon": 5},
        "model": {"name": "mlp", "widths": [8], "constant_outputs": 2},
    },
    "names": {
        "family": {"name": "names", "k_shot": 2, "n_query": 2, "longest": 8},
        "model": {"name": "seq2seq", "heads": 1, "head_width": 8, "layers": 1},
    },
    "conv4": {"family": {"name": "doodles", **SIZES, **POOLS}, "model": {"name": "conv4", "filters": 4}},
}


def values(base: str, *assignments: str) -> dict[str, Any]:
    """The complete values of a tiny run, changed as by ``--set``."""
    from core.config.checks import parse
    from core.config.overrides import apply

    common = {
        "algorithm": {"name": "maml", "inner_lr": 0.1},
        "training": TRAINING,
        "evaluation": {"n_query": 3, "episodes": 30, "val_episodes": 10},
        "device": "cpu",
    }
    complete = parse(copy.deepcopy({**BASES[base], **common})).model_dump(mode="json")
    return apply(complete, list(assignments))


def tiny(base: str, *assignments: str) -> "RunConfig":
    from core.config.checks import parse

    return parse(values(base, *assignments))


def own_modules() -> str:
    """The code of ``own_nets``."""
    return Path(__file__).with_name("own_nets.py").read_text()


class MemoryListener:
    """Remembers. ``answer`` decides what is wanted at each sign of life."""

    def __init__(self, answer: "Callable[[Progress], Desired]" = lambda _: "run"):
        self.answer = answer
        self.beats: list[Progress] = []
        self.rows: list[Row] = []
        self.evaluations: list[tuple[int, EvaluationResult, bool]] = []
        self.early: list[tuple[int, EvaluationResult]] = []
        self.views: list[Shown] = []
        self.forward = ""

    def progress(self, progress: "Progress") -> "Desired":
        self.beats.append(progress)
        return self.answer(progress)

    def metrics(self, rows: "list[Row]") -> None:
        self.rows += rows

    def scored(self, result: "EvaluationResult", iteration: int) -> None:
        self.early.append((iteration, result))

    def evaluated(self, result: "EvaluationResult", iteration: int, best: bool) -> None:
        self.evaluations.append((iteration, result, best))

    def shown(self, shown: "Shown", best: int | None) -> None:
        self.views.append(shown)

    def prepared(self, algorithm) -> None:
        self.forward = algorithm.forward_tasks.mode

    def check(self) -> None:
        """This run is nobody else's."""

    def resumed(self, iteration: int) -> None:
        self.rows = [row for row in self.rows if row[0] <= iteration]
        self.evaluations = [one for one in self.evaluations if one[0] <= iteration]

    @property
    def curve(self) -> list[tuple[int, str, float]]:
        """The metric rows without their seconds, which no two runs share."""
        return [(iteration, key, value) for iteration, _, key, value in self.rows]

    @property
    def scores(self) -> list[tuple[int, str, float]]:
        return [(iteration, result.split, result.mean) for iteration, result, _ in self.evaluations]


class StepClock:
    """A clock that goes on by ``step`` seconds at each look."""

    def __init__(self, step: float):
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def open_tiny(config: "RunConfig", home: "Home") -> "TaskFamily":
    """The run's family with its data; drawn pictures are kept in ``home``."""
    from core.training.build import open_family

    return open_family(config, home.datasets, home.cache)


def finished(home: "Home", *assignments: str) -> "tuple[Run, EvaluationResult]":
    """A run in the store with its checkpoints, and its final test."""
    from core.config.facts import facts_of
    from core.runs.store import RunStore
    from core.training.trainer import Trainer

    config, store = tiny(*assignments), RunStore(home.database)
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    run = store.create(config.model_dump(mode="json"), "a run", **places, facts=facts_of(config).as_json())
    result = Trainer(config, open_tiny(config, home), home.artifacts(run).checkpoints(), MemoryListener()).run()
    store.update(run.id, forward="stacked")
    return store.get(run.id), result
