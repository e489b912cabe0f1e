"""RunConfig: all that determines a run, and ``parse``, the one way in for what a person typed."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from core.algorithms.base import BatchStatistics, algorithms
from core.models.base import models
from core.runs.hardware import device_problem
from data.config import Config, setting
from data.errors import DataError, InputError
from data.family import SPLITS, EpisodeShape
from data.folders import Folders
from data.registry import families


class TrainingConfig(Config):
    """The outer loop: how the learner's own parameters are trained."""

    iterations: int = setting(10_000, "Iterations", ge=1, le=10_000_000, step=1000)
    """Meta-steps, or ordinary batches for a pretrained baseline."""
    meta_batch_size: int = setting(16, "Tasks per meta-batch", unit="tasks", ge=1, le=1024)
    """Tasks whose query losses are averaged in one meta-step."""
    meta_lr: float = setting(1e-3, "Meta learning rate", gt=0, le=1, step=0.001)
    """Adam's learning rate in the outer loop; Reptile's step towards the adapted weights, 1 in its paper."""
    minutes: float | None = setting(
        None, "Time budget", unit="minutes", gt=0, le=100_000, step=1.0, advanced=True, empty="none"
    )
    """Training ends after so many minutes even if iterations are left; cosine and linear schedules then follow the
    clock. Such a run's numbers depend on the machine's speed.
    """
    schedule: Literal["constant", "cosine", "linear", "exponential"] = setting("constant", "Schedule")
    """How the meta learning rate changes over the iterations."""
    decay_rate: float = setting(0.9, "Decay rate", gt=0, le=1, step=0.05, advanced=True)
    """Exponential schedule: factor every ‘decay every’ iterations."""
    decay_every: int = setting(1000, "Decay every", unit="iterations", ge=1, step=100, advanced=True)
    """Exponential schedule: iterations between two factors."""
    staircase: bool = setting(True, "Staircase", advanced=True)
    """Exponential schedule: decay in steps rather than smoothly."""
    final_lr: float = setting(0.0, "Final rate", ge=0, le=1, step=0.0001, advanced=True)
    """Cosine and linear schedules: the rate at the last iteration."""
    gradient_clip: float | None = setting(None, "Gradient clip", gt=0, step=1.0, advanced=True, empty="no clipping")
    """Each element of the meta-gradient is kept within ± this (10 on mini-ImageNet in Finn et al.); empty: no clipping.
    """
    evaluate_every: int = setting(500, "Validate every", unit="iterations", ge=1, step=100)
    """Iterations between two validations; each also writes a checkpoint."""


class EvaluationConfig(Config):
    """How a learner is tested. Two scores compare only when all of this is equal."""

    n_way: int | None = setting(None, "Classes per task (n_way)", ge=2, le=200, empty="as in training")
    """Classes of a test task."""
    k_shot: int | None = setting(None, "Shots (k_shot)", ge=1, le=100, empty="as in training")
    """Labelled examples of a test task; of each of its classes, where it has classes."""
    n_query: int = setting(15, "Queries (n_query)", ge=1, le=500)
    """Examples that a test task asks about; of each of its classes, where it has classes."""
    inner_steps: int | None = setting(
        None, "Inner steps at test", unit="steps", ge=0, le=200, empty="as the learner does"
    )
    """Adaptation steps before the score is taken."""
    episodes: int = setting(600, "Test episodes", unit="tasks", ge=2, le=100_000, step=100)
    """Frozen test tasks behind the final score."""
    val_episodes: int = setting(100, "Validation episodes", unit="tasks", ge=2, le=100_000, step=50)
    """Frozen validation tasks behind each point of the validation curve."""
    seed: int = setting(0, "Episode seed", ge=0, le=2**31 - 1, advanced=True)
    """Draws the frozen tasks: the same seed gives every run the same tasks."""


