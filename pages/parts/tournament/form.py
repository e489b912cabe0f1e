"""Where a tournament is begun. Apart from the page because it imports torch, which the page announces before it does."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from core import launch
from core.algorithms.base import GROUPS, algorithms
from core.config.checks import parse, parse_family
from core.config.presets import PRESETS, preset
from core.runs.names import problem_of_name
from core.tournament import plan
from core.tournament.budget import Budget
from core.tournament.expected import Expected
from core.tournament.plan import Contestant, contestant
from data import kept_words, language
from data.errors import DataError, InnerloopError, InputError
from data.language import mark, tr
from data.places import Folders
from data.registry import families
from pages.parts import say, session, theme, trust
from pages.parts.launching import once
from pages.parts.run import cards
from pages.parts.tournament.estimate import estimated
from pages.parts.train import draft
from pages.parts.train.forecast_view import stop_measuring
from pages.parts.train.launch_panel import files_missing

START = "doodles-5w1s"
DRAFT = mark("as on Train")  # of the choice of tasks, beside the presets' names
TASKS = "tournament-tasks"  # session state: the choice of tasks
FROM = "tournament-from"  # session state: the run whose tasks are taken
SECONDS, SEEN = mark("Equal time"), mark("Equal tasks")
DEFAULT_SECONDS, DEFAULT_TASKS, DEFAULT_SEEDS = 20, 10_000, 3


def tournament_form() -> None:
    form, side = st.columns([1.8, 1], gap="medium")
    with form:
        try:
            values, name = _tasks()
        except InnerloopError as error:
            say.problem(error)
            return
        if refused := trust.refusal(values):  # before anything looks at its files
            say.error(next(iter(refused.values())))
            return
        missing = session.missing_files(values)
        if missing:
            files_missing(families()[values["family"]["name"]], missing)
        learners = st.container()  # above the terms, but filled after them: each is checked with its budget
        with theme.card("tournament-terms", tr("Fair terms")):
            budget, seeds = _terms()
        with learners, theme.card("tournament-learners", tr("Learners")):
            folders, version = session.home().folders, _version(values)
            chosen = _learners(_contestants(json.dumps(values), budget, folders, version, language.current()))
    with side, st.container(key="side"):
        _launch_card(values, name, chosen, budget, seeds, missing)


def _tasks() -> tuple[dict[str, Any], str]:
    """The chosen config of plain values, and what a tournament on it is called. Raises InnerloopError."""
    if number := st.query_params.pop("from", ""):
        found = session.store().runs(ids=session.numbered(number))
        st.session_state[FROM] = found[0].id if found else None
        if found:
            st.session_state[TASKS] = str(found[0].id)
        else:
            say.warning(tr("There is no run {number}. Choose a preset instead.", number=number[:20]))
    run = next(iter(session.store().runs(ids=[st.session_state[FROM]])), None) if st.session_state.get(FROM) else None
    words = {one.name: f"{one.name} · {tr(one.title)}" for one in PRESETS}
    current = draft.current()
    words |= {DRAFT: tr("As set up on Train: {name}", name=current.name)} if current else {}
    words |= {str(run.id): tr("As in run #{id} {name}", id=run.id, name=run.name)} if run else {}
    with theme.card("tournament-tasks", tr("Tasks and network")):
        if st.session_state.get(TASKS) not in words:
            st.session_state[TASKS] = START
        chosen = st.selectbox(
            tr("Tasks and network"),
            list(words),
            list(words).index(st.session_state[TASKS]),
            key=TASKS,
            format_func=words.get,
            label_visibility="collapsed",
        )
        values, name = _of(chosen, run)
        say.caption(_said(values))
        st.page_link("pages/train.py", label=tr("Set up tasks of your own on Train"), icon=":material/tune:")
    return values, name


def _of(chosen: str, run: Any) -> tuple[dict[str, Any], str]:
    if chosen == DRAFT:
        config, _ = draft.current().check()
        if config is None:
            raise InputError(
                tr("The settings on Train need a change."), tr("Mend them there, or choose a preset."), TASKS
            )
        return draft.plain(config), draft.current().name
    if run is not None and chosen == str(run.id):
        return draft.complete(run.config), run.name
    return launch.from_preset(preset(chosen)), chosen


def _said(values: dict[str, Any]) -> str:
    """What is learned, in a line: ``Doodles, 5-way 1-shot. Network conv4. Tested on 600 tasks that no training has seen.``"""
    kind, config = families()[values["family"]["name"]], parse(values)
    tasks = f"{tr(kind.title)}, {kept_words.said(kind.task(config.test_shape))}"
    return tr(
        "{tasks}. Network {name}. Each is tested on the same {episodes} unseen tasks.",
        tasks=tasks,
        name=config.model.name,
        episodes=config.evaluation.episodes,
    )


def _terms() -> tuple[Budget, int]:
    kind, amount, seeds = st.columns([1.4, 1, 1], vertical_alignment="bottom")
    with kind:
        chosen = st.radio(
            tr("Each trains for"), [SECONDS, SEEN], format_func=tr, horizontal=True, key="tournament-budget"
        )
    with amount:
        if chosen == SECONDS:
            seconds = st.number_input(tr("Seconds each"), 1, 1_000_000, DEFAULT_SECONDS, key="tournament-seconds")
            budget = Budget(seconds=float(seconds))
        else:
            most = plan.MOST_ITERATIONS
            budget = Budget(
                tasks=st.number_input(tr("Tasks each"), 1, most, DEFAULT_TASKS, key="tournament-budget-tasks")
            )
    with seeds:
        count = st.number_input(
            tr("Seeds"),
            1,
            plan.MOST_SEEDS,
            DEFAULT_SEEDS,
            key="tournament-seeds",
            help=tr("Trainings of each learner. With one, a verdict is of these trainings alone."),
        )
    say.caption(tr(plan.RULE))
    return budget, count


def _version(values: dict[str, Any]) -> int:
    """Of the family's files, which say what tasks there can be."""
    kind, folders = families()[values["family"]["name"]], session.home().folders
    try:
        return kind.version(parse_family(values["family"]), folders)
    except DataError:  # said of each learner
        return 0


