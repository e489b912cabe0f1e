"""Playground, ``?mode=steer&run=3``: a goal that a person puts somewhere, and where policies go before and after each update."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core import about
from core.config.presets import preset
from core.playground.fitting import GOALS
from core.playground.steering import Steered, goal_of, steered
from data.language import mark, tr
from data.navigation import SQUARE
from pages.parts import session, theme
from pages.parts.component import of_files
from pages.parts.playground.board import encoded, numbered
from pages.parts.playground.players import Player, candidates, choice, nobody, players

TITLE, ICON = mark("Steer a policy"), ":material/near_me:"
PRESET = preset("navigation-maml")
SECONDS = 99.0  # that the preset takes on two cores, see the README's results
KEY = "steer-goal"
FIRST = (0.35, 0.3)  # the goal until somebody puts it elsewhere
_goal = of_files(Path(__file__).parent, "steer", "asking.js")


def play() -> None:
    there = candidates(GOALS)
    with theme.card("steer-learners"):
        chosen = players(choice(there, "steer")) if there else []
        if not there:
            trains = tr(
                "The preset {title} trains such a policy in {seconds} on two cores.",
                title=tr(PRESET.title),
                seconds=about.roughly(SECONDS),
            )
            nobody(tr("Nobody has learned to navigate yet"), trains, PRESET)
    if chosen:
        with theme.card("steer", tr("Put the goal somewhere")):
            st.fragment(steering)(chosen)


def steering(chosen: Sequence[Player]) -> None:
    """The squares. Streamlit runs this alone at each goal."""
    with session.shown_errors():
        number, goal = asked((st.session_state.get(KEY) or {}).get("asked"))
        found = [(one.candidate.title, steered(one.learner, goal)) for one in chosen]
        _goal(key=KEY, data=answer(number, found), default={"asked": None}, on_asked_change=lambda: None)


def asked(sent: Any) -> tuple[int, tuple[float, float]]:
    """The number of the browser's last question, and its goal. Raises InputError for what it cannot have sent."""
    if sent is None:
        return 0, FIRST
    return numbered(sent), goal_of(sent.get("goal"))


def answer(number: int, found: Sequence[tuple[str, Steered]]) -> dict[str, Any]:
    """What the browser gets, of learners by name: the points of trajectories as base64 of float32."""
    learners = [
        {
            "name": name,
            "color": color,
            "shape": one.paths.shape[:3],
            "paths": encoded(one.paths),
            "returns": one.returns.tolist(),
        }
        for color, (name, one) in enumerate(found)
    ]
    return {"number": number, "goal": found[0][1].goal, "square": SQUARE, "learners": learners}
