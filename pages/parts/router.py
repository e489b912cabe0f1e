"""Making sure that every page is run by app.py.

Streamlit takes a folder called ``pages`` for its older kind of app until ``st.navigation`` was called once in the
server's life. The first visitor, if the address names a page (a shared ``/run?run=7``, or an open tab after a restart),
would get that page's script alone: no theme, no sidebar.
"""

import runpy

import streamlit as st

from core.home import PROJECT

ROUTED = "routed"  # session state: app.py has run in this session


def arrived() -> None:
    """Called by app.py."""
    st.session_state[ROUTED] = True


def require() -> None:
    """Called by each page before anything else. If app.py has not run, run it: it runs this page."""
    if ROUTED not in st.session_state:
        runpy.run_path(str(PROJECT / "app.py"))
        st.stop()