def _union(registry: dict[str, type]) -> Any:
    members = reduce(or_, (item.Config for item in registry.values()))
    return Annotated[members, Field(discriminator="name")] if len(registry) > 1 else members


class RunConfig(Config):
    """One training, whole: equal configs on the same device and versions give equal numbers."""

    family: _union(families())
    model: _union(models())
    algorithm: _union(algorithms())
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    batch_statistics: BatchStatistics = setting("transductive", "Batch statistics")
    """What BatchNorm normalises a query by: transductive, together with the task's other queries, as the papers did (in
    learners that compare, with its support set too); support, by the support set, so that each query is answered alone.
    """
    seed: int = setting(0, "Seed", ge=0, le=2**31 - 1)
    """Determines the network's start and the order of training tasks."""
    device: str = setting("auto", "Device")
    """auto, cpu, mps, cuda or cuda:0, cuda:1 …; auto takes a GPU if there is one."""

    @property
    def test_shape(self) -> EpisodeShape:
        """The shape of a test task: the evaluation's own numbers, the training task's where it leaves them open."""
        trained, tested = self.family.shape, self.evaluation
        return EpisodeShape(
            trained.n_way if tested.n_way is None else tested.n_way,
            trained.k_shot if tested.k_shot is None else tested.k_shot,
            tested.n_query,
        )


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a config. path: dotted, such as ``family.k_shot``."""

    path: str
    message: str
    remedy: str = ""


class ConfigError(InputError):
    """A config cannot be run. ``problems`` has one entry a field."""

    def __init__(self, problems: list[Problem]):
        first = problems[0]
        super().__init__(first.message, first.remedy, first.path)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"{p.path}: {p.message} {p.remedy}".strip() for p in self.problems)


def parse(values: dict[str, Any], folders: Folders | None = None) -> RunConfig:
    """A RunConfig from plain values. Raises ConfigError with every problem found, each at its field.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError([_problem(item) for item in error.errors(include_url=False)]) from None
    problems = contradictions(config, folders)
    if problems:
        raise ConfigError(problems)
    return config


def contradictions(config: RunConfig, folders: Folders | None = None) -> list[Problem]:
    """What no single field can see: settings that do not fit each other, or not the data."""
    shape, test = config.family.shape, config.test_shape
    found = size_problems(config, folders)
    algorithm, family = algorithms()[config.algorithm.name], families()[config.family.name]
    if family.kind == "classification" and algorithm.fixed_way and test.n_way != shape.n_way:
        text = (
            f"{algorithm.title} learns an output layer for {shape.n_way} classes and cannot be tested on {test.n_way}."
        )
        found.append(Problem("evaluation.n_way", text, f"Leave it empty, or set family.n_way to {test.n_way}."))
    found += learner_problems(config)
    if config.training.final_lr > config.training.meta_lr and config.training.schedule in ("cosine", "linear"):
        text = f"final_lr = {config.training.final_lr:g} is above meta_lr = {config.training.meta_lr:g}."
        found.append(
            Problem(
                "training.final_lr", text, f"A {config.training.schedule} schedule falls: set it to 0 or a small rate."
            )
        )
    found += device_problems(config.device)
    return found


def size_problems(config: RunConfig, folders: Folders | None) -> list[Problem]:
    """Tasks that a split is too small for. A path names the field to change: the evaluation's own where it has one."""
    family, found = families()[config.family.name], {}
    try:
        sizes = family.sizes(config.family, folders)
    except DataError as error:
        path = error.path if error.path.startswith("family.") else "family.name"
        return [Problem(path, error.message, error.remedy)]
    for split in SPLITS:
        shape = config.family.shape if split == "train" else config.test_shape
        for short in family.shortages(config.family, shape, split, sizes):
            own = split != "train" and getattr(config.evaluation, short.field) is not None
            path = f"evaluation.{short.field}" if own else f"family.{short.field}"
            # The strictest at each field, so that whoever follows it does not meet the next one.
            if path not in found or short.most < found[path].most:
                found[path] = short
    return [Problem(path, str(short)) for path, short in found.items()]


