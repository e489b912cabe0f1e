"""A component of the playground out of the files beside this one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent


def component(name: str, *before: str) -> Callable[..., Any]:
    """That of ``name.html``, ``name.css`` and ``name.js``. before: scripts that its own builds on."""
    scripts = [*before, f"{name}.js"]
    return st.components.v2.component(
        name,
        html=_read(f"{name}.html"),
        css=_read(f"{name}.css"),
        js="\n".join(map(_read, scripts)),
        isolate_styles=False,
    )


def _read(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")
