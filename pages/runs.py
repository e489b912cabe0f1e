"""Runs, ``?q=SEARCH``: everything that was launched, to search, open, mark, delete, and choose for a comparison."""

import streamlit as st

from core.runs.run_lists import RunFilter
from core.runs.search import chosen as chosen_in
from data.language import tr
from pages.parts import router, say, session, theme
from pages.parts.compare.choice import address
from pages.parts.redraw import redraw
from pages.parts.runs import dialogs
from pages.parts.runs.actions import toolbar, toolbar_of_deleted
from pages.parts.runs.columns import column_choice
from pages.parts.runs.filters import elsewhere, filters, saved_searches, wanted
from pages.parts.runs.pager import ROWS, first_row, pager
from pages.parts.runs.table import run_table

REFRESH, IDLE_REFRESH = 2, 10  # seconds, while a run has not ended and while all have


def body(live: bool) -> None:
    """Table and toolbar. live: whether a run was unfinished at the last full run of this script."""
    with session.shown_errors():
        session.tick()
        dialogs.say_deleted()
        dialogs.undo_bar()
        listing()
        if live != any(session.store().unfinished()):  # last: a button that was clicked has done its work
            redraw()


def listing() -> None:
    store, matching = session.store(), wanted()
    total = store.count(matching)
    of_deleted = "deleted" in chosen_in(matching.text.lower(), "is")
    with theme.card("runs"):
        if not total:
            theme.empty(tr("No run matches"), tr("Change or clear the search to see more."))
            elsewhere(total)
            return
        tools = st.container()
        shown = store.page(matching, limit=ROWS, offset=first_row(total))
        chosen = run_table(shown)
        pager(total)
        elsewhere(total)
        with tools:
            if of_deleted:
                toolbar_of_deleted(chosen)
            else:
                toolbar(chosen, elsewhere=len({run.id for run in chosen} - {run.id for run in shown}))
    if len(chosen) > 1 and not of_deleted:
        label = tr("Compare the {n} chosen runs: curves, scores, and what differs", n=len(chosen))
        st.page_link(
            "pages/compare.py", label=say.plain(label), icon=":material/compare_arrows:", query_params=address(chosen)
        )


def page() -> None:
    store = session.store()
    dialogs.say_deleted()
    there = store.count() + store.count(RunFilter("is:archived,deleted"))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.container(width="content").title(tr("Runs"), anchor=False, width="content")
        with st.container(horizontal=True, horizontal_alignment="right", width="content"):
            if there:
                saved_searches()
                column_choice()
            if st.button(tr("New run"), icon=":material/add:", type="primary", key="new-run"):
                st.switch_page("pages/train.py")
    if not there:
        with theme.card("runs-empty"):
            theme.empty(
                tr("No runs yet"), tr("Everything you launch is listed here, with its scores, to open and compare.")
            )
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link("pages/home.py", label=tr("Start with a preset"), icon=":material/rocket_launch:")
                st.page_link("pages/train.py", label=tr("Set up a run of your own"), icon=":material/tune:")
        return
    filters()
    dialogs.open_pending()
    live = any(store.unfinished())
    st.fragment(body, run_every=REFRESH if live else IDLE_REFRESH)(live)


router.require()
page()
