"""The way to the tour, for pages."""

import streamlit as st

from data.language import tr

TOUR = "tour"  # of the address: the number of the scene, from 1
BACK = "back"  # of the address: where it was opened
CAME_FROM = {"home": "pages/home.py", "learn": "pages/learn.py", "playground": "pages/playground.py"}


def tour_link(origin: str) -> None:
    """origin: one of CAME_FROM, to which it leads back."""
    query = {TOUR: "1", BACK: origin}
    st.page_link("pages/present.py", label=tr("Take the tour"), icon=":material/tour:", query_params=query)
