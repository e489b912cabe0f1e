"""Learners that come with Innerloop, so that the first thing a visitor sees works: see ``SHIPPED`` in this folder.

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
class Shipped:
    """name: of its file and in addresses. title: for people. family, learner: their names. score: what it reaches, in words."""

    name: str
    title: str
    family: str
    learner: str
    score: str

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
    return {row["name"]: Shipped(**row) for row in rows}
