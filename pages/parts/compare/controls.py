"""How the curves are drawn: switches whose state is part of the address, as far as it is not the usual one."""

import streamlit as st

from core.comparing.bands import KINDS
from core.comparing.curves import View

AXES = {"iteration": "iteration", "work": "tasks seen", "time": "training time"}


def controls() -> View:
    with st.container(horizontal=True, vertical_alignment="center", key="compare-controls"):
        axis = st.segmented_control(
            "x axis",
            list(AXES),
            default="iteration",
            required=True,
            key="axis",
            format_func=AXES.get,
            label_visibility="collapsed",
            bind="query-params",
        )
        band = st.selectbox(
            "Band",
            KINDS,
            key="band",
            label_visibility="collapsed",
            width=200,
            bind="query-params",
            help="Around means.",
        )
        seeds = st.toggle("single seeds", key="seeds", bind="query-params")
        best = st.toggle("best so far", True, key="best", bind="query-params")
        log_x = st.toggle("log x", key="logx", bind="query-params")
        log_y = st.toggle("log loss", key="logy", bind="query-params")
        smooth = st.toggle("smooth loss", key="smoothed", bind="query-params")
    return View(axis, band, seeds, best, log_x, log_y, smooth)
