"""Playground, ``?mode=versus&run=3,7``: what trained learners make of what a visitor does."""

import streamlit as st

from data.language import tr
from pages.parts import router
from pages.parts.announced import importing_torch
from pages.parts.present.tour_link import tour_link

router.require()
st.title(tr("Playground"), anchor=False)
tour_link("playground")
with importing_torch():
    from pages.parts.playground.modes import playground

playground()
