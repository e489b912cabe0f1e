"""Turning the pages of the table of runs: which page is shown is remembered, and read before the table is drawn."""

import streamlit as st

from data.language import tr
from pages.parts import readable, say

ROWS = 50  # of a page
TURNED = "runs-turned"  # session state: how often the program has turned the page by itself, and to which one


def turn_to_first_page() -> None:
    """A filter's callback: the page that was shown is another one now."""
    _turn(1)


def first_row(total: int) -> int:
    """How many of ``total`` rows come before the page that is shown; the last one there is, if rows have gone."""
    if _shown() > page_count(total):
        _turn(page_count(total))
    return ROWS * (_shown() - 1)


def pager(total: int) -> None:
    """Which rows are shown, and buttons to the others; nothing where all fit on a page."""
    if page_count(total) == 1:
        return
    first = first_row(total)
    with st.container(horizontal=True, vertical_alignment="center", key="runs-pager"):
        say.caption(
            tr("{value}–{min} of {total}", value=first + 1, min=min(first + ROWS, total), total=readable.count(total))
        )
        st.pagination(page_count(total), default=_turned()[1], key=_key())


def page_count(total: int) -> int:
    return max(1, -(-total // ROWS))


def _turned() -> tuple[int, int]:
    return st.session_state.get(TURNED, (0, 1))


def _turn(page: int) -> None:
    """The widget starts from its default, so that another one, of a key of its own, takes its place."""
    st.session_state[TURNED] = (_turned()[0] + 1, page)


def _key() -> str:
    return f"runs-page-{_turned()[0]}"


def _shown() -> int:
    """The page by its number, from 1."""
    return st.session_state.get(_key(), _turned()[1])
