"""Playground, ``?mode=drag&run=3,7&task=SEED``: points to drag, and the curves that learners of sinusoids adapt to them."""

from collections.abc import Sequence

import streamlit as st

from core.config.presets import preset
from core.library import Learner
from core.playground.curves import Drawn, drawn, fit
from core.playground.fitting import POINTS
from data.language import mark, tr
from pages.parts import readable, say, session, theme
from pages.parts.playground import seed
from pages.parts.playground.board import Shown, asked, board, sent
from pages.parts.playground.players import Player, candidates, choice, nobody, players
from pages.parts.playground.surfaces import surface_cards

TITLE, ICON = mark("Drag points"), ":material/drag_pan:"
PRESET = preset("sinusoid-maml")
TASK = "task"  # of the address: a seed
FIRST_TASK = 26  # that is shown until somebody draws one: its points lie well apart
DRAW = mark("The points of another sinusoid of the family, and its true function.")


def play() -> None:
    there = candidates(POINTS)
    with theme.card("drag-learners"):
        picked = choice(there, "drag")
        for one in [one.file for one in picked if one.file]:
            (test,) = one.measured
            say.caption(
                tr(
                    "{title} comes with Innerloop: {text}, {episodes} test tasks.",
                    title=one.title,
                    text=test.text,
                    episodes=readable.count(test.episodes),
                )
            )
        if not there:
            nobody(tr("No learner of sinusoids yet"), tr("Train one; that takes about a minute."), PRESET)
    chosen = players(picked)
    if not chosen:
        return
    number, first = seed.asked(TASK, FIRST_TASK), chosen[0].learner
    task = drawn(first.family, first.trained.config.test_shape.k_shot, number)
    with theme.card("drag"):
        with theme.heading(tr("What they make of a few points")):
            icon = ":material/casino:"
            st.button(
                tr("Draw a task"),
                key="draw-task",
                icon=icon,
                type="tertiary",
                help=tr(DRAW),
                on_click=seed.another,
                args=(TASK,),
            )
        st.fragment(dragged)(chosen, task, f"task {number}")
    st.fragment(around)(chosen, task, f"task {number}")


def dragged(chosen: Sequence[Player], task: Drawn, rev: str) -> None:
    """The plot. Streamlit runs this alone at each question that the browser asks."""
    with session.shown_errors():
        now = asked(task.points, rev, sent())
        shown = [
            Shown(
                one.candidate.key,
                one.candidate.title,
                color,
                fit(one.learner, now.points, now.faster),
                how(one.learner),
            )
            for color, one in enumerate(chosen)
        ]
        board(now, rev, shown, task)


def around(chosen: Sequence[Player], task: Drawn, rev: str) -> None:
    """The maps. Streamlit runs this alone once the points have come to rest."""
    with session.shown_errors():
        named = [(one.candidate.title, one.learner) for one in chosen]
        surface_cards(named, asked(task.points, rev, sent()), task)


def how(learner: Learner) -> str:
    """What is said of a learner that has no one inner rate."""
    return tr("inner rates are learned") if learner.algorithm.takes_steps else tr("reads the points at once")
