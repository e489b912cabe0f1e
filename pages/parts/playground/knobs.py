"""What can be turned in Draw, as the address has it: ``ways``, ``shots``, ``steps``, ``rate``, ``norm``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.algorithms.base import BatchStatistics
from core.playground.signs import MOST_CLASSES, MOST_SHOTS
from data.language import mark, tr
from pages.parts.playground.players import ALONE

OWN = "own"  # as many inner steps as each learner takes
NORMS = {ALONE: mark("examples"), "transductive": mark("the drawing")}


@dataclass(frozen=True)
class Turned:
    """ways: classes. shots: examples of each. steps: inner steps, None for each learner's own. faster: times its inner rate.
    statistics: what BatchNorm takes its own from.
    """

    ways: int
    shots: int
    steps: int | None
    faster: float
    statistics: BatchStatistics


@dataclass(frozen=True)
class Knob:
    """name: in the address. first: of the choices, until another one is taken. words: of a choice."""

    name: str
    label: str
    choices: tuple[Any, ...]
    first: Any
    words: Callable[[Any], str] = str
    help: str | None = None

    def show(self) -> Any:
        """What it is turned to, as the address has it, and the widget that changes it."""
        key, by_word = f"draw-{self.name}", {str(one): one for one in self.choices}
        st.session_state[key] = turned = by_word.get(st.query_params.get(self.name, ""), self.first)
        options = {"help": self.help and tr(self.help), "on_change": self._turn, "args": (key,)}
        return st.select_slider(tr(self.label), self.choices, turned, self.words, key, **options)

    def _turn(self, key: str) -> None:
        st.query_params[self.name] = str(st.session_state[key])


KNOBS = (
    Knob("ways", mark("Classes"), tuple(range(2, MOST_CLASSES + 1)), 5),
    Knob("shots", mark("Examples of each"), tuple(range(1, MOST_SHOTS + 1)), 1),
    Knob(
        "steps",
        mark("Inner steps"),
        (OWN, 0, 1, 2, 3, 5, 10, 20, 50),
        OWN,
        lambda one: tr("as each does") if one == OWN else str(one),
        mark("How often a learner that takes inner steps does so."),
    ),
    Knob(
        "rate",
        mark("Inner rate"),
        (0.1, 0.2, 0.5, 1, 2, 5, 10),
        1,
        lambda one: f"× {one:g}",
        mark("Times the rate that a learner was trained with."),
    ),
    Knob(
        "norm",
        mark("BatchNorm by"),
        tuple(NORMS),
        ALONE,
        lambda one: tr(NORMS[one]),
        mark(
            "What mean and variance a drawing is normalised by: the examples', or its own; in learners that "
            "compare, those of both."
        ),
    ),
)


def turned() -> Turned:
    """All of them, beside each other."""
    with st.container(key="draw-knobs"):
        columns = st.columns(len(KNOBS))
    found = {}
    for column, knob in zip(columns, KNOBS, strict=True):
        with column:
            found[knob.name] = knob.show()
    steps = None if found["steps"] == OWN else found["steps"]
    return Turned(found["ways"], found["shots"], steps, found["rate"], found["norm"])
