"""A trained learner again: out of its run's row and checkpoint, ready to be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.algorithms.base import Algorithm, algorithms
from core.config.checks import ConfigError, Problem, parse
from core.config.contradictions import changed, fixed
from core.config.overrides import apply
from core.config.run import RunConfig
from core.errors import RunError
from core.handover import bundle
from core.runs import hardware
from core.runs.home import Home
from core.runs.schema import Run
from core.training import checkpoint
from core.training.build import build_learner, open_family, tried_out
from core.training.device import open_device
from core.training.evaluation import EvaluationResult, evaluate
from core.training.frozen import Tick
from data.errors import InputError
from data.family import OnProgress, Split, TaskFamily
from data.language import tr
from data.places import Folders

EVALUATION_ONLY = ("evaluation.", "batch_statistics", "device", "precision")


@dataclass(frozen=True)
class Trained:
    """A learner with the weights of a checkpoint, such as ``best@1200``, and where it learned. content: of the family then."""

    algorithm: Algorithm
    config: RunConfig
    family: TaskFamily
    checkpoint: str
    content: str = ""


def load_trained(
    home: Home,
    run: Run,
    assignments: Sequence[str] = (),
    progress: OnProgress | None = None,
    which: str = "",
    classes: int | None = None,
) -> Trained:
    """The run's best checkpoint, else its last, under a config changed by ``--set`` assignments.

    which: another one, ``last``, ``best`` or an iteration. classes: of tasks that are not drawn from the run's family, so that
    it does not matter how many that has.

    Only what belongs to the evaluation can be changed: the rest is what was trained. Raises ConfigError, RunError
    (no checkpoint yet), CheckpointError, DataError, InputError for a number of classes that the learner is not made for.
    """
    config = _for_classes(parse(_changed(run.config, list(assignments))), classes)
    folder = home.artifacts(run).checkpoints()
    if which:
        one = checkpoint.named(folder, which)
        held = (one, *checkpoint.read(one))
    else:
        held = checkpoint.read_newest(folder, "best") or checkpoint.read_newest(folder, "last")
    if held is None and algorithms()[config.algorithm.name].meta_trained:
        raise _no_checkpoint(run)
    algorithm, family = _built(config, Folders(home.root / run.datasets, home.cache), run.forward == "loop", progress)
    if held is None and algorithm.choice is not None:
        raise _no_checkpoint(run)
    if held is None:  # nothing is learned and nothing chosen: there is nothing to keep in a checkpoint
        return Trained(algorithm, config, family, "best@0")
    checkpoint.put(*held, algorithm)
    label = held[0].label if which else _label(held[0], run)
    return Trained(algorithm, config, family, label, held[2].get("content", ""))


def load_file(
    home: Home,
    path: Path,
    assignments: Sequence[str] = (),
    progress: OnProgress | None = None,
    classes: int | None = None,
) -> Trained:
    """The learner out of a file that ``core.handover.bundle`` made of a run's checkpoint, here or elsewhere; otherwise like
    ``load_trained``. Raises CheckpointError for what is no such file.
    """
    saved = bundle.read(path)
    config = _for_classes(parse(_changed(saved.config, list(assignments))), classes)
    algorithm, family = _built(config, home.folders, saved.forward == "loop", progress)
    where = checkpoint.Checkpoint("best", 0, path)
    checkpoint.put(where, saved.weights, {"algorithm": saved.choice, "made_with": saved.made_with}, algorithm)
    return Trained(algorithm, config, family, saved.label)


def _for_classes(config: RunConfig, n_way: int | None) -> RunConfig:
    if n_way in (None, config.test_shape.n_way):
        return config
    if fixed(config):
        trained = config.test_shape.n_way
        raise InputError(
            tr(
                "This run's {learner} tells {n} classes apart, and {given} are given.",
                learner=config.algorithm.name,
                n=trained,
                given=n_way,
            ),
            tr(
                "Give {n}, or take a run of a learner that is not tied to its training's number, such as protonet.",
                n=trained,
            ),
            "support",
        )
    return changed(config, {"evaluation.n_way": n_way})


def _built(
    config: RunConfig, folders: Folders, looped: bool, progress: OnProgress | None
) -> tuple[Algorithm, TaskFamily]:
    """An untrained learner and its family. looped: whether its training could not stack tasks; one that could is tried out
    anew, perhaps on another device.
    """
    slots = hardware.slots()
    device = open_device(hardware.members(hardware.fitting(config.device, slots)[0], slots)[0], config.precision)
    family = open_family(config, folders.datasets, folders.cache, device, progress)
    return build_learner(config, family, "loop") if looped else tried_out(config, family), family


def _no_checkpoint(run: Run) -> RunError:
    remedy = (
        tr("Its files are gone: train it again.")
        if run.status == "finished"
        else tr("Wait for its first validation, or resume it.")
    )
    return RunError(tr("Run {id} has no checkpoint yet.", id=run.id), remedy)


def _label(saved: checkpoint.Checkpoint, run: Run) -> str:
    """Which weights these are. Without its best checkpoint a run has its last, and the protocol has to say so."""
    missing = saved.which == "last" and run.best is not None
    return f"{saved.label}, as best@{run.best['iteration']} is missing" if missing else saved.label


def evaluate_run(
    home: Home,
    run: Run,
    split: Split = "test",
    episodes: int | None = None,
    assignments: Sequence[str] = (),
    progress: OnProgress | None = None,
    tick: Tick = lambda _: None,
    which: str = "",
) -> EvaluationResult:
    """Score a run's checkpoint on frozen episodes, by its own protocol or a changed one. which: see ``load_trained``."""
    changed = list(assignments) + ([] if episodes is None else [f"evaluation.episodes={episodes}"])
    trained = load_trained(home, run, changed, progress, which)
    trained.family.expect(trained.content)
    return evaluate(
        trained.algorithm,
        trained.config,
        trained.family,
        split,
        episodes=trained.config.evaluation.episodes,
        checkpoint=trained.checkpoint,
        tick=tick,
    )


def fitting(home: Home, run: Run, assignments: Sequence[str]) -> str:
    """Why the run cannot be tested under its config with these changes; empty where it can."""
    try:
        parse(_changed(run.config, list(assignments)), Folders(home.root / run.datasets, home.cache))
    except ConfigError as error:
        return error.message
    return ""


def _changed(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    for assignment in assignments:
        path = assignment.partition("=")[0].strip()
        if not path.startswith(EVALUATION_ONLY):
            text = tr("{path} belongs to the training, which is over.", path=path)
            remedy = tr("Set evaluation.…, batch_statistics, device or precision; train a new run for the rest.")
            raise ConfigError([Problem(path, text, remedy)])
    # The device of the training may be gone; a score does not depend on it.
    return apply({**values, "device": "auto"}, assignments)
