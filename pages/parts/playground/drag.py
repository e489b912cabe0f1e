"""Playground, ``?mode=drag&run=3,7&task=SEED``: points to drag, and the curves that learners of sinusoids adapt to them."""

import random
from collections.abc import Sequence

import streamlit as st

from core.library import Learner
from core.playground import curves
from core.playground.curves import Drawn
from core.runs.schema import LARGEST_RUN, Run
from pages.parts import session, theme
from pages.parts.playground.board import Shown, asked, board, sent
from pages.parts.playground.surfaces import surface_cards

TASK = "task"  # of the address: a seed
FIRST_TASK = 1  # that is shown until somebody draws one
DRAW = "The points of another sinusoid of the family, and its true function."


def play(chosen: Sequence[tuple[Run, Learner]]) -> None:
    """chosen: learners of sinusoids, at least one."""
    seed, first = task_asked_for(), chosen[0][1]
    task = curves.drawn(first.family, first.trained.config.test_shape.k_shot, seed)
    with theme.card("drag"):
        with theme.heading("Drag the points"):
            icon = ":material/casino:"
            st.button("Draw a task", key="draw-task", icon=icon, type="tertiary", help=DRAW, on_click=draw_task)
        st.fragment(dragged)(chosen, task, f"task {seed}")
    st.fragment(around)(chosen, task, f"task {seed}")


def task_asked_for() -> int:
    found = session.numbered(st.query_params.get(TASK, ""))
    return found[0] if found else FIRST_TASK


def draw_task() -> None:
    st.query_params[TASK] = str(random.randint(1, LARGEST_RUN))


def dragged(chosen: Sequence[tuple[Run, Learner]], task: Drawn, rev: str) -> None:
    """The plot. Streamlit runs this alone at each question that the browser asks."""
    with session.shown_errors():
        now = asked(task.points, rev, sent())
        shown = [
            Shown(run.id, called(run), color, curves.fit(learner, now.points, now.faster), how(learner))
            for color, (run, learner) in enumerate(chosen)
        ]
        board(now, rev, shown, task)


def around(chosen: Sequence[tuple[Run, Learner]], task: Drawn, rev: str) -> None:
    """The maps. Streamlit runs this alone once the points have come to rest."""
    with session.shown_errors():
        named = [(called(run), learner) for run, learner in chosen]
        surface_cards(named, asked(task.points, rev, sent()), task)


def called(run: Run) -> str:
    return f"#{run.id} {run.name}"


def how(learner: Learner) -> str:
    """What is said of a learner that has no one inner rate."""
    return "inner rates are learned" if learner.algorithm.takes_steps else "reads the points at once"
