"""What a run's log says of it, in words: with what it works, each score, what the time went into."""

import platform
import tomllib
from collections.abc import Mapping

import torch

from core.algorithms.base import Algorithm
from core.config.facts import called
from core.config.run import RunConfig
from core.training.evaluation import EvaluationResult
from core.training.parallel import PROJECT
from core.training.recorded import Repeated, RepeatedByTask
from data.family import SPLIT_TITLES, TaskFamily
from data.places import Folders


def versions() -> str:
    ours = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    return f"Python {platform.python_version()}, PyTorch {torch.__version__}, Innerloop {ours}"


def opening(config: RunConfig, family: TaskFamily, algorithm: Algorithm) -> list[str]:
    """Seed, data, network and learner, a line each."""
    return [f"seed {config.seed}", data(config, family), network(config, algorithm), learner(config, algorithm)]


def data(config: RunConfig, family: TaskFamily) -> str:
    places = (
        family.places(config.family, Folders(family.datasets, family.cache)) if family.chooser else [family.datasets]
    )
    origin = "drawn by Innerloop" if family.group == "embedded" else f"read from {places[0]}"
    said = f"data: {family.title}, {family.task(config.family.shape)}, {origin}"
    if not family.found:
        return said
    sizes = ", ".join(f"{sizes.classes} {SPLIT_TITLES[split]}" for split, sizes in family.found.items())
    return f"{said}; classes: {sizes}"


def network(config: RunConfig, algorithm: Algorithm) -> str:
    weights = sum(p.numel() for p in algorithm.parameters() if p.requires_grad)
    at_once = algorithm.forward_tasks.mode == "stacked"
    how = "through all tasks at once" if at_once else "through one task after the other, as vmap does not take it"
    return f"network: {config.model.name}, {weights:,} weights to learn, {how}"


def learner(config: RunConfig, algorithm: Algorithm) -> str:
    said = f"learner: {called(config)}"
    if not algorithm.meta_trained:
        return f"{said}, which is not trained before the test"
    learn = algorithm.learn
    recorded = isinstance(learn, Repeated) and not learn.over
    how = f"its meta-step is {f'to be recorded after {learn.after} steps' if recorded else 'not recorded'}"
    divided = isinstance(learn, RepeatedByTask) and algorithm.episodic
    if divided and (cores := torch.get_num_threads()) > 1:
        how = f"its tasks are divided among {cores} cores{f', and {how}' if recorded else ''}"
    return f"{said}; {how}"


def scored(result: EvaluationResult) -> str:
    """``accuracy 91.20 ± 0.80 %``, and how many tasks were left out of it."""
    lost = (
        f", without {result.non_finite} of {result.episodes} tasks, which were not finite" if result.non_finite else ""
    )
    return f"{result.metric.title} {result.metric.text(result.mean, result.ci95)}{lost}"


def chosen(algorithm: Algorithm) -> str:
    return ", ".join(f"{name} {value}" for name, value in (algorithm.choice or {}).items())


def spent(seconds: Mapping[str, float]) -> str:
    return "time went into " + ", ".join(f"{activity} {duration(amount)}" for activity, amount in seconds.items())


def duration(seconds: float) -> str:
    """``1.3 s``, ``12.5 min`` or ``3.2 h``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
