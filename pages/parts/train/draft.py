"""The config that is being set up on the Train page: plain values that outlive a visit to another page."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.config.checks import ConfigError, parse, without_effect
from core.config.overrides import leave_open
from core.config.run import RunConfig
from core.config.suited import RATES, suited_to
from core.config.telling import REGISTRIES
from core.models.base import ModelError
from core.runs import hardware
from core.training.build import parameter_count
from data.errors import InnerloopError, InputError
from data.language import joined, tr
from data.places import Folders
from data.registry import families
from pages.parts import session, trust
from pages.parts.train import config_form, own_code
from pages.parts.train.wording import worded

DRAFT = "train-draft"  # session state
# What a family's tasks look like carries over to another family of the same kind.
SHAPE = ("n_way", "k_shot", "n_query")


@dataclass
class Draft:
    """values: a RunConfig as plain values, right or wrong. revision: counts the times it was filled, see widget_key.
    name: of the run to be. given: the name as long as nobody typed another.

    others: what was typed for the families, networks and learners not chosen now, by (section, name). tests: what the
    evaluation was set to for them and not for the ones chosen now. rates: of the meta-training of the learners left.
    typed: paths that somebody has changed by hand. brought: what stood where the learner has brought its own rates.
    seeds: how many runs there will be. data_set: which of its family's was chosen last.
    """

    values: dict[str, Any]
    name: str
    revision: int | str = 0
    given: str = ""
    others: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tests: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    rates: dict[str, dict[str, Any]] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    brought: dict[str, Any] = field(default_factory=dict)
    seeds: int = 1
    data_set: Any = None

    def __post_init__(self) -> None:
        self.data_set = self._data_set()

    def choose(self, section: str, name: str, config: type) -> None:
        """Switch family, network or learner; coming back restores what was typed there."""
        old = self.values[section]
        if old["name"] == name:
            return
        self.others[section, old["name"]] = old
        suited = suited_to(self.values["family"]["name"], name) if section == "algorithm" else {}
        if section == "family":
            suited = {section: {"name": name, **next(iter(offered(name).values()), {})}}
        fresh = copy.deepcopy(self.others.get((section, name))) or plain(config(**suited.get(section, {"name": name})))
        if section == "family" and families()[name].kind == families()[old["name"]].kind:
            fresh |= {key: old[key] for key in SHAPE if key in old and key in fresh}
        self.values[section] = fresh
        evaluation = dict(self.values["evaluation"])
        leave_open(self.values, section, old)
        kept = {key: value for key, value in evaluation.items() if self.values["evaluation"][key] != value}
        self.tests[section, old["name"]] = kept
        self.values["evaluation"] |= self.tests.pop((section, name), {})
        if section == "algorithm":
            self._bring_rates(old["name"], self.rates.get(name) or suited.get("training", {}))
        if self.name == self.given:  # a name that nobody typed follows the choice
            self.name = self.given = f"{self.values['family']['name']}-{self.values['algorithm']['name']}"
        self.revision += 1  # fields of the same name start from their new values, not from what the widgets hold

    def choose_data_set(self, name: str) -> None:
        """Of a family that has several; nothing where there is none of this name."""
        family = self.values["family"]
        family |= offered(family["name"]).get(name, {})
        self.data_set = self._data_set()
        self.revision += 1

    def follow_data_set(self) -> None:
        """Start from the settings that another data set of the family brings, once it is chosen."""
        if self._data_set() != self.data_set:
            self.choose_data_set(self._data_set())

    def _data_set(self) -> Any:
        family = self.values["family"]
        return family.get(families()[family["name"]].chooser)

    def _bring_rates(self, before: str, suited: Mapping[str, Any]) -> None:
        """Train at the rates that suit the learner, but for those that somebody typed. before: the learner left."""
        training = self.values["training"]
        self.rates[before] = {name: training[name] for name in RATES}
        rates = {name: suited[name] for name in RATES if name in suited and f"training.{name}" not in self.typed}
        self.brought = {f"training.{name}": training[name] for name, rate in rates.items() if rate != training[name]}
        training |= rates

    def put_back(self) -> None:
        """Train at the rates of before, which count as typed from now on."""
        self.change(self.brought)
        self.typed |= self.brought.keys()
        self.brought = {}

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set some settings, by path, as if they had been typed."""
        for path, value in changes.items():
            config_form.put(self.values, path, value)
        self.revision += 1  # fields take their values from here anew

    def check(self) -> tuple[RunConfig | None, dict[str, str]]:
        """The config, or None and a sentence for each path that is wrong, in the form's words."""
        config, problems = self._checked()
        return config, {path: self.in_words(text, path) for path, text in problems.items()}

    def in_words(self, text: str, at: str) -> str:
        """A message in the form's words. at: the path where it is said."""
        return worded(text, at, all_fields(self.values, REGISTRIES))

    def _checked(self) -> tuple[RunConfig | None, dict[str, str]]:
        try:
            if refused := trust.refusal(self.values):
                return None, refused
            config = parse(self.values, session.home().folders)
            weights(config)
            own_code.check(config)
            return config, {}
        except ConfigError as error:
            problems: dict[str, str] = {}
            for one in error.problems:
                problems[one.path] = joined([problems.get(one.path, ""), one.message, one.remedy])
            return None, problems
        except (ModelError, InputError) as error:  # no memory would hold it, or a server's setting is unclear
            at = error.path if error.path.startswith(("model", "family")) else "model"
            return None, {at: joined([error.message, error.remedy])}