def learner_problems(config: RunConfig) -> list[Problem]:
    """Why this learner cannot learn these tasks with this network."""
    algorithm, family = algorithms()[config.algorithm.name], families()[config.family.name]
    if family.kind not in algorithm.kinds:
        able = ", ".join(name for name, item in algorithms().items() if family.kind in item.kinds)
        text = f"{algorithm.title} is for {algorithm.kinds[0]}, and {config.family.name} is {family.kind}."
        return [Problem("algorithm.name", text, f"Choose one of {able}.")]
    found = []
    misfit = models()[config.model.name].problem(config.model, config.family.input_shape)
    if misfit and algorithm.uses_network:
        found.append(Problem("model.name", misfit))
    if not algorithm.takes_steps and config.evaluation.inner_steps:
        text = f"{algorithm.title} reads the support set at once and takes no inner steps."
        found.append(Problem("evaluation.inner_steps", text, "Leave it empty (null on the command line)."))
    return found


def without_effect(values: dict[str, Any]) -> set[str]:
    """Paths of the settings that play no part beside the others of a config of plain values, for a form to leave out."""
    algorithm, family = algorithms()[values["algorithm"]["name"]], families()[values["family"]["name"]]
    schedule = values["training"]["schedule"]
    idle = {
        "training": TrainingConfig.model_fields if not algorithm.meta_trained else (),
        "model": values["model"] if not algorithm.uses_network else (),
    }
    found = {f"{section}.{name}" for section, names in idle.items() for name in names}
    if not algorithm.episodic:
        found.add("training.meta_batch_size")
    if schedule != "exponential":
        found |= {"training.decay_rate", "training.decay_every", "training.staircase"}
    if schedule not in ("cosine", "linear"):
        found.add("training.final_lr")
    if not algorithm.takes_steps:
        found.add("evaluation.inner_steps")
    if family.kind != "classification":
        found.add("evaluation.n_way")
    return found


def device_problems(device: str) -> list[Problem]:
    """Why a run cannot be given this device on this machine; empty when it can."""
    message, remedy = device_problem(device)
    return [Problem("device", message, remedy)] if message else []


def _problem(error: dict[str, Any]) -> Problem:
    """Pydantic's finding in our words. The union's tag in its location (family.sinusoid.k_shot) is taken out."""
    location = [str(part) for part in error["loc"]]
    tags = {"family": families(), "model": models(), "algorithm": algorithms()}
    if len(location) > 1 and location[1] in tags.get(location[0], {}):
        del location[1]
    named = [part for part in location if not part.isdecimal()]  # an item of a list is said at the list
    path, name, context, kind = (".".join(named), named[-1] if named else "", error.get("ctx", {}), error["type"])
    given = error.get("input")
    limits = {
        "greater_than_equal": ("ge", "the smallest value is {}."),
        "greater_than": ("gt", "it has to be greater than {}."),
        "less_than_equal": ("le", "the largest value is {}."),
        "less_than": ("lt", "it has to be less than {}."),
    }
    if kind in limits:
        key, text = limits[kind]
        return Problem(path, f"{name} = {given!r}: {text.format(context[key])}")
    if kind == "union_tag_invalid":
        return Problem(
            f"{path}.name", f"There is no {path} named '{context['tag']}'.", f"Choose {context['expected_tags']}."
        )
    if kind in ("union_tag_not_found", "missing"):
        return Problem(path, f"{path} is missing.", "Start from a preset, or give a name.")
    if kind == "extra_forbidden":
        return Problem(path, f"There is no setting {path}.", "See `python -m core list` for the names.")
    if kind == "literal_error":
        return Problem(path, f"{name} = {given!r} is not one of the choices.", f"Choose {context['expected']}.")
    return Problem(path, f"{name} = {given!r}: {error['msg'][0].lower()}{error['msg'][1:]}.")
