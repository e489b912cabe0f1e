"""The table of runs: one row a run, and which rows are chosen, by run rather than by place."""

import time
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core import charts
from core.runs.facts import Facts
from core.runs.outline import Outline
from core.runs.schema import ENDED, Run
from data.language import mark, tr
from pages.parts import chips, readable, say, session
from pages.parts.run.cards import done
from pages.parts.runs.columns import shown
from pages.parts.sortable import sortable, titled

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

CHOSEN = "runs-chosen"  # session state: ids of the chosen runs, of all pages
CLEARED = "runs-cleared"  # session state: how often the choice was taken back
OPEN, STAR = "runs-open", "runs-star"  # session state: the click on a run's name, and on its star
SHOWN = "runs-shown"  # session state: ids of the runs of the page that is shown, in order
ROW, MOST_ROWS = 36, 14  # pixels; rows before the table scrolls


def run_table(runs: Sequence[Run]) -> list[Run]:
    """Draw a page of the table; returns the runs that are chosen, those of this page first. A click on a name opens it.

    Streamlit remembers the places of chosen rows, and a new run moves them all. So the table is a new widget for each
    list of runs, which starts out with the same runs chosen. What is chosen on another page, or hidden by a filter, stays.
    """
    places = {run.id: place for place, run in enumerate(runs)}
    stored, st.session_state[SHOWN] = st.session_state.get(CHOSEN, []), list(places)
    event = st.dataframe(
        styled(runs),
        key=f"runs-table-{zlib.crc32(repr([st.session_state.get(CLEARED, 0), *places]).encode()):x}",
        hide_index=True,
        height=ROW * (min(len(runs), MOST_ROWS) + 1) + 3,
        row_height=ROW,
        column_config=columns(),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [places[id] for id in stored if id in places]}},
        placeholder=readable.NOTHING,
        alt=tr("Runs with status, progress, scores and duration"),
    )
    click = st.session_state.get(OPEN)
    if click is not None:
        st.switch_page("pages/run.py", query_params={"run": str(runs[click["row"]].id)})
    picked = [runs[place] for place in event.selection.rows if place < len(runs)]
    if elsewhere := [id for id in stored if id not in places]:
        picked += session.store().runs(ids=elsewhere)
    st.session_state[CHOSEN] = [run.id for run in picked]
    return picked


def clear() -> None:
    """Choose none: a callback. The table has to become another widget, as this one knows its chosen rows itself."""
    st.session_state[CHOSEN] = []
    st.session_state[CLEARED] = st.session_state.get(CLEARED, 0) + 1


def styled(runs: Sequence[Run]) -> "Styler":
    """Numbers that sort as numbers and read in their own unit: per cent with its interval, or an error as it is."""
    order = shown(runs)
    rows = [{name: values[name] for name in order} for values in map(row, runs)]
    words = {
        "Best": [readable.scored(Facts.of(run).metric, run.best) for run in runs],
        "Test": [readable.scored(Facts.of(run).metric, run.test) for run in runs],
        "Time": [readable.duration(elapsed(run)) for run in runs],
        "Created": [readable.moment(run.created) for run in runs],
    }
    return sortable(rows, {name: texts for name, texts in words.items() if name in order})


def row(run: Run) -> dict[str, Any]:
    return {
        "#": run.id,
        "Star": "★" if run.starred else "☆",
        "Run": say.cell(run.name),
        "Status": [tr(chips.status_word(run))],
        "Learner": Facts.of(run).learner,
        "Family": run.family,
        "Progress": 100 * done(run),
        "Best": (run.best or {}).get("mean"),
        "Test": (run.test or {}).get("mean"),
        "Loss": charts.spark(Outline.from_json(run.outline).line, points=40) or None,
        "Time": elapsed(run),
        "Tags": list(run.tags),
        "Note": run.note,
        "Seed": run.config.get("seed"),
        "Group": run.group,
        "Created": run.created,
    }


def _switch_star() -> None:
    """A click on a star."""
    id = st.session_state[SHOWN][st.session_state[STAR]["row"]]
    session.store().star([id], on=not session.fetch(id).starred)


def elapsed(run: Run) -> float | None:
    """Training seconds; for a run that has not reported yet, the time since it started."""
    if run.seconds or run.started is None:
        return run.seconds or None
    return (run.ended if run.status in ENDED and run.ended else time.time()) - run.started


def columns() -> dict[str, Any]:
    column = st.column_config
    return titled(
        {
            "#": column.NumberColumn(width=44, format="%d"),
            "Star": column.ButtonColumn(
                tr("Star"),
                width=48,
                type="tertiary",
                key=STAR,
                on_click=_switch_star,
                help=tr("Stars a run, or takes the star away."),
            ),
            "Run": column.ButtonColumn(
                tr("Run"), width=160, type="tertiary", alignment="left", key=OPEN, help=tr("Opens the run's page.")
            ),
            mark("Status"): column.MultiselectColumn(
                options=[tr(word) for word in chips.COLORS], color=list(chips.COLORS.values()), width=84
            ),
            mark("Learner"): column.TextColumn(width=108),
            mark("Family"): column.TextColumn(width=72),
            mark("Progress"): column.ProgressColumn(format="%.0f %%", min_value=0, max_value=100, width=84),
            mark("Best"): column.NumberColumn(
                mark("Best validation"), width=112, help=mark("Best score on validation tasks, with its 95 % interval.")
            ),
            mark("Test"): column.NumberColumn(width=112, help=mark("The final test, with its 95 % interval.")),
            mark("Loss"): column.LineChartColumn(
                mark("Query loss"), width=76, help=mark("Query loss over the whole run.")
            ),
            mark("Time"): column.NumberColumn(width=80, help=mark("Training time, without waiting.")),
            mark("Tags"): column.ListColumn(width=110),
            mark("Note"): column.TextColumn(width=150),
            mark("Seed"): column.NumberColumn(width=56, format="%d"),
            mark("Group"): column.TextColumn(width=130),
            mark("Created"): column.NumberColumn(width=110),
        }
    )
