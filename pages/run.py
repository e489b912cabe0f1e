"""One run, ``?run=ID``: what it is doing, its curves, its test, its config and its log."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts import QUERY_LOSS
from core.diagnosis import diagnoses
from core.runs import bin, scheduler
from core.runs.home import Home
from core.runs.run_lists import RunFilter
from core.runs.schema import ACTIVE, ENDED, RESUMABLE, Run
from core.runs.store import RunStore
from data.errors import InnerloopError, InputError
from data.language import mark, tr
from pages.parts import readable, router, say, session, theme, trust
from pages.parts.chips import method, status_chip
from pages.parts.redraw import redraw
from pages.parts.run import beside, cards, family_tree, hard_tasks, one_task, same_again, stands_out, takeaway
from pages.parts.run.beside import Beside
from pages.parts.run.figures import metric_cards
from pages.parts.run.notice import in_the_way, notice
from pages.parts.runs import dialogs

# Seconds between two ticks while the run has not ended, and while its first point is about to come. One fragment a page: with
# two, Streamlit 1.67 loses track of its elements.
REFRESH, EAGER = 1.0, 0.4
SOON = 15.0  # seconds after a start in which the first score is looked for as often as the first point
BEFORE = ("", "loading", "training")  # phases in which that point may come
PROBLEM = "run-problem"  # session state: why the last button did not work


def act(action: Callable[[RunStore, Home, int], Run], run: int) -> None:
    """A button's callback. Its error is kept for the rerun that follows, which shows it."""
    try:
        action(session.store(), session.home(), run)
    except InnerloopError as error:
        st.session_state[PROBLEM] = str(error)


def resume(store: RunStore, home: Home, id: int) -> Run:
    """Raises InputError for a run that this server may not go on with."""
    if text := trust.refused([store.get(id)]):
        raise InputError(text, "", "run")
    return scheduler.resume(store, home, id)


def header(run: Run, compared: Beside | None, made: Sequence[Run]) -> None:
    """made: the newest runs that were made from this one."""
    words, buttons = st.columns([1, 1.3], vertical_alignment="center")
    with words:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            say.title(run.name)
            status_chip(run)
        began = (
            tr("started {started}", started=readable.moment(run.started))
            if run.started
            else tr("queued {created}", created=readable.moment(run.created))
        )
        group = tr(" · group {group}", group=run.group) if run.group else ""
        tags = tr(" · tags {tags}", tags=", ".join(run.tags)) if run.tags else ""
        marks = "".join(f" · {tr(word)}" for word in (mark("starred"), mark("archived")) if getattr(run, word))
        numbers = tr("run #{id} · {method} · seed {seed}", id=run.id, method=method(run), seed=run.config.get("seed"))
        say.caption(f"{numbers} · {began}{group}{tags}{marks}")
        beside.line(run, compared)
        beside.children(made)
    with buttons, st.container(horizontal=True, horizontal_alignment="right", key="run-actions"):
        action_buttons(run)


def action_buttons(run: Run) -> None:
    def button(label: str, action: Callable, icon: str, **options: str) -> None:
        name = label.lower()
        st.button(
            say.plain(label),
            key=f"{name}-{run.id}",
            icon=f":material/{icon}:",
            on_click=act,
            args=(action, run.id),
            **options,
        )

    if run.status in ACTIVE and run.desired == "run":
        button(tr("Pause"), scheduler.pause, "pause")
    if run.status not in ENDED and run.desired == "pause":
        button(tr("Continue"), scheduler.resume, "play_arrow")
    if run.status not in ENDED and run.desired != "stop":
        button(tr("Stop"), scheduler.stop, "stop")
    if run.status in RESUMABLE:
        button(tr("Resume"), resume, "resume")
    if st.button(
        tr("Duplicate"),
        key=f"duplicate-{run.id}",
        icon=":material/content_copy:",
        help=tr("Open this config in Train."),
    ):
        st.switch_page("pages/train.py", query_params={"from": str(run.id)})
    same_again.offer(run)
    with st.popover(tr("More"), key=f"more-{run.id}", icon=":material/more_horiz:"):
        same_again.offer_to_continue(run)
        more_buttons(run)


