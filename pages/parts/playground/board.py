"""The plot on which a person drags points: what it asks for again and again, and what it is answered."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.playground import curves
from core.playground.curves import Drawn, Fit, Points
from data.errors import InputError
from data.language import mark, tr
from data.sinusoid import X_RANGE
from pages.parts.component import of_files

KEY = "drag-board"
FIRST_STEP = 1  # that is shown until somebody chooses another one
LABEL = mark("Points to learn from, and the learners' curves through them")
_board = of_files(Path(__file__).parent, "board", "asking.js")


@dataclass(frozen=True)
class Asked:
    """What is on the board. number: of the browser's question, 0 before the first. faster: times the learners' inner rates."""

    number: int
    points: Points
    faster: float


@dataclass(frozen=True)
class Shown:
    """A learner on the board. key: of the candidate. color: in the palette. how: said where there is no one inner rate."""

    key: str
    name: str
    color: int
    fit: Fit
    how: str


def asked(start: Points, rev: str, sent: Any) -> Asked:
    """What the browser sent last, or the start where it was about another one. Raises InputError for what it cannot have sent.

    rev: which start it is.
    """
    if sent is None:
        return Asked(0, start, 1.0)
    number = numbered(sent)
    if sent.get("rev") != rev:
        return Asked(number, start, 1.0)
    return Asked(number, Points.of(sent.get("points")), curves.faster(sent.get("faster")))


def numbered(sent: Any) -> int:
    """The number of a question that a browser sent. Raises InputError for what is none."""
    if not isinstance(sent, Mapping) or type(sent.get("number")) is not int:
        raise InputError(tr("What was sent is no question."), tr("Load the page again."))
    return sent["number"]


def sent() -> Any:
    """The browser's last question as it came, in this session; None before the first."""
    return (st.session_state.get(KEY) or {}).get("asked")


def board(now: Asked, rev: str, shown: Sequence[Shown], task: Drawn) -> None:
    _board(key=KEY, data=answer(now, rev, shown, task), default={"asked": None}, on_asked_change=lambda: None)


def answer(now: Asked, rev: str, shown: Sequence[Shown], task: Drawn) -> dict[str, Any]:
    """What the browser gets: numbers of curves as base64 of float32."""
    return {
        "number": now.number,
        "rev": rev,
        "points": now.points.plain(),
        "faster": now.faster,
        "x": curves.places()[:, 0].tolist(),
        "truth": encoded(task.truth),
        "on_truth": now.points.plain() == task.points.plain(),
        "learners": [_answered(one) for one in shown],
        "steps": curves.STEPS,
        "shown": FIRST_STEP,
        "most": curves.MOST,
        "x_range": X_RANGE,
        "y_range": curves.Y_RANGE,
        "label": tr(LABEL),
    }


def _answered(one: Shown) -> dict[str, Any]:
    about = {"key": one.key, "name": one.name, "color": one.color, "rate": one.fit.rate, "how": one.how}
    return about | {
        "y": encoded(one.fit.y),
        "error": [float(value) if np.isfinite(value) else None for value in one.fit.error],
    }


def encoded(array: np.ndarray) -> str:
    """As base64 of float32."""
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()
