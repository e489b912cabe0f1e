"""What the groups reached and what it cost: a table to sort, and scores drawn against time."""

from collections.abc import Sequence

import streamlit as st

from core import published
from core.comparing.alike import badge
from core.comparing.scores import Score, Standing, beside_papers, trade_charts
from core.runs.facts import Facts
from data.language import mark, tr
from data.metric import Metric
from pages.parts import readable, say, theme
from pages.parts.compare.figures import legend_height
from pages.parts.live_chart import live_chart
from pages.parts.sortable import sortable, titled


def scores_card(standings: Sequence[Standing]) -> None:
    with theme.card("compare-scores", tr("Scores")):
        papers = [beside_papers(one) for one in standings]
        rows = [_row(one, paper) for one, paper in zip(standings, papers, strict=True)]
        if not any(papers):  # of most tasks and learners
            rows = [{name: value for name, value in row.items() if name != "Published"} for row in rows]
        words = {
            "Best": [in_words(one.metric, one.best) for one in standings],
            "Test": [in_words(one.metric, one.test) for one in standings],
            "Training": [readable.duration(one.seconds or None) for one in standings],
            "Adaptation": [_milliseconds(one.adaptation) for one in standings],
        }
        st.dataframe(
            sortable(rows, words),
            hide_index=True,
            column_config=_columns(),
            placeholder=readable.NOTHING,
            alt=tr("Groups with their scores and what they took"),
        )
        say.caption(tr("Each ± is half of a 95 % interval of the mean, over the tasks or seeds that stand behind it."))
        if any(papers):
            with st.expander(tr("Beside published numbers")):
                for one, paper in zip(standings, papers, strict=True):
                    if paper:
                        say.listed(one.group.label, _published(paper))


def in_words(metric: Metric, score: Score | None) -> str:
    """``94.83 ± 0.41 % (600 tasks)``: what the interval is over stands beside it."""
    return (
        readable.NOTHING if score is None else f"{readable.powers(metric.text(score.mean, score.half))} ({score.over})"
    )


def trade_cards(standings: Sequence[Standing]) -> None:
    titles = {"training": tr("Score against training time"), "adaptation": tr("Score against time to adapt")}
    otherwise = {
        "training": tr("None of them has a score yet."),
        "adaptation": tr("Tests note how long they take since version 0.3; test a run again to know it."),
    }
    for column, (cost, title) in zip(st.columns(2), titles.items(), strict=True):
        with column, theme.card(f"compare-trade-{cost}", title, height="stretch"):
            charts = trade_charts(standings, cost)
            for place, chart in enumerate(charts):
                live_chart(chart, f"trade-{cost}-{place}", legend_height(chart, 250))
            if not charts:
                theme.empty(tr("Nothing to draw"), otherwise[cost])


def _row(standing: Standing, paper: published.Standing | None) -> dict[str, object]:
    tests = [run.test for run in standing.group.runs if run.test]
    return {
        "Group": standing.group.label,
        "Seeds": len(standing.group.runs),
        "Best": standing.best and standing.best.mean,
        "Test": standing.test and standing.test.mean,
        "Training": standing.seconds or None,
        "Adaptation": standing.adaptation,
        "Published": paper and tr("{number}, {standing}", number=paper.entry.number.text, standing=tr(paper.standing)),
        "Protocol": badge(tests[0], Facts.of(standing.group.runs[0])).text if tests else None,
    }


def _published(paper: published.Standing) -> str:
    """``reproduced: 98.70 ± 0.20 % agrees with 98.8 %. 98.8 %, Snell et al. 2017 (V)``."""
    number = paper.entry.number
    return tr(
        "{standing}: {reason}. {number}, {source} ({sign})",
        standing=tr(paper.standing),
        reason=paper.reason,
        number=number.text,
        source=number.source,
        sign=number.mark,
    )


def _milliseconds(seconds: float | None) -> str:
    return readable.NOTHING if seconds is None else f"{readable.number(1000 * seconds)} ms"


def _columns() -> dict[str, object]:
    column = st.column_config
    return titled(
        {
            mark("Group"): column.TextColumn(width=300),
            mark("Seeds"): column.NumberColumn(width=56, format="%d"),
            mark("Best"): column.NumberColumn(
                mark("Best validation"), help=mark("Of each run its best score on validation tasks.")
            ),
            mark("Test"): column.NumberColumn(help=mark("The final test.")),
            mark("Published"): column.TextColumn(
                help=mark(
                    "The paper's number whose protocol is nearest. Reproduced: the test's interval, widened by the published one "
                    "where that is printed, holds it. Not comparable: a fact of the protocols is known to "
                    "differ. Marks: V, read in the "
                    "paper or its official code; S, in a secondary copy; M, from memory."
                )
            ),
            mark("Protocol"): column.TextColumn(
                help=mark(
                    "What the test was taken under. Scores with the same number sign compare; of learners that take inner steps, "
                    "those with as many, and of networks with BatchNorm, those that normalise alike."
                )
            ),
            mark("Training"): column.NumberColumn(
                mark("Training time"), help=mark("Without waiting; the mean of the seeds.")
            ),
            mark("Adaptation"): column.NumberColumn(
                mark("Time to adapt"), help=mark("To one test task, with scoring it; many at once.")
            ),
        }
    )