def more_buttons(run: Run) -> None:
    """What is done to a run but seldom."""
    if st.button(
        tr("Present"),
        key=f"present-{run.id}",
        icon=":material/slideshow:",
        help=tr("Replay this run for an audience."),
        width="stretch",
    ):
        st.switch_page("pages/present.py", query_params={"run": str(run.id)})
    if st.button(tr("Rename, note"), key=f"edit-{run.id}", icon=":material/edit:", width="stretch"):
        dialogs.ask("edit", [run])
    if st.button(tr("Tags"), key=f"tags-of-{run.id}", icon=":material/sell:", width="stretch"):
        dialogs.ask("tags", [run])
    store = session.store()
    star, away = mark("Unstar") if run.starred else mark("Star"), mark("Unarchive") if run.archived else mark("Archive")
    st.button(
        say.plain(tr(star)),
        key=f"star-{run.id}",
        icon=":material/star:",
        width="stretch",
        on_click=store.star,
        args=([run.id], not run.starred),
    )
    st.button(
        say.plain(tr(away)),
        key=f"archive-{run.id}",
        icon=f":material/{away.lower()}:",
        width="stretch",
        help=tr("Archived runs are left out of the lists; search for is:archived to find them."),
        on_click=store.archive,
        args=([run.id], not run.archived),
    )
    busy = tr("It is {status}; stop it first.", status=tr(run.status)) if run.status in ACTIVE else ""
    if st.button(
        tr("Delete"),
        key=f"delete-{run.id}",
        icon=":material/delete:",
        disabled=bool(busy),
        help=say.plain(busy),
        width="stretch",
    ):
        dialogs.ask("delete", [run])


def problem() -> None:
    """What went wrong at the last button, once."""
    if text := st.session_state.pop(PROBLEM, ""):
        say.error(text)


@dataclass(frozen=True)
class Drawn:
    """What the still parts of the page show. A tick that finds it changed has the whole page drawn again."""

    run: tuple
    notice: tuple[str, str]
    validation: int | None
    log: bool
    eager: bool
    other: tuple = ()

    @classmethod
    def of(cls, run: Run, log: str | None, compared: Beside | None) -> "Drawn":
        row = (run.status, run.desired, run.name, run.note, run.group, run.started, run.attempt, run.test is None)
        row += (run.tags, run.starred, run.archived)
        reader = session.reader()
        latest, curve = reader.latest(run.id), len(reader.series(run.id, QUERY_LOSS)[0]) > 0
        soon = run.phase in BEFORE if not curve else latest is None and time.time() - (run.started or 0) < SOON
        eager = run.status in ("starting", "running") and soon
        return cls(row, notice(run), latest and latest.id, log is not None, eager, cls._of_other(compared))

    @staticmethod
    def _of_other(compared: Beside | None) -> tuple:
        if compared is None:
            return ()
        other, latest = compared.other, session.reader().latest(compared.other.id)
        return other.id, other.name, other.status, other.desired, other.test is None, latest and latest.id


def draw(run: Run) -> None:
    """The whole page. What moves while the run trains is in containers of their own, which ticks fill again.

    What comes and goes is in one container: Streamlit counts the others' places by what is before them, and would take
    each that moves up by one out of the page first.
    """
    reader, compared = session.reader(), beside.found(run)
    reader.poll([run.id, *([compared.other.id] if compared else [])])
    drawn = Drawn.of(run, cards.log_tail(run), compared)
    found = diagnoses(run, reader)
    made = session.store().children(run.id, beside.MOST_CHILDREN)
    header(run, compared, made)
    with st.container(key="announcement"):
        same_again.open_pending(run)
        dialogs.open_pending([run.id])
        problem()
        announce(run, drawn.notice, compared, len(found))
    with st.container(key="figures"):  # whose height theme.css keeps for what the tick draws last
        (figures,) = st.columns(1)
    loss, validation = st.columns([1.5, 1])
    with validation:
        cards.validation_card(run, reader, compared)
    adaptation, test = st.columns(2)
    with adaptation:
        cards.adaptation_card(run, reader, compared)
    with test:
        cards.test_card(run)
    one_task.card(run, reader)
    hard_tasks.card(run, reader)
    with st.container(key="stands-out"):  # below what is watched: it comes and goes with validations
        stands_out.card(run, found)
    config, log = st.columns([1, 1.5])
    with config:
        cards.config_card(run)
    with log:
        log_place = cards.log_card(run, begun=drawn.log)
    with st.container(key="system"):  # which is there once something was measured
        cards.system_card(run, reader)
    if run.parent or made:
        family_tree.card(run)
    takeaway.card(run)
    if run.note:
        say.caption(tr("Note: {note}", note=run.note))
    alive = [one for one in (run, compared and compared.other) if one and one.status not in ENDED]
    often = EAGER if drawn.eager else REFRESH
    st.fragment(tick, run_every=often if alive else None)(run.id, compared, drawn, (figures, loss, log_place))


