"""Why one learner adapts in a step and another does not: the loss around each one's start, with its way over it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core import about
from core.library import Learner
from core.playground.curves import STEPS, Drawn
from core.playground.surface import SIDE, Surface, surfaces, way
from core.plotted import SCRIPT
from data.language import mark, tr
from pages.parts import readable, say, theme
from pages.parts.component import component
from pages.parts.playground.board import Asked, encoded

TITLE = mark("The loss around the start")
HEIGHT = 400  # pixels
TRUTH, POINTS = mark("the true function"), mark("the points")  # what the loss is measured on
MEANT = mark(
    "Around a start that was learned for adapting, the loss falls into a deep valley one gradient step away; around another one "
    "it falls gently, and not as far."
)
HOW = mark(
    "The plane goes through the start along the first two principal directions of the {steps} inner steps as seen from there. "
    "Distances are between weights, and all maps have the same scale and colours: {side} × {side} networks each."
)
_map = component(
    "loss_map",
    '<div class="host" role="img" style="width:100%;min-height:300px"></div>',
    "",
    SCRIPT.replace("export default function", "const drawChart = function")
    + Path(__file__).with_name("surface.js").read_text(encoding="utf-8"),
)


def surface_cards(learners: Sequence[tuple[str, Learner]], now: Asked, task: Drawn) -> None:
    """A card for each learner that takes steps in weight space. learners: with their names."""
    found = [(name, way(learner, now.points, now.faster)) for name, learner in learners]
    stepping = [(name, one) for name, one in found if one is not None]
    if not stepping:
        return
    with theme.card("surfaces"):
        with theme.heading(tr(TITLE)):
            on = measured_on(now, task)
        say.caption(tr(MEANT))
        made = surfaces([one for _, one in stepping], task.curve if on == TRUTH else None)
        columns, colors = st.columns(3 if len(made) == 3 else 2), limits(made)
        for place, ((name, _), one) in enumerate(zip(stepping, made, strict=True)):
            with columns[place % len(columns)]:
                draw(place, name, one, colors, on)
        if still := [name for name, one in found if one is None]:
            say.caption(
                tr("No map of {names}: what takes no steps has no way to draw.", names=about.listed(still, "and"))
            )
        say.caption(tr(HOW, steps=STEPS, side=SIDE))


def measured_on(now: Asked, task: Drawn) -> str:
    """A choice where the points are still those of the drawn task: any others say nothing of a true function."""
    if now.points.plain() != task.points.plain():
        return POINTS
    return st.segmented_control(
        tr("Loss on"),
        [TRUTH, POINTS],
        default=TRUTH,
        required=True,
        format_func=tr,
        key="surface-on",
        label_visibility="collapsed",
    )


def limits(made: Sequence[Surface]) -> tuple[float, float]:
    """The exponents between which all maps have their colours."""
    known = np.concatenate([one.loss.ravel() for one in made])
    known = np.log10(known[np.isfinite(known) & (known > 0)])
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def draw(place: int, name: str, one: Surface, of_all: tuple[float, float], on: str) -> None:
    with theme.card(f"surface-{place}", name):
        say.caption(told(one, on))
        _map(key=f"surface-{place}", data=sent(place, name, one, of_all), on_settled_change=lambda: None)


def told(one: Surface, on: str) -> str:
    """What the map shows, in numbers."""
    start, first, last = (readable.number(float(one.at[step])) for step in (0, 1, STEPS))
    diverged = not np.isfinite(one.at).all()
    beyond = tr(" It diverges.") if diverged else tr(" It goes beyond the map.") if one.beyond else ""
    return tr(
        "Error on {on}: {start} at the start, {first} after one step, {last} after {steps}. The plane holds "
        "{share:g} % of the way "
        "(of its squared distances from the start).{beyond}",
        on=tr(on),
        start=start,
        first=first,
        last=last,
        steps=STEPS,
        share=math.floor(1000 * min(one.share, 1)) / 10,
        beyond=beyond,
    )


def sent(place: int, name: str, one: Surface, of_all: tuple[float, float]) -> dict[str, Any]:
    low, high = of_all
    return {
        "first": one.first.tolist(),
        "second": one.second.tolist(),
        "loss": encoded(one.loss),
        "path": encoded(one.path),
        "at": encoded(one.at),
        "low": low,
        "high": high,
        "height": HEIGHT,
        "label": tr("Loss around the start of {name}, and its way over {steps} inner steps", name=name, steps=STEPS),
        "listens": place == 0,
    }
