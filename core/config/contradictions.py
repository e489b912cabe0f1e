"""What no single field can see: settings that do not fit each other, or not the data; each with a way out that leads out."""

from collections.abc import Mapping
from typing import Any

from core.algorithms.base import Algorithm, algorithms
from core.config.frozen_network import frozen_problems
from core.config.problem import Problem
from core.config.run import RunConfig
from core.models.base import ModelBuilder, models
from core.runs import hardware
from data.errors import DataError
from data.family import SPLITS
from data.language import tr
from data.places import Folders
from data.registry import families
from data.shortages import Shortage, lower
from data.spec import InputSpec

BRANCHES = ("family", "model", "algorithm")


def contradictions(config: RunConfig, folders: Folders | None = None) -> list[Problem]:
    """All that does not fit. folders: where the data are, for families that have to look at them before it is known."""
    short = size_problems(config, folders)
    refused = evaluation_problems(config, folders, {problem.path: problem for problem in short})
    said = {problem.path for problem in refused}
    found = refused + [problem for problem in short if problem.path not in said] + learner_problems(config, folders)
    training = config.training
    if training.final_lr > training.meta_lr and training.schedule in ("cosine", "linear"):
        text = tr(
            "final_lr = {final_lr:g} is above meta_lr = {meta_lr:g}.",
            final_lr=training.final_lr,
            meta_lr=training.meta_lr,
        )
        remedy = tr("A {schedule} schedule falls: set it to 0 or a small rate.", schedule=training.schedule)
        found.append(Problem("training.final_lr", text, remedy, ({"training.final_lr": 0.0},)))
    missing = device_problems(config.device)
    return found + frozen_problems(config.family, folders) + missing + process_problems(config) + outer_problems(config)


def changed(config: RunConfig, change: Mapping[str, Any]) -> RunConfig:
    """The config after a way out was taken."""
    values = config.model_dump(mode="json")
    for path, value in change.items():
        section, _, name = path.rpartition(".")
        if path in BRANCHES:
            values[path] = {"name": value}
            values["evaluation"] |= {"inner_steps": None} if path == "algorithm" else {}
        else:
            (values[section] if section else values)[name] = value
    return RunConfig.model_validate(values)


def size_problems(config: RunConfig, folders: Folders | None) -> list[Problem]:
    """Tasks that a split is too small for. A path names the field to change: the evaluation's own where it has one."""
    try:
        short = _short(config, folders)
    except DataError as error:
        path = error.path if error.path.startswith("family.") else "family.name"
        return [Problem(path, error.message, error.remedy)]
    most: dict[str, int] = {}
    for split, one in (found for shorts in short.values() for found in shorts):
        for name, value in one.lowered.items():
            at = _place(config, split, name)
            most[at] = min(most.get(at, value), value)
    found = []
    for path, shorts in short.items():
        lowered = {_place(config, split, name) for split, one in shorts for name in one.lowered}
        change = {at: most[at] for at in most if at in lowered}
        shared = any(at.startswith("family.") for at in change)
        if shared and not _short(changed(config, change), folders).keys() <= short.keys():
            change = most  # what is left over would be said at another field than now
        found.append(_shortage(config, path, shorts, change))
    return found


def _short(config: RunConfig, folders: Folders | None) -> dict[str, list[tuple[str, Shortage]]]:
    """What each split has too little of, by the path of the field. Raises DataError where files are missing."""
    family, found = families()[config.family.name], {}
    sizes = family.sizes(config.family, folders)
    test = config.test_shape
    for path, (_, value) in _refused(config).items():  # and said there: judged is what may be had instead
        name = path.rpartition(".")[2]
        test = test._replace(**{name: getattr(config.family.shape, name) if value is None else value})
    for split in SPLITS:
        shape = config.family.shape if split == "train" else test
        for short in family.shortages(config.family, shape, split, sizes):
            found.setdefault(_place(config, split, short.field), []).append((split, short))
    return found


