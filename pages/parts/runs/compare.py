"""Several runs over each other: their curves in common axes, and what their configs do not share."""

from collections.abc import Sequence

import streamlit as st

from core import charts
from core.runs import protocols
from core.runs.facts import Facts
from core.runs.lineage import differences
from core.runs.schema import Run
from pages.parts import readable, say, session, theme
from pages.parts.live_chart import live_chart


def unequal_protocol(runs: Sequence[Run]) -> list[str]:
    """What decides a score beside the learner, and is not the same for all runs that have one, with each one's value.

    Judged by the tests themselves, and by the latest validations where there are runs without a test.
    """
    reader = session.reader()
    results = {run.id: run.test for run in runs}
    if not all(results.values()):
        latest = {run.id: reader.latest(run.id) for run in runs}
        results = {id: one.result if one else None for id, one in latest.items()}
    judged = [(run, results[run.id]) for run in runs if results[run.id]]
    said = [protocols.comparable(result["protocol"], Facts.of(run)) for run, result in judged]
    found = []
    for name in dict.fromkeys(name for one in said for name in one):
        values = [(run, one[name]) for (run, _), one in zip(judged, said, strict=True) if name in one]
        if any(value != values[0][1] for _, value in values):
            each = ", ".join(f"#{run.id} {readable.setting_value(value)}" for run, value in values)
            found.append(f"{name} ({each})")
    return found


def comparison(runs: Sequence[Run]) -> None:
    """Loss, validation score, adaptation curve and config of two or more runs. Colours follow the runs' order."""
    reader = session.reader()
    reader.poll([run.id for run in runs])
    scored = [(run, reader.validations(run.id)) for run in runs]
    key = "-".join(str(run.id) for run in runs)
    if unequal := unequal_protocol(runs):
        text = "Their scores do not compare like with like: the runs differ in"
        say.warning(f"{text} {', '.join(unequal)}.", "balance")
    loss, validation = st.columns(2)
    with loss, theme.card("compare-loss", height="stretch"):
        with theme.heading("Query loss"):
            log_y = st.toggle("log scale", key="compare-log")
        drawn = charts.losses_charts(runs, reader, log_y=log_y)
        _charts_or(drawn, f"losses-{key}", "None of them has a training loss yet.")
    with validation, theme.card("compare-validation", "Validation score, 95 % interval", height="stretch"):
        _charts_or(charts.validation_charts(scored), f"validations-{key}", "None of them has been validated yet.")
    adaptation, table = st.columns(2)
    with adaptation, theme.card("compare-adaptation", "Adaptation per inner step", height="stretch"):
        _charts_or(_adaptation(runs), f"adaptations-{key}", "None of them has been evaluated yet.")
    with table, theme.card("compare-config", "What differs", height="stretch"):
        _differences(runs)


def _adaptation(runs: Sequence[Run]) -> list[charts.Chart]:
    """The test's curve where there is one, else the latest validation's; the legend says which."""
    results, colors, reader = [], [], session.reader()
    for color, run in enumerate(runs):
        latest = reader.latest(run.id)
        validated = latest.result if latest and latest.result and latest.result.get("curve") else None
        result, what = (run.test, "test") if run.test else (validated, "validation")
        if result:
            results.append((f"{charts.title(run)}, {what}", run, result))
            colors.append(color)
    return charts.adaptation_charts(results, colors)


def _charts_or(drawn: Sequence[charts.Chart], key: str, otherwise: str) -> None:
    """One below the other: what is measured in different units has no common axis."""
    for place, chart in enumerate(drawn):
        live_chart(chart, key=f"{key}-{place}", height=300 if len(drawn) == 1 else 220)
    if not drawn:
        theme.empty("Nothing to draw", otherwise)


def _differences(runs: Sequence[Run]) -> None:
    import pandas

    rows = differences([run.config for run in runs], [Facts.of(run).idle for run in runs])
    if not rows:
        theme.empty("The same config", "These runs differ in nothing that determines their numbers.")
        return
    table = {f"#{run.id}": [readable.setting_value(row[i]) for row in rows.values()] for i, run in enumerate(runs)}
    st.dataframe(
        pandas.DataFrame({"Setting": list(rows), **table}), hide_index=True, alt="Settings in which the runs differ"
    )
