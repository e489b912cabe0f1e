"""The run that another one is compared with on its page: the one it was made from, or the one that the address names.

``?run=8`` shows the curves of run 8's parent in the same charts, ``?run=8&beside=3`` those of run 3, and
``?run=8&beside=none`` nobody else's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import charts
from core.runs import lineage
from core.runs.facts import Facts
from core.runs.schema import ENDED, Run, Score
from core.runs.series import SeriesReader
from data.language import tr
from pages.parts import say, session

NOBODY = "none"
MOST_CHILDREN = 4  # in a line of links
AHEAD = 1.25  # how far the other's curves reach while the run trains, as a multiple of where it is


@dataclass(frozen=True)
class Beside:
    """other: the run to compare with. shown: whether its curves are. until: the last iteration that is drawn of them, as a
    run that has just begun would be lost at the edge of a long one.
    """

    other: Run
    shown: bool
    until: float

    @property
    def name(self) -> str:
        return charts.title(self.other)

    def loss(self, chart: charts.Chart, reader: SeriesReader, log_y: bool, smooth: bool = False) -> charts.Chart:
        """A loss chart with the other's query loss, as smooth as the run's own."""
        theirs = charts.loss_chart(self.other, reader, log_y=log_y, until=self.until, smooth=smooth)
        return charts.beside(chart, theirs, self.name)

    def validation(self, chart: charts.Chart, reader: SeriesReader) -> charts.Chart:
        scores: list[Score] = [one for one in reader.validations(self.other.id) if one.iteration <= self.until]
        return charts.beside(chart, charts.validation_chart(self.other, scores), self.name) if scores else chart


def found(run: Run) -> Beside | None:
    """Who the run is compared with, as the address and its lineage say; None where there is nobody (any more)."""
    asked = st.query_params.get("beside", "")
    numbers = session.numbered(asked) or ([run.parent] if run.parent else [])
    wanted = [number for number in numbers if number != run.id]
    others = session.store().runs(ids=wanted) if wanted else []
    return Beside(others[0], asked != NOBODY, horizon(run)) if others else None


def refreshed(id: int, shown: bool, run: Run) -> Beside | None:
    """The same, as it is now: for a tick, which has the number."""
    others = session.store().runs(ids=[id])
    return Beside(others[0], shown, horizon(run)) if others else None


def horizon(run: Run) -> float:
    return np.inf if run.status in ENDED or not run.iteration else AHEAD * run.iteration


def line(run: Run, beside: Beside | None) -> None:
    """In words what the run has of the other one, a link to it, and the switch for its curves."""
    begun = lineage.start(run.facts)
    if beside is None:
        if begun:
            say.caption(tr("{continues}, which was deleted", continues=lineage.continues(*begun, {})))
        elif run.parent:
            say.caption(tr("made from #{parent}, which was deleted", parent=run.parent))
        return
    idle = [Facts.of(one).idle for one in (beside.other, run)]
    changed = lineage.changes(beside.other.config, run.config, idle)
    goes_on = begun and begun[0] == beside.other.id
    words = lineage.continues(*begun, changed) if goes_on else lineage.sentence(beside.other.id, changed)
    key = f"beside-{run.id}-{beside.other.id}"
    st.session_state[key] = beside.shown
    with st.container(horizontal=True, vertical_alignment="center", key="lineage"):
        st.page_link(
            "pages/run.py",
            label=say.plain(words),
            icon=":material/call_split:",
            query_params={"run": str(beside.other.id)},
            help=say.plain(tr("Open {name}.", name=beside.name)),
        )
        label = tr("curves of #{id}", id=beside.other.id)
        st.toggle(say.plain(label), beside.shown, key=key, on_change=_switch, args=(key,))


def children(made: Sequence[Run]) -> None:
    """Links to runs that were made from this one."""
    if not made:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="children"):
        for child in made:
            begun = lineage.start(child.facts)
            st.page_link(
                "pages/run.py",
                label=say.plain(
                    tr("#{id} continues from {begun}", id=child.id, begun=begun[1])
                    if begun
                    else tr("#{id} made from this", id=child.id)
                ),
                icon=":material/subdirectory_arrow_right:",
                query_params={"run": str(child.id)},
                help=say.plain(tr("Open {child}.", child=charts.title(child))),
            )


def _switch(key: str) -> None:
    """The address says it, so that it can be passed on."""
    if st.session_state[key]:
        st.query_params.pop("beside", None)
    else:
        st.query_params["beside"] = NOBODY
