"""What may be taken away from a run: one card at the foot of its page. Each file is made when it is asked for."""

import io
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import streamlit as st

from core.handover import again, event_file, tables
from core.handover.card import bundle_file
from core.runs.schema import Run
from data.extras import install
from data.language import carried, tr
from pages.parts import say, session, theme


def card(run: Run) -> None:
    with theme.card("takeaway", tr("Take away")):
        with st.container(horizontal=True, vertical_alignment="center"):
            _file(
                run,
                tr("Report"),
                ".html",
                "text/html",
                "description",
                _report,
                tr("One page to read offline, charts and all"),
            )
            _file(
                run,
                tr("Charts"),
                "-charts.html",
                "text/html",
                "show_chart",
                _charts,
                tr("The charts alone, interactive"),
            )
            for name in tables.TABLES:
                table_popover(run, name)
            if find_spec("tensorboard"):
                _file(
                    run,
                    tr("TensorBoard"),
                    "-tensorboard.zip",
                    "application/zip",
                    "timeline",
                    _events,
                    tr("An event file, in its folder"),
                )
            else:
                lacking = tr("Needs a package that is not installed here: {install}", install=install("tensorboard"))
                st.button(tr("TensorBoard"), icon=":material/timeline:", disabled=True, help=say.plain(lacking))
            _file(run, tr("Config"), ".json", "application/json", "tune", lambda one: again.config_text(one).encode())
            if run.best:
                st.download_button(
                    tr("Learner"),
                    lambda: _bundle(run),
                    bundle_file(run),
                    "application/zip",
                    key=f"take-learner-{run.id}",
                    on_click="ignore",
                    icon=":material/inventory_2:",
                    help=tr("Weights, config and a card that says what it is"),
                )
            kept_popover(run)
        st.caption(tr("With the config’s file beside app.py, this trains it again:"))
        st.code(again.command(run), language="sh", wrap_lines=True)
        if begun := again.begun(run):
            say.caption(begun)


def table_popover(run: Run, name: str) -> None:
    """A table in either format."""
    with st.popover(say.plain(say.first_upper(tr(name))), icon=":material/table_view:"):
        for ending, written in tables.FORMATS.items():
            label = {"csv": "CSV", "parquet": "Parquet"}[ending]
            _file(
                run,
                label,
                f"-{name}.{ending}",
                "application/octet-stream",
                "download",
                lambda one, written=written: written(tables.TABLES[name](one, session.store())),
            )


def kept_popover(run: Run) -> None:
    """The learner as it was at the other validations that did best; nothing where the run keeps the best alone."""
    kept = session.home().artifacts(run).kept()
    if not kept:
        return
    with st.popover(tr("Other learners"), icon=":material/inventory_2:", key=f"kept-{run.id}"):
        for iteration in kept:
            st.download_button(
                say.plain(tr("Of iteration {iteration}", iteration=iteration)),
                lambda which=str(iteration): _bundle(run, which),
                bundle_file(run).replace(".zip", f"-{iteration}.zip"),
                "application/zip",
                key=f"take-learner-{run.id}-{iteration}",
                on_click="ignore",
                icon=":material/download:",
            )


def _file(run: Run, label: str, ending: str, kind: str, icon: str, made: Callable[[Run], Any], help_: str = "") -> None:
    st.download_button(
        say.plain(label),
        carried(lambda: made(session.fetch(run.id))),
        f"innerloop-run-{run.id}{ending}",
        kind,
        key=f"take{ending}-{run.id}",
        on_click="ignore",
        icon=f":material/{icon}:",
        help=say.plain(help_),
    )


def _report(run: Run) -> bytes:
    from core.handover.report import report  # Jinja, once somebody asks

    return report([run], session.store()).encode()


def _charts(run: Run) -> bytes:
    from core.handover.report import charts_page

    return charts_page(run, session.store()).encode()


def _events(run: Run) -> bytes:
    content = io.BytesIO()
    event_file.zipped(run, session.store(), content)
    return content.getvalue()


def _bundle(run: Run, which: str = "") -> bytes:
    """Put together on disk, so that it is in memory once."""
    from core.handover.bundle import write as write_bundle  # brings torch

    with tempfile.TemporaryFile() as file:
        write_bundle(session.fetch(run.id), session.home().artifacts(run), file, which)
        file.seek(0)
        return file.read()
