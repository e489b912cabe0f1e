"""Who plays: trained learners that the address names, ``?run=3,doodles-maml``, by a run's number or a shipped learner's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import streamlit as st

from core.algorithms.base import GROUPS, BatchStatistics, algorithms
from core.config.preset import Preset
from core.library import Learner, load, load_file
from core.playground.shipped import Shipped, shipped
from core.runs.facts import Facts
from core.runs.home import Home
from core.runs.schema import Run
from core.training import checkpoint
from data.errors import InnerloopError, InputError
from data.language import tr
from pages.parts import say, session, theme, trust

RUN = "run"  # of the address
PICKED = "playground-picked"  # session state: the widget's choice in each mode, which follows the address
OFFERED = 300  # newest runs that are looked through
MOST = 4  # that play at once
KEPT = 16  # learners in memory; each number of classes asked for is another one
ALONE: BatchStatistics = "support"  # of BatchNorm: what one query is answered does not depend on others


@dataclass(frozen=True)
class Candidate:
    """A run, or a learner that comes along. key: in the address. title: in lists. short: beside what it says. learner: its name.
    score: what it reaches, in words.
    """

    key: str
    title: str
    short: str
    learner: str
    score: str
    run: Run | None = None
    file: Shipped | None = None


@dataclass(frozen=True)
class Player:
    """A candidate with its weights."""

    candidate: Candidate
    learner: Learner

    @property
    def name(self) -> str:
        return self.candidate.short


def candidates(family: Sequence[str]) -> list[Candidate]:
    """Trained runs on these families, newest first, and then what comes along."""
    found = [
        Candidate(
            str(run.id),
            f"#{run.id} {run.name}",
            f"{Facts.of(run).learner} #{run.id}",
            run.learner,
            _score(run),
            run=run,
        )
        for run in session.store().page(limit=OFFERED)
        if run.family in family and run.learner in algorithms() and (run.best or run.test)
    ]
    return found + [
        Candidate(one.name, one.title, one.title, one.learner, one.score, file=one)
        for one in shipped().values()
        if one.family in family
    ]


def _score(run: Run) -> str:
    found = run.test or run.best
    reached = Facts.of(run).metric.text(found["mean"], found.get("ci95"))
    return tr("{score}, final test", score=reached) if run.test else tr("{score}, validation", score=reached)


def at_first(there: Sequence[Candidate]) -> list[Candidate]:
    """The newest of each of up to four learners, of different groups as far as may be; of a group trained ones come first."""
    known, by_learner = algorithms(), {}
    for one in there:
        by_learner.setdefault(one.learner, one)
    waiting: dict[str, list[Candidate]] = {group: [] for group in GROUPS}
    for one in sorted(by_learner.values(), key=lambda one: not known[one.learner].meta_trained):
        waiting[known[one.learner].group].append(one)
    chosen = [one for some in zip_longest(*waiting.values()) for one in some if one is not None][:MOST]
    return [one for one in by_learner.values() if one in chosen]


def choice(there: Sequence[Candidate], mode: str) -> list[Candidate]:
    """Those that the address names, else the first; and the widget that changes it."""
    by_key, key = {one.key: one for one in there}, f"{PICKED}-{mode}"
    words = [word.strip() for word in st.query_params.get(RUN, "").split(",") if word.strip()]
    chosen = [word for word in dict.fromkeys(words) if word in by_key][:MOST]
    st.session_state[key] = shown = chosen or [one.key for one in at_first(there)]

    def write() -> None:
        """The address says what was picked, so that it can be passed on and gone back from."""
        st.query_params[RUN] = ",".join(st.session_state[key])

    st.multiselect(
        tr("Learners"),
        list(by_key),
        shown,
        key=key,
        format_func=lambda one: by_key[one].title,
        max_selections=MOST,
        placeholder=tr("Choose up to four"),
        on_change=write,
    )
    return [by_key[one] for one in st.session_state[key]]


def nobody(title: str, text: str, trains: Preset, help: str = "") -> None:
    """What stands where no learner can play yet. trains: the preset that makes one. help: how long that takes was measured so."""
    theme.empty(title, text)
    with st.container(horizontal=True, horizontal_alignment="center"):
        icon, train = ":material/rocket_launch:", {"preset": trains.name}
        st.page_link("pages/train.py", label=tr("Train one"), icon=icon, query_params=train, help=say.plain(help))


def players(chosen: Sequence[Candidate], n_way: int | None = None) -> list[Player]:
    """Their learners, those that can be had; of the others it is said why not. n_way: classes of the tasks to come."""
    found = []
    for one in chosen:
        try:
            with st.spinner(tr("Loading a learner …")):
                found.append(Player(one, learner(one, n_way)))
        except InnerloopError as error:
            say.warning(tr("{title} does not play: {error}", title=one.title, error=error))
    return found


def learner(one: Candidate, n_way: int | None, statistics: BatchStatistics = ALONE) -> Learner:
    """Shared by all sessions. Raises InnerloopError."""
    home = session.home()
    if one.run is not None and (refused := trust.refused([one.run])):
        raise InputError(refused)
    if one.file is not None:
        return _loaded(home, one.file.path, n_way, statistics, one.key, str(one.file.path.stat().st_mtime_ns))
    saved = checkpoint.all_of(home.artifacts(one.run).checkpoints())
    return _loaded(home, one.run.id, n_way, statistics, str(home.root), one.key, saved[0].folder.name if saved else "")


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _loaded(_home: Home, _source: int | Path, n_way: int | None, statistics: BatchStatistics, *key: str) -> Learner:  # noqa: ARG001 - which learner it is
    """Waited for by whoever asks for the same, and by nobody else."""
    options = {"home": _home, "n_way": n_way, "batch_statistics": statistics}
    return load_file(_source, **options) if isinstance(_source, Path) else load(_source, **options)
