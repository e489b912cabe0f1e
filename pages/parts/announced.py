"""What a page says while it imports torch for the first time."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from data.language import tr


@contextmanager
def importing_torch() -> Iterator[None]:
    """Around such an import."""
    announcement = st.empty()
    with announcement, st.spinner(tr("Loading PyTorch; this takes a few seconds after the server has started …")):
        yield
    announcement.empty()
