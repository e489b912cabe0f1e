"""The few lines of style that Streamlit's theme settings cannot express, and the containers that use them."""

import html
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

# The page takes its colour scheme from the theme, so light-dark() follows it without knowing which one is on.
CSS = """
<style>
.stApp, [data-testid=stHeader] {background: light-dark(#f4f6f9, #0f141b)}
[data-testid=stHeader] {height: 2.4rem; min-height: 2.4rem}
[data-testid=stMainBlockContainer] {max-width: 1480px; padding-left: 2rem; padding-right: 2rem}
[class*="st-key-card-"], [data-testid=stMetric] {background: light-dark(#ffffff, #171d27)}
[class*="st-key-card-"] {padding: .95rem 1.1rem; gap: .7rem}
[class*="st-key-card-"] [data-testid=stMarkdownContainer]:has(h4) {margin-bottom: 0}
[class*="st-key-card-"] h4 {padding: 0; line-height: 1.6rem}
[data-testid=stMetric] {min-height: 6.6rem}
[data-testid=stMetricLabel] p {font-size: .9rem}
[class*="st-key-side"] {position: sticky; top: 3rem}
[data-testid=stSidebarHeader] [data-testid=stSidebarLogo] {margin-right: .55rem}
[data-testid=stSidebarHeader] > :first-child::after {content: "Innerloop"; font-size: 1.15rem; font-weight: 650; flex: 1}
[class*="st-key-setting-"]:has([data-testid=stCheckbox]) {padding-top: 1.95rem}
[class*="st-key-setting-"] button[kind^=segmented] {min-height: 2.45rem}
.quiet {color: light-dark(#667085, #98a2b3)}
.big {font-size: 2.5rem; font-weight: 650; line-height: 1.1}
.field-error {color: light-dark(#b42318, #ff8f87); font-size: .86rem; line-height: 1.3; margin-top: -.45rem}
.settings {width: 100%; border-collapse: collapse; font-size: .9rem}
.settings td {padding: .22rem 0; border-bottom: 1px solid light-dark(#eef1f5, #222a36); vertical-align: top}
.settings tr:last-child td {border-bottom: none}
.settings td:first-child {color: light-dark(#667085, #98a2b3); padding-right: 1rem}
.settings td + td {text-align: right; overflow-wrap: anywhere}
.episode table {border-collapse: collapse}
.episode th {font-weight: 500; font-size: .85rem; color: light-dark(#667085, #98a2b3); text-align: left; padding: 0 1rem .3rem 0}
.episode th[scope=row] {vertical-align: middle; padding: 0 .6rem 0 0}
.episode td {padding: 2px .8rem 2px 0}
.episode td + td {border-left: 1px solid light-dark(#dfe3ea, #2a3240); padding: 2px 0 2px .8rem}
.episode th + th + th {padding-left: .8rem}
.episode img {display: block; image-rendering: pixelated}
.st-key-card-progress {padding: .93rem 1rem}
.st-key-card-progress [data-testid=stMetric] {min-height: 0}
.st-key-lead [data-testid=stMarkdown] p {font-size: 1.1rem}
.empty {text-align: center; padding: 2.2rem 1rem; color: light-dark(#667085, #98a2b3)}
.empty b {display: block; font-size: 1.1rem; margin-bottom: .25rem; color: light-dark(#0f1523, #e5e9f0)}
</style>
"""


def apply() -> None:
    st.html(CSS)


@contextmanager
def card(name: str, title: str = "", height: int | str = "content") -> Iterator[None]:
    """A bordered card. name: unique on the page. title: a small heading, none if empty."""
    with st.container(border=True, key=f"card-{name}", height=height):
        if title:
            st.markdown(f"#### {title}")
        yield


def empty(title: str, text: str) -> None:
    """What stands where there is nothing to show yet, and what to do about it."""
    st.html(f'<div class="empty"><b>{html.escape(title)}</b>{html.escape(text)}</div>')


@contextmanager
def heading(title: str) -> Iterator[None]:
    """A card's small heading, with room at its right for a button or switch."""
    words, controls = st.columns([1.6, 1], vertical_alignment="center")
    words.markdown(f"#### {title}")
    with controls.container(horizontal=True, horizontal_alignment="right"):
        yield