def fixed(config: RunConfig) -> bool:
    """Whether tests have to have as many classes as training."""
    classes = families()[config.family.name].kind == "classification"
    return classes and algorithms()[config.algorithm.name].fixed_way


def _place(config: RunConfig, split: str, name: str) -> str:
    """The path of the setting that decides n_way, k_shot or n_query of a split's tasks."""
    own = split != "train" and getattr(config.evaluation, name) is not None
    return f"evaluation.{name}" if own and not (name == "n_way" and fixed(config)) else f"family.{name}"


def _shortage(config: RunConfig, path: str, shorts: list[tuple[str, Shortage]], change: Mapping[str, int]) -> Problem:
    """What several splits lack at one field as one problem: the strictest. change: the way out for all of them."""
    name = path.rpartition(".")[2]
    strictest = min((short for _, short in shorts), key=lambda short: short.lowered.get(name, 0))
    if strictest.remedy:
        return Problem(path, str(strictest), changes=({path: None},) if strictest.leave_empty else ())
    said = lower({name if at == path else at: value for at, value in change.items()})
    follows = _given_up(config, change)
    said += "".join(tr(", and {setting}", setting=_set(at, value)) for at, value in follows.items())
    return Problem(
        path,
        tr("{message}; lower {settings}.", message=strictest.message, settings=said),
        changes=({**change, **follows},),
    )


def _given_up(config: RunConfig, change: Mapping[str, Any]) -> dict[str, Any]:
    """What the evaluation cannot keep after this change of the training tasks."""
    if not any(at.startswith("family.") for at in change):
        return {}
    found = {at: value for at, (_, value) in _refused(changed(config, change)).items() if at not in _refused(config)}
    if "family.n_way" in change and fixed(config) and config.evaluation.n_way is not None:
        found["evaluation.n_way"] = None
    return found


def _set(path: str, value: Any) -> str:
    return tr("leave {path} empty", path=path) if value is None else tr("set {path} to {value}", path=path, value=value)


def evaluation_problems(config: RunConfig, folders: Folders | None, short: Mapping[str, Problem]) -> list[Problem]:
    """Tests that this learner cannot take after such a training. short: what else is wrong at a setting."""
    found = []
    for path, (text, value) in _refused(config).items():
        name = path.rpartition(".")[2]
        first = short[path].changes[0] if path in short else {path: value}
        ways = [first, {f"family.{name}": getattr(config.test_shape, name)}]
        if not _leads_out(config, ways[1], folders):
            del ways[1]
        words = tr(", or ").join(_set(at, number) for way in ways for at, number in way.items())
        found.append(Problem(path, text, f"{words[0].upper()}{words[1:]}.", tuple(ways)))
    return found


def _refused(config: RunConfig) -> dict[str, tuple[str, Any]]:
    """What the learner cannot be tested with, by path: why, and the value that the evaluation may have instead."""
    shape, test, found = config.family.shape, config.test_shape, {}
    algorithm = algorithms()[config.algorithm.name]
    if fixed(config) and test.n_way != shape.n_way:
        text = tr(
            "{title} learns an output layer for {n_way} classes and cannot be tested on {tested}.",
            title=tr(algorithm.title),
            n_way=shape.n_way,
            tested=test.n_way,
        )
        found["evaluation.n_way"] = text, None
    most = algorithm.most_shots(shape)
    if most is not None and test.k_shot > most:
        text = tr(
            "{title} trained with {k_shot} shots reads at most {most} of a class, not {tested}.",
            title=tr(algorithm.title),
            k_shot=shape.k_shot,
            most=most,
            tested=test.k_shot,
        )
        found["evaluation.k_shot"] = text, most
    return found


def _leads_out(config: RunConfig, change: Mapping[str, Any], folders: Folders | None) -> bool:
    """Whether a change brings no problem that was not there before."""
    after = changed(config, change)
    try:
        short = _short(after, folders).keys() <= _short(config, folders).keys()
    except DataError:
        short = True
    divided = {one.path for one in process_problems(after)} <= {one.path for one in process_problems(config)}
    divided = divided and len(outer_problems(after)) <= len(outer_problems(config))
    return short and divided and _refused(after).keys() <= _refused(config).keys()


