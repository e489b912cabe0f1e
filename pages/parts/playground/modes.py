"""The page's modes, each a file with ``TITLE``, ``ICON`` and ``play``. Apart from the page because they import torch."""

from types import ModuleType

import streamlit as st

from data.language import tr
from pages.parts import session
from pages.parts.playground import bring, drag, draw, steer, versus

MODE = "mode"  # of the address
PICKED = "playground-mode"  # session state: the widget's choice, which follows the address
MODES: dict[str, ModuleType] = {"draw": draw, "versus": versus, "drag": drag, "steer": steer, "bring": bring}


def playground() -> None:
    asked = st.query_params.get(MODE, "")
    st.session_state[PICKED] = shown = asked if asked in MODES else next(iter(MODES))
    mode = st.segmented_control(
        tr("What to try"),
        list(MODES),
        default=shown,
        key=PICKED,
        format_func=lambda name: f"{MODES[name].ICON} {tr(MODES[name].TITLE)}",
        label_visibility="collapsed",
        required=True,
        on_change=_write,
    )
    with session.shown_errors():
        MODES[mode].play()


def _write() -> None:
    """The address is of the new mode alone: what the one before had in it means nothing there."""
    st.query_params.from_dict({MODE: st.session_state[PICKED]})
