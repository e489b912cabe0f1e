"""What the settings of the compared runs do not share: as a table, and drawn against the score."""

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.comparing.curves import COLORS
from core.comparing.groups import Group
from core.comparing.scores import Standing
from core.runs.facts import Facts
from core.runs.lineage import differences, main, short
from data.language import tr
from pages.parts import readable, say, theme

MOST = 9  # settings in the drawing; more of them cannot be read


def differences_card(groups: Sequence[Group]) -> None:
    import pandas

    rows = _differences(groups)
    with theme.card("compare-config", tr("What differs")):
        if not rows:
            theme.empty(tr("The same settings"), tr("They differ in nothing but their seeds."))
            return
        table = {
            group.label: [readable.setting_value(row[i]) for row in rows.values()] for i, group in enumerate(groups)
        }
        st.dataframe(
            pandas.DataFrame({tr("Setting"): list(rows), **table}),
            hide_index=True,
            alt=tr("Settings in which they differ"),
        )


def _differences(groups: Sequence[Group]) -> dict[str, list[Any]]:
    first = [group.runs[0] for group in groups]
    return differences([run.config for run in first], [Facts.of(run).idle for run in first])


def parallel_card(standings: Sequence[Standing]) -> None:
    """A line a group through its settings to its score; drawn where there are settings that differ and scores of one kind. Of
    learners that differ only that is drawn, not what one has and the other has not.
    """
    rows = main(_differences([one.group for one in standings]))
    scored = [one for one in standings if one.test or one.best]
    if not rows or len(scored) < 2 or len({one.metric.name for one in scored}) > 1:
        return
    from plotly.graph_objects import Figure, Parcoords  # half a second to import, and few pages need it

    kept = [place for place, one in enumerate(standings) if one in scored]
    dimensions = [_dimension(short(path), [row[place] for place in kept]) for path, row in list(rows.items())[:MOST]]
    metric, tested = scored[0].metric, all(one.test for one in scored)
    scores = [metric.factor * (one.test if tested else one.best).mean for one in scored if one.test or one.best]
    what = tr("test") if tested else tr("best validation")
    dimensions.append({"label": html.escape(tr("{what}, {axis}", what=what, axis=metric.axis)), "values": scores})
    palette = st.get_option(f"theme.{st.context.theme.type or 'light'}.chartCategoricalColors")
    steps = [
        [i / (COLORS - 1), color] for i, color in enumerate(palette or st.get_option("theme.chartCategoricalColors"))
    ]
    line = {"color": [place % COLORS for place in kept], "colorscale": steps, "cmin": 0, "cmax": COLORS - 1}
    with theme.card("compare-parallel", tr("Settings and score")):
        figure = Figure(Parcoords(line=line, dimensions=dimensions))
        figure.update_layout(height=300, margin={"l": 60, "r": 60, "t": 50, "b": 20})
        st.plotly_chart(figure, key="parallel", config={"displayModeBar": False})
        more = tr(" The first {most} of {n} settings that differ.", most=MOST, n=len(rows)) if len(rows) > MOST else ""
        say.caption(tr("A line is a group, in its colour. Drag along an axis to pick out lines.{more}", more=more))


def _dimension(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """An axis: of numbers as they are, of anything else with a tick for each value."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {"label": html.escape(name), "values": list(values)}
    words = [readable.setting_value(value) for value in values]
    ticks = list(dict.fromkeys(words))
    placed = {"tickvals": list(range(len(ticks))), "ticktext": ticks, "values": [ticks.index(word) for word in words]}
    return {"label": html.escape(name), "range": [-0.2, len(ticks) - 0.8], **placed}
