"""What the pages Runs and Run ask before they change a run."""

import time
from collections.abc import Sequence

import streamlit as st

from core.runs import bin
from core.runs.names import checked_name, problem_of_name
from core.runs.schema import Run
from data.errors import InnerloopError
from data.language import mark, plural, tr
from pages.parts import say, session, theme

LONGEST_NOTE = 2000  # characters
PENDING = "runs-dialog"  # session state: (which dialog, ids), drawn by full runs of the page
DELETED = "runs-deleted"  # session state: what the Runs page is to say of runs that were just deleted
UNDO = "runs-undo"  # session state: (what was deleted, in words, ids, when), for as long as an undo is offered
OFFERED = 60.0  # seconds for which it is


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
    elif runs and which == "tags":
        tags(runs)
    elif runs and which == "delete":
        delete(runs, stay=of is None)
    elif which == "empty" and of is None:
        empty()


@theme.dialog(mark("Name and note"), on_dismiss=close)
def edit(run: Run) -> None:
    name = st.text_input(tr("Name"), run.name, key=f"edit-name-{run.id}")
    wrong = problem_of_name(name)
    say.wrong(wrong)
    note = st.text_area(tr("Note"), run.note, key=f"edit-note-{run.id}", placeholder=tr("What you tried, what you saw"))
    too_long = (
        tr("The note has {n} characters; shorten it to {longest_note}.", n=len(note), longest_note=LONGEST_NOTE)
        if len(note) > LONGEST_NOTE
        else ""
    )
    say.wrong(too_long)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(tr("Cancel"), key="edit-cancel", on_click=close):
            st.rerun()
        if st.button(tr("Save"), key="edit-save", type="primary", disabled=bool(wrong or too_long)):
            with session.shown_errors():
                session.store().rename(run.id, checked_name(name))
                session.store().annotate(run.id, note.strip())
                close()
                st.rerun()


@theme.dialog(mark("Tags"), on_dismiss=close)
def tags(runs: Sequence[Run]) -> None:
    """All that any of the runs has, to take away, and others to add."""
    store = session.store()
    common = sorted(set.intersection(*(set(run.tags) for run in runs)))
    some = sorted({tag for run in runs for tag in run.tags} - set(common))
    name = "-".join(str(run.id) for run in runs)
    if len(runs) > 1:
        say.caption(tr("Of {n} runs: {runs}", n=len(runs), runs=", ".join(f"#{run.id}" for run in runs)))
    wanted = st.multiselect(
        tr("Tags"),
        sorted({*store.tags(), *common}),
        common,
        key=f"tags-{name}",
        accept_new_options=True,
        placeholder=tr("Choose, or type a new one"),
    )
    kept = st.multiselect(tr("Of some of them only"), some, some, key=f"tags-some-{name}") if some else []
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(tr("Cancel"), key="tags-cancel", on_click=close):
            st.rerun()
        if st.button(tr("Save"), key="tags-save", type="primary"):
            with session.shown_errors():
                removed = ({*common, *some} - {*wanted, *kept}) - {word.strip().lower() for word in wanted}
                store.tag([run.id for run in runs], wanted, removed)
                close()
                st.rerun()


@theme.dialog(mark("Delete?"), on_dismiss=close)
def delete(runs: Sequence[Run], stay: bool) -> None:
    """stay: on the page, rather than leave it for the list of runs."""
    for run in runs:
        say.listed(run.name, f"#{run.id}")
    say.caption(
        tr("Curves, scores, checkpoints and log go with it. For {days} days this can be undone.", days=bin.DAYS)
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(tr("Keep"), key="delete-cancel", on_click=close):
            st.rerun()
        label = tr("Delete") if len(runs) == 1 else tr("Delete {n} runs", n=len(runs))
        if st.button(say.plain(label), key="delete-confirm", type="primary", icon=":material/delete:"):
            with session.shown_errors():
                ids = [run.id for run in runs]
                bin.set_aside(session.store(), session.home(), ids)
                close()
                what = (
                    tr("Run #{id} {name} is deleted.", id=runs[0].id, name=runs[0].name)
                    if len(runs) == 1
                    else tr("{n} runs are deleted.", n=len(runs))
                )
                st.session_state[DELETED] = what
                st.session_state[UNDO] = (what, ids, time.monotonic())
                if stay:
                    st.rerun()
                st.switch_page("pages/runs.py")


def ask_to_empty() -> None:
    st.session_state[PENDING] = ("empty", [])
    st.rerun()


@theme.dialog(mark("Remove for good?"), on_dismiss=close)
def empty() -> None:
    st.caption(tr("All deleted runs go with their curves, scores, checkpoints and logs. This cannot be undone."))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(tr("Keep"), key="empty-cancel", on_click=close):
            st.rerun()
        if st.button(tr("Remove for good"), key="empty-confirm", type="primary", icon=":material/delete_forever:"):
            with session.shown_errors():
                close()
                bin.empty(session.store(), session.home())
                st.rerun()


def restore(ids: Sequence[int]) -> None:
    """A callback: bring deleted runs back."""
    st.session_state.pop(UNDO, None)
    try:
        bin.restore(session.store(), session.home(), ids)
        st.session_state[DELETED] = plural(
            "{runs} is back.", "{runs} are back.", len(ids), runs=", ".join(f"#{id}" for id in ids)
        )
    except InnerloopError as error:  # removed for good meanwhile
        st.session_state[DELETED] = str(error)


def undo_bar() -> None:
    """For a while after a deletion: what was deleted, and the button that brings it back."""
    what, ids, when = st.session_state.get(UNDO, ("", [], 0.0))
    if ids and time.monotonic() - when < OFFERED:
        with st.container(horizontal=True, vertical_alignment="center", key="undo-bar"):
            say.status(what, "delete")
            st.button(tr("Undo"), key="undo-delete", icon=":material/undo:", on_click=restore, args=(ids,))


def say_deleted() -> None:
    """Once, on the page that is shown after a deletion, or after one was taken back."""
    if text := st.session_state.pop(DELETED, ""):
        say.toast(text, "delete")
