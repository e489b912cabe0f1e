"""Train: choose tasks, learner, network and settings; see a task of that family; launch."""

import streamlit as st

from pages.parts import router

router.require()
st.title("Train", anchor=False)
announcement = st.empty()
with announcement, st.spinner("Loading PyTorch; this takes a few seconds after the server has started …"):
    from pages.parts.train.form import train_form

announcement.empty()
train_form()
