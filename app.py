"""Innerloop's router and sidebar. Start it with ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from data.language import tr
from pages.parts import language, parsing, router, session, stale_ticks, theme
from pages.parts.live_chart import provide_plotly
from pages.parts.sidebar import sidebar

PARTS = Path(__file__).parent / "pages" / "parts"

st.set_page_config("Innerloop", page_icon=PARTS / "icon.png", layout="wide", initial_sidebar_state="auto")
parsing.one_at_a_time()
stale_ticks.drop()
language.arrived()
router.arrived()
theme.apply()
provide_plotly(session.static_folder())
page = st.navigation(
    {
        tr("Monitor"): [
            st.Page("pages/home.py", title=tr("Home"), icon=":material/home:", default=True),
            st.Page("pages/runs.py", title=tr("Runs"), icon=":material/table_rows:"),
            st.Page("pages/run.py", title=tr("Run"), icon=":material/monitoring:"),
            st.Page("pages/compare.py", title=tr("Compare"), icon=":material/compare_arrows:"),
            st.Page("pages/present.py", title=tr("Present"), visibility="hidden"),  # by a button on the two before it
        ],
        tr("Experiment"): [
            st.Page("pages/train.py", title=tr("Train"), icon=":material/rocket_launch:"),
            st.Page("pages/tournament.py", title=tr("Which method for me?"), icon=":material/emoji_events:"),
            st.Page("pages/datasets.py", title=tr("Data sets"), icon=":material/photo_library:"),
        ],
        tr("Understand"): [
            st.Page("pages/learn.py", title=tr("Learn"), icon=":material/school:"),
            st.Page("pages/playground.py", title=tr("Playground"), icon=":material/draw:"),
        ],
    }
)
st.logo(PARTS / "logo.svg", size="large", icon_image=PARTS / "logo.svg")
with session.shown_errors():
    session.warm_up()  # first of all: whoever launches something as soon as there is a button waits for it
    session.keep_warm()
    sidebar()
    router.from_the_top(page.url_path)
    page.run()
