"""``parse``, the one way in for what a person typed: a RunConfig, or every problem at its field."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.algorithms.base import algorithms
from core.config.run import RunConfig, TrainingConfig
from core.models.base import models
from core.runs import hardware
from data.errors import DataError, InputError, shortened
from data.family import SPLITS
from data.places import Folders
from data.registry import families

MOST_SAID = 8  # problems in one message; the form shows each at its field


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
        shown = [f"{p.path}: {p.message} {p.remedy}".strip() for p in self.problems[:MOST_SAID]]
        more = len(self.problems) - len(shown)
        return "\n".join([*shown, f"And {more} more."] if more > 0 else shown)


def parse(values: dict[str, Any], folders: Folders | None = None) -> RunConfig:
    """A RunConfig from plain values. Raises ConfigError with every problem found, each at its field.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError([_problem(item) for item in error.errors(include_url=False)]) from None
    except RecursionError:
        raise ConfigError([Problem("", "The config is nested too deeply.", "Start from a preset.")]) from None
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
    most = algorithm.most_shots(shape)
    if most is not None and test.k_shot > most:
        text = (
            f"{algorithm.title} trained with {shape.k_shot} shots reads at most {most} of a class, not {test.k_shot}."
        )
        remedy = f"Set evaluation.k_shot to {most} or fewer, or family.k_shot to {test.k_shot}."
        found.append(Problem("evaluation.k_shot", text, remedy))
    found += learner_problems(config)
    if config.training.final_lr > config.training.meta_lr and config.training.schedule in ("cosine", "linear"):
        text = f"final_lr = {config.training.final_lr:g} is above meta_lr = {config.training.meta_lr:g}."
        found.append(
            Problem(
                "training.final_lr", text, f"A {config.training.schedule} schedule falls: set it to 0 or a small rate."
            )
        )
    found += device_problems(config.device) or process_problems(config)
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
    misfit = models()[config.model.name].problem(config.model, config.family.input_spec)
    if misfit and algorithm.uses_network:
        found.append(Problem("model.name", misfit))
    if not algorithm.takes_steps and config.evaluation.inner_steps:
        text = f"{algorithm.title} reads the support set at once and takes no inner steps."
        found.append(Problem("evaluation.inner_steps", text, "Leave it empty (null on the command line)."))
    return found


def process_problems(config: RunConfig) -> list[Problem]:
    """Why the work of this run cannot be divided as its device and its processes say. The device has to be there."""
    training, algorithm, all_gpus = (
        config.training,
        algorithms()[config.algorithm.name],
        config.device == hardware.ALL_GPUS,
    )
    slot = hardware.fitting(config.device, hardware.slots())[0]
    count = len(hardware.members(slot, hardware.slots())) if all_gpus else training.processes
    path, alone = ("device", "device to cuda") if all_gpus else ("training.processes", "training.processes to 1")
    if count == 1:
        return []
    if not (algorithm.episodic and algorithm.meta_trained):
        text = f"{algorithm.title} does not train on tasks that {count} processes could divide among them."
        return [Problem(path, text, f"Set {alone}.")]
    if not all_gpus and slot != "cpu":
        text = f"{count} processes share the processor, and device {config.device} is {slot} here."
        more = " or to cuda:all" if slot.startswith("cuda") else ""
        return [Problem(path, text, f"Set {alone}, or device to cpu{more}.")]
    if count > training.meta_batch_size:
        text = f"{count} processes cannot divide {training.meta_batch_size} tasks among them."
        return [Problem("training.meta_batch_size", text, f"Set it to {count} or more, or {alone}.")]
    return []


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
        found |= {"training.meta_batch_size", "training.tasks_at_once", "training.processes"}
    if values.get("device") == hardware.ALL_GPUS:  # one each
        found.add("training.processes")
    if schedule != "exponential":
        found |= {"training.decay_rate", "training.decay_every", "training.staircase"}
    if schedule not in ("cosine", "linear"):
        found.add("training.final_lr")
    if not algorithm.takes_steps:
        found.add("evaluation.inner_steps")
    if family.kind != "classification":
        found.add("evaluation.n_way")
    network = algorithm.uses_network and models()[values["model"]["name"]].normalises
    if not (network or algorithm.normalises):
        found.add("batch_statistics")
    return found


def device_problems(device: str) -> list[Problem]:
    """Why a run cannot be given this device on this machine; empty when it can."""
    message, remedy = hardware.device_problem(device)
    return [Problem("device", message, remedy)] if message else []


def _problem(error: dict[str, Any]) -> Problem:
    """Pydantic's finding in our words. The union's tag in its location (family.sinusoid.k_shot) is taken out."""
    location = [str(part) for part in error["loc"]]
    tags = {"family": families(), "model": models(), "algorithm": algorithms()}
    if len(location) > 1 and location[1] in tags.get(location[0], {}):
        del location[1]
    named = [part for part in location if not part.isdecimal()]  # an item of a list is said at the list
    path, name, context, kind = (".".join(named), named[-1] if named else "", error.get("ctx", {}), error["type"])
    given = shortened(repr(error.get("input")))
    limits = {
        "greater_than_equal": ("ge", "the smallest value is {}."),
        "greater_than": ("gt", "it has to be greater than {}."),
        "less_than_equal": ("le", "the largest value is {}."),
        "less_than": ("lt", "it has to be less than {}."),
    }
    if kind in limits:
        key, text = limits[kind]
        return Problem(path, f"{name} = {given}: {text.format(context[key])}")
    if kind == "union_tag_invalid":
        tag = shortened(context["tag"])
        return Problem(f"{path}.name", f"There is no {path} named '{tag}'.", f"Choose {context['expected_tags']}.")
    if kind in ("union_tag_not_found", "missing"):
        return Problem(path, f"{path} is missing.", "Start from a preset, or give a name.")
    if kind == "extra_forbidden":
        return Problem(path, f"There is no setting {shortened(path)}.", "See `python -m core list` for the names.")
    if kind == "literal_error":
        return Problem(path, f"{name} = {given} is not one of the choices.", f"Choose {context['expected']}.")
    said = error["msg"].removeprefix("Value error, ")
    return Problem(path, f"{name} = {given}: {said[0].lower()}{said[1:]}.")
