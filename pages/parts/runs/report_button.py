"""The chosen runs to take away, made when asked for: as one HTML file to read offline, or as a table."""

from collections.abc import Sequence

import streamlit as st

from core.comparing.groups import MOST, MOST_RUNS, grouped, shown
from core.imported import Imported
from core.runs.schema import Run
from data.language import carried, tr
from pages.parts import say, session

NAMED = 16  # runs in the name of the file


def report_button(chosen: Sequence[Run], others: Sequence[Imported] = ()) -> None:
    """others: curves of other tools, over those of the runs."""
    ids = sorted(run.id for run in chosen)

    def made() -> bytes:
        from core.handover.report import report

        runs = sorted(session.store().runs(ids), key=lambda run: run.id)
        return report(runs, session.store(), others=others).encode()

    groups = grouped(chosen)
    few = groups == shown(groups)
    st.download_button(
        tr("Report"),
        carried(made),
        f"innerloop-runs-{'-'.join(map(str, ids[:NAMED]))}.html",
        "text/html",
        key="report-runs",
        on_click="ignore",
        icon=":material/description:",
        disabled=not groups or not few,
        help=say.plain(
            tr("One page about the chosen runs, to read offline")
            if few
            else tr("Of {most} recipes and {most_runs} runs at most", most=MOST, most_runs=MOST_RUNS)
        ),
    )


def table_button(chosen: Sequence[Run]) -> None:
    ids = sorted(run.id for run in chosen)

    def made() -> bytes:
        from core.handover.tables import FORMATS, runs_table

        return FORMATS["csv"](runs_table(sorted(session.store().runs(ids), key=lambda run: run.id)))

    st.download_button(
        tr("Table"),
        made,
        "innerloop-runs.csv",
        "text/csv",
        key="table-runs",
        on_click="ignore",
        icon=":material/table_view:",
        disabled=not ids,
        help=tr("A row for each chosen run: its scores and every setting, as CSV"),
    )
