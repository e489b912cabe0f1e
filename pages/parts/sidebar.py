"""The sidebar below the navigation: the device, and how busy the queue is."""

import streamlit as st

from core.runs import hardware
from data.language import tr
from pages.parts import language, say, session
from pages.parts.live_chart import preload
from pages.parts.redraw import bystander

REFRESH = 3  # seconds; also how often an open page looks after the queue


def sidebar() -> None:
    with st.sidebar:
        _machine()
        language.switch()
        preload()


@st.fragment(run_every=REFRESH)
def _machine() -> None:
    bystander()
    with session.shown_errors():
        session.tick()
        active, queued = session.store().unfinished()
        busy = tr("{n} running", n=active) if active else tr("idle")
        say.badge(f"{tr(hardware.describe())} · {busy}", "green" if active else "gray", "memory")
        if queued:
            say.badge(tr("{n} queued", n=queued), "orange", "schedule")
