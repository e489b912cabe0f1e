"""Beside the form: a task of the chosen family, what the run amounts to, and its launch."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from core.algorithms.base import algorithms
from core.config.run import RunConfig
from core.runs.names import problem_of_name
from data.errors import DataError, InnerloopError
from data.family import TaskFamily
from data.registry import families
from pages.parts import readable, say, session, theme
from pages.parts.launching import launched
from pages.parts.run import cards
from pages.parts.train import draft
from pages.parts.train.draft import Draft
from pages.parts.train.episode_view import episode_view
from pages.parts.train.forecast_view import ForecastView, stop_measuring

EPISODE_SEED = "train-episode-seed"  # session state: which task is shown
SEEDS = "run-seeds"  # session state: how many runs there will be
MOST_SEEDS = 20


def missing_files(current: Draft) -> list[Path]:
    """The files that the chosen family needs and the data-set folder lacks."""
    return families()[current.values["family"]["name"]].missing(session.home().datasets)


def episode_card(current: Draft, config: RunConfig | None) -> None:
    """Show a training task, or what is missing for one."""
    family, missing = families()[current.values["family"]["name"]], missing_files(current)
    with theme.card("episode"):
        if missing:
            say.heading("A training task")
            files_missing(family, missing)
            return
        with theme.heading("A training task"):
            if st.button(
                "Another", key="another-episode", icon=":material/casino:", help="Draw another task.", type="tertiary"
            ):
                st.session_state[EPISODE_SEED] = random.randrange(2**31)
        if config is None:
            theme.empty("No task to show", "Settings that need a change are marked in the form.")
            return
        try:
            episode_view(config.family, session.home(), st.session_state.get(EPISODE_SEED, 0))
        except DataError as error:
            say.problem(error)


def files_missing(family: type[TaskFamily], missing: Sequence[Path]) -> None:
    """What to fetch, and where it goes; by a button, or by hand."""
    files = f"{len(missing)} file{'s' if len(missing) > 1 else ''} that are"
    say.warning(f"{family.title} needs {files} not here yet.", "download")
    st.html(cards.settings_table([(path.name, str(path.parent)) for path in missing]))
    if family.by_hand:
        say.caption(family.by_hand)
        return
    st.caption("Put them there by hand, or let Innerloop download them and check them.")
    if st.button(
        say.plain(f"Download {family.title}"), key="download-family", icon=":material/download:", type="primary"
    ):
        bar = st.progress(0.0, "Connecting …")
        try:
            family.download(session.home().datasets, lambda done, text: bar.progress(min(done, 1.0), say.plain(text)))
        except DataError as error:
            bar.empty()
            say.problem(error)
        else:
            st.rerun()


def summary(config: RunConfig) -> list[tuple[str, object]]:
    """What the run amounts to."""
    learner, training, shape = algorithms()[config.algorithm.name], config.training, config.family.shape
    rows: list[tuple[str, object]] = []
    if (weights := draft.weights(config)) is not None:
        rows.append(("Network", f"{readable.count(weights)} weights"))
    if learner.meta_trained and learner.episodic:
        rows.append(
            ("Meta-training", f"{readable.count(training.iterations)} iterations of {training.meta_batch_size} tasks")
        )
        images = shape.n_way * (shape.k_shot + shape.n_query)
        rows.append(("Examples per iteration", images * training.meta_batch_size))
    elif learner.meta_trained:
        rows.append(("Training", f"{readable.count(training.iterations)} ordinary batches"))
    else:
        rows.append(("Training", "none"))
    task = families()[config.family.name].task(config.test_shape)
    rows.append(("Final test", f"{readable.count(config.evaluation.episodes)} tasks, {task}"))
    return rows


def launch_card(
    current: Draft, config: RunConfig | None, problems: Mapping[str, str], elsewhere: Sequence[str]
) -> None:
    """Summary, name, seeds and the button. elsewhere: problems that have no field of their own in the form."""
    with theme.card("launch", "Launch"):
        if config is not None:
            st.html(cards.settings_table(summary(config)))
        name, seeds = st.columns([2, 1])
        with name:
            current.name = st.text_input("Name", current.name, key=f"run-name-{current.revision}")
            unnamed = problem_of_name(current.name)
            say.wrong(unnamed)
        most = (
            f"Queues so many runs as a group, with the seeds {current.values['seed']}, {current.values['seed']} + 1 …"
        )
        st.session_state.setdefault(SEEDS, current.seeds)  # a visit to another page takes it from there
        count = current.seeds = seeds.number_input("Seeds", 1, MOST_SEEDS, key=SEEDS, help=say.plain(most))
        for text in elsewhere:
            say.error(text)
        view = ForecastView(current, config, count) if config is not None else None
        if view:
            view.figures()
        label = "Launch" if count == 1 else f"Launch {count} runs"
        blocked = (unnamed and "The name needs a change.") or reason(problems, missing_files(current))
        with st.container(key="launch-bar"):
            if blocked:
                say.wrong(blocked)
            pressed = st.button(
                say.plain(label),
                key="launch",
                type="primary",
                icon=":material/rocket_launch:",
                disabled=bool(blocked),
                width="stretch",
            )
        if view:
            view.remarks()
        if pressed:
            start(current, count)


def reason(problems: Mapping[str, str], missing: Sequence[Path]) -> str:
    """Why nothing can be launched now; empty if it can."""
    if problems:
        return (
            "One setting needs a change; it is marked."
            if len(problems) == 1
            else f"{len(problems)} settings need a change; they are marked."
        )
    return "" if not missing else "The task family's files are missing, see above."


def start(current: Draft, count: int) -> None:
    stop_measuring()  # the run has the machine to itself
    try:
        with st.spinner("Checking and queueing …"):
            runs = launched(current.values, current.name, count)
    except InnerloopError as error:
        say.error(current.in_words(f"{error.message} {error.remedy}", error.path))
    else:
        st.switch_page("pages/run.py", query_params={"run": str(runs[0].id)})
