"""Data sets, ``?set=NAME``: what there is, what is in it, a task of it, and pictures of one's own."""

import streamlit as st

from data.language import tr
from pages.parts import router
from pages.parts.announced import importing_torch

router.require()
st.title(tr("Data sets"), anchor=False)
with importing_torch():
    from pages.parts.datasets.overview import overview

overview()
