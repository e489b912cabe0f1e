"""Three tasks of one distribution, drawn by the engine."""

import random

import streamlit as st

from core.lesson_charts import tasks_chart
from data.language import tr
from pages.parts import say, theme
from pages.parts.live_chart import live_chart

SEED = "learn-tasks-seed"  # session state: which tasks are shown


@st.fragment
def card() -> None:
    with theme.card("tasks", height="stretch"):
        with theme.heading(tr("Three tasks of one distribution")):
            if st.button(
                tr("Others"), key="other-tasks", icon=":material/casino:", type="tertiary", help=tr("Draw three more.")
            ):
                st.session_state[SEED] = random.randrange(2**31)
        live_chart(tasks_chart(st.session_state.get(SEED, 4)), key="learn-tasks", height=404)
        say.caption(
            tr(
                "Each task is a sine wave of its own. A learner sees the stars, its support set, and is asked "
                "about the circles, its "
                "query set. What all tasks share, that they are sine waves, is what meta-training can find out."
            )
        )
