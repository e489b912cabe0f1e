"""Making sure that every page is run by app.py, and is shown from its top.

Streamlit takes a folder called ``pages`` for its older kind of app until ``st.navigation`` was called once in the
server's life. The first visitor, if the address names a page (a shared ``/run?run=7``, or an open tab after a restart),
would get that page's script alone: no theme, no sidebar.
"""

import runpy
from pathlib import Path

import streamlit as st

from core.runs.home import PROJECT

BROWSER = Path(__file__).with_name("browser.js").read_text()
ROUTED, SHOWN = "routed", "shown"  # session state: app.py has run in this session; the address of the page it shows
# The browser runs a script again only if its text changes.
SCROLL = "<script>/* {} */ document.querySelector('[data-testid=stMain]').scrollTo(0, 0)</script>"


def arrived() -> None:
    """Called by app.py."""
    st.session_state[ROUTED] = True
    st.html(f"<script>{BROWSER}</script>", unsafe_allow_javascript=True)


def from_the_top(path: str) -> None:
    """Called by app.py with the page's address: Streamlit leaves a new page scrolled as far down as the one before it."""
    if st.session_state.get(SHOWN) != path:
        st.session_state[SHOWN] = path
        st.sidebar.html(SCROLL.format(path), unsafe_allow_javascript=True)


def require() -> None:
    """Called by each page before anything else. If app.py has not run, run it: it runs this page."""
    if ROUTED not in st.session_state:
        runpy.run_path(str(PROJECT / "app.py"))
        st.stop()
