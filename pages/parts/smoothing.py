"""Whether curves of a loss are smoothed: one choice for all charts of a session."""

import streamlit as st

from data.language import tr

KEPT = "smooth"  # session state; a widget's own is dropped once it is not on the page


def smooth_toggle(key: str) -> bool:
    """key: of the widget, unique in the app."""

    def keep() -> None:
        st.session_state[KEPT] = st.session_state[key]

    return st.toggle(tr("smooth"), value=st.session_state.get(KEPT, False), key=key, on_change=keep)
