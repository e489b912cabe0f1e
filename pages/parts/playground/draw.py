"""Playground, ``?mode=draw&run=3,7&task=SEED``: signs that a person draws, and learners that tell which one is drawn again.

Also in the address: ``ways`` classes, ``shots`` examples of each, ``steps`` inner steps, ``rate`` times the inner rates.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.algorithms.base import algorithms
from core.config.presets import preset
from core.library import Learner
from core.playground.fitting import SIGNS
from core.playground.recognition import Adapted, Support, adapted, suits
from core.playground.signs import MOST_CLASSES, MOST_SHOTS, Signs, signs
from core.runs.schema import LARGEST_RUN
from data.errors import InnerloopError, InputError
from pages.parts import say, session, theme
from pages.parts.playground import pads
from pages.parts.playground.players import Candidate, candidates, choice, learner
from pages.parts.prospects import prospect

TITLE, ICON = "Draw", ":material/draw:"
PRESET = preset("doodles-5w1s")
TASK = "task"  # of the address: a seed
FIRST_TASK = 1  # that is shown until somebody asks for another one
ANOTHER = "Other signs, which nobody has drawn before. What is on the pads goes."
KEPT = 32  # tasks in memory
ADAPTED = "draw-adapted"  # session state: what each of the chosen learners was last adapted to
LARGEST = 2**24  # bytes of it that are kept of a learner
OWN = "own"  # as many inner steps as each learner takes
# What can be turned: by the name in the address, the label, the choices, and the one at first.
KNOBS = {
    "ways": ("Classes", range(2, MOST_CLASSES + 1), 5),
    "shots": ("Examples of each", range(1, MOST_SHOTS + 1), 1),
    "steps": ("Inner steps", (OWN, 0, 1, 2, 3, 5, 10, 20, 50), OWN),
    "rate": ("Inner rate", (0.1, 0.2, 0.5, 1, 2, 5, 10), 1),
}
WORDS = {"steps": lambda one: "as each does" if one == OWN else str(one), "rate": lambda one: f"× {one:g}"}


def play() -> None:
    there = candidates(SIGNS)
    with theme.card("draw-learners"):
        chosen = choice(there, "draw")
        if not there:
            text, help = prospect(PRESET, [])
            theme.empty("No learner of drawn characters yet", f"The preset {PRESET.title} trains one. {text}")
            with st.container(horizontal=True, horizontal_alignment="center"):
                icon, train = ":material/rocket_launch:", {"preset": PRESET.name}
                st.page_link("pages/train.py", label="Train one", icon=icon, query_params=train, help=help or None)
    with theme.card("draw"):
        with theme.heading("Draw"):
            icon = ":material/casino:"
            st.button("Other signs", key="draw-task", icon=icon, type="tertiary", help=ANOTHER, on_click=another)
        with st.container(key="draw-knobs"):
            turned = knobs()
        st.fragment(drawn)(chosen, turned, task_asked_for())
        for one in chosen:
            if one.file:
                say.caption(f"{one.title} comes with Innerloop: {'; '.join(test.text for test in one.file.measured)}.")


def knobs() -> dict[str, int | float | str]:
    """What is turned to what, as the address has it, and the widgets that change it."""
    found = {}
    for place, (name, (label, choices, first)) in zip(st.columns(len(KNOBS)), KNOBS.items(), strict=True):
        by_word = {str(one): one for one in choices}
        key, words = f"draw-{name}", WORDS.get(name, str)
        st.session_state[key] = by_word.get(st.query_params.get(name, ""), first)
        found[name] = place.select_slider(
            label, list(choices), key=key, format_func=words, on_change=turn, args=(name, key)
        )
    return found


def turn(name: str, key: str) -> None:
    st.query_params[name] = str(st.session_state[key])


def task_asked_for() -> int:
    found = session.numbered(st.query_params.get(TASK, ""))
    return found[0] if found else FIRST_TASK


def another() -> None:
    st.query_params[TASK] = str(random.randint(1, LARGEST_RUN))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _signs(seed: int) -> Signs:
    return signs(seed)


def drawn(chosen: Sequence[Candidate], turned: dict[str, int | float | str], seed: int) -> None:
    """The pads and what is said of them. Streamlit runs this alone at the end of each stroke."""
    start, shape = _signs(seed), (turned["ways"], turned["shots"], str(seed))
    try:
        of = pads.sheet(start, *shape, pads.sent())
    except InputError as error:
        say.problem(error)
        of = pads.sheet(start, *shape, None)
    looks = pads.seen(of)
    steps = None if turned["steps"] == OWN else turned["steps"]
    kept = st.session_state.setdefault(ADAPTED, {})
    for gone in kept.keys() - {one.key for one in chosen}:
        del kept[gone]
    told = [] if of.hint else [_told(one, pads.support(of, looks), steps, turned["rate"], looks) for one in chosen]
    pads.pads(of, looks, told)


def _told(
    one: Candidate, support: Support, steps: int | None, faster: float, looks: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """What a learner says, or why it does not."""
    try:
        found = learner(one, None if algorithms()[one.learner].fixed_way else support.classes)
        if why := suits(found, support.classes):
            return pads.silent(one.title, one.score, why)
        return pads.told(one.title, one.score, _adapted(one, found, support, steps, faster), looks[pads.QUERY])
    except InnerloopError as error:
        return pads.silent(one.title, one.score, f"{error.message} {error.remedy}")


def _adapted(one: Candidate, found: Learner, support: Support, steps: int | None, faster: float) -> Adapted:
    """Anew where something else is to be learned from: mostly it is only asked about another drawing. One a learner and session
    is kept.
    """
    kept = st.session_state[ADAPTED]
    key = (found, support.key, steps, faster)
    if one.key not in kept or kept[one.key][0] != key:
        kept.pop(one.key, None)
        made = adapted(found, support, steps, faster)
        if made.size > LARGEST:
            return made
        kept[one.key] = (key, made)
    return kept[one.key][1]
