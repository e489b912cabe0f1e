"""Components of our own, in the language of whoever sees them: see ``core.spoken`` for how their files say what they say."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from core import spoken
from data import language
from data.language import ENGLISH


def component(name: str, html: str, css: str, js: str) -> Callable[..., Any]:
    """As Streamlit's, one for each language that is asked for."""

    @cache
    def spoken_in(code: str) -> Callable[..., Any]:
        with language.speaking(code):
            return st.components.v2.component(
                name if code == ENGLISH else f"{name}_{code}",
                html=spoken.markup(html),
                css=css,
                js=spoken.script(js),
                isolate_styles=False,
            )

    return lambda **options: spoken_in(language.current())(**options)


def of_files(folder: Path, name: str, *before: str) -> Callable[..., Any]:
    """That of ``name.html``, ``name.css`` and ``name.js`` in a folder. before: scripts that its own builds on."""

    def read(file: str) -> str:
        return (folder / file).read_text(encoding="utf-8")

    return component(name, read(f"{name}.html"), read(f"{name}.css"), "\n".join(map(read, [*before, f"{name}.js"])))
