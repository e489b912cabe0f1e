"""The cards of the Run page. Each takes the run as it is now and draws one thing."""

import html
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import adaptation, charts, diverged
from core.further_scores import further_scores
from core.runs import protocols
from core.runs.facts import Facts
from core.runs.schema import ENDED, Run
from core.runs.series import SeriesReader
from core.system_charts import system_charts
from data.language import joined, mark, tr
from pages.parts import readable, say, session, theme
from pages.parts.live_chart import live_chart
from pages.parts.run.beside import Beside
from pages.parts.smoothing import smooth_toggle

TAIL = 60_000  # bytes of the log that the page shows
ADAPTATION_HEIGHT = 340  # pixels, also before there is a chart, see theme.css: its slider has room of its own
SYSTEM_HEIGHT = 220
PHASES = {"loading": mark("loading data"), "tuning": mark("tuning"), "testing": mark("final test")}
SECTIONS = {
    "family": mark("Task family"),
    "algorithm": mark("Learner"),
    "model": mark("Network"),
    "training": mark("Meta-training"),
    "evaluation": mark("Evaluation"),
}


def trains(run: Run) -> bool:
    """Whether this run has a training loss at all."""
    return Facts.of(run).trains


def iterations(run: Run) -> int:
    """Planned iterations; the worker's own count once it has one."""
    return run.iterations or run.config.get("training", {}).get("iterations", 0)


def done(run: Run) -> float:
    """Share of the training that is over, in [0, 1]: of its iterations or of its time budget, whichever is further."""
    if run.status == "finished" or not trains(run):
        return float(run.status == "finished")
    share = run.iteration / iterations(run) if iterations(run) else 0.0
    minutes = run.config.get("training", {}).get("minutes")
    return min(max(share, run.seconds / (60 * minutes) if minutes else 0.0), 1.0)


def loss_card(run: Run, reader: SeriesReader, compared: Beside | None = None) -> None:
    with theme.card("loss", height="stretch"):
        if not trains(run):
            say.heading(tr("Meta-training loss"))
            theme.empty(
                tr("Nothing to train"),
                tr(
                    "This baseline meets every task without any training before, so there is no training loss. "
                    "Its score is on the right and below."
                ),
            )
            return
        with theme.heading(tr("Meta-training loss")):
            smooth = smooth_toggle(f"smooth-{run.id}")
            log_y = st.toggle(tr("log scale"), key=f"log-{run.id}")
        chart = charts.loss_chart(run, reader, log_y=log_y, smooth=smooth)
        if compared and compared.shown:
            chart = compared.loss(chart, reader, log_y, smooth)
        if chart.traces:
            live_chart(chart, key=f"chart-loss-{run.id}")
        elif run.status in ENDED:
            theme.empty(tr("No points"), tr("The run ended before its first iteration was written down."))
        else:
            theme.empty(tr("No points yet"), tr("The first ones come a moment after training starts."))


def validation_card(run: Run, reader: SeriesReader, compared: Beside | None = None) -> None:
    title = tr("Validation {title}, 95 % interval", title=tr(Facts.of(run).metric.title))
    evaluations = reader.validations(run.id)
    chart = charts.validation_chart(run, evaluations)
    if compared and compared.shown:
        chart = compared.validation(chart, reader)
    with theme.card("validation", title, height="stretch"):
        if evaluations or len(chart.traces) > 1:
            live_chart(chart, key=f"chart-validation-{run.id}")
        elif run.status == "finished":
            theme.empty(tr("Nothing to validate"), tr("This learner has no choice to make on validation tasks."))
        elif run.status in ENDED:
            theme.empty(tr("Never validated"), tr("The run ended before its first validation."))
        else:
            every = run.config.get("training", {}).get("evaluate_every")
            often = tr("before training and every {every} iterations, more often at first", every=readable.count(every))
            when = often if trains(run) and every else tr("once, before the test")
            theme.empty(tr("Not validated yet"), tr("Frozen validation tasks are scored {when}.", when=when))


def adaptation_card(run: Run, reader: SeriesReader, compared: Beside | None = None) -> None:
    shown = [run, *([compared.other] if compared and compared.shown else [])]
    same = [one for one in shown if charts.drawn_as(one) == charts.drawn_as(run)]  # others have other axes
    medians = charts.by_median([result for one in same for result in adaptation.results(one, reader)])
    title = tr("Adaptation per inner step, median and quartiles") if medians else tr("Adaptation per inner step")
    with theme.card("adaptation", title, height="stretch"):
        chart = adaptation.chart(run, reader, medians)
        if compared and compared.shown and (other := adaptation.chart(compared.other, reader, medians)):
            chart = charts.beside(chart or replace(other, traces=[], moments=()), other, compared.name)
        if chart and all(len(trace.x) < 2 for trace in chart.traces):
            theme.empty(
                tr("No inner steps"), tr("This learner reads a task's support set at once; its score is beside this.")
            )
        elif chart:
            live_chart(chart, key=f"chart-adaptation-{run.id}", height=ADAPTATION_HEIGHT)
        elif run.status in ENDED:
            theme.empty(tr("No curve"), tr("The run ended before its first validation."))
        else:
            theme.empty(tr("No curve yet"), tr("The first validation shows how the score grows with each inner step."))


