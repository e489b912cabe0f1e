"""Data sets, ``?set=NAME``: what there is, what is in it, a task of it, and pictures of one's own."""

import streamlit as st

from pages.parts import router

router.require()
st.title("Data sets", anchor=False)
announcement = st.empty()
with announcement, st.spinner("Loading PyTorch; this takes a few seconds after the server has started …"):
    from pages.parts.datasets.overview import overview

announcement.empty()
overview()
