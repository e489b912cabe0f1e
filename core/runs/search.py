"""What a person types to find runs: words, ``learner:maml``, ``score>0.9``, ``is:starred``, ``-tag:old``, ``"a phrase"``.

Every part has to hold. What cannot be understood is said, and left out.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Double, Text, and_, case, cast, false, func, literal, not_, or_

from core import about
from core.runs import config_column
from core.runs.schema import ACTIVE, runs
from data.language import tr

# The status as people see it: between a wish and the worker's answer it is a present participle. See chips.status_word.
STATE = case(
    (and_(runs.c.status.in_(ACTIVE), runs.c.desired == "stop"), "stopping"),
    (and_(runs.c.status.in_({"starting", "running"}), runs.c.desired == "pause"), "pausing"),
    else_=runs.c.status,
)
STATES = ("queued", "starting", "running", "pausing", "paused", "stopping", "finished", "stopped", "failed", "lost")
THERE = runs.c.deleted.is_(None)  # not among the deleted ones, which can be restored for a while
LISTED = and_(THERE, ~runs.c.archived)
MARKS = {"starred": runs.c.starred, "archived": runs.c.archived, "deleted": runs.c.deleted.is_not(None)}
_group, _number = func.coalesce(runs.c.group, ""), cast(runs.c.id, Text)
TEXTS = {"name": runs.c.name, "note": runs.c.note, "group": _group, "device": runs.c.device}
KINDS = {"learner": runs.c.learner, "family": runs.c.family}
_tags = cast(runs.c.tags, Text)
_WORDS = func.lower(
    runs.c.name + " " + runs.c.note + " " + _group + " #" + _number + _tags + " " + runs.c.learner + " " + runs.c.family
)
_best, _test = (column["mean"].as_float() for column in (runs.c.best, runs.c.test))
NUMBERS = {
    "score": func.coalesce(_test, _best),
    "test": _test,
    "best": _best,
    "iteration": runs.c.iteration,
    "time": runs.c.seconds,
    "parent": cast(runs.c.parent, Double),
    "run": cast(runs.c.id, Double),
}
FIELDS = (*TEXTS, *KINDS, "tag", "status", "is", *NUMBERS)
EXAMPLE = 'maml · learner:maml · tag:paper · is:starred · score>0.9 · inner_lr<0.1 · -status:failed · "two words"'

_LIST = r'(?:"[^"]*"|[^\s",]+)(?:,(?:"[^"]*"|[^\s",]+))*'
_SIGN = r":(?:<=|>=|<|>)?\s*|\s*(?:<=|>=|!=|=|<|>)\s*"
_TERM = re.compile(
    rf'(?P<minus>-(?=[^\s-]))?(?:(?P<field>[^\W\d][\w.]*)(?P<sign>{_SIGN})(?P<list>{_LIST})?|"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))'
)
_VALUE = re.compile(r'"([^"]*)"|([^\s",]+)')
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%|s|min|h|d)?", re.IGNORECASE)
_UNITS = {"": 1.0, "%": 0.01, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_COMPARED = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Term:
    """A part of a search. field: empty for words. sign: ``:``, ``=``, ``!=``, ``<`` …. values: one of them has to fit."""

    field: str
    sign: str
    values: tuple[str, ...]
    negated: bool
    typed: str


@dataclass(frozen=True)
class Search:
    """conditions: what runs have to meet, of which there are as many as the person gave, and never one a run. problems: what
    was not understood, each with a way out.
    """

    conditions: tuple[ColumnElement[bool], ...] = (LISTED,)
    problems: tuple[str, ...] = ()


class NotUnderstoodError(Exception):
    """A term that means nothing, in words."""


def parsed(text: str) -> list[Term]:
    """The parts of a search, as they were typed. A quotation mark that is not closed reaches to the end."""
    return [_term(found) for found in _TERM.finditer(text + '"' * (text.count('"') % 2))]


def _term(found: re.Match) -> Term:
    typed, negated = found[0], found["minus"] is not None
    if found["field"] is None:
        return Term("", ":", (found["word"] if found["phrase"] is None else found["phrase"],), negated, typed)
    values = tuple(quoted or plain for quoted, plain in _VALUE.findall(found["list"] or ""))
    sign = found["sign"].strip()
    sign = sign[1:] or ":" if sign.startswith(":") else sign
    return Term(found["field"].lower(), sign.replace("!=", "="), values, negated != (sign == "!="), typed)


def search(text: str, settings: Callable[[], Mapping[str, object]]) -> Search:
    """What a text asks for. settings: the paths of the settings that runs have, asked for if the text names one."""
    terms, conditions, problems = parsed(text), [], []
    for term in terms:
        try:
            condition = or_(*_alternatives(term, settings))
            conditions.append(not_(func.coalesce(condition, false())) if term.negated else condition)
        except NotUnderstoodError as error:
            problems.append(tr("{strip} is left out: {error}", strip=term.typed.strip(), error=error))
    asked = {value.lower() for term in terms if term.field == "is" and not term.negated for value in term.values}
    scope = [] if "deleted" in asked else [THERE] if "archived" in asked else [LISTED]
    return Search((*scope, *conditions), tuple(problems))


def _alternatives(term: Term, settings: Callable[[], Mapping[str, object]]) -> list[ColumnElement[bool]]:
    if not term.values:
        raise NotUnderstoodError(
            tr("write what comes after {sign}, or put it in quotation marks to look for the words.", sign=term.sign)
        )
    field = {"tags": "tag", "id": "run", "validation": "best"}.get(term.field, term.field)
    if not field:
        return [_WORDS.contains(value.lower(), autoescape=True) for value in term.values]
    if field in NUMBERS:
        return [_compared(NUMBERS[field], term.sign, _as_number(value)) for value in term.values]
    if field in FIELDS:
        if term.sign not in (":", "="):
            raise NotUnderstoodError(
                tr("{field} is no number; write {field}:{values}.", field=field, values=term.values[0])
            )
        return [_named(field, term.sign == "=", value) for value in term.values]
    paths = paths_of(term.field, settings())
    if not paths:
        raise NotUnderstoodError(_unknown(term, settings()))
    return [_setting(path, term.sign, value) for path in paths for value in term.values]


def _named(field: str, exactly: bool, value: str) -> ColumnElement[bool]:
    """Runs whose field of words fits one value."""
    word = value.lower()
    if field == "is" and word in MARKS:
        return MARKS[word]
    if field in ("is", "status"):
        if word not in STATES:
            known = (*MARKS, *STATES) if field == "is" else STATES
            raise NotUnderstoodError(tr("write {field}: and {known}.", field=field, known=about.listed(known, "or")))
        return STATE.in_([word])
    if field == "tag":
        return _tags.contains(f" {word} ", autoescape=True)
    column = func.lower(KINDS.get(field, TEXTS.get(field)))
    if exactly:
        return column == word
    if field in KINDS:  # maml is also ``maml, first order``
        return or_(column == word, column.startswith(f"{word},", autoescape=True))
    return column.contains(word, autoescape=True)


def paths_of(name: str, settings: Collection[str]) -> list[str]:
    """The settings that a short or whole path means. The evaluation's own only where there is no other of that name."""
    found = [path for path in settings if path.lower() == name or path.lower().endswith(f".{name}")]
    whole = [path for path in found if path.lower() == name]
    return whole or [path for path in found if not path.startswith("evaluation.")] or found


