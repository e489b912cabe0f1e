"""Which columns the table of runs shows: as a person chose, remembered in the store."""

from collections.abc import Sequence

import streamlit as st

from core.runs.schema import Run
from data.language import mark, tr
from pages.parts import session

ALWAYS = ("#", "Star", "Run")
USUAL = ("Tags", "Status", "Learner", "Family", "Progress", "Best", "Test", "Loss", "Time", "Note")
TITLES = {"Best": mark("Best validation"), "Loss": mark("Query loss")}
OFFERED = (*USUAL, "Seed", "Group", "Created")
CHOICE = "columns"  # in the store


def column_choice() -> None:
    """The menu of columns."""
    with st.popover(tr("Columns"), icon=":material/view_column:", key="columns-menu"):
        st.pills(
            tr("Columns"),
            OFFERED,
            selection_mode="multi",
            default=chosen(),
            key="columns-choice",
            format_func=lambda name: tr(TITLES.get(name, name)),
            label_visibility="collapsed",
            on_change=_remember,
        )


def chosen() -> list[str]:
    kept = session.store().preference(CHOICE)
    return list(USUAL) if kept is None else [name for name in OFFERED if name in kept]


def shown(runs: Sequence[Run]) -> list[str]:
    """The columns in their order. Tags and notes need room, so that they come only where a run has some."""
    some = {"Tags": any(run.tags for run in runs), "Note": any(run.note for run in runs)}
    return [*ALWAYS, *(name for name in chosen() if some.get(name, True))]


def _remember() -> None:
    session.store().prefer(CHOICE, st.session_state["columns-choice"])
