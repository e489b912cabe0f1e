"""The few lines of style that Streamlit's theme settings cannot express, and the containers that use them."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import streamlit as st

from data.language import ENGLISH, current, mark, tr
from pages.parts import say

CSS = Path(__file__).with_suffix(".css").read_text()
# What Streamlit writes in English itself and takes no other words for, by where it stands.
DROPZONE = '[data-testid="stFileUploaderDropzone"]'
WORDS = {
    f"{DROPZONE} button p": mark("Upload"),
    f"{DROPZONE}:has(input[webkitdirectory]) button p": mark("Upload a folder"),
    '[data-testid="stCameraInputButton"]': mark("Another photograph"),
    '[data-testid="stCameraInputWebcamComponent"] [data-testid="stCameraInputButton"]': mark("Take a photograph"),
}
INSTEAD = "{where} {{font-size: 0}} {where}::after {{content: '{words}'; font-size: .9rem}}"


def apply() -> None:
    own = (
        "" if current() == ENGLISH else "".join(INSTEAD.format(where=at, words=tr(text)) for at, text in WORDS.items())
    )
    st.html(f"<style>{CSS}{own}</style>")


@contextmanager
def card(name: str, title: str = "", height: int | str = "content") -> Iterator[None]:
    """A bordered card. name: unique on the page. title: a small heading, none if empty."""
    with st.container(border=True, key=f"card-{name}", height=height):
        if title:
            say.heading(title)
        yield


def empty(title: str, text: str) -> None:
    """What stands where there is nothing to show yet, and what to do about it."""
    st.html(f'<div class="empty"><b>{html.escape(title)}</b>{html.escape(text)}</div>')


@contextmanager
def heading(title: str) -> Iterator[None]:
    """A card's small heading, with room at its right for a button or switch."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        say.heading(title, st.container(width="content"))
        with st.container(horizontal=True, horizontal_alignment="right", width="content"):
            yield


def dialog(title: str, on_dismiss: Callable[[], None]) -> Callable[[Callable], Callable]:
    """As ``st.dialog``, with a title in the language of whoever opens it."""

    def decorated(function: Callable) -> Callable:
        @wraps(function)
        def opened(*arguments: object, **named: object) -> None:
            st.dialog(tr(title), on_dismiss=on_dismiss)(function)(*arguments, **named)

        return opened

    return decorated
