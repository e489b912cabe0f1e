"""An app whose every page refreshes itself fifty times a second, in one sidebar that all share, as Innerloop's do in seconds."""

import sys
import time
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

sys.path.insert(0, str(Path(__file__).parents[2]))  # Streamlit looks beside the script
from pages.parts import router, stale_ticks
from pages.parts.redraw import redraw


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


def third() -> None:
    st.title("Third")

    def tick() -> None:
        if get_script_run_ctx().fragment_ids_this_run:  # not while all of the page is drawn
            time.sleep(0.05)  # as a look at the store takes
            redraw()

    def counter() -> None:
        if st.button("Count"):
            st.session_state.count = st.session_state.get("count", 0) + 1
        st.text(f"counted {st.session_state.get('count', 0)}")

    st.fragment(tick, run_every=0.1)()
    st.fragment(counter)()
    time.sleep(0.3)  # meanwhile ticks and clicks wait in one line


@st.fragment(run_every=0.02)
def sidebar() -> None:
    st.text(f"{time.time()}")


stale_ticks.drop()
router.arrived()
SECOND = st.Page(second, title="Second", url_path="second")
page = st.navigation(
    [st.Page(first, title="First", default=True), SECOND, st.Page(third, title="Third", url_path="third")]
)
with st.sidebar:
    sidebar()
page.run()
