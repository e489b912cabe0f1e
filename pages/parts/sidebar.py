"""The sidebar below the navigation: the device, and how busy the queue is."""

import streamlit as st

from core.runs import hardware
from pages.parts import say, session
from pages.parts.live_chart import preload
from pages.parts.redraw import bystander

REFRESH = 3  # seconds; also how often an open page looks after the queue


def sidebar() -> None:
    with st.sidebar:
        _machine()
        preload()


@st.fragment(run_every=REFRESH)
def _machine() -> None:
    bystander()
    with session.shown_errors():
        session.tick()
        active, queued = session.store().unfinished()
        busy = f"{active} running" if active else "idle"
        say.badge(f"{hardware.describe()} · {busy}", "green" if active else "gray", "memory")
        if queued:
            say.badge(f"{queued} queued", "orange", "schedule")
