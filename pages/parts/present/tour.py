"""Present, ``?tour=1`` to ``?tour=4``: draw, learn, compare, verdict. A prepared tour, of what comes with Innerloop alone.

It trains nothing and takes nothing from the visitor's home: learners are the shipped ones, curves and scores the recorded ones.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from core.playground.recorded import recorded
from core.plotted import encode
from data.language import tr
from pages.parts.announced import importing_torch
from pages.parts.component import component
from pages.parts.present import tour_scenes
from pages.parts.present.stage import DRAWING
from pages.parts.present.tour_link import BACK, CAME_FROM, TOUR
from pages.parts.present.tour_scenes import TourScene, sent

KEY, SHOWN = "tour", "tour-shown"  # of the component; session state: the scene that was shown last
DRAW, LEARN, COMPARE, VERDICT = 1, 2, 3, 4
HERE = Path(__file__).parent
_tour = component(
    "tour",
    (HERE / "tour.html").read_text(encoding="utf-8"),
    (HERE / "tour.css").read_text(encoding="utf-8"),
    DRAWING + (HERE / "tour.js").read_text("utf-8"),
)


def asked() -> int:
    """The scene that the address names, the first one where it names none."""
    value = st.query_params.get(TOUR, "")
    return int(value) if value in {"1", "2", "3", "4"} else DRAW


def show() -> None:
    place = asked()
    entered = st.session_state.get(SHOWN) != place
    st.session_state[SHOWN] = place
    if place in (DRAW, LEARN):
        with importing_torch():
            from pages.parts.present import tour_drawn

        if place == DRAW:
            if entered:
                tour_drawn.begin()
            told(place, tour_scenes.drawing())
            with st.container(key="tour-pads"):
                tour_drawn.draw()
        else:
            shares, steps, shown = tour_drawn.stepped()
            told(place, tour_scenes.learning(shares, steps, recorded()), shown)
    elif place == COMPARE:
        told(place, tour_scenes.comparing(recorded()))
    else:
        told(place, tour_scenes.judging(recorded()))
        with st.container(key="tour-ways", horizontal=True):
            st.page_link("pages/playground.py", label=tr("Draw more signs"), icon=":material/draw:")
            query = {"preset": "doodles-5w1s-maml"}
            st.page_link("pages/train.py", label=tr("Train one"), icon=":material/rocket_launch:", query_params=query)


def told(place: int, scene: TourScene, pictured: dict[str, Any] | None = None) -> None:
    """The scene over the whole window, and where it leads. pictured: what its steps are shown with."""
    steps = scene.steps and {"heads": scene.steps.heads, "shares": scene.steps.shares.tolist(), **(pictured or {})}
    data = sent(scene) | {
        "place": place,
        "titles": tour_scenes.titles(),
        "addresses": [f"?{TOUR}={number}" for number in range(1, VERDICT + 1)],
        "steps": steps,
        "chart": scene.chart and encode(scene.chart, 0),
    }
    if show_tour(data):
        leave()


def show_tour(data: dict[str, Any]) -> bool:
    """Whether somebody has left it. Whoever goes on from it is at another scene, which the address names."""
    found = _tour(key=KEY, data=data, on_go_change=lambda: None, on_left_change=lambda: None)
    if found.go in (DRAW, LEARN, COMPARE, VERDICT):
        st.query_params[TOUR] = str(found.go)
        st.rerun()
    return bool(found.left)


def leave() -> None:
    st.session_state.pop(SHOWN, None)
    st.switch_page(CAME_FROM.get(st.query_params.get(BACK, ""), CAME_FROM["home"]))
