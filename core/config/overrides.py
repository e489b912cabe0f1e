"""``--set path=value``: changing a config by dotted paths."""

import difflib
import json
from itertools import chain
from typing import Any

from core.algorithms.base import algorithms
from core.config.checks import ConfigError, Problem
from core.models.base import models
from data.errors import shortened
from data.language import tr
from data.registry import families

LONGEST_PATH, LONGEST_VALUE, DEEPEST = 200, 10_000, 20  # of an assignment: far beyond any that is meant
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
BRANCHES = {"family": families, "model": models, "algorithm": algorithms}


def apply(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """A changed copy of a complete config (``RunConfig.model_dump()``).

    A value is read as JSON, else as a string. ``algorithm=NAME`` (or family, model) resets that branch to its defaults, and
    does so before the other assignments whatever their order. Raises ConfigError for an unknown path, naming the near ones.
    """
    changed = json.loads(json.dumps(values))
    pairs = [_split(assignment) for assignment in assignments]
    for path, value in sorted(pairs, key=lambda pair: _branch(pair[0]) is None):
        branch = _branch(path)
        if branch is not None:
            before, changed[branch] = changed.get(branch), defaults(branch, value)
            leave_open(changed, branch, before)
        else:
            _assign(changed, path, value)
    return changed


def leave_open(values: dict[str, Any], branch: str, before: Any) -> None:
    """Take back, in place, what the evaluation had set for the learner or for the kind of tasks ``before`` the change."""
    evaluation = values["evaluation"]
    if branch == "algorithm":
        evaluation["inner_steps"] = None
    if branch == "family":
        kinds = {
            family.kind
            for name, family in families().items()
            if name in (values[branch].get("name"), (before or {}).get("name"))
        }
        if len(kinds) > 1:
            evaluation["n_way"] = None


def defaults(branch: str, name: Any) -> dict[str, Any]:
    """The defaults of a family, model or algorithm; just the name where there is none such, for ``parse`` to refuse."""
    found = BRANCHES[branch]().get(name) if isinstance(name, str) else None
    return found.Config().model_dump(mode="json") if found else {"name": name}


def paths(values: dict[str, Any]) -> list[str]:
    """Every path that can be set, as ``training.meta_lr``."""
    found = []
    for key, value in values.items():
        found += [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
    return found


def _split(assignment: str) -> tuple[str, Any]:
    path, equals, text = assignment.partition("=")
    path, shown = path.strip(), shortened(assignment)
    if not equals or not path:
        raise _refused(
            path, tr("'{shown}' is not path=value.", shown=shown), tr("Write for example training.meta_lr=0.01.")
        )
    if len(path) > LONGEST_PATH:
        raise _refused(
            "", tr("There is no setting {path}.", path=shortened(path)), tr("See `python -m core list` for the names.")
        )
    return path, read(path, text)


def read(path: str, text: str) -> Any:
    """The value that a text gives a setting: JSON, else the text itself. Raises ConfigError for what is neither."""
    if len(text) > LONGEST_VALUE:
        raise _refused(
            path,
            tr("{path} is given {n} characters.", path=path, n=len(text)),
            tr("Give {longest_value} at most.", longest_value=LONGEST_VALUE),
        )
    shown = shortened(f"{path}={text}")
    try:  # a NaN by itself is refused at its field, where that can be said better
        value = json.loads(text, parse_constant=None if text.strip() in NOT_FINITE else _no_number)
    except json.JSONDecodeError:
        return text
    except (ValueError, RecursionError):  # NaN, or a number or a nesting beyond what Python reads
        raise _refused(
            path, tr("'{shown}' is not a value.", shown=shown), tr("Give a finite number, true, false, null or text.")
        ) from None
    if _depth(value) > DEEPEST:
        raise _refused(
            path,
            tr("'{shown}' is nested more than {deepest} deep.", shown=shown, deepest=DEEPEST),
            tr("Give a simpler value."),
        )
    return value


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any) -> int:
    """How many lists and objects are inside each other, counted to one beyond DEEPEST."""
    depth, level = -1, [value]
    while level and depth <= DEEPEST:
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        depth, level = depth + 1, list(chain.from_iterable(inner))
    return depth


def _refused(path: str, message: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(path, message, remedy)])


def _branch(path: str) -> str | None:
    branch = path.removesuffix(".name")
    return branch if branch in BRANCHES else None


def _assign(values: dict[str, Any], path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    place: Any = values
    for parent in parents:
        place = place.get(parent) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise _unknown(values, path)
    # Below a free-form setting (model.arguments) any name may be new; everywhere else it has to exist.
    if leaf not in place and len(parents) < 2:
        raise _unknown(values, path)
    place[leaf] = value


def _unknown(values: dict[str, Any], path: str) -> ConfigError:
    known = paths(values)
    leaves = difflib.get_close_matches(_leaf(path), {_leaf(k) for k in known}, n=2)
    near = [k for k in known if _leaf(k) in leaves] + difflib.get_close_matches(path, known, n=3)
    near = list(dict.fromkeys(near))[:4]
    remedy = (
        tr("Did you mean {near}?", near=", ".join(near)) if near else tr("There are {known}.", known=", ".join(known))
    )
    return ConfigError([Problem(path, tr("There is no setting {path}.", path=path), remedy)])


def _leaf(path: str) -> str:
    return path.rsplit(".", 1)[-1]
