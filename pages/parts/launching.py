"""Launching from a page. The second half of a double click launches nothing more."""

import json
import time
from typing import Any

import streamlit as st

from core.runs.schema import Run
from pages.parts import session

AGAIN = 3.0  # seconds after a launch in which the very same wish is one more click on the same button
LAUNCHED = "launched"  # session state: the latest wish, with when it was fulfilled and by which runs


def launched(values: dict[str, Any], name: str, seeds: int = 1, parent: int | None = None) -> list[Run]:
    """Queue runs, see ``core.launch.launch`` also for what it raises; those of a moment ago for a wish that is repeated.

    A click that comes while the first one's script is at work is a rerun with the button pressed: without this it would
    launch the same again.
    """
    from core.launch import launch  # takes torch along, which Home and Run do not wait for otherwise

    # Looked up before the launch and changed in place: a script that another click has overtaken ends at its next look
    # into session state, and would end without having noted the launch.
    latest = st.session_state.setdefault(LAUNCHED, {})
    wish = json.dumps([values, name, seeds, parent], sort_keys=True, default=str)
    if latest.get("wish") != wish or time.monotonic() - latest["at"] > AGAIN:
        runs = launch(session.store(), session.home(), values, name, seeds, parent=parent)
        latest.update(wish=wish, at=time.monotonic(), runs=runs)
    return latest["runs"]
