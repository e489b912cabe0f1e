"""An app whose every page refreshes itself fifty times a second, in one sidebar that all share, as Innerloop's do in seconds."""

import sys
import time
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))  # Streamlit looks beside the script
from pages.parts import stale_ticks


def first() -> None:
    st.title("First")
    if st.button("Launch"):
        time.sleep(0.3)  # as a launch does: the timers of the page that is left go on
        st.switch_page(SECOND)


def second() -> None:
    st.title("Second")
    place = st.container()

    def tick() -> None:
        with place:
            st.text(f"at {time.time()}")

    st.fragment(tick, run_every=0.1)()


@st.fragment(run_every=0.02)
def sidebar() -> None:
    st.text(f"{time.time()}")


stale_ticks.drop()
SECOND = st.Page(second, title="Second", url_path="second")
page = st.navigation([st.Page(first, title="First", default=True), SECOND])
with st.sidebar:
    sidebar()
page.run()
