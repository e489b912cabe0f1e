"""The pads on which a person draws: all of them are one component, which asks at each stroke's end and shows the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.playground.recognition import Adapted, Support
from core.playground.signs import Signs
from core.playground.strokes import MOST_POINTS, MOST_STROKES, Drawing, picture
from data.errors import InputError
from data.language import mark, tr
from pages.parts import pictures
from pages.parts.component import of_files

KEY = "draw-pads"
QUERY = "query"
MOST_AT_ONCE = 20_000  # points of all pads together
TOO_FEW = mark("Draw at least two signs to learn from.")
NO_QUERY = mark("Draw the sign in question: one of those beside it, once more.")
DIVERGED = mark("Its inner steps led beyond all numbers. Turn the inner rate down, or take fewer.")
_pads = of_files(Path(__file__).parent, "pads", "asking.js")


@dataclass(frozen=True)
class Sheet:
    """What is on the pads, those of the examples as ``class-example`` and the one in question as ``query``. rev: which examples
    they had at first. number: of the browser's question, 0 before the first.
    """

    rev: str
    number: int
    ways: int
    shots: int
    examples: Mapping[str, Drawing]
    drawn: Mapping[str, Drawing]

    def drawing(self, key: str) -> Drawing:
        return self.drawn.get(key, self.examples[key])

    def of_class(self, number: int) -> list[str]:
        """The pads of a class that are not empty."""
        keys = (f"{number}-{shot}" for shot in range(self.shots))
        return [key for key in keys if self.drawing(key)]

    @property
    def classes(self) -> list[int]:
        """Those of which there is an example."""
        return [number for number in range(self.ways) if self.of_class(number)]

    @property
    def hint(self) -> str:
        """What has to be drawn before there is something to answer; empty where there is."""
        if len(self.classes) < 2:
            return tr(TOO_FEW)
        return "" if self.drawing(QUERY) else tr(NO_QUERY)


def sheet(found: Signs, ways: int, shots: int, rev: str) -> Sheet:
    """The signs that a seed, which ``rev`` is, invents, before anything was drawn."""
    examples = {f"{c}-{s}": found.examples[c][s] for c in range(ways) for s in range(shots)}
    return Sheet(rev, 0, ways, shots, examples | {QUERY: found.others[int(rev) % ways]}, {})


def asked(start: Sheet, sent: Mapping[str, Any] | None) -> Sheet:
    """What the browser sent last, over what the pads had at first. Raises InputError for what it cannot have sent."""
    if sent is None:
        return start
    number, drawn = sent.get("number"), sent.get("drawn")
    if type(number) is not int or not isinstance(drawn, Mapping):
        raise InputError(tr("What was sent are no drawings."), tr("Load the page again."))
    if sent.get("rev") != start.rev:
        return replace(start, number=number)
    known = {key: Drawing.of(drawn[key]) for key in start.examples if key in drawn}
    if sum(len(stroke) for one in known.values() for stroke in one.strokes) > MOST_AT_ONCE:
        raise InputError(
            tr("That is too much on the pads at once."),
            tr("Draw {most_at_once} points at most; clear a pad.", most_at_once=MOST_AT_ONCE),
        )
    return replace(start, number=number, drawn=known)


def sent() -> Mapping[str, Any] | None:
    """The browser's last question as it came, in this session; None before the first."""
    return (st.session_state.get(KEY) or {}).get("asked")


def seen(of: Sheet) -> dict[str, np.ndarray]:
    """What a network gets of each pad: uint8 (28, 28)."""
    return {key: picture(of.drawing(key)) for key in of.examples}


def support(of: Sheet, looks: Mapping[str, np.ndarray]) -> Support:
    """The classes that have examples, in their order."""
    keys = [(label, key) for label, number in enumerate(of.classes) for key in of.of_class(number)]
    return Support(np.stack([looks[key] for _, key in keys]), tuple(label for label, _ in keys))


def told(name: str, score: str, learner: Adapted, query: np.ndarray) -> dict[str, Any]:
    """A learner's card."""
    shares = learner.answer(query)
    if not np.isfinite(shares).all():
        return silent(name, score, tr(DIVERGED))
    how = tr("inner rate {rate:.3g}", rate=learner.rate) if learner.rate else tr("rates of its own")
    how = how if learner.algorithm.takes_steps else tr("Reads the examples at once: it takes no inner steps.")
    steps = {"steps": learner.steps, "probabilities": shares.round(4).tolist()}
    return {"name": name, "score": score, "why": "", "how": how, **steps}


def silent(name: str, score: str, why: str) -> dict[str, Any]:
    """Of one that does not answer, and why."""
    return {"name": name, "score": score, "why": why}


def pads(of: Sheet, looks: Mapping[str, np.ndarray], learners: Sequence[Mapping[str, Any]]) -> None:
    _pads(
        key=KEY, data=data(of, looks, learners, pictures.dark()), default={"asked": None}, on_asked_change=lambda: None
    )


def data(
    of: Sheet, looks: Mapping[str, np.ndarray], learners: Sequence[Mapping[str, Any]], dark: bool
) -> dict[str, Any]:
    """What the browser gets."""
    return {
        "number": of.number,
        "rev": of.rev,
        "ways": of.ways,
        "shots": of.shots,
        "most": {"strokes": MOST_STROKES, "points": MOST_POINTS},
        "keys": list(looks),
        "strip": pictures.strip([look[None] for look in looks.values()], dark),
        "examples": {key: one.plain() for key, one in of.examples.items()},
        "classes": of.classes,
        "hint": of.hint,
        "learners": [] if of.hint else list(learners),
    }
