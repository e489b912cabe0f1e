"""What can be done with the runs that are ticked, and on which of them it acts."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.about import listed
from core.runs import bin, scheduler
from core.runs.schema import ACTIVE, ENDED, Run
from data.language import plural, tr
from pages.parts import say, session
from pages.parts.compare.choice import address
from pages.parts.runs import dialogs
from pages.parts.runs.report_button import report_button, table_button
from pages.parts.runs.table import clear

FEW = 8  # runs that are named by their numbers


def numbers(runs: Sequence[Run]) -> str:
    """``#7, #5 and #3``; many as a number."""
    names = [f"#{run.id}" for run in runs]
    if len(names) > FEW:
        return tr("{n} runs", n=len(names))
    return listed(names, "and")


def toolbar(chosen: Sequence[Run], elsewhere: int) -> None:
    """What can be done with the chosen runs. elsewhere: how many of them are on another page, or hidden by a filter."""
    one = len(chosen) == 1
    with st.container(horizontal=True, vertical_alignment="center", key="runs-toolbar"):
        if st.button(tr("Open"), icon=":material/open_in_new:", disabled=not one, key="open-run"):
            st.switch_page("pages/run.py", query_params={"run": str(chosen[0].id)})
        if st.button(tr("Compare"), icon=":material/compare_arrows:", disabled=len(chosen) < 2, key="compare-runs"):
            st.switch_page("pages/compare.py", query_params=address(chosen))
        if st.button(tr("Rename, note"), icon=":material/edit:", disabled=not one, key="edit-run"):
            dialogs.ask("edit", chosen)
        marks(chosen)
        stop(chosen)
        active = [run for run in chosen if run.status in ACTIVE]
        busy = tr("#{id} is {status}; stop it first.", id=active[0].id, status=tr(active[0].status)) if active else ""
        blocked = not chosen or bool(active)
        if st.button(tr("Delete"), icon=":material/delete:", disabled=blocked, help=say.plain(busy), key="delete-runs"):
            dialogs.ask("delete", chosen)
        with st.popover(tr("More"), icon=":material/more_horiz:", key="more-runs"):
            if st.button(tr("Duplicate"), icon=":material/content_copy:", disabled=not one, key="duplicate-run"):
                st.switch_page("pages/train.py", query_params={"from": str(chosen[0].id)})
            report_button(chosen)
            table_button(chosen)
        said(chosen, elsewhere)


def said(chosen: Sequence[Run], elsewhere: int) -> None:
    """Which runs are chosen, and how to choose others."""
    if elsewhere:
        say.caption(
            plural(
                "{n} of {chosen} chosen is not on this page.",
                "{n} of {chosen} chosen are not on this page.",
                elsewhere,
                chosen=len(chosen),
            )
        )
        st.button(tr("Clear"), type="tertiary", key="clear-runs", on_click=clear)
    elif len(chosen) == 1:
        say.caption(tr("#{id} is chosen. Choose one more to compare them.", id=chosen[0].id))
    elif chosen:
        say.caption(tr("{chosen} are chosen.", chosen=numbers(chosen)))
    else:
        st.caption(tr("Click a name to open a run; tick two or more to compare them."))


def marks(chosen: Sequence[Run]) -> None:
    """Star, tags and archive, each for all of the chosen runs, or taken back where all have it."""
    store, ids, on = session.store(), [run.id for run in chosen], numbers(chosen)
    starred, archived = (
        bool(chosen) and all(getattr(run, which) for run in chosen) for which in ("starred", "archived")
    )

    def button(label: str, icon: str, act: Callable, wanted: bool, key: str) -> None:
        about = tr("{action} {runs}", action=label, runs=on) if chosen else ""
        st.button(
            say.plain(label),
            key=key,
            icon=f":material/{icon}:",
            disabled=not chosen,
            help=say.plain(about),
            on_click=act,
            args=(ids, wanted),
        )

    button(tr("Unstar") if starred else tr("Star"), "star", store.star, not starred, "star-runs")
    if st.button(tr("Tags"), icon=":material/sell:", disabled=not chosen, key="tag-runs"):
        dialogs.ask("tags", chosen)
    away = "unarchive" if archived else "archive"
    button(tr("Unarchive") if archived else tr("Archive"), away, store.archive, not archived, "archive-runs")


def stop(chosen: Sequence[Run]) -> None:
    unfinished = [run for run in chosen if run.status not in ENDED and run.desired != "stop"]
    label = tr("Stop") if len(chosen) < 2 or not unfinished else tr("Stop {n}", n=len(unfinished))
    about = tr("Stops {unfinished} with a checkpoint", unfinished=numbers(unfinished)) if unfinished else ""
    if st.button(
        say.plain(label), icon=":material/stop:", disabled=not unfinished, help=say.plain(about), key="stop-runs"
    ):
        for run in unfinished:
            scheduler.stop(session.store(), session.home(), run.id)
        st.rerun()


def toolbar_of_deleted(chosen: Sequence[Run]) -> None:
    """What can be done with deleted runs: bring them back, or remove all of them for good."""
    gone = [run for run in chosen if run.deleted is not None]
    with st.container(horizontal=True, vertical_alignment="center", key="runs-toolbar"):
        st.button(
            tr("Restore"),
            key="restore-runs",
            icon=":material/restore_from_trash:",
            disabled=not gone,
            help=say.plain(tr("Brings back {gone}", gone=numbers(gone))) if gone else None,
            on_click=dialogs.restore,
            args=([run.id for run in gone],),
        )
        if st.button(tr("Empty"), key="empty-deleted", icon=":material/delete_forever:"):
            dialogs.ask_to_empty()
        say.caption(
            tr("Deleted runs can be restored for {days} days; then they are gone with their files.", days=bin.DAYS)
        )