def learner_problems(config: RunConfig, folders: Folders | None) -> list[Problem]:
    """Why this learner cannot learn these tasks with this network."""
    algorithm, found = algorithms()[config.algorithm.name], []
    spec, own = config.family.input_spec, models()["module"].group
    frozen = bool(config.family.frozen_network)
    if text := not_for(algorithm, config.family.name, frozen):
        able = [
            name
            for name, item in algorithms().items()
            if not not_for(item, config.family.name, frozen) and _leads_out(config, {"algorithm": name}, folders)
        ]
        ways = tuple({"algorithm": name} for name in able)
        found.append(Problem("algorithm.name", text, tr("Choose one of {names}.", names=", ".join(able)), ways))
    misfit = models()[config.model.name].problem(config.model, spec)
    if misfit and (algorithm.uses_network or found):
        able = [name for name, item in models().items() if item.group != own and not item.problem(item.Config(), spec)]
        ways = tuple({"model": name} for name in able)
        found.append(Problem("model.name", misfit, changes=ways))
    # Steps that are computed again give no graph of what was explored.
    if getattr(config.family, "meta_gradient", "") == "e-maml" and getattr(config.algorithm, "recompute", False):
        text = tr("E-MAML's meta-gradient needs the graphs of the inner steps, and recompute keeps none.")
        ways = {"algorithm.recompute": False}, {"family.meta_gradient": "lvc"}
        found.append(Problem("algorithm.recompute", text, tr("Set it to false, or family.meta_gradient to lvc."), ways))
    if not algorithm.takes_steps and config.evaluation.inner_steps:
        text = tr("{title} reads the support set at once and takes no inner steps.", title=tr(algorithm.title))
        remedy = tr("Leave it empty (null on the command line).")
        found.append(Problem("evaluation.inner_steps", text, remedy, ({"evaluation.inner_steps": None},)))
    return found


def outer_problems(config: RunConfig) -> list[Problem]:
    """Why the outer update cannot be the one that is asked for."""
    training, algorithm, family = config.training, algorithms()[config.algorithm.name], families()[config.family.name]
    if training.outer_update == "gradient" or not algorithm.meta_trained:
        return []
    found: list[tuple[str, Mapping[str, Any]]] = []
    if family.kind != "control":
        found.append(
            (
                tr(
                    "trpo bounds how far policies change, and {name} is {kind}.",
                    name=config.family.name,
                    kind=tr(family.kind),
                ),
                {},
            )
        )
    elif not (algorithm.outer_gradient and algorithm.episodic):
        found.append(
            (tr("trpo needs the gradient of a meta-loss, and {title} learns otherwise.", title=tr(algorithm.title)), {})
        )
    if getattr(config.family, "meta_gradient", "") == "e-maml":
        found.append(
            (tr("E-MAML's term for exploring is no part of what trpo looks at."), {"family.meta_gradient": "lvc"})
        )
    if getattr(config.algorithm, "recompute", False):
        text = tr("trpo differentiates the inner steps three times, which recompute does not do.")
        found.append((text, {"algorithm.recompute": False}))
    if training.processes > 1:
        found.append((tr("trpo takes its steps in one process."), {"training.processes": 1}))
    if config.device == hardware.ALL_GPUS:
        found.append((tr("trpo takes its steps on one GPU."), {"device": "cuda"}))
    if not found:
        return []
    text, other = found[0]
    remedy, ways = tr("Set it to gradient."), [{"training.outer_update": "gradient"}]
    if other and len(found) == 1:
        ((path, value),) = other.items()
        remedy, ways = (
            tr("Set it to gradient, or {path} to {lower}.", path=path, lower=str(value).lower()),
            [*ways, other],
        )
    return [Problem("training.outer_update", text, remedy, tuple(ways))]


