"""What the learner makes of one validation task, at each validation: the inner loop in sight."""

import streamlit as st

from core.runs import views
from core.runs.facts import Facts
from core.runs.schema import ENDED, Run
from core.runs.series import SeriesReader
from data.language import mark, tr
from pages.parts import readable, say, session, theme
from pages.parts.run import task_view
from pages.parts.run.cards import trains

TITLE = mark("One task, before and after adapting")


def card(run: Run, reader: SeriesReader) -> None:
    """Nothing for a run that has ended and kept no tasks, as those of earlier versions."""
    artifacts = session.home().artifacts(run)
    found = views.iterations(artifacts)
    if not trains(run) or (not found and run.status in ENDED):
        return
    with theme.card("one-task"):
        if not found:
            say.heading(tr(TITLE))
            if reader.latest(run.id):
                theme.empty(tr("Nothing to look at"), tr("Tasks of this family have no look of their own."))
            else:
                theme.empty(tr("No task yet"), tr("The first validation shows what the learner makes of single tasks."))
            return
        place = st.container()
        with st.container(key="task-at"):  # whose height theme.css keeps for the slider
            iteration = _iteration(run, found)
        shown = views.validation(artifacts, iteration)
        with place:
            task = _task(run, len(shown))
        if task is None:
            theme.empty(tr("Kept no longer"), tr("Choose another validation."))
        else:
            task_view.draw(shown[task], Facts.of(run).metric, f"one-task-{run.id}")


def _task(run: Run, tasks: int) -> int | None:
    """Which of the tasks; the choice stands in the card's heading. None where there are none."""
    if not tasks:
        say.heading(tr(TITLE))
        return None
    with theme.heading(tr(TITLE)):
        return st.segmented_control(
            tr("Validation task"),
            range(tasks),
            format_func=lambda task: tr("task {task}", task=task),
            default=0,
            required=True,
            key=f"task-of-{run.id}",
            label_visibility="collapsed",
        )


def _iteration(run: Run, found: list[int]) -> int:
    """Which validation; the newest follows the run until somebody chooses another one."""
    key, newest = f"task-at-{run.id}", f"task-newest-{run.id}"
    if len(found) == 1:
        say.caption(_at(found[0]))
        return found[0]
    chosen = st.session_state.get(key)
    if chosen not in found or chosen == st.session_state.get(newest):
        st.session_state[key] = found[-1]
    st.session_state[newest] = found[-1]
    shown = st.session_state[key]
    return st.select_slider(tr("Validation at iteration"), found, shown, readable.count, key=key, width=560)


def _at(iteration: int) -> str:
    return tr("Validation at iteration {iteration}", iteration=readable.count(iteration)) + (
        "" if iteration else tr(", before training")
    )
