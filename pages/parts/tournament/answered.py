"""A tournament: how far it is, what it answers in words, and the numbers that these rest on. Free of torch."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import about
from core.comparing.groups import MOST_RUNS
from core.retest import Retest
from core.runs import scheduler
from core.runs.schema import Run
from core.shots import SHOTS, missing
from core.tournament import needed
from core.tournament.answer import Advice, Answer, Place, about_time, answer
from core.tournament.record import Tournament, left, tournament
from data.language import mark, tr
from pages.parts import readable, say, session, theme, trust
from pages.parts.chips import status_word
from pages.parts.compare import choice, verdicts
from pages.parts.compare.figures import legend_height
from pages.parts.live_chart import live_chart
from pages.parts.redraw import redraw
from pages.parts.runs.report_button import report_button
from pages.parts.sortable import sortable, titled

PHASES = (mark("loading"), mark("tuning"), mark("training"), mark("testing"))  # of runs, as they are kept
REFRESH = 1.0  # seconds between two ticks while a run has not ended


def show(found: Tournament) -> None:
    """All there is to say of it. How far it is goes on in the tick; whatever else changes has the page drawn anew."""
    runs = list(found.runs)
    _heading(found)
    under_way = st.container()
    said = answer(found, session.store())
    _advice_card(said.advice, tr("Answer so far") if found.unfinished else tr("Answer"))
    _table_card(said)
    if len(said.tests) > 1:
        verdicts.verdict_card(said.tests)
    _shots_card(found, said)
    live = bool(found.unfinished) or bool(verdicts.busy(runs))
    st.fragment(_tick, run_every=REFRESH if live else None)(found.number, _state(runs), under_way)


def _heading(found: Tournament) -> None:
    with theme.card("tournament-heading"):
        say.heading(f"{found.name} #{found.number}")
        say.caption(tr("{field}; {state}.", field=found.field, state=found.state))
        with st.container(horizontal=True, vertical_alignment="center"):
            if found.unfinished:
                ids = [run.id for run in found.unfinished]
                if st.button(tr("Stop all"), key="stop-tournament", icon=":material/stop:"):
                    scheduler.stop_all(session.store(), session.home(), only=ids)
                    st.rerun()
            elif found.resumable and st.button(tr("Resume"), key="resume-tournament", icon=":material/resume:"):
                _resume(found)
            compared = choice.address(found.runs)
            st.page_link(
                "pages/compare.py", label=tr("Compare"), icon=":material/compare_arrows:", query_params=compared
            )
            if len(found.runs) <= MOST_RUNS:
                report_button(found.runs)
            with st.container(key="another-tournament", width="content"):
                st.page_link("pages/tournament.py", label=tr("Another tournament"), icon=":material/emoji_events:")


def _resume(found: Tournament) -> None:
    refused = trust.refused(found.resumable)
    if refused:
        say.error(refused)
        return
    for run in found.resumable:
        scheduler.resume(session.store(), session.home(), run.id)
    st.rerun()


def _state(runs: Sequence[Run]) -> tuple:
    """What the still parts of the page show. A tick that finds it changed has the whole page drawn again."""
    return (*((run.id, run.status, run.test is None) for run in runs), verdicts.busy(runs))


def _tick(number: int, drawn: tuple, under_way: DeltaGenerator) -> None:
    """Streamlit runs this alone, without app.py around it."""
    with session.shown_errors():
        session.tick()
        found = tournament(session.store(), number)
        if found is None or _state(found.runs) != drawn:
            redraw()
        with under_way:
            _progress(found)
            verdicts.progress(found.runs)


def _progress(found: Tournament | None) -> None:
    """How many runs have ended, how long the rest takes, and which one trains; a place that is always written to."""
    if found is None or not found.unfinished:
        st.empty()
        return
    ended, rest = len(found.runs) - len(found.unfinished), left(found)
    sure = tr(
        mark("about {seconds} left") if rest.whole else mark("at least {seconds} left"),
        seconds=about.duration(rest.seconds),
    )
    known = sure if rest.whole or rest.seconds else tr("time left unknown as yet")
    active = [run for run in found.unfinished if run.status != "queued"]
    now = [f"#{run.id} {run.name} {tr(run.phase or status_word(run))}" for run in active]
    text = " · ".join([tr("{ended} of {n} runs ended", ended=ended, n=len(found.runs)), known, *now])
    st.progress(ended / len(found.runs), say.plain(text))


def _advice_card(advice: Sequence[Advice], title: str) -> None:
    with theme.card("tournament-answer", title):
        for one in advice:
            icon, color = ("check_circle", "green") if one.decided else ("help", "gray")
            question, text = st.columns([1, 4])
            with question:
                say.name(one.question)
            text.markdown(say.marked(readable.powers(one.text), icon, color))


def _table_card(said: Answer) -> None:
    with theme.card("tournament-table", tr("What it rests on")):
        rows = [_row(place) for place in said.places]
        words = {
            "Test": [readable.powers(one.score) if one.standing.test else readable.NOTHING for one in said.places],
            "Training": [readable.duration(one.standing.seconds or None) for one in said.places],
            "Seen": [
                f"{readable.count(one.work)} {tr(one.unit)}" if one.work else readable.NOTHING for one in said.places
            ],
            "Adaptation": [_time(one.standing.adaptation) for one in said.places],
            "Memory": [readable.size(one.memory) for one in said.places],
        }
        st.dataframe(
            sortable(rows, words),
            hide_index=True,
            column_config=_columns(),
            placeholder=readable.NOTHING,
            alt=tr("Learners with their scores and what they took"),
        )
        for place in said.places:
            if place.remark:
                say.listed(place.label, place.remark)
        say.caption(tr("Each ± is half of a 95 % interval of the mean, over the seeds or tasks that stand behind it."))


def _row(place: Place) -> dict[str, object]:
    one = place.standing
    return {
        "Learner": place.label,
        "Test": one.test and one.test.mean,
        "Tested": tr("{tested} of {entered}", tested=place.tested, entered=place.entered),
        "Training": one.seconds or None,
        "Seen": place.work or None,
        "Adaptation": one.adaptation,
        "Memory": place.memory,
        "Kind": tr(place.kind),
    }


def _time(seconds: float | None) -> str:
    return readable.NOTHING if seconds is None else about_time(seconds)


def _columns() -> dict[str, object]:
    column = st.column_config
    return titled(
        {
            mark("Learner"): column.TextColumn(width=170),
            mark("Test"): column.NumberColumn(
                mark("Test score"), width=190, help=mark("On the same unseen tasks for all.")
            ),
            mark("Tested"): column.TextColumn(mark("Runs tested"), width=100),
            mark("Training"): column.NumberColumn(
                mark("Training time"), help=mark("Without waiting; the mean of the seeds.")
            ),
            mark("Seen"): column.NumberColumn(
                mark("Trained on"), help=mark("Tasks or examples that a training saw; the mean of the seeds.")
            ),
            mark("Adaptation"): column.NumberColumn(
                mark("Time to adapt"), help=mark("To one test task, with scoring it; many at once.")
            ),
            mark("Memory"): column.NumberColumn(
                help=mark("Of the worker at its last sign of life, the most of the seeds.")
            ),
            mark("Kind"): column.TextColumn(help=mark("Model-agnostic learners were made for any network.")),
        }
    )


def _shots_card(found: Tournament, said: Answer) -> None:
    """How many examples of a class each needs: from the same checkpoints with other numbers of shots."""
    scored = [place for place in said.places if place.standing.test]
    if not scored:
        return
    curves = needed.curves(said.places, session.store())
    runs = [run for place in scored for run in place.group.runs]
    with theme.card("tournament-shots", tr("How many shots are needed")):
        drawn = any(len(one.scores) > 1 for one in curves)
        if drawn:
            st.markdown(say.plain(readable.powers(needed.sentence(said.places, curves))))
            chart = needed.chart(curves)
            live_chart(chart, f"shots-{found.number}", legend_height(chart, 260))
        else:
            theme.empty(
                tr("Not tested yet"),
                tr("The trained learners can be tested with fewer and with more examples as well."),
            )
        for test in verdicts.retests().of([run.id for run in runs]):
            if test.remark:
                say.caption(tr("Run #{run}: {remark}", run=test.run, remark=test.remark))
        wishes = [Retest(run.id, (), shots) for run in runs if (shots := _lacking(run))]
        if wishes and not verdicts.busy(runs):
            _shots_button(wishes, runs)


def _lacking(run: Run) -> tuple[int, ...]:
    known = verdicts.retests().of([run.id])
    asked = {k for test in known if test.remark for k in test.shots}  # what was left out then will be again
    return tuple(k for k in missing(run, session.store().evaluations(run.id, split="test"), SHOTS) if k not in asked)


def _shots_button(wishes: Sequence[Retest], runs: Sequence[Run]) -> None:
    refused = trust.refused(runs)
    st.button(
        say.plain(tr("Test with {some} and {last} shots", some=tr(", ").join(map(str, SHOTS[:-1])), last=SHOTS[-1])),
        key="test-shots",
        icon=":material/add:",
        help=say.plain(refused or tr("Tests {n} checkpoints again; nothing is trained.", n=len(wishes))),
        disabled=bool(refused),
        on_click=verdicts.retests().ask,
        args=(wishes,),
    )
