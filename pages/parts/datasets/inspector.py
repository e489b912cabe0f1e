"""The episode inspector: the task that a seed draws, exactly as a learner gets it, and its hash."""

import random
from collections.abc import Callable, Sequence

import streamlit as st

from core import datasets
from core.datasets import DataSet, Inspected, SplitFacts
from data.errors import DataError
from data.family import SPLIT_TITLES, SPLITS, EpisodeShape, TaskFamily
from data.language import tr
from data.names import Names
from data.texts import Texts
from pages.parts import say, session, theme
from pages.parts.train.episode_view import opened, pairs_view, paths_view, pictures_view, points_view, texts_view

SEED = "inspector-seed"  # session state
MOST = 100  # classes, shots or queries


def inspector_card(one: DataSet, facts: Sequence[SplitFacts]) -> None:
    with theme.card("inspector"):
        with theme.heading(tr("A task, as a learner sees it")):
            if st.button(
                tr("Another"),
                key="another-task",
                icon=":material/casino:",
                type="tertiary",
                help=tr("Draw another seed."),
            ):
                st.session_state[SEED] = random.randrange(2**31)
        shape, split, seed = asked(one, facts)
        try:
            with st.spinner(tr("Loading the examples; the first time, that takes some seconds …"), show_time=True):
                family = opened(one.config, session.home())
                task = datasets.inspect(family, split, shape, seed)
        except DataError as error:
            say.problem(error)
            return
        if view := VIEWS.get((family.kind, family.input_spec.dtype)):
            view(family, task, shape)
        say.caption(tr("Seed {seed} draws this task every time. Its SHA-256:", seed=seed))
        st.code(task.sha256, language=None, wrap_lines=True)


def asked(one: DataSet, facts: Sequence[SplitFacts]) -> tuple[EpisodeShape, str, int]:
    """The shape of the task, its split and its seed; at first one that every split has."""
    classes = one.kind.kind == "classification"
    first = one.config.shape
    names = (
        {"n_way": tr("Classes"), "k_shot": tr("Shots"), "n_query": tr("Queries")}
        if classes
        else {"k_shot": tr("Shots"), "n_query": tr("Queries")}
    )
    split = st.segmented_control(
        tr("Split"),
        SPLITS,
        default=SPLITS[0],
        format_func=lambda split: tr(SPLIT_TITLES[split]),
        key="inspector-split",
        required=True,
    )
    *columns, seed_column = st.columns(len(names) + 1)
    found = {"n_way": 1}
    most = min((int(min(each.smallest, MOST)) for each in facts), default=MOST)
    starts = {"n_way": min([5, *(each.classes for each in facts)]), "k_shot": min(first.k_shot, most)}
    starts["n_query"] = max(1, min(3, first.n_query, most - starts["k_shot"]))
    for column, (name, title) in zip(columns, names.items(), strict=True):
        found[name] = column.number_input(
            say.plain(title), 2 if name == "n_way" else 1, MOST, starts[name], key=f"inspector-{name}-{one.name}"
        )
    seed = seed_column.number_input(tr("Seed"), 0, 2**31 - 1, st.session_state.setdefault(SEED, 0), key=SEED)
    return EpisodeShape(**found), split, int(seed)


def pictures(family: TaskFamily, task: Inspected, shape: EpisodeShape) -> None:
    del family
    pictures_view(task.batch, shape, task.classes)


def points(family: TaskFamily, task: Inspected, shape: EpisodeShape) -> None:
    del family, shape
    points_view(task.batch)


def paths(family: TaskFamily, task: Inspected, shape: EpisodeShape) -> None:
    paths_view(family, task.batch, shape)


def pairs(family: Names, task: Inspected, shape: EpisodeShape) -> None:
    del shape
    pairs_view(family, task.batch)


def texts(family: Texts, task: Inspected, shape: EpisodeShape) -> None:
    texts_view(family, shape, task.drawn)


# By the kind of tasks and what an example is made of.
VIEWS: dict[tuple[str, str], Callable[[TaskFamily, Inspected, EpisodeShape], None]] = {
    ("classification", "float"): pictures,
    ("classification", "integer"): texts,
    ("regression", "float"): points,
    ("control", "float"): paths,
    ("sequence", "integer"): pairs,
}
