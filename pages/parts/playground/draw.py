"""Playground, ``?mode=draw&run=3,7&task=SEED``: signs that a person draws, and learners that tell which one is drawn again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from core.algorithms.base import BatchStatistics, algorithms
from core.config.presets import preset
from core.library import Learner
from core.playground.fitting import SIGNS
from core.playground.pace import Pace
from core.playground.recognition import Adapted, Support, adapted, suits
from core.playground.signs import Signs, signs
from data.errors import InnerloopError, InputError
from data.language import joined, mark, tr
from pages.parts import say, theme
from pages.parts.playground import pads, seed
from pages.parts.playground.knobs import Turned, turned
from pages.parts.playground.players import ALONE, Candidate, candidates, choice, learner, nobody
from pages.parts.prospects import prospect

TITLE, ICON = mark("Draw"), ":material/draw:"
PRESET = preset("doodles-5w1s")
TASK = "task"  # of the address: a seed
FIRST_TASK = 1  # that is shown until somebody asks for another one
ANOTHER = mark("Other signs, which nobody has drawn before. What is on the pads goes.")
KEPT = 32  # tasks in memory
VISIT = "draw-visit"  # session state
LARGEST = 2**24  # bytes of what a learner was adapted to that are kept


@dataclass
class Visit:
    """What is remembered of a session: how fast it asks, and of each learner what it was last adapted to, and by what."""

    pace: Pace = field(default_factory=Pace)
    kept: dict[str, tuple[Any, Adapted]] = field(default_factory=dict)

    def adapted(self, one: Candidate, found: Learner, support: Support, now: Turned) -> Adapted:
        """Anew where there is something else to learn from: mostly only another drawing is asked about."""
        key = (found, support.key, now.steps, now.faster)
        if one.key in self.kept and self.kept[one.key][0] == key:
            return self.kept[one.key][1]
        made = adapted(found, support, now.steps, now.faster)
        self.kept.pop(one.key, None)
        if made.size <= LARGEST:
            self.kept[one.key] = (key, made)
        return made

    def forget(self, others: Sequence[Candidate]) -> None:
        """All but those that are chosen."""
        for key in self.kept.keys() - {one.key for one in others}:
            del self.kept[key]


def play() -> None:
    there = candidates(SIGNS)
    with theme.card("draw-learners"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = choice(there, "draw")
            st.button(
                tr("Other signs"),
                key="draw-task",
                icon=":material/casino:",
                help=tr(ANOTHER),
                on_click=seed.another,
                args=(TASK,),
            )
        if not there:
            text, help = prospect(PRESET, [])
            nobody(
                tr("No learner of drawn characters yet"),
                tr("The preset {title} trains one. {text}", title=tr(PRESET.title), text=text),
                PRESET,
                help,
            )
    with theme.card("draw"):
        st.fragment(drawn)(chosen, turned(), seed.asked(TASK, FIRST_TASK))
        for one in chosen:
            if one.file:
                say.caption(
                    tr(
                        "{title} comes with Innerloop: {measured}.",
                        title=one.title,
                        measured="; ".join(test.text for test in one.file.measured),
                    )
                )


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _signs(number: int) -> Signs:
    return signs(number)


def drawn(chosen: Sequence[Candidate], now: Turned, task: int) -> None:
    """The pads and what is said of them. Streamlit runs this alone at the end of each stroke."""
    visit: Visit = st.session_state.setdefault(VISIT, Visit())
    visit.forget(chosen)
    start = pads.sheet(_signs(task), now.ways, now.shots, str(task))
    try:
        visit.pace.ask()
        of = pads.asked(start, pads.sent())
    except InputError as error:
        say.problem(error)
        of = start
    looks = pads.seen(of)
    told = [] if of.hint else [_told(one, visit, pads.support(of, looks), looks[pads.QUERY], now) for one in chosen]
    pads.pads(of, looks, told)


def fitted(one: Candidate, support: Support, statistics: BatchStatistics = ALONE) -> Learner:
    """The learner for as many classes as there are examples of, unless it is tied to its own. Raises InnerloopError."""
    n_way = None if algorithms()[one.learner].fixed_way else support.classes
    return learner(one, n_way, statistics)


def _told(one: Candidate, visit: Visit, support: Support, query: np.ndarray, now: Turned) -> dict[str, Any]:
    """What a learner says, or why it does not."""
    try:
        found = fitted(one, support, now.statistics)
        if why := suits(found, support.classes):
            return pads.silent(one.title, one.score, why)
        return pads.told(one.title, one.score, visit.adapted(one, found, support, now), query)
    except InnerloopError as error:
        return pads.silent(one.title, one.score, joined((error.message, error.remedy)))
