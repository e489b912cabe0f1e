"""The tour's drawings: the pads, and what the learners that come along answer. Imports torch."""

from dataclasses import replace

import numpy as np
import streamlit as st

from core.playground.fitting import SIGNS
from core.playground.recognition import Adapted, Support, adapted
from core.playground.signs import signs
from data.errors import InnerloopError, InputError
from data.language import joined
from pages.parts import pictures, say
from pages.parts.playground import pads
from pages.parts.playground.draw import Visit, fitted
from pages.parts.playground.players import Candidate, candidates

TASK = 4  # a seed
WAYS, SHOTS = 5, 1
STEPS = 3  # inner steps of what takes any
STEPPED = "doodles-maml"  # whose steps are shown
SHEET, START = "tour-sheet", "tour-start"  # session state: what is on the pads, and what was as they were shown last


def along() -> list[Candidate]:
    """Those that come with Innerloop, whatever was trained here."""
    return [one for one in candidates(SIGNS) if one.file and one.file.family == SIGNS[0]]


def sheet() -> pads.Sheet:
    """What is on the pads: the signs of the task, and what the visitor has drawn."""
    if SHEET not in st.session_state:
        st.session_state[SHEET] = pads.sheet(signs(TASK), WAYS, SHOTS, str(TASK))
    return st.session_state[SHEET]


def begin() -> None:
    """The pads come into sight: what is on them is from now on what they show at first."""
    of = sheet()
    st.session_state[START] = replace(of, number=0, examples={**of.examples, **of.drawn}, drawn={})


@st.fragment
def draw() -> None:
    """The pads. Streamlit runs this alone at the end of each stroke."""
    visit: Visit = st.session_state.setdefault("tour-visit", Visit())
    try:
        visit.pace.ask()
        of = pads.asked(st.session_state[START], pads.sent())
    except InputError as error:
        say.problem(error)
        of = st.session_state[START]
    st.session_state[SHEET] = of
    looks = pads.seen(of)
    pads.pads(of, looks, [] if of.hint else [_told(one, of, looks) for one in along()])


def _told(one: Candidate, of: pads.Sheet, looks: dict[str, np.ndarray]) -> dict:
    try:
        return pads.told(one.title, "", _adapted(one, pads.support(of, looks)), looks[pads.QUERY])
    except InnerloopError as error:
        return pads.silent(one.title, "", joined((error.message, error.remedy)))


def _adapted(one: Candidate, support: Support) -> Adapted:
    found = fitted(one, support)
    return adapted(found, support, STEPS if found.algorithm.takes_steps else None)


def stepped() -> tuple[np.ndarray, tuple[int, ...], dict]:
    """What MAML says of the drawing after each step, (steps, classes), those steps, and the pictures. Where the visitor has left
    nothing to answer, of the task as it was.
    """
    of = sheet()
    if of.hint:
        of = pads.sheet(signs(TASK), WAYS, SHOTS, str(TASK))
    looks = pads.seen(of)
    keys = [of.of_class(number)[0] for number in of.classes] + [pads.QUERY]
    (maml,) = (one for one in along() if one.key == STEPPED)
    found = _adapted(maml, pads.support(of, looks))
    strip = pictures.strip([looks[key][None] for key in keys], pictures.dark())
    return found.answer(looks[pads.QUERY]), found.steps, {"strip": strip, "classes": of.classes, "pictures": len(keys)}