def test_card(run: Run) -> None:
    with theme.card("test", tr("Final test"), height="stretch"):
        test = run.test
        if not test:
            planned = readable.count(run.config.get("evaluation", {}).get("episodes"))
            if run.status in ENDED:
                theme.empty(
                    tr("Not tested"),
                    tr("The run ended before its final test. Resumed, it goes on from its last checkpoint."),
                )
            else:
                theme.empty(
                    tr("Not tested yet"),
                    tr("When training is over, the best checkpoint is scored on {planned} new tasks.", planned=planned),
                )
            return
        metric, protocol = Facts.of(run).metric, test.get("protocol", {})
        value, what = readable.headline(metric, test)
        score, remark = html.escape(value), html.escape(tr("{title}, {what}", title=tr(metric.title), what=what))
        st.html(f'<span class="big">{score}</span> <span class="quiet">{remark}</span>')
        if text := astray(test):
            say.warning(text)
        st.html(settings_table(_protocol_rows(test, protocol, Facts.of(run))))


def astray(test: dict[str, Any]) -> str:
    """Which tasks the inner steps led astray, and what to set otherwise; "" where none."""
    tasks, parts = readable.count(test["episodes"]), []
    if count := diverged.count(test):
        rule = tr(test["protocol"]["diverged"])
        parts.append(tr("{n} of {tasks} tasks diverged: {rule}.", n=count, tasks=tasks, rule=rule))
    if lost := test["non_finite"]:
        parts.append(tr("{n} of {tasks} tasks were left out: their adaptation was not finite.", n=lost, tasks=tasks))
    remedy = tr(test.get("remedy", mark("Lower the inner learning rate.")))
    return joined([*parts, remedy]) if parts else ""


def _protocol_rows(test: dict[str, Any], protocol: dict[str, Any], facts: Facts) -> list[tuple[str, Any]]:
    way = f"{protocol['n_way']}-way " if protocol.get("n_way", 1) > 1 else ""
    chosen = protocol.get("chosen")
    lost = tr("{n} not finite", n=test["non_finite"])
    lost += tr(", {n} diverged", n=diverged.count(test)) if protocol.get("diverged") else ""
    asked = (
        mark("{way}{k_shot}-shot, {n_query} queries per class")
        if way
        else mark("{way}{k_shot}-shot, {n_query} queries")
    )
    rows = [(tr("Mean, 95 % interval"), readable.scored(facts.metric, test))] if diverged.count(test) else []
    rows += [
        (
            tr("Tasks"),
            tr(
                "{n} frozen {split} tasks, {lost}",
                n=readable.count(test["episodes"]),
                split=tr(test["split"]),
                lost=lost,
            ),
        ),
        (tr("Task"), tr(asked, way=way, k_shot=protocol.get("k_shot"), n_query=protocol.get("n_query"))),
        (tr("Checkpoint"), protocol.get("checkpoint")),
        (tr("Inner steps"), protocol.get("inner_steps")),
        (tr("BatchNorm's statistics"), tr(protocols.normalised_by(protocol, facts) or "") or None),
        (tr("Episode seed"), protocol.get("seed")),
        (tr("Episodes"), tr("SHA-256 {value}…", value=str(protocol.get("episodes_sha256", ""))[:12])),
    ]
    rows += [
        (title[:1].upper() + title[1:] if title.islower() else title, text) for title, text in further_scores(test)
    ]
    if chosen:
        text = tr(", ").join(f"{key} {readable.setting_value(value)}" for key, value in chosen.items())
        rows.append((tr("Chosen on validation"), text))
    return rows


def settings_table(rows: Sequence[tuple[str, Any]]) -> str:
    """Names and values as an HTML table; everything is escaped, as names and values come from people."""
    cells = (
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(readable.setting_value(value))}</td></tr>"
        for name, value in rows
    )
    return f'<table class="settings">{"".join(cells)}</table>'


def config_card(run: Run) -> None:
    with theme.card("config", height=460):
        say.heading(tr("Config"))
        tables = []
        for section, title in SECTIONS.items():
            name = tr(title)
            values = dict(run.config.get(section, {}))
            heading = f"{name} · {values.pop('name')}" if "name" in values else name
            tables.append(f"<b>{html.escape(heading)}</b>{settings_table(list(values.items()))}")
        rest = [(key, value) for key, value in run.config.items() if key not in SECTIONS]
        rest += [("parent", run.parent), ("group", run.group), ("attempt", run.attempt)]
        tables.append(f"<b>{html.escape(tr('Run'))}</b>{settings_table(rest)}")
        st.html("<br>".join(tables))


def system_card(run: Run, reader: SeriesReader) -> None:
    """What the run took of its machine; nothing where nobody measured it."""
    charts = system_charts(run, reader)
    if not charts:
        return
    with theme.card("system", tr("Load, memory and throughput over the training")):
        for place, (chart, column) in enumerate(zip(charts, st.columns(len(charts)), strict=True)):
            with column:
                live_chart(chart, key=f"chart-system-{place}-{run.id}", height=SYSTEM_HEIGHT)


def log_tail(run: Run) -> str | None:
    """The end of the worker's log; None as long as there is none."""
    return session.home().artifacts(run).log_tail(TAIL)


def log_card(run: Run, begun: bool) -> DeltaGenerator:
    """The card around the log; returns the place for its text. begun: whether there is a log."""
    with theme.card("log", height=460):
        if not begun:
            say.heading(tr("Log"))
            return st.container()
        with theme.heading(tr("Log")):
            st.download_button(
                tr("Whole log"),
                session.home().artifacts(run).log,
                f"innerloop-run-{run.id}.log",
                "text/plain",
                key=f"log-file-{run.id}",
                on_click="ignore",
                icon=":material/download:",
            )
        return st.container(height=370, border=False, autoscroll=True)


def log_text(tail: str | None) -> None:
    if tail is None:
        theme.empty(tr("No log yet"), tr("It starts with the worker."))
    else:
        st.code(overwritten(tail), language=None, wrap_lines=True)


def overwritten(text: str) -> str:
    """A log as a terminal would show it: without what a progress bar wrote over."""
    return "\n".join(line.rpartition("\r")[2] for line in text.rstrip().split("\n")) or tr("(empty so far)")
