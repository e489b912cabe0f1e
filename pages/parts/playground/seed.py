"""The seed in the playground's address: the same address gives another visitor the same task."""

import random

import streamlit as st

from core.runs.schema import LARGEST_RUN
from pages.parts import session


def asked(name: str, first: int) -> int:
    """The one that the address has under this name; ``first`` where it has none."""
    found = session.numbered(st.query_params.get(name, ""))
    return found[0] if found else first


def another(name: str) -> None:
    """A new one, into the address."""
    st.query_params[name] = str(random.randint(1, LARGEST_RUN))
