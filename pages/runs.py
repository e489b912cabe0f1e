"""Runs: everything that was launched, to filter, open, rename, delete and compare."""

from collections.abc import Sequence

import streamlit as st

from core import charts
from core.runs import scheduler
from core.runs.schema import ACTIVE, ENDED, Run
from pages.parts import chips, router, session, theme
from pages.parts.runs import dialogs
from pages.parts.runs.compare import comparison
from pages.parts.runs.table import run_table

REFRESH, IDLE_REFRESH = 2, 10  # seconds, while a run has not ended and while all have
MOST_COMPARED = 8  # as many as the palette has colours


def filters(runs: Sequence[Run]) -> None:
    """The row of filters; what they hold is read back by ``matches``."""
    text, status, family, learner = st.columns([2, 2, 1, 1])
    text.text_input("Search", key="filter-text", placeholder="name, note, group or number", icon=":material/search:")
    status.multiselect("Status", list(chips.COLORS), key="filter-status", placeholder="any")
    families = sorted({run.config.get("family", {}).get("name", "") for run in runs})
    family.selectbox("Family", families, index=None, key="filter-family", placeholder="any")
    learners = sorted({charts.learner(run) for run in runs})
    learner.selectbox("Learner", learners, index=None, key="filter-learner", placeholder="any")


def matches(run: Run) -> bool:
    state = st.session_state
    words = f"{run.name} {run.note} {run.group or ''} #{run.id}".lower()
    return (
        all(word in words for word in (state.get("filter-text") or "").lower().split())
        and (not state.get("filter-status") or chips.status_word(run) in state["filter-status"])
        and state.get("filter-family") in (None, run.config.get("family", {}).get("name"))
        and state.get("filter-learner") in (None, charts.learner(run))
    )


def toolbar(chosen: Sequence[Run]) -> None:
    """What can be done with the chosen runs."""
    active = [run for run in chosen if run.status in ACTIVE]
    unfinished = [run for run in chosen if run.status not in ENDED and run.desired != "stop"]
    one = len(chosen) == 1
    with st.container(horizontal=True, vertical_alignment="center", key="runs-toolbar"):
        if st.button("Open", icon=":material/open_in_new:", disabled=not one, key="open-run"):
            st.switch_page("pages/run.py", query_params={"run": str(chosen[0].id)})
        if st.button("Duplicate", icon=":material/content_copy:", disabled=not one, key="duplicate-run"):
            st.switch_page("pages/train.py", query_params={"from": str(chosen[0].id)})
        if st.button("Rename, note", icon=":material/edit:", disabled=not one, key="edit-run"):
            dialogs.ask("edit", chosen)
        if st.button("Stop", icon=":material/stop:", disabled=not unfinished, key="stop-runs"):
            for run in unfinished:
                scheduler.stop(session.store(), session.home(), run.id)
            st.rerun()
        reason = f"#{active[0].id} is {active[0].status}; stop it first." if active else None
        if st.button(
            "Delete", icon=":material/delete:", disabled=not chosen or bool(active), help=reason, key="delete-runs"
        ):
            dialogs.ask("delete", chosen)
        if one:
            st.caption("Choose one more to compare them.")
        elif not chosen:
            st.caption("Click a name to open a run; tick two or more to compare them.")


def body(live: bool) -> None:
    """Table, toolbar and comparison. live: whether a run was unfinished at the last full run of this script."""
    with session.shown_errors():
        session.tick()
        everything = session.store().runs()
        if live == all(run.status in ENDED for run in everything):
            st.rerun()
        shown = [run for run in everything if matches(run)]
        with theme.card("runs"):
            if not shown:
                theme.empty("No run matches", "Clear a filter to see more.")
                return
            tools = st.container()
            chosen = run_table(shown)
            with tools:
                toolbar(chosen)
        if len(chosen) > MOST_COMPARED:
            st.info(f"The first {MOST_COMPARED} of {len(chosen)} are compared: more curves could not be told apart.")
        if len(chosen) > 1:
            comparison(sorted(chosen, key=lambda run: run.id)[:MOST_COMPARED])


def page() -> None:
    runs = session.store().runs()
    title, new = st.columns([3, 1], vertical_alignment="center")
    title.title("Runs", anchor=False)
    with new.container(horizontal=True, horizontal_alignment="right"):
        if st.button("New run", icon=":material/add:", type="primary", key="new-run"):
            st.switch_page("pages/train.py")
    if not runs:
        with theme.card("runs-empty"):
            theme.empty("No runs yet", "Everything you launch is listed here, with its scores, to open and compare.")
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link("pages/home.py", label="Start with a preset", icon=":material/rocket_launch:")
                st.page_link("pages/train.py", label="Set up a run of your own", icon=":material/tune:")
        return
    filters(runs)
    dialogs.open_pending()
    live = any(run.status not in ENDED for run in runs)
    st.fragment(body, run_every=REFRESH if live else IDLE_REFRESH)(live)


router.require()
page()
