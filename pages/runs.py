"""Runs: everything that was launched, to filter, open, rename, delete, and choose for a comparison."""

from collections.abc import Sequence

import streamlit as st

from core.runs import scheduler
from core.runs.run_lists import RunFilter
from core.runs.schema import ACTIVE, ENDED, Run
from pages.parts import chips, router, say, session, theme
from pages.parts.compare.choice import address
from pages.parts.redraw import redraw
from pages.parts.runs import dialogs
from pages.parts.runs.pager import ROWS, first_row, pager, turn_to_first_page
from pages.parts.runs.report_button import report_button
from pages.parts.runs.table import clear, run_table

REFRESH, IDLE_REFRESH = 2, 10  # seconds, while a run has not ended and while all have


def filters() -> None:
    """The row of filters; what they hold is read back by ``wanted``."""
    text, status, family, learner = st.columns([2, 2, 1, 1])
    store, first = session.store(), {"on_change": turn_to_first_page}
    text.text_input(
        "Search", key="filter-text", placeholder="name, note, group or number", icon=":material/search:", **first
    )
    status.multiselect("Status", list(chips.COLORS), key="filter-status", placeholder="any", **first)
    family.selectbox("Family", store.families(), index=None, key="filter-family", placeholder="any", **first)
    learner.selectbox("Learner", store.learners(), index=None, key="filter-learner", placeholder="any", **first)


def wanted() -> RunFilter:
    state = st.session_state
    return RunFilter(
        text=state.get("filter-text") or "",
        states=state.get("filter-status") or (),
        family=state.get("filter-family"),
        learner=state.get("filter-learner"),
    )


def toolbar(chosen: Sequence[Run], elsewhere: int) -> None:
    """What can be done with the chosen runs. elsewhere: how many of them are on another page, or hidden by a filter."""
    active = [run for run in chosen if run.status in ACTIVE]
    unfinished = [run for run in chosen if run.status not in ENDED and run.desired != "stop"]
    one = len(chosen) == 1
    with st.container(horizontal=True, vertical_alignment="center", key="runs-toolbar"):
        if st.button("Open", icon=":material/open_in_new:", disabled=not one, key="open-run"):
            st.switch_page("pages/run.py", query_params={"run": str(chosen[0].id)})
        if st.button("Compare", icon=":material/compare_arrows:", disabled=len(chosen) < 2, key="compare-runs"):
            st.switch_page("pages/compare.py", query_params=address(chosen))
        if st.button("Duplicate", icon=":material/content_copy:", disabled=not one, key="duplicate-run"):
            st.switch_page("pages/train.py", query_params={"from": str(chosen[0].id)})
        if st.button("Rename, note", icon=":material/edit:", disabled=not one, key="edit-run"):
            dialogs.ask("edit", chosen)
        if st.button("Stop", icon=":material/stop:", disabled=not unfinished, key="stop-runs"):
            for run in unfinished:
                scheduler.stop(session.store(), session.home(), run.id)
            st.rerun()
        report_button(chosen)
        busy = f"#{active[0].id} is {active[0].status}; stop it first." if active else ""
        blocked = not chosen or bool(active)
        if st.button("Delete", icon=":material/delete:", disabled=blocked, help=say.plain(busy), key="delete-runs"):
            dialogs.ask("delete", chosen)
        if elsewhere:
            say.caption(f"{elsewhere} of {len(chosen)} chosen {'is' if elsewhere == 1 else 'are'} not on this page.")
            st.button("Clear", type="tertiary", key="clear-runs", on_click=clear)
        elif one:
            st.caption("Choose one more to compare them.")
        elif not chosen:
            st.caption("Click a name to open a run; tick two or more to compare them.")


def body(live: bool) -> None:
    """Table and toolbar. live: whether a run was unfinished at the last full run of this script."""
    with session.shown_errors():
        session.tick()
        listing()
        if live != any(session.store().unfinished()):  # last: a button that was clicked has done its work
            redraw()


def listing() -> None:
    store, matching = session.store(), wanted()
    total = store.count(matching)
    with theme.card("runs"):
        if not total:
            theme.empty("No run matches", "Clear a filter to see more.")
            return
        tools = st.container()
        shown = store.page(matching, limit=ROWS, offset=first_row(total))
        chosen = run_table(shown)
        pager(total)
        with tools:
            toolbar(chosen, elsewhere=len({run.id for run in chosen} - {run.id for run in shown}))
    if len(chosen) > 1:
        label = f"Compare the {len(chosen)} chosen runs: curves, scores, and what differs"
        st.page_link(
            "pages/compare.py", label=say.plain(label), icon=":material/compare_arrows:", query_params=address(chosen)
        )


def page() -> None:
    store = session.store()
    dialogs.say_deleted()
    title, new = st.columns([3, 1], vertical_alignment="center")
    title.title("Runs", anchor=False)
    with new.container(horizontal=True, horizontal_alignment="right"):
        if st.button("New run", icon=":material/add:", type="primary", key="new-run"):
            st.switch_page("pages/train.py")
    if not store.count():
        with theme.card("runs-empty"):
            theme.empty("No runs yet", "Everything you launch is listed here, with its scores, to open and compare.")
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link("pages/home.py", label="Start with a preset", icon=":material/rocket_launch:")
                st.page_link("pages/train.py", label="Set up a run of your own", icon=":material/tune:")
        return
    filters()
    dialogs.open_pending()
    live = any(store.unfinished())
    st.fragment(body, run_every=REFRESH if live else IDLE_REFRESH)(live)


router.require()
page()
