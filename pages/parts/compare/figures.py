"""The charts of the Compare page, each drawn anew only where what it shows has changed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts import Chart
from core.comparing import curves, overlay
from core.comparing.curves import View
from core.comparing.groups import Group
from core.imported import Imported
from core.plotted import encode
from data.language import mark, tr
from pages.parts import say, session, theme
from pages.parts.live_chart import send

WIDTH, ROW = 480, 21  # pixels of a legend in a window of usual width, and of one of its rows
WIDTHS = {
    mark("standard deviation"): mark("± one standard deviation"),
    mark("standard error"): mark("± one standard error"),
    mark("95 % interval"): mark("the 95 % interval"),
}
Charts = Callable[..., list[Chart]]


@dataclass(frozen=True)
class Figure:
    """A card of charts. otherwise: what is said where there is nothing to draw. single: what the error bars of a group of one
    run are; "" where there are none. places: of imported curves that lie on them.
    """

    key: str
    title: str
    charts: Charts
    otherwise: str
    single: str
    places: tuple[str, ...] = ()


FIGURES = (
    Figure(
        "loss", mark("Query loss"), curves.loss_charts, mark("None of them has a training loss yet."), "", overlay.LOSS
    ),
    Figure(
        "validation",
        mark("Validation score"),
        curves.validation_charts,
        mark("None of them has been validated yet."),
        mark("a single run's bars are its 95 % interval over tasks"),
        overlay.SCORES,
    ),
    Figure(
        "adaptation",
        mark("Adaptation per inner step"),
        curves.adaptation_charts,
        mark("None of them has been evaluated yet, or they read a task's support set at once."),
        mark("a single run's bars are its 95 % interval over tasks"),
    ),
)


class Figures:
    """The charts in their places, and as they were sent last. key: of the runs that are compared. others: imported curves."""

    def __init__(
        self, key: str, view: View, places: Mapping[str, AbstractContextManager], others: Sequence[Imported] = ()
    ):
        self.key, self.view, self.places, self.others = key, view, places, others
        self._sent: dict[
            str, tuple[tuple, list[dict[str, Any]]]
        ] = {}  # by figure: what it is drawn from, and the charts

    def refresh(self, groups: Sequence[Group]) -> None:
        """Make those charts anew of which something has changed. All are sent, as a tick takes away what it does not draw; the
        browser is told of one it has already by its digest alone.
        """
        reader = session.reader()
        changed = curves.changed_by(groups, reader)
        for figure in FIGURES:
            drawn_from, charts = self._sent.get(figure.key, ((), []))
            if drawn_from != changed[figure.charts]:
                drawn = figure.charts(groups, reader, self.view)
                charts = _encoded(overlay.laid_over(drawn, self.others, figure.places, groups))
                self._sent[figure.key] = changed[figure.charts], charts
            with self.places[figure.key]:
                for place, chart in enumerate(charts):
                    send(chart, f"{figure.key}-{self.key}-{place}")
                if not charts:
                    theme.empty(tr("Nothing to draw"), tr(figure.otherwise))


def _encoded(charts: Sequence[Chart]) -> list[dict[str, Any]]:
    """One below the other: what is measured in different units has no common axis."""
    return [encode(chart, legend_height(chart, 280 if len(charts) == 1 else 210)) for chart in charts]


def legend_height(chart: Chart, height: int) -> int:
    """The pixels of a chart whose curves get about ``height`` of them: a legend of many long names needs room of its own."""
    names = [trace.name for trace in chart.traces if trace.listed]
    columns = max(1, WIDTH // (7 * max(map(len, names), default=1) + 50))
    return height + ROW * -(-len(names) // columns)


def figure_cards(groups: Sequence[Group], view: View, others: Sequence[Imported]) -> tuple[Figures, DeltaGenerator]:
    """The cards, still without their charts, and the place that is left beside them."""
    places = {}
    left, right = st.columns(2)
    for figure, column in zip(FIGURES, (left, right, left), strict=True):
        with column, theme.card(f"compare-{figure.key}", tr(figure.title)):
            places[figure.key] = st.container()
            if said := caption(groups, view, figure.single and tr(figure.single)):
                say.caption(said)
    key = "-".join(str(run.id) for group in groups for run in group.runs)
    return Figures(key, view, places, others), right.container()


def caption(groups: Sequence[Group], view: View, single: str) -> str:
    """What lines and bands are, as far as there are any."""
    said = []
    if any(len(group.runs) > 1 for group in groups):
        said.append(
            tr("a group's line is the mean of its seeds and its band {widths} over them", widths=tr(WIDTHS[view.band]))
        )
    if single and any(len(group.runs) == 1 for group in groups):
        said.append(single)
    return tr("{text}.", text=say.first_upper(tr("; ").join(said))) if said else ""
