"""Learners that come with Innerloop, so that the first thing a visitor sees works: see the folder ``learners``.

A learner is a file as ``python -m core export RUN --what checkpoint`` makes it; what is known of all of them stands in
``shipped.json`` beside them. ``python -m core.playground.ship`` trains and measures them anew.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data import language
from data.language import mark, tr

FOLDER = Path(__file__).parent / "learners"
MANIFEST = "shipped.json"
SCORED = mark("{score} {metric} on {family}, {task}")
KEPT = re.compile(r"(?P<score>[-\d.e]+ ± [-\d.e]+(?: %)?) (?P<metric>\D.*?) on (?P<family>.+), (?P<task>[^,]+)")


@dataclass(frozen=True)
class Measured:
    """A test on a family's test classes. text: in words. mean, ci95: in the metric's own unit, over so many episodes."""

    family: str
    text: str
    mean: float
    ci95: float
    episodes: int


@dataclass(frozen=True)
class Shipped:
    """name: of its file and in addresses. title: for people. family, learner: their names. score: what it reaches, in words.
    measured: its tests, that on its own family first.
    """

    name: str
    title: str
    family: str
    learner: str
    score: str
    measured: tuple[Measured, ...] = ()

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.zip"


def shipped() -> Mapping[str, Shipped]:
    """All that come along, by name, in the order in which they are offered."""
    return read(language.current())


@cache
def read(code: str) -> Mapping[str, Shipped]:
    """The same, with what is said of them in the language of this code."""
    path = FOLDER / MANIFEST
    if not path.is_file():
        return {}
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    with language.speaking(code):
        return {row["name"]: _of(row) for row in rows}


def _of(row: dict[str, Any]) -> Shipped:
    measured = tuple(Measured(**{**one, "text": in_words(one["text"])}) for one in row.get("measured", ()))
    return Shipped(**{**row, "title": tr(row["title"]), "score": in_words(row["score"]), "measured": measured})


def in_words(kept: str) -> str:
    """A score as ``ship.measure`` wrote it, in the reader's language."""
    found = KEPT.fullmatch(kept)
    return tr(SCORED, **found.groupdict() | {name: tr(found[name]) for name in ("metric", "family")}) if found else kept
