"""Learners that come with Innerloop, so that the first thing a visitor sees works: see the folder ``learners``.

A learner is a file as ``python -m core export RUN --what checkpoint`` makes it; what is known of all of them stands in
``shipped.json`` beside them. ``python -m core.playground.ship`` trains and measures them anew.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "learners"
MANIFEST = "shipped.json"


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


@cache
def shipped() -> Mapping[str, Shipped]:
    """All that come along, by name, in the order in which they are offered."""
    path = FOLDER / MANIFEST
    if not path.is_file():
        return {}
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {row["name"]: _of(row) for row in rows}


def _of(row: dict[str, Any]) -> Shipped:
    return Shipped(**{**row, "measured": tuple(Measured(**one) for one in row.get("measured", ()))})
