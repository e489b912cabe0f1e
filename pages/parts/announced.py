"""What a page says while it imports torch for the first time."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def importing_torch() -> Iterator[None]:
    """Around such an import."""
    announcement = st.empty()
    with announcement, st.spinner("Loading PyTorch; this takes a few seconds after the server has started …"):
        yield
    announcement.empty()
