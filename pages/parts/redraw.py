"""Having the whole page drawn anew by one of its ticks, without losing a click."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def redraw() -> None:
    """Draw the whole page anew; where other fragments wait in the same run, do nothing: the next tick will ask again.

    Streamlit 1.67 runs all fragments that wait one after the other, with what the browser has sent for any of them, and a rerun
    that one asks for ends them all. A button that was clicked in one behind it is by then as if it had not been.
    """
    run = get_script_run_ctx()
    if run is None or len(run.fragment_ids_this_run or ()) < 2:
        st.rerun()
