"""Which tasks and classes are hard: how scores are spread over tasks, the worst of them, and classes that are confused."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core import task_scores
from core.runs.artifacts import Artifacts
from core.runs.schema import ENDED, Run, Score
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from core.task_scores import TaskScores, spread
from data.language import mark, tr
from pages.parts import pictures, readable, say, session, theme
from pages.parts.run import task_view

TITLE = mark("Task by task")
TEST, VALIDATION = mark("final test"), mark("best validation")
NONE_FINITE = mark("No task's score was finite.")
TOLD = 12  # tasks that are told by number
PAIRS, CLASSES = 10, 10  # shown


def card(run: Run, reader: SeriesReader) -> None:
    """Nothing for a run that ended without any evaluation."""
    best = (run.best or {}).get("iteration")
    validations = [one for one in reader.validations(run.id) if one.iteration == best]
    names = [name for name, there in ((TEST, run.test), (VALIDATION, validations)) if there]
    if not names and run.status in ENDED:
        return
    with theme.card("hard-tasks"):
        if not names:
            say.heading(tr(TITLE))
            theme.empty(
                tr("No scores yet"),
                tr("The first validation shows how they are spread, the final test which tasks are hard."),
            )
            return
        with theme.heading(tr(TITLE)):
            chosen = _which(run, names)
        scored = _tested(run) if chosen == TEST else _validated(run, validations[-1])
        if scored is None:
            theme.empty(
                tr("No scores of single tasks"), tr("An earlier version made this run, and kept their mean alone.")
            )
        else:
            _drawn(run, scored)


def _which(run: Run, names: list[str]) -> str:
    if len(names) == 1:
        say.caption(tr(names[0]))
        return names[0]
    key = f"task-scores-{run.id}"
    return st.segmented_control(
        tr("Evaluation"), names, default=names[0], required=True, key=key, format_func=tr, label_visibility="collapsed"
    )


def _tested(run: Run) -> TaskScores | None:
    protocol = run.test.get("protocol", {})
    which = (run.revision, run.test["mean"], protocol.get("checkpoint"), protocol.get("episodes_sha256"))
    return _read(session.home().database, run.id, which, lambda: task_scores.of_test(run, *_kept(run)))


def _validated(run: Run, score: Score) -> TaskScores | None:
    read = lambda: task_scores.of_best_validation(run, *_kept(run), [score])  # noqa: E731
    return _read(session.home().database, run.id, score.id, read)


def _kept(run: Run) -> tuple[RunStore, Artifacts]:
    return session.store(), session.home().artifacts(run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(database: str, run: int, which: object, _read: Callable[[], TaskScores | None]) -> TaskScores | None:  # noqa: ARG001
    """Read once: an evaluation does not change, and the page is drawn anew at every click and every validation."""
    return _read()


def _drawn(run: Run, scored: TaskScores) -> None:
    """The spread with the worst tasks beside it, below them the one that is looked at, then classes."""
    left, right = st.columns([1, 1.9])
    with left:
        st.html(histogram(scored))
        for text in astray(scored):
            say.caption(text)
    looks = [place for place in scored.worst if place in scored.views] if scored.split == "test" else []
    with right:
        if looks:
            chosen = st.radio(
                tr("Worst tasks"),
                looks,
                format_func=lambda place: say.plain(
                    tr("task {place} · {scored}", place=place, scored=_score(scored, place))
                ),
                key=f"worst-of-{run.id}",
                horizontal=True,
            )
        else:
            rows = [(str(place), _score(scored, place)) for place in scored.worst]
            st.html(_table(tr("Worst tasks"), (tr("task"), tr(scored.metric.title)), rows))
    if looks:
        task_view.draw(scored.views[chosen], scored.metric, f"worst-{run.id}")
    if scored.confusion:
        _confused(scored.confusion)


def astray(scored: TaskScores) -> list[str]:
    """Which tasks were lost or diverged, by number."""
    said = []
    for what, places in ((tr("not finite and left out"), scored.lost), (tr("diverged"), scored.diverged or [])):
        if places:
            told = tr(", ").join(str(place) for place in places[:TOLD])
            more = tr(" and {count} more", count=readable.count(len(places) - TOLD)) if len(places) > TOLD else ""
            said.append(
                tr(
                    "{count} {what}: task {told}{more}.",
                    count=readable.count(len(places)),
                    what=what,
                    told=told,
                    more=more,
                )
            )
    return said


def _score(scored: TaskScores, place: int) -> str:
    return readable.powers(scored.metric.text(float(scored.scores[place])))


def histogram(scored: TaskScores) -> str:
    """Bars as HTML, with the same in words for who does not see them."""
    edges, counts = spread(scored.metric, scored.scores)
    if not len(counts):
        return f'<p class="quiet">{html.escape(tr(NONE_FINITE), quote=False)}</p>'
    names = [readable.powers(scored.metric.text(float(edge))) for edge in edges]
    titles = [
        tr("{low} to {high}: {count} tasks", low=low, high=high, count=count)
        for low, high, count in zip(names, names[1:], counts, strict=False)
    ]
    bars = "".join(
        f'<i title="{html.escape(title)}" style="height: {100 * count / counts.max():.1f}%"></i>'
        for title, count in zip(titles, counts, strict=True)
    )
    told = tr(", ").join(
        tr("{low} to {high}: {count}", low=low, high=high, count=count)
        for low, high, count in zip(names, names[1:], counts, strict=False)
        if count
    )
    label = html.escape(tr("Tasks by {title}: {told}", title=tr(scored.metric.title), told=told))
    factors = tr(", logarithmic") if scored.metric.unbounded_error and edges[0] > 0 else ""
    title = html.escape(
        tr(
            "{count} tasks by {title}{factors}",
            count=readable.count(len(scored.scores)),
            title=tr(scored.metric.title),
            factors=factors,
        )
    )
    ends = f"<span>{html.escape(names[0])}</span><span>{html.escape(names[-1])}</span>"
    return (
        f'<div class="histogram"><b>{title}</b><div class="bars" role="img" aria-label="{label}">{bars}</div>'
        f'<div class="ends">{ends}</div></div>'
    )


def _confused(confusion: dict[str, Any]) -> None:
    dark = pictures.dark()

    def named(name: str) -> str:
        look = confusion["looks"].get(name)
        picture = "" if look is None else f'<img src="{pictures.strip([look], dark)}" alt="">'
        return f"{picture}{task_view.breaking(name)}"

    pairs, classes = st.columns([1.3, 1])
    with pairs:
        rows = [
            (named(one["class"]), named(one["taken_for"]), tr("{count} of {all}", count=one["count"], all=one["of"]))
            for one in confusion["pairs"][:PAIRS]
        ]
        head = (tr("queries of"), tr("taken for"), tr("queries, of those in tasks with both"))
        st.html(_table(tr("Classes that are taken for others"), head, rows))
    with classes:
        rows = [
            (named(one["class"]), tr("{count} of {all}", count=one["right"], all=one["of"]))
            for one in confusion["classes"][:CLASSES]
        ]
        st.html(_table(tr("Hardest classes"), (tr("class"), tr("queries right")), rows))
    if matrix := confusion["matrix"]:
        st.html(_matrix(matrix))


def _matrix(matrix: dict[str, Any]) -> str:
    """All classes: a row each, and in it how many of its queries were taken for which."""
    names = [task_view.breaking(name) for name in matrix["classes"]]
    rows = [(name, *map(str, row)) for name, row in zip(names, matrix["counts"].tolist(), strict=True)]
    return _table(tr("Queries by their class (rows) and by what they are taken for"), (tr("class"), *names), rows)


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML, what people wrote in them escaped."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f'<table class="of-task"><caption>{html.escape(caption)}</caption><tr>{titles}</tr>{lines}</table>'
    return f'<div class="wide" tabindex="0">{table}</div>'
