"""Compare, ``?runs=3,4&groups=NAME``: groups of seeds and single runs over each other, and what their scores say."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.comparing.again import with_newest_tests
from core.comparing.alike import tested
from core.comparing.groups import MOST, MOST_RUNS, Group, grouped, shown
from core.comparing.scores import standing
from core.imported import Imported
from core.runs.schema import ENDED, Run
from data.language import tr
from pages.parts import router, say, session, theme
from pages.parts.compare import choice, others, scores, settings, verdicts
from pages.parts.compare.controls import controls
from pages.parts.compare.figures import Figures, figure_cards
from pages.parts.redraw import redraw
from pages.parts.runs.report_button import report_button

REFRESH = 1.0  # seconds between two ticks while one of the runs has not ended


def page() -> None:
    st.title(tr("Compare"), anchor=False)
    asked = choice.chosen()
    groups = grouped(asked.runs)
    compared = shown(groups)
    curves = others.chosen()
    with theme.card("compare-choice"):
        with st.container(horizontal=True, vertical_alignment="center"):
            choice.picker(asked)
            report_button([run for group in compared for run in group.runs], curves)
            if compared:
                present_button()
        if left := len(asked.runs) - sum(len(group.runs) for group in compared):
            say.info(
                tr(
                    "{left} of these {n} runs are left out: more than {most} recipes could not be told apart, and more "
                    "than {most_runs} runs are too many to read at once. Choose fewer of them.",
                    left=left,
                    n=len(asked.runs),
                    most=MOST,
                    most_runs=MOST_RUNS,
                )
            )
    if not asked.runs:
        with theme.card("compare-empty"):
            theme.empty(
                tr("Nothing to compare yet"), tr("Choose runs or groups above, or tick them in the list of runs.")
            )
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link("pages/runs.py", label=tr("Choose from the list of runs"), icon=":material/table_rows:")
        return
    compare(compared, curves)


def present_button() -> None:
    if st.button(
        tr("Present"), key="present", icon=":material/slideshow:", help=tr("Replay these runs for an audience.")
    ):
        st.switch_page("pages/present.py", query_params=choice.asked_for())


def compare(chosen: list[Group], curves: list[Imported]) -> None:
    """All there is to say of these runs. Curves go on in the tick; whatever else changes has the page drawn anew."""
    runs = sorted((run for group in chosen for run in group.runs), key=lambda run: run.id)
    with st.spinner(tr("Reading the curves …")):  # a million points that nobody has looked at yet take seconds
        session.reader().poll([run.id for run in runs])
    found = [tested(group, session.store()) for group in chosen]
    groups = [with_newest_tests(one) for one in found]
    standings = [standing(group) for group in groups]
    verdicts.verdict_card(found)
    testing = st.container()
    figures, aside = figure_cards(groups, controls(), curves)
    with aside:
        settings.differences_card(groups)
    scores.scores_card(standings)
    scores.trade_cards(standings)
    settings.parallel_card(standings)
    others.card(curves)
    live = any(run.status not in ENDED for run in runs) or verdicts.busy(runs)
    st.fragment(tick, run_every=REFRESH if live else None)(groups, state(runs), figures, testing)


def state(runs: list[Run]) -> tuple:
    """What the still parts of the page show. A tick that finds it changed has the whole page drawn again."""
    shown = [(run.id, run.name, run.status, run.test is None, run.best and run.best["iteration"]) for run in runs]
    return (*shown, verdicts.busy(runs))


def tick(groups: list[Group], drawn: tuple, figures: Figures, testing: DeltaGenerator) -> None:
    """Bring the curves up to date. Streamlit runs this alone, without app.py around it."""
    with session.shown_errors():
        session.tick()
        ids = [run.id for group in groups for run in group.runs]
        runs = sorted(session.store().runs(ids=ids), key=lambda run: run.id)
        session.reader().poll([run.id for run in runs if run.status not in ENDED])
        if state(runs) != drawn:
            redraw()
        figures.refresh(groups)
        with testing:
            verdicts.progress(runs)


router.require()
page()
