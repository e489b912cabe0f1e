"""``parse``, the one way in for what a person typed: a RunConfig, or every problem at its field."""

from typing import Any

from pydantic import ValidationError

from core.algorithms.base import algorithms
from core.config.contradictions import Problem, contradictions
from core.config.run import RunConfig, TrainingConfig
from core.models.base import models
from core.runs import hardware
from data.errors import InputError, shortened
from data.family import FamilyConfig
from data.language import mark, tr
from data.places import Folders
from data.registry import families

MOST_SAID = 8  # problems in one message; the form shows each at its field


class ConfigError(InputError):
    """A config cannot be run. ``problems`` has one entry a field."""

    def __init__(self, problems: list[Problem]):
        first = problems[0]
        super().__init__(first.message, first.remedy, first.path)
        self.problems = problems

    def __str__(self) -> str:
        shown = [f"{p.path}: {p.message} {p.remedy}".strip() for p in self.problems[:MOST_SAID]]
        more = len(self.problems) - len(shown)
        return "\n".join([*shown, tr("And {more} more.", more=more)] if more > 0 else shown)


def parse(values: dict[str, Any], folders: Folders | None = None) -> RunConfig:
    """A RunConfig from plain values. Raises ConfigError with every problem found, each at its field.

    folders: where the data are, for families that have to look at them before it is known which tasks they can give.
    """
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError([_problem(item) for item in error.errors(include_url=False)]) from None
    except RecursionError:
        raise ConfigError([Problem("", tr("The config is nested too deeply."), tr("Start from a preset."))]) from None
    problems = contradictions(config, folders)
    if problems:
        raise ConfigError(problems)
    return config


def parse_family(values: dict[str, Any]) -> FamilyConfig:
    """A family's config alone, from plain values with its name. Raises ConfigError like ``parse``."""
    name = values["name"]
    try:
        return families()[name].Config.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ConfigError([_problem({**item, "loc": ("family", *item["loc"])}) for item in found]) from None


def without_effect(values: dict[str, Any]) -> set[str]:
    """Paths of the settings that play no part beside the others of a config of plain values, for a form to leave out."""
    algorithm, family = algorithms()[values["algorithm"]["name"]], families()[values["family"]["name"]]
    schedule = values["training"]["schedule"]
    idle = {
        "training": TrainingConfig.model_fields if not algorithm.meta_trained else (),
        "model": values["model"] if not algorithm.uses_network else (),
    }
    found = {f"{section}.{name}" for section, names in idle.items() for name in names}
    if family.Config.frozen and not values["family"].get(family.Config.frozen):
        found |= {f"family.{name}" for name in values["family"] if name.startswith(f"{family.Config.frozen}_")}
    if not algorithm.episodic:
        found |= {"training.meta_batch_size", "training.tasks_at_once", "training.processes"}
    if values.get("device") == hardware.ALL_GPUS:  # one each
        found.add("training.processes")
    if schedule != "exponential":
        found |= {"training.decay_rate", "training.decay_every", "training.staircase"}
    if schedule not in ("cosine", "linear"):
        found.add("training.final_lr")
    if values["training"].get("outer_update") == "trpo":
        found |= {
            f"training.{name}" for name in ("meta_lr", "schedule", "decay_rate", "decay_every", "staircase", "final_lr")
        }
    else:
        found.add("training.trust_region")
        found |= {"training.outer_update"} if family.kind != "control" else set()
    if not algorithm.takes_steps:
        found.add("evaluation.inner_steps")
    if family.kind != "classification":
        found.add("evaluation.n_way")
    network = algorithm.uses_network and models()[values["model"]["name"]].normalises
    if not (network or algorithm.normalises):
        found.add("batch_statistics")
    return found


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
        "greater_than_equal": ("ge", mark("{name} = {given}: the smallest value is {limit}.")),
        "greater_than": ("gt", mark("{name} = {given}: it has to be greater than {limit}.")),
        "less_than_equal": ("le", mark("{name} = {given}: the largest value is {limit}.")),
        "less_than": ("lt", mark("{name} = {given}: it has to be less than {limit}.")),
    }
    if kind in limits:
        key, text = limits[kind]
        return Problem(path, tr(text, name=name, given=given, limit=context[key]))
    if kind == "union_tag_invalid":
        tag = shortened(context["tag"])
        return Problem(
            f"{path}.name",
            tr("There is no {path} named '{tag}'.", path=path, tag=tag),
            tr("Choose {choices}.", choices=context["expected_tags"]),
        )
    if kind in ("union_tag_not_found", "missing"):
        return Problem(path, tr("{path} is missing.", path=path), tr("Start from a preset, or give a name."))
    if kind == "extra_forbidden":
        return Problem(
            path,
            tr("There is no setting {path}.", path=shortened(path)),
            tr("See `python -m core list` for the names."),
        )
    if kind == "literal_error":
        return Problem(
            path,
            tr("{name} = {given} is not one of the choices.", name=name, given=given),
            tr("Choose {choices}.", choices=context["expected"]),
        )
    if kind.startswith(("int_", "float_")) and given == "''":
        return Problem(path, tr("{name} is empty.", name=name), tr("Give it a number."))
    if kind.startswith("int_"):
        return Problem(
            path,
            tr("{name} = {given} is not a whole number.", name=name, given=given),
            tr("Write it in digits, such as 1000 or 1e3."),
        )
    if kind.startswith("float_"):
        return Problem(
            path,
            tr("{name} = {given} is not a number.", name=name, given=given),
            tr("Write it in digits, such as 0.001 or 1e-3."),
        )
    said = error["msg"].removeprefix("Value error, ")
    return Problem(path, f"{name} = {given}: {said[0].lower()}{said[1:]}.")
