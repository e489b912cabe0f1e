"""Beside the form: a task of the chosen family, what the run amounts to, and its launch."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from core.algorithms.base import algorithms
from core.config.run import RunConfig
from core.download_job import DownloadJob
from core.runs.names import problem_of_name
from data import kept_words
from data.errors import DataError, InnerloopError
from data.family import TaskFamily
from data.language import joined, plural, tr
from data.registry import families
from pages.parts import background, readable, say, session, theme
from pages.parts.launching import launched
from pages.parts.run import cards
from pages.parts.train import draft
from pages.parts.train.draft import Draft
from pages.parts.train.episode_view import episode_view
from pages.parts.train.forecast_view import ForecastView, stop_measuring

EPISODE_SEED = "train-episode-seed"  # session state: which task is shown
SEEDS = "run-seeds"  # session state: how many runs there will be
MOST_SEEDS = 20


def episode_card(current: Draft, config: RunConfig | None) -> None:
    """Show a training task, or what is missing for one."""
    family, missing = families()[current.values["family"]["name"]], session.missing_files(current.values)
    with theme.card("episode"):
        if missing:
            say.heading(tr("A training task"))
            files_missing(family, missing)
            return
        with theme.heading(tr("A training task")):
            if st.button(
                tr("Another"),
                key="another-episode",
                icon=":material/casino:",
                help=tr("Draw another task."),
                type="tertiary",
            ):
                st.session_state[EPISODE_SEED] = random.randrange(2**31)
        if config is None:
            theme.empty(tr("No task to show"), tr("Settings that need a change are marked in the form."))
            return
        try:
            episode_view(config.family, session.home(), st.session_state.get(EPISODE_SEED, 0))
        except DataError as error:
            say.problem(error)


@st.cache_resource(show_spinner=False)
def _downloads(datasets: Path) -> dict[str, DownloadJob]:  # noqa: ARG001 - those into a folder, for all sessions
    """By family, each that goes on, and the last one that failed."""
    return {}


def files_missing(family: type[TaskFamily], missing: Sequence[Path]) -> None:
    """What to fetch, and where it goes; by a button, or by hand."""
    say.warning(family.needs(missing), "download")
    st.html(cards.settings_table([(path.name, str(path.parent)) for path in missing]))
    if family.by_hand:
        say.caption(tr(family.by_hand))
        return
    st.caption(tr("Put them there by hand, or let Innerloop download them and check them."))
    datasets = session.home().datasets
    jobs = _downloads(datasets)
    job = jobs.get(family.title)
    if job is not None and job.going_on:
        background.watched(jobs, family.title, "download")
        return
    if job is not None and job.error is not None:
        say.problem(job.error)  # until somebody tries again
    elif jobs.pop(family.title, None) is not None:
        st.rerun()  # what was missing is here
    if st.button(
        say.plain(tr("Download {title}", title=tr(family.title))),
        key="download-family",
        icon=":material/download:",
        type="primary",
    ):
        jobs[family.title] = DownloadJob(family, datasets)
        st.rerun()


def summary(config: RunConfig) -> list[tuple[str, object]]:
    """What the run amounts to."""
    learner, training, shape = algorithms()[config.algorithm.name], config.training, config.family.shape
    rows: list[tuple[str, object]] = []
    if (weights := draft.weights(config)) is not None:
        rows.append((tr("Network"), tr("{weights} weights", weights=readable.count(weights))))
    if learner.meta_trained and learner.episodic:
        rows.append(
            (
                tr("Meta-training"),
                tr(
                    "{iterations} iterations of {meta_batch_size} tasks",
                    iterations=readable.count(training.iterations),
                    meta_batch_size=training.meta_batch_size,
                ),
            )
        )
        images = shape.n_way * (shape.k_shot + shape.n_query)
        rows.append((tr("Examples per iteration"), images * training.meta_batch_size))
    elif learner.meta_trained:
        rows.append(
            (tr("Training"), tr("{iterations} ordinary batches", iterations=readable.count(training.iterations)))
        )
    else:
        rows.append((tr("Training"), tr("none")))
    task = kept_words.said(families()[config.family.name].task(config.test_shape))
    rows.append(
        (
            tr("Final test"),
            tr("{episodes} tasks, {task}", episodes=readable.count(config.evaluation.episodes), task=task),
        )
    )
    return rows


def launch_card(
    current: Draft, config: RunConfig | None, problems: Mapping[str, str], elsewhere: Sequence[str]
) -> None:
    """Summary, name, seeds and the button. elsewhere: problems that have no field of their own in the form."""
    with theme.card("launch", tr("Launch")):
        if config is not None:
            st.html(cards.settings_table(summary(config)))
        name, seeds = st.columns([2, 1])
        with name:
            current.name = st.text_input(tr("Name"), current.name, key=f"run-name-{current.revision}")
            unnamed = problem_of_name(current.name)
            say.wrong(unnamed)
        most = tr("Queues so many runs as a group, with the seeds {seed}, {seed} + 1 …", seed=current.values["seed"])
        held = st.session_state.setdefault(SEEDS, current.seeds)  # a visit to another page takes it from there
        count = current.seeds = seeds.number_input(tr("Seeds"), 1, MOST_SEEDS, held, key=SEEDS, help=say.plain(most))
        for text in elsewhere:
            say.error(text)
        view = ForecastView(current, config, count) if config is not None else None
        if view:
            view.figures()
        label = tr("Launch") if count == 1 else tr("Launch {count} runs", count=count)
        blocked = (unnamed and tr("The name needs a change.")) or reason(
            problems, session.missing_files(current.values)
        )
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
        return plural(
            "One setting needs a change; it is marked.", "{n} settings need a change; they are marked.", len(problems)
        )
    return "" if not missing else tr("The task family's files are missing, see above.")


def start(current: Draft, count: int) -> None:
    stop_measuring()  # the run has the machine to itself
    try:
        with st.spinner(tr("Checking and queueing …")):
            runs = launched(current.values, current.name, count)
    except InnerloopError as error:
        say.error(current.in_words(joined([error.message, error.remedy]), error.path))
    else:
        st.switch_page("pages/run.py", query_params={"run": str(runs[0].id)})
