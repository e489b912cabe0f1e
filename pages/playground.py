"""Playground, ``?mode=versus&run=3,7``: what trained learners make of what a visitor does."""

import streamlit as st

from pages.parts import router

router.require()
st.title("Playground", anchor=False)
announcement = st.empty()
with announcement, st.spinner("Loading PyTorch; this takes a few seconds after the server has started …"):
    from pages.parts.playground.modes import playground

announcement.empty()
playground()
