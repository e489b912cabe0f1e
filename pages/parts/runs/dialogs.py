"""What the pages Runs and Run ask before they change a run."""

from collections.abc import Sequence

import streamlit as st

from core.runs import scheduler
from core.runs.names import checked_name, problem_of_name
from core.runs.schema import Run
from pages.parts import say, session

LONGEST_NOTE = 2000  # characters
PENDING = "runs-dialog"  # session state: (which dialog, ids), drawn by full runs of the page
DELETED = "runs-deleted"  # session state: what the Runs page is to say of runs that were just deleted


def ask(which: str, runs: Sequence[Run]) -> None:
    """Open a dialog from the page itself: one that the refreshing table opened would close at its next refresh."""
    st.session_state[PENDING] = (which, [run.id for run in runs])
    st.rerun()


def close() -> None:
    st.session_state.pop(PENDING, None)


def open_pending(of: Sequence[int] | None = None) -> None:
    """Draw the dialog that was asked for, if there is one, until it is closed. of: for these runs only."""
    which, ids = st.session_state.get(PENDING, ("", []))
    runs = session.store().runs(ids=ids) if ids and of in (None, ids) else []
    if runs and which == "edit":
        edit(runs[0])
    elif runs and which == "delete":
        delete(runs)


@st.dialog("Name and note", on_dismiss=close)
def edit(run: Run) -> None:
    name = st.text_input("Name", run.name, key=f"edit-name-{run.id}")
    wrong = problem_of_name(name)
    say.wrong(wrong)
    note = st.text_area("Note", run.note, key=f"edit-note-{run.id}", placeholder="What you tried, what you saw")
    too_long = f"The note has {len(note)} characters; shorten it to {LONGEST_NOTE}." if len(note) > LONGEST_NOTE else ""
    say.wrong(too_long)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="edit-cancel", on_click=close):
            st.rerun()
        if st.button("Save", key="edit-save", type="primary", disabled=bool(wrong or too_long)):
            with session.shown_errors():
                session.store().rename(run.id, checked_name(name))
                session.store().annotate(run.id, note.strip())
                close()
                st.rerun()


@st.dialog("Delete for good?", on_dismiss=close)
def delete(runs: Sequence[Run]) -> None:
    for run in runs:
        say.listed(run.name, f"#{run.id}")
    st.caption("Curves, scores, checkpoints and log go with it. This cannot be undone.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep", key="delete-cancel", on_click=close):
            st.rerun()
        label = "Delete" if len(runs) == 1 else f"Delete {len(runs)} runs"
        if st.button(say.plain(label), key="delete-confirm", type="primary", icon=":material/delete:"):
            with session.shown_errors():
                for run in runs:
                    scheduler.delete(session.store(), session.home(), run.id)
                close()
                what = f"Run #{runs[0].id} {runs[0].name} is" if len(runs) == 1 else f"{len(runs)} runs are"
                st.session_state[DELETED] = f"{what} deleted."
                st.switch_page("pages/runs.py")


def say_deleted() -> None:
    """Once, on the page that is shown after a deletion."""
    if text := st.session_state.pop(DELETED, ""):
        say.toast(text, "delete")
