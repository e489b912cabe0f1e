"""Having the whole page drawn anew by one of its ticks, without losing a click."""

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

BYSTANDERS = "bystanders"  # session state: fragments in which there is nothing to click


def bystander() -> None:
    """Called by a fragment in which there is nothing to click: no other has to wait for it."""
    st.session_state.setdefault(BYSTANDERS, set()).add(ThreadState.get().fragment_id)


def redraw() -> None:
    """Draw the whole page anew; where somebody may have clicked in a fragment that is next in line, leave it to the next tick.

    Streamlit 1.67 runs all fragments that wait one after the other, with what the browser has sent for any of them, and a rerun
    that one asks for ends them all. A button that was clicked in one behind it is by then as if it had not been.
    """
    run, here = get_script_run_ctx(), ThreadState.get().fragment_id
    line = (run and run.fragment_ids_this_run) or []
    behind = set(line[line.index(here) + 1 :]) if here in line else set()
    if not behind - st.session_state.get(BYSTANDERS, set()):
        st.rerun()
