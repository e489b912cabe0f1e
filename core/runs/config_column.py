"""A setting inside of a run's config, which is JSON, in the words of either database."""

from typing import Any

from sqlalchemy import ColumnElement, Double, Text, and_, case, cast, func, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from core.runs.schema import runs

NUMBERS = ("integer", "real", "number")  # SQLite's words, and PostgreSQL's


class _Extracted(FunctionElement):
    """kind: what JSON says that the value is, NULL where there is none. Its arguments: the column, the path as SQLite writes
    it, and the path's parts.
    """

    inherit_cache = True
    type = Text()


class Kind(_Extracted):
    name, lite, post = "json_kind", "json_type({}, {})", "json_typeof(json_extract_path({}, {}))"
    inherit_cache = True


class Written(_Extracted):
    name, lite, post = "json_written", "CAST(json_extract({}, {}) AS TEXT)", "json_extract_path_text({}, {})"
    inherit_cache = True


@compiles(Kind, "sqlite")
@compiles(Written, "sqlite")
def _sqlite(element: _Extracted, compiler: Any, **options: Any) -> str:
    column, path, *_ = (compiler.process(clause, **options) for clause in list(element.clauses)[:2])
    return element.lite.format(column, path)


@compiles(Kind, "postgresql")
@compiles(Written, "postgresql")
def _postgresql(element: _Extracted, compiler: Any, **options: Any) -> str:
    column, _, *parts = element.clauses
    processed = [compiler.process(clause, **options) for clause in (column, *parts)]
    return element.post.format(processed[0], ", ".join(processed[1:]))


def _of(kind: type[_Extracted], path: str) -> ColumnElement[str]:
    parts = path.split(".")
    lite = "$" + "".join(f'."{part}"' for part in parts)
    return kind(runs.c.config, literal(lite, Text), *(literal(part, Text) for part in parts))


def number(path: str) -> ColumnElement[float]:
    """The setting's value where it is a number, else NULL."""
    return case((_of(Kind, path).in_(NUMBERS), cast(_of(Written, path), Double)))


def is_yes(path: str, yes: bool) -> ColumnElement[bool]:
    """Whether it is a switch that is on, or off."""
    kind, word = _of(Kind, path), "true" if yes else "false"
    return or_(kind == word, and_(kind == "boolean", _of(Written, path) == word))


def is_none(path: str) -> ColumnElement[bool]:
    """Whether it is left open, or there is no such setting."""
    return func.coalesce(_of(Kind, path), "null") == "null"


def written(path: str) -> ColumnElement[str]:
    """The setting's value as text in small letters, where it is text."""
    kind = func.coalesce(_of(Kind, path), "")
    return func.lower(case((kind.in_(("text", "string", "array")), _of(Written, path))))