def offered(family: str) -> Mapping[str, Mapping[str, Any]]:
    """The data sets of a family that has several."""
    return families()[family].offered(session.home().folders)


def weights(config: RunConfig) -> int | None:
    """How many weights there are to learn; None for a person's own network, whose code is not run before launch.

    Raises ModelError for more than this machine has memory for.
    """
    if config.model.name == "module":
        return None
    return _weights(
        config.model_dump_json(include={"family", "model", "algorithm", "evaluation"}), session.home().folders
    )


@lru_cache(maxsize=64)  # asked at every rerun, also for a keystroke elsewhere
def _weights(parts: str, folders: Folders) -> int:
    return parameter_count(RunConfig.model_validate_json(parts), folders)


def plain(config: Any) -> dict[str, Any]:
    return config.model_dump(mode="json")


def complete(values: dict[str, Any]) -> dict[str, Any]:
    """A config of plain values with every setting that was left out at its default.

    Raises InnerloopError for a config of another version, whose settings are not the ones there are now.
    """
    try:
        return plain(RunConfig.model_validate(values))
    except ValidationError as error:
        first = ".".join(str(part) for part in error.errors()[0]["loc"])
        message = tr("This config has a setting that this version does not take: {first}.", first=first)
        raise InnerloopError(message, tr("Start from a preset instead."), first) from error


def current() -> Draft | None:
    return st.session_state.get(DRAFT)


def fill(values: dict[str, Any], name: str) -> Draft:
    """Start a new draft. The widgets of the old one are forgotten with its revision."""
    before = current()
    revision = before.revision + 1 if before else 0
    seeds = before.seeds if before else 1
    st.session_state[DRAFT] = Draft(complete(values), name, revision, given=name, seeds=seeds)
    return st.session_state[DRAFT]


def all_fields(
    values: dict[str, Any], sections: Mapping[str, Callable[[], Mapping[str, type]]]
) -> dict[str, list[config_form.Field]]:
    """The form's settings by section. sections: the registries of family, algorithm and model."""
    found = {
        section: config_form.fields(registry()[values[section]["name"]].Config, section)
        for section, registry in sections.items()
    }
    if sets := offered(values["family"]["name"]):
        chooser = f"family.{families()[values['family']['name']].chooser}"
        choices = tuple(dict.fromkeys([config_form.get(values, chooser), *sets]))  # also one that is gone
        found["family"] = [
            replace(one, kind="choice", choices=choices) if one.path == chooser else one for one in found["family"]
        ]
    for section in ("training", "evaluation"):
        found[section] = config_form.fields(RunConfig.model_fields[section].annotation, section)
    of_gpus = ("precision",) if hardware.gpus() else ()
    found["run"] = config_form.fields(RunConfig, "", only=("seed", "device", "batch_statistics", *of_gpus))
    return found


def with_effect(
    settings: dict[str, list[config_form.Field]], values: dict[str, Any], problems: Mapping[str, str]
) -> dict[str, list[config_form.Field]]:
    """The settings without those that play no part beside the others; one that is wrong stays, to be put right."""
    idle = without_effect(values)
    return {
        section: [f for f in fields if f.path not in idle or config_form.problem_of(f.path, problems)]
        for section, fields in settings.items()
    }