def _setting(path: str, sign: str, value: str) -> ColumnElement[bool]:
    word = value.lower()
    if sign in _COMPARED:
        return _compared(config_column.number(path), sign, _as_number(value))
    if word in ("yes", "true", "on", "no", "false", "off"):
        return config_column.is_yes(path, word in ("yes", "true", "on"))
    if word in ("none", "null"):
        return config_column.is_none(path)
    text = config_column.written(path)
    named = text == word if sign == "=" else text.contains(word, autoescape=True)
    if not _NUMBER.fullmatch(value):
        return named
    return or_(_compared(config_column.number(path), "=", _as_number(value)), named)


def _compared(column: ColumnElement[float], sign: str, value: float) -> ColumnElement[bool]:
    return _COMPARED.get(sign, operator.eq)(column, literal(value, Double))


def _as_number(text: str) -> float:
    found = _NUMBER.fullmatch(text)
    value = float(found[1]) * _UNITS[(found[2] or "").lower()] if found else math.nan
    if not math.isfinite(value):
        raise NotUnderstoodError(tr("{text} is no number; write one as 0.9, 90%, 1e-3 or 10min.", text=text[:40]))
    return value


def _unknown(term: Term, settings: Collection[str]) -> str:
    """What else a field may have been meant to be."""
    shorts = dict.fromkeys([*FIELDS, *(path.rpartition(".")[2] for path in settings)])
    near = sorted(name for name in shorts if name.endswith(f"_{term.field}"))[:4]
    near = near or difflib.get_close_matches(term.field, shorts, 3)
    fields = about.listed(FIELDS, "or")
    meant = (
        tr("Did you mean {near}?", near=about.listed(near, "or"))
        if near
        else tr("Runs are found by {fields}, or a setting.", fields=fields)
    )
    return tr(
        'no run has a {field}. {meant} In quotation marks it is looked for as it is: "{strip}".',
        field=term.field,
        meant=meant,
        strip=term.typed.strip(),
    )


def chosen(text: str, field: str) -> tuple[str, ...]:
    """The values that a text asks a field for, such as ``finished`` and ``failed`` of status."""
    return tuple(value for term in parsed(text) if term.field == field and not term.negated for value in term.values)


def with_choice(text: str, field: str, values: Sequence[str]) -> str:
    """The text with these values asked of a field in place of others, and of none if there are none."""
    kept = [term.typed.strip() for term in parsed(text) if term.field != field or term.negated]
    listed = ",".join(f'"{value}"' if re.search(r"[\s,]", value) else value for value in values)
    return " ".join([*kept, *([f"{field}:{listed}"] if values else [])])