@lru_cache(maxsize=32)  # asked at every rerun, and each network is counted
def _contestants(values: str, budget: Budget, folders: Folders, version: int, spoken: str) -> tuple[Contestant, ...]:  # noqa: ARG001
    """Every learner. version: another number once the family's files have changed. spoken: the language of who asks."""
    return tuple(contestant(json.loads(values), learner, budget, folders) for learner in algorithms())


def _learners(all_: Sequence[Contestant]) -> list[Contestant]:
    """Checkboxes by group; returns those that are ticked. One that cannot take part is grey, and below is said why."""
    chosen = []
    for column, group in zip(st.columns(len(GROUPS)), GROUPS, strict=True):
        with column:
            say.caption(say.first_upper(tr(group)))
            for one in all_:
                if algorithms()[one.learner].group != group:
                    continue
                if one.config is None:
                    st.checkbox(say.plain(tr(one.title)), False, key=f"unfit-{one.learner}", disabled=True)
                elif st.checkbox(say.plain(tr(one.title)), one.learner in plan.DEFAULT, key=f"enter-{one.learner}"):
                    chosen.append(one)
    for why in dict.fromkeys(one.why for one in all_ if one.config is None):
        say.caption(why)
    return chosen


def _launch_card(
    values: dict[str, Any], name: str, chosen: Sequence[Contestant], budget: Budget, seeds: int, missing: Sequence[Path]
) -> None:
    """What it amounts to, how long it takes, and the button."""
    with theme.card("tournament-launch", tr("Tournament")):
        name = st.text_input(tr("Name"), name, key=f"tournament-name-{name}")
        unnamed = problem_of_name(name)
        say.wrong(unnamed)
        rows = [
            (tr("Learners"), tr(", ").join(tr(one.title) for one in chosen) or tr("none")),
            (
                tr("Runs"),
                tr(
                    "{learners} learners × {seeds} = {runs}",
                    learners=len(chosen),
                    seeds=seeds,
                    runs=len(chosen) * seeds,
                ),
            ),
            (tr("Budget"), budget.text),
        ]
        st.html(cards.settings_table(rows))
        blocked = _blocked(chosen, unnamed, missing)
        takes = None if blocked else estimated(values, chosen, seeds)
        say.wrong("" if unnamed else blocked)
        pressed = st.button(
            tr("Start the tournament"),
            key="start-tournament",
            type="primary",
            icon=":material/emoji_events:",
            disabled=bool(blocked),
            width="stretch",
        )
        st.caption(tr("The runs wait in the ordinary queue and go on when the browser is closed."))
        if pressed:
            _start(chosen, name, seeds, budget, takes)


def _blocked(chosen: Sequence[Contestant], unnamed: str, missing: Sequence[Path]) -> str:
    """Why nothing can be started now; empty if it can."""
    if missing:
        return tr("The task family's files are missing, see beside.")
    if len(chosen) < plan.FEWEST:
        return tr("Choose two learners at least.")
    return unnamed


def _start(chosen: Sequence[Contestant], name: str, seeds: int, budget: Budget, takes: Expected | None) -> None:
    stop_measuring()  # the runs have the machine to themselves
    store, home = session.store(), session.home()
    seconds = takes.seconds if takes else {}
    wish = json.dumps([[one.config.model_dump(mode="json") for one in chosen], name, seeds, budget.as_json()])
    try:
        with st.spinner(tr("Checking and queueing …")):
            runs = once(wish, lambda: plan.enter(store, home, chosen, name, seeds, budget, seconds))
    except InnerloopError as error:
        say.problem(error)
    else:
        st.switch_page("pages/tournament.py", query_params={"id": str(runs[0].id)})
