"""Train: choose tasks, learner, network and settings; see a task of that family; launch."""

import streamlit as st

from data.language import tr
from pages.parts import router
from pages.parts.announced import importing_torch

router.require()
st.title(tr("Train"), anchor=False)
with importing_torch():
    from pages.parts.train.form import train_form

train_form()
