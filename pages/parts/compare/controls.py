"""How the curves are drawn: switches whose state is part of the address, as far as it is not the usual one."""

import streamlit as st

from core.comparing.bands import KINDS
from core.comparing.curves import View
from data.language import mark, tr

AXES = {"iteration": mark("iteration"), "work": mark("tasks seen"), "time": mark("training time")}


def controls() -> View:
    with st.container(horizontal=True, vertical_alignment="center", key="compare-controls"):
        axis = st.segmented_control(
            tr("x axis"),
            list(AXES),
            default="iteration",
            required=True,
            key="axis",
            format_func=lambda axis: tr(AXES[axis]),
            label_visibility="collapsed",
            bind="query-params",
        )
        band = st.selectbox(
            tr("Band"),
            KINDS,
            key="band",
            format_func=tr,
            label_visibility="collapsed",
            width=200,
            bind="query-params",
            help=tr("Around means."),
        )
        seeds = st.toggle(tr("single seeds"), key="seeds", bind="query-params")
        best = st.toggle(tr("best so far"), True, key="best", bind="query-params")
        log_x = st.toggle(tr("log x"), key="logx", bind="query-params")
        log_y = st.toggle(tr("log loss"), key="logy", bind="query-params")
        smooth = st.toggle(tr("smooth loss"), key="smoothed", bind="query-params")
    return View(axis, band, seeds, best, log_x, log_y, smooth)