def not_for(algorithm: type[Algorithm], family: str, frozen: bool = False) -> str:
    """Why a learner cannot learn a family's tasks, whatever the network; empty where it can. frozen: see ``_inputs``."""
    kind, spec = families()[family].kind, _inputs(family, frozen)
    if kind not in algorithm.kinds:
        return tr(
            "{title} is for {kinds}, and {family} is {kind}.",
            title=tr(algorithm.title),
            kinds=tr(algorithm.kinds[0]),
            family=family,
            kind=tr(kind),
        )
    if spec.dtype == "integer" and not algorithm.reads_tokens:
        return tr(
            "{title} computes with the inputs themselves, and those of {family} are tokens, not real numbers.",
            title=tr(algorithm.title),
            family=family,
        )
    return ""


def not_with(network: type[ModelBuilder], family: str, frozen: bool = False) -> str:
    """Why a network cannot read a family's inputs, both as they come; empty where it can. frozen: see ``_inputs``."""
    return network.problem(network.Config(), _inputs(family, frozen))


def _inputs(family: str, frozen: bool) -> InputSpec:
    """What learners are given of a family. frozen: the features of some frozen network."""
    kind = families()[family].Config
    return kind(name=family, **({kind.frozen: "any"} if frozen else {})).input_spec


def device_problems(device: str) -> list[Problem]:
    """Why a run cannot be given this device on this machine; empty when it can."""
    message, remedy = hardware.device_problem(device)
    return [Problem("device", message, remedy, ({"device": "auto"},))] if message else []


def process_problems(config: RunConfig) -> list[Problem]:
    """Why the work of this run cannot be divided as its device and its processes say; on auto if its device is not there."""
    training, algorithm = config.training, algorithms()[config.algorithm.name]
    device = "auto" if device_problems(config.device) else config.device
    all_gpus, slots = device == hardware.ALL_GPUS, hardware.slots()
    slot = next(iter(hardware.fitting(device, slots)), "")
    count = len(hardware.members(slot, slots)) if all_gpus else training.processes
    path = "device" if all_gpus else "training.processes"
    alone = {path: "cuda"} if all_gpus else {path: 1}
    if all_gpus and training.processes > 1:  # which on one GPU would count
        alone["training.processes"] = 1
    to_be_alone = tr(" and ").join(tr("{at} to {value}", at=at, value=value) for at, value in alone.items())
    if count == 1 or not slot:  # there is nothing at all to train on, which is said of the device
        return []
    if not (algorithm.episodic and algorithm.meta_trained):
        text = tr(
            "{title} does not train on tasks that {count} processes could divide among them.",
            title=tr(algorithm.title),
            count=count,
        )
        return [Problem(path, text, tr("Set {to_be_alone}.", to_be_alone=to_be_alone), (alone,))]
    found = []
    if not all_gpus and slot != "cpu":
        text = tr(
            "{count} processes share the processor, and device {device} is {slot} here.",
            count=count,
            device=device,
            slot=slot,
        )
        gpus = len(hardware.members(hardware.ALL_GPUS, slots)) if slot.startswith("cuda") else 0
        devices = ["cpu", *([hardware.ALL_GPUS] if 0 < gpus <= training.meta_batch_size else [])]
        remedy = tr(
            "Set {to_be_alone}, or device to {devices}.", to_be_alone=to_be_alone, devices=" or to ".join(devices)
        )
        found.append(Problem(path, text, remedy, (alone, *({"device": device} for device in devices))))
    if count > training.meta_batch_size:
        text = tr(
            "{count} processes cannot divide {meta_batch_size} tasks among them.",
            count=count,
            meta_batch_size=training.meta_batch_size,
        )
        at = "training.meta_batch_size"
        found.append(
            Problem(
                at,
                text,
                tr("Set it to {count} or more, or {to_be_alone}.", count=count, to_be_alone=to_be_alone),
                ({at: count}, alone),
            )
        )
    return found
