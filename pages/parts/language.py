"""The language of a visitor: chosen in the sidebar and kept in a cookie, until then that of their browser."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from data import language
from data.language import ENGLISH, LANGUAGES
from pages.parts import say

CHOSEN, KEPT = "language", "language-kept"  # session state: the code; whether it was chosen here
COOKIE = "innerloop-language"
YEAR = 31_536_000  # seconds
# The browser runs a script again only if its text changes. Screen readers pronounce a page by its ``lang``.
SCRIPT = "<script>document.documentElement.lang = '{code}'; {keep}</script>"
KEEP = "document.cookie = '{cookie}={code}; path=/; max-age={year}; SameSite=Lax'"


def arrived() -> None:
    """Called by app.py before anything is said."""
    language.follow(_read)
    if CHOSEN not in st.session_state:
        st.session_state[CHOSEN] = _remembered()


def _read() -> str:
    """The language of the session whose script this thread runs; English in all other threads."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    return st.session_state.get(CHOSEN, ENGLISH)


def _remembered() -> str:
    wishes = st.context.cookies.get(COOKIE, ""), (st.context.locale or "").partition("-")[0]
    return next((wish for wish in wishes if wish in LANGUAGES), ENGLISH)


def switch() -> None:
    """A button for each other language, in that language's own words."""
    for code, name in LANGUAGES.items():
        if code != st.session_state[CHOSEN]:
            st.button(
                say.plain(name),
                key=f"language-{code}",
                icon=":material/translate:",
                type="tertiary",
                on_click=_choose,
                args=(code,),
            )
    code = st.session_state[CHOSEN]
    keep = KEEP.format(cookie=COOKIE, code=code, year=YEAR) if st.session_state.get(KEPT) else ""
    st.html(SCRIPT.format(code=code, keep=keep), unsafe_allow_javascript=True)


def _choose(code: str) -> None:
    st.session_state[CHOSEN], st.session_state[KEPT] = code, True
