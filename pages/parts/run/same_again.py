"""Same again with …: the button on the Run page and the dialog that it opens, without torch until it is open."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.runs.schema import ENDED, Run
from data.language import mark, tr
from pages.parts import say, session, theme
from pages.parts.announced import importing_torch

OPEN = "same-again"  # session state: number of the run whose dialog is open, drawn by full runs of the page
CHANGE = "same-again-change"  # session state: settings, by path, that it opens with otherwise than the run has them


def offer(run: Run) -> None:
    st.button(
        say.plain(tr("Same again with …")),
        key=f"again-{run.id}",
        icon=":material/call_split:",
        type="primary",
        help=tr("Launch this run once more with other settings, and watch both in the same charts."),
        on_click=ask,
        args=(run.id,),
    )


def offer_to_continue(run: Run) -> None:
    """In the menu, where its coming at the end of the run moves no other button."""
    if run.status in ENDED and run.iteration:
        st.button(
            say.plain(tr("Continue with …")),
            key=f"fork-{run.id}",
            icon=":material/fork_right:",
            width="stretch",
            help=tr("Launch a new run that goes on from this one's checkpoint, with other settings or for longer."),
            on_click=ask,
            args=(run.id,),
            kwargs={"on": True},
        )


def open_pending(run: Run) -> None:
    """Draw the dialog if it was asked for, until it is closed."""
    if st.session_state.get(OPEN) == run.id:
        dialog(run)


def ask(id: int, change: Mapping[str, Any] | None = None, *, on: bool = False) -> None:
    """Open the dialog with the drawing of the page that follows. change: settings by path that are proposed in it. on: from the
    run's checkpoint; the switch in the dialog can still change it.
    """
    st.session_state[OPEN], st.session_state[CHANGE] = id, change or {}
    st.session_state[switch(id)] = on


def switch(id: int) -> str:
    """Session state: whether the variant goes on from the run's checkpoint."""
    return f"from-checkpoint-{id}"


def close() -> None:
    for name in (OPEN, CHANGE):
        st.session_state.pop(name, None)


@theme.dialog(mark("Same again with …"), on_dismiss=close)
def dialog(run: Run) -> None:
    with importing_torch():
        from pages.parts.run.variant import variant_form
    with session.shown_errors():
        variant_form(run, st.session_state.get(CHANGE, {}))
