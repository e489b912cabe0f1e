"""One task as its family has it looked at, with what the learner makes of it: drawn by kind of view, whatever the family."""

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core import view_charts
from core.view_charts import after
from data import kept_words
from data.language import tr
from data.metric import Metric
from data.view import TaskView
from pages.parts import pictures, readable, say
from pages.parts.live_chart import live_chart


def draw(view: TaskView, metric: Metric, name: str) -> None:
    """name: what the task is called. Charts of one name are one chart, brought up to date."""
    say.caption(scored(view, metric))
    drawn = DRAWN.get(view.kind)
    if drawn is None:
        say.caption(tr("It was written by a later version, which can show it."))
    else:
        drawn(view, name)


def scored(view: TaskView, metric: Metric) -> str:
    """Its score before and after adapting: ``accuracy 21.33 % before adapting, 73.33 % after 5 steps``."""
    steps = sorted({0, max(view.said)})
    scores = [readable.powers(metric.text(view.said[step].get("score"))) for step in steps]
    if len(steps) > 1:
        when = zip(scores, map(after, steps), strict=True)
        scores = [tr("{score} {when}", score=score, when=when) for score, when in when]
    return tr("{title} {scores}", title=tr(metric.title), scores=tr(", ").join(scores))


def curve(view: TaskView, name: str) -> None:
    live_chart(view_charts.fit_chart(view), key=f"chart-{name}")


def paths(view: TaskView, name: str) -> None:
    live_chart(view_charts.paths_chart(view), key=f"chart-{name}", height=420)


def returns(view: TaskView, name: str) -> None:
    live_chart(view_charts.returns_chart(view), key=f"chart-{name}")


def of_pictures(view: TaskView, name: str) -> None:
    """A row a class: its support, then its queries with what each is taken for; and all of them in a plane."""
    given = view.given
    dark = pictures.dark()
    shown = [pictures.strip([image], dark) for image in given["images"]]
    left, right = st.columns([2.1, 1])
    with left:
        st.html(f'<div class="task-pictures" tabindex="0">{_picture_rows(view, shown)}</div>')
        say.caption(_legend(view))
    with right:
        live_chart(view_charts.plane_chart(view), key=f"chart-{name}", height=380)
        say.caption(tr("★ support, ● queries, ✕ queries taken for another class, in the plane of their features."))


def _picture_rows(view: TaskView, shown: Sequence[str]) -> str:
    labels, support = view.given["labels"].tolist(), view.given["support"]
    head = "".join(f"<th>{html.escape(one)}</th>" for one in (tr("class"), tr("support"), tr("queries")))
    rows = []
    for label in sorted(set(labels)):
        name = breaking(view.given["classes"][label])
        places = [place for place, one in enumerate(labels) if one == label]
        cells = (
            "".join(
                f'<figure><img src="{shown[place]}" alt="{tr("support of class {number}", number=label + 1)}"></figure>'
                for place in places
                if place < support
            ),
            "".join(_query(view, place - support, label, shown[place]) for place in places if place >= support),
        )
        cells = "".join(f'<td><div class="tiles">{cell}</div></td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{label + 1}<span>{name}</span></th>{cells}</tr>')
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def breaking(name: str) -> str:
    """A class's name as HTML that may go on in a new line after its parts: ``Greek/character03``, ``tall_tree``."""
    return re.sub("([/_])", r"\1<wbr>", html.escape(kept_words.said(name)))


def _query(view: TaskView, place: int, label: int, picture: str) -> str:
    verdicts = [_verdict(view, step, place, label) for step in sorted({0, max(view.said)})]
    words = html.escape(tr("; ").join(said for said, _ in verdicts))
    lines = "".join(f"<span>{signs}</span>" for _, signs in verdicts)
    wrong = "" if verdicts[-1][1].startswith("✓") else ' class="wrong"'
    alt = tr("query of class {number}: {words}", number=label + 1, words=words)
    return f'<figure{wrong} title="{words}"><img src="{picture}" alt="{alt}"><figcaption>{lines}</figcaption></figure>'


def _verdict(view: TaskView, step: int, place: int, label: int) -> tuple[str, str]:
    """In words, and in the few signs that stand below a picture: ``✓ 92``, or ``✕3 41`` for what is taken for class 3."""
    said = view.said[step]
    predicted, probability = int(said["predicted"][place]), f"{100 * said['probability'][place]:.0f}"
    if predicted == label:
        return tr("{step} right, {probability} %", step=after(step), probability=probability), f"✓ {probability}"
    return tr(
        "{step} taken for class {value}, {probability} %",
        step=after(step),
        value=predicted + 1,
        probability=probability,
    ), f"✕{predicted + 1} {probability}"


def _legend(view: TaskView) -> str:
    last = max(view.said)
    which = tr("before adapting, and {last}", last=after(last)) if last else tr("the learner's answer")
    return tr(
        "Below each query, {which}: ✓ right, or ✕ with the class it is taken for, and its probability in per cent.",
        which=which,
    )


def texts(view: TaskView, _: str) -> None:
    """A row a query: the text, its class, and what it is taken for."""
    given, support = view.given, view.given["support"]
    classes, rows = [kept_words.said(name) for name in given["classes"]], []
    for place, (text, label) in enumerate(zip(given["texts"], given["labels"].tolist(), strict=True)):
        if place >= support:
            answers = (_named(view, step, place - support, label) for step in sorted({0, max(view.said)}))
            rows.append((text, classes[label], *answers))
    examples = [
        (text, classes[label])
        for text, label in zip(given["texts"][:support], given["labels"][:support].tolist(), strict=True)
    ]
    say.table((tr("query"), tr("class"), *_answers(sorted({0, max(view.said)}))), rows)
    with st.expander(say.plain(tr("Support set, {n} texts", n=len(examples)))):
        say.table((tr("text"), tr("class")), examples)


def _named(view: TaskView, step: int, place: int, label: int) -> str:
    said = view.said[step]
    predicted, share = int(said["predicted"][place]), f"{100 * said['probability'][place]:.0f} %"
    return f"✓ {share}" if predicted == label else f"✕ {kept_words.said(view.given['classes'][predicted])}, {share}"


def translations(view: TaskView, _: str) -> None:
    """A row a query: the source, what is expected, and what the learner writes after each of the steps that are kept."""
    given, support, steps = view.given, view.given["support"], sorted(view.said)
    if "language" in given:
        say.caption(
            tr("Into {language}, in {script} script.", language=tr(given["language"]), script=tr(given["script"]))
        )
    rows = []
    for place, (source, expected) in enumerate(zip(given["sources"], given["expected"], strict=True)):
        if place >= support:
            written = (view.said[step]["produced"][place - support] for step in steps)
            rows.append((source, expected, *(f"{'✓' if one == expected else '✕'} {one}" for one in written)))
    say.table((tr("source"), tr("expected"), *_answers(steps)), rows)
    with st.expander(say.plain(tr("Support set, {support} examples", support=support))):
        say.table((tr("source"), tr("expected")), list(zip(given["sources"], given["expected"], strict=True))[:support])


def _answers(steps: Sequence[int]) -> list[str]:
    """Titles of the columns that hold what the learner says after these inner steps."""
    return [after(step) for step in steps] if len(steps) > 1 else [tr("the learner's answer")]


DRAWN: dict[str, Callable[[TaskView, str], Any]] = {
    "curve": curve,
    "pictures": of_pictures,
    "texts": texts,
    "translations": translations,
    "paths": paths,
    "returns": returns,
}