def announce(run: Run, said: tuple[str, str], compared: Beside | None, findings: int) -> None:
    """What to know before reading the curves, and the way out where the run waits for the one it is compared with.

    findings: how many things stand out.
    """
    text, icon = said
    if icon == "error":
        say.error(text, tr("{remedy}\nThe log below has the details.", remedy=tr(run.remedy)))
    else:
        say.status(f"{text}{stands_out.hint(findings)}", icon)
    if other := in_the_way(run, compared and compared.other):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                say.plain(tr("Stop #{id} and start this", id=other.id)),
                key=f"overtake-{run.id}",
                icon=":material/stop:",
                on_click=act,
                args=(scheduler.stop, other.id),
            )
            say.caption(tr("#{id} writes a checkpoint and can be resumed later.", id=other.id))


def tick(
    id: int, compared: Beside | None, drawn: Drawn, places: tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]
) -> None:
    """Bring what moves up to date: figures, loss and log. Streamlit runs this alone, without app.py around it."""
    with session.shown_errors():
        session.tick()
        found, reader = session.store().runs(ids=[id]), session.reader()
        reader.poll([id, *([compared.other.id] if compared else [])])
        if not found:  # deleted in another tab
            redraw()
            return
        (run,), tail = found, cards.log_tail(found[0])
        compared = compared and beside.refreshed(compared.other.id, compared.shown, run)
        if Drawn.of(run, tail, compared) != drawn:  # validated, ended, resumed …
            redraw()
        figures, loss, log = places
        with figures:
            metric_cards(run, reader.validations(id))
        with loss:
            cards.loss_card(run, reader, compared)
        with log:
            cards.log_text(tail)


def no_run(title: str, text: str) -> None:
    st.title(tr("Run"), anchor=False)
    with theme.card("no-run"):
        theme.empty(title, text)
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link("pages/runs.py", label=tr("Choose one from the list"), icon=":material/table_rows:")
            st.page_link("pages/train.py", label=tr("Set up a new one"), icon=":material/rocket_launch:")


def deleted_run(id: int) -> None:
    st.title(tr("Run"), anchor=False)
    with theme.card("no-run"):
        theme.empty(
            tr("Run {id} was deleted", id=id),
            tr("It can be restored for {days} days after that, as it was.", days=bin.DAYS),
        )
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button(
                tr("Restore"),
                key=f"restore-{id}",
                icon=":material/restore_from_trash:",
                on_click=dialogs.restore,
                args=([id],),
            )
            st.page_link("pages/runs.py", label=tr("Choose another one"), icon=":material/table_rows:")


def page() -> None:
    asked = st.query_params.get("run", "")
    if not asked:
        return no_run(tr("No run is chosen"), tr("This page shows one run: its curves, its test and its log."))
    known = session.store().runs(ids=session.numbered(asked))
    if not known and session.numbered(asked) and session.store().count(RunFilter(f"is:deleted run:{asked}")):
        return deleted_run(int(asked))
    if not known:
        return no_run(
            tr("There is no run {asked}", asked=asked[:20]),
            tr("It may have been deleted, or the address has a slip in it."),
        )
    return draw(known[0])


router.require()
page()
