"""One run, ``?run=ID``: what it is doing, its curves, its test, its config and its log."""

from collections.abc import Callable

import streamlit as st

from core.runs import scheduler
from core.runs.home import Home
from core.runs.schema import ACTIVE, ENDED, RESUMABLE, Run
from core.runs.store import RunStore
from data.errors import InnerloopError
from pages.parts import readable, router, session, theme
from pages.parts.chips import method, status_chip
from pages.parts.run import cards
from pages.parts.run.figures import metric_cards

REFRESH = 1  # seconds, while the run has not ended. One fragment for all: with two, Streamlit 1.67 loses track of its elements
PHASES = {
    "loading": "Loading the data; the first time, pictures are decoded or drawn and kept for later runs.",
    "tuning": "Choosing the fine-tuning on validation tasks.",
    "testing": "Scoring the best checkpoint on the frozen test tasks.",
}
PROBLEM = "run-problem"  # session state: why the last button did not work


def act(action: Callable[[RunStore, Home, int], Run], run: int) -> None:
    """A button's callback. Its error is kept for the rerun that follows, which shows it."""
    try:
        action(session.store(), session.home(), run)
    except InnerloopError as error:
        st.session_state[PROBLEM] = str(error)


def header(run: Run) -> None:
    words, buttons = st.columns([1.3, 1], vertical_alignment="center")
    with words:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.title(readable.verbatim(run.name), anchor=False, width="content")
            status_chip(run)
        began = f"started {readable.moment(run.started)}" if run.started else f"queued {readable.moment(run.created)}"
        group = f" · group {run.group}" if run.group else ""
        st.caption(f"run #{run.id} · {method(run)} · seed {run.config.get('seed')} · {began}{group}")
    with buttons, st.container(horizontal=True, horizontal_alignment="right", key="run-actions"):
        action_buttons(run)


def action_buttons(run: Run) -> None:
    def button(label: str, action: Callable, icon: str, **options: str) -> None:
        name = label.lower()
        st.button(
            label, key=f"{name}-{run.id}", icon=f":material/{icon}:", on_click=act, args=(action, run.id), **options
        )

    if run.status in ACTIVE and run.desired == "run":
        button("Pause", scheduler.pause, "pause")
    if run.status not in ENDED and run.desired == "pause":
        button("Continue", scheduler.resume, "play_arrow")
    if run.status not in ENDED and run.desired != "stop":
        button("Stop", scheduler.stop, "stop")
    if run.status in RESUMABLE:
        button("Resume", scheduler.resume, "resume")
    if st.button(
        "Duplicate",
        key=f"duplicate-{run.id}",
        icon=":material/content_copy:",
        help="Open this config in Train.",
        type="primary",
    ):
        st.switch_page("pages/train.py", query_params={"from": str(run.id)})


def notices(run: Run) -> None:
    """What a person has to know before reading the curves: why it waits, what it does, or what went wrong."""
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(problem, icon=":material/error:")
    if run.status in ("failed", "lost"):
        st.error(
            f"**{run.error or 'The run ended with an error.'}** {run.remedy}  \nThe log below has the details.",
            icon=":material/error:",
        )
    elif run.status == "queued":
        st.info(waiting_for(run), icon=":material/schedule:")
    elif run.status == "starting":
        st.info("The worker is starting; this takes a few seconds.", icon=":material/hourglass_top:")
    elif run.status in ACTIVE and run.desired == "stop":
        st.info(
            "Stopping: the worker writes a checkpoint first, from which the run can resume.", icon=":material/stop:"
        )
    elif run.status == "running" and run.phase in PHASES:
        st.info(PHASES[run.phase], icon=":material/hourglass_top:")


def waiting_for(run: Run) -> str:
    if run.desired == "pause":
        return "Paused before it started. Continue puts it back into the queue."
    if elsewhere := scheduler.waits_for(run, session.home()):
        return elsewhere
    store = session.store()
    before, busy = store.before(run.id), [f"#{other.id} {other.name}" for other in store.runs(status=ACTIVE)]
    place = f"{before} run{'s are' if before > 1 else ' is'} before it in the queue" if before else "Next in the queue"
    return f"{place}; it starts when {' or '.join(busy)} makes room." if busy else f"{place}; it starts in a moment."


def show(id: int, ended: bool) -> None:
    """The whole page for one run. ended: as of the last full run of this script; when that changes, ticking stops."""
    with session.shown_errors():  # a tick runs this function alone, without app.py around it
        session.tick()
        found = session.store().runs(ids=[id])
        if not found or (found[0].status in ENDED) != ended:  # deleted in another tab, ended, or resumed
            st.rerun()
        body(found[0])


def body(run: Run) -> None:
    reader = session.reader()
    reader.poll([run.id])
    evaluations = session.store().evaluations(run.id, split="val")
    header(run)
    notices(run)
    metric_cards(run, evaluations, reader)
    loss, validation = st.columns([1.5, 1])
    with loss:
        cards.loss_card(run, reader)
    with validation:
        cards.validation_card(run, evaluations)
    adaptation, test = st.columns(2)
    with adaptation:
        cards.adaptation_card(run, evaluations)
    with test:
        cards.test_card(run)
    config, log = st.columns([1, 1.5])
    with config:
        cards.config_card(run)
    with log:
        cards.log_card(run)
    if run.note:
        st.caption(f"Note: {readable.verbatim(run.note)}")


def no_run(title: str, text: str) -> None:
    st.title("Run", anchor=False)
    with theme.card("no-run"):
        theme.empty(title, text)
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link("pages/runs.py", label="Choose one from the list", icon=":material/table_rows:")
            st.page_link("pages/train.py", label="Set up a new one", icon=":material/rocket_launch:")


def page() -> None:
    asked = st.query_params.get("run", "")
    if not asked:
        return no_run("No run is chosen", "This page shows one run: its curves, its test and its log.")
    known = session.store().runs(ids=[int(asked)]) if asked.isdecimal() else []
    if not known:
        return no_run(f"There is no run {asked[:20]}", "It may have been deleted, or the address has a slip in it.")
    ended = known[0].status in ENDED
    return st.fragment(show, run_every=None if ended else REFRESH)(known[0].id, ended)


router.require()
page()
