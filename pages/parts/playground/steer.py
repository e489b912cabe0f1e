"""Playground, ``?mode=steer&run=3``: a goal that a person puts somewhere, and where policies go before and after each update."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.library import Learner
from core.playground.steering import Steered, goal_of, steered
from core.runs.schema import Run
from data.errors import InputError
from data.navigation import SQUARE
from pages.parts import session, theme
from pages.parts.playground.board import encoded

HERE = Path(__file__).parent
KEY = "steer-goal"
FIRST = (0.35, 0.3)  # the goal until somebody puts it elsewhere
_goal = st.components.v2.component(
    "steer",
    html=(HERE / "steer.html").read_text(encoding="utf-8"),
    css=(HERE / "steer.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in ("asking.js", "steer.js")),
    isolate_styles=False,
)


def play(chosen: Sequence[tuple[Run, Learner]]) -> None:
    with theme.card("steer", "Put the goal somewhere"):
        st.fragment(steering)(chosen)


def steering(chosen: Sequence[tuple[Run, Learner]]) -> None:
    with session.shown_errors():
        number, goal = asked((st.session_state.get(KEY) or {}).get("asked"))
        found = [(run, steered(learner, goal)) for run, learner in chosen]
        _goal(key=KEY, data=answer(number, found), default={"asked": None}, on_asked_change=lambda: None)


def asked(sent: Mapping[str, Any] | None) -> tuple[int, tuple[float, float]]:
    """The number of the browser's last question, and its goal. Raises InputError for what it cannot have sent."""
    if sent is None:
        return 0, FIRST
    if type(sent.get("number")) is not int:
        raise InputError("What was sent is no question.", "Load the page again.")
    return sent["number"], goal_of(sent.get("goal"))


def answer(number: int, found: Sequence[tuple[Run, Steered]]) -> dict[str, Any]:
    """What the browser gets: the points of trajectories as base64 of float32."""
    learners = [
        {
            "name": f"#{run.id} {run.name}",
            "color": color,
            "shape": one.paths.shape[:3],
            "paths": encoded(one.paths),
            "returns": one.returns.tolist(),
        }
        for color, (run, one) in enumerate(found)
    ]
    return {"number": number, "goal": found[0][1].goal, "square": SQUARE, "learners": learners}
