"""Present, ``?run=7`` or ``?runs=3,4&groups=NAME``: recorded runs replayed for an audience, without a setting in sight; or the
prepared tour, ``?tour=1``.
"""

import streamlit as st

from core.comparing.groups import grouped, shown
from data.language import tr
from pages.parts import router, session, theme
from pages.parts.compare import choice
from pages.parts.present import tour
from pages.parts.present.scenes import scenes
from pages.parts.present.stage import stage
from pages.parts.present.tour_link import TOUR, tour_link


def page() -> None:
    if TOUR in st.query_params:
        return tour.show()
    asked = st.query_params.get("run", "")
    found = session.store().runs(ids=session.numbered(asked)) if asked else choice.chosen().runs
    runs = [run for group in shown(grouped(found)) for run in group.runs]
    if not runs:
        return nothing(asked)
    with st.spinner(tr("Reading the curves …")):
        session.reader().poll([run.id for run in runs])
    key = "-".join(str(run.id) for run in runs)
    if stage(scenes(runs, session.store(), session.reader()), key):
        back = "pages/run.py" if asked else "pages/compare.py"
        st.switch_page(back, query_params=choice.asked_for())
    return None


def nothing(asked: str) -> None:
    st.title(tr("Present"), anchor=False)
    with theme.card("present-empty"):
        title = tr("There is no run {asked}", asked=asked[:20]) if asked else tr("Nothing to present yet")
        theme.empty(title, tr("Open a run, or compare several, and choose Present there."))
        with st.container(horizontal=True, horizontal_alignment="center"):
            tour_link("home")
            st.page_link("pages/runs.py", label=tr("Choose one from the list"), icon=":material/table_rows:")


router.require()
page()
