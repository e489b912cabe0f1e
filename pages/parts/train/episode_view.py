"""One task of a family, shown as a learner gets it: support and query pictures or texts, or points of sinusoids."""

import html
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from core.charts import Chart, Trace
from core.runs.home import Home
from data import kept_words
from data.batch import Episodes, TaskBatch
from data.errors import shortened
from data.examples import Choice
from data.family import EpisodeShape, FamilyConfig, TaskFamily
from data.language import joined, mark, plural, tr
from data.names import Names, Translations
from data.registry import families
from data.texts import Texts
from pages.parts import pictures, say
from pages.parts.live_chart import live_chart

MOST_CLASSES, MOST_SUPPORT, MOST_SHOWN = 10, 3, 6  # rows; support pictures, and pictures in all, in a row
WIDTH, LARGEST = 288, 48  # screen pixels: of a row's pictures together, and of one
ROOM = 360  # screen pixels that such a row takes with what stands beside it
CURVE_POINTS = 120
MOST_PATHS = 3  # more hide each other
MOST_PAIRS = 10  # of the support, and of the queries
TEXT_ROWS, MOST_TEXTS, LONGEST_TEXT = 5, (2, 1), 200  # rows of texts; of a class's support and query; characters


def opened(config: FamilyConfig, home: Home) -> TaskFamily:
    """The family with its images loaded, shared by all sessions, anew once its files have changed. Raises DataError."""
    version = families()[config.name].version(config, home.folders)
    return _opened(config.name, config.model_dump_json(), str(home.datasets), str(home.cache), version)


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened(name: str, config: str, datasets: str, cache: str, version: int) -> TaskFamily:  # noqa: ARG001 - opened anew
    family = families()[name]
    return family(family.Config.model_validate_json(config), datasets=Path(datasets), cache=Path(cache))


def episode_view(config: FamilyConfig, home: Home, seed: int) -> None:
    """Draw a training task. Raises DataError where files are missing."""
    if families()[config.name].own_code(config):
        return say.caption(
            tr("Its tasks are made by code of yours, which this server does not run. A run's page shows some.")
        )
    # The shape of a task is not part of what has to be loaded. Tasks of features are looked at as what they are of.
    looked_at = {config.frozen: ""} if config.frozen else {}
    loaded = type(config).model_validate(config.model_dump() | small_shape(config) | looked_at)
    with st.spinner(tr("Loading the tasks; the first time this may take some seconds …"), show_time=True):
        family = opened(loaded, home)
        generator = torch.Generator().manual_seed(seed)
        if family.kind == "regression":
            return regression_view(family, config, generator)
        if family.kind == "sequence":
            return pairs_view(family, family.sample("train", config.shape, 1, generator))
        if family.kind == "control":
            return paths_view(family, family.sample("train", config.shape, 1, generator), config.shape)
        if isinstance(family, Texts):
            return texts_view(family, config.shape, family.draw("train", config.shape, 1, generator))
        return pictures_view(family.sample("train", config.shape, 1, generator), config.shape)


def small_shape(config: FamilyConfig) -> dict[str, int]:
    """The shape fields at one fixed value, so that changing them does not load the family anew."""
    return {name: 2 for name in ("n_way", "k_shot", "n_query") if name in type(config).model_fields}


def regression_view(family: TaskFamily, config: FamilyConfig, generator: torch.Generator) -> None:
    """Three tasks: the support points, and many query points joined to the curve they come from."""
    shape = config.shape._replace(n_query=CURVE_POINTS)
    points_view(family.sample("train", shape, 3, generator))


def points_view(episodes: Episodes) -> None:
    """Up to three tasks: dots for the support points, a line through the query points."""
    tasks, k_shot = min(3, episodes.tasks), episodes.support_x.shape[1]
    traces = []
    for task in range(tasks):
        x, y = (part[task, :, 0].numpy() for part in (episodes.query_x, episodes.query_y))
        order = np.argsort(x)
        traces.append(Trace(tr("task {number}", number=task + 1), x[order], y[order], color=task))
        x, y = (part[task, :, 0].numpy() for part in (episodes.support_x, episodes.support_y))
        traces.append(
            Trace(tr("support of task {number}", number=task + 1), x, y, mode="markers", color=task, listed=False)
        )
    label = tr("{tasks} curves with {k_shot} support points each", tasks=tasks, k_shot=k_shot)
    live_chart(Chart(traces, "x", "y", label), key="episode", height=280)
    said = (
        mark("Three tasks. The dots are their {k_shot} support points, the lines what is asked about.")
        if tasks == 3
        else mark("The dots are the {k_shot} support points, the lines what is asked about.")
    )
    say.caption(tr(said, k_shot=k_shot))


def paths_view(family: TaskFamily, batch: TaskBatch, shape: EpisodeShape) -> None:
    """Start and goal, and where a policy goes that has learned nothing: actions of mean 0 and deviation 1."""
    points, goals, returns = batch.paths(lambda states: states.new_zeros(*states.shape[:2], family.outputs(shape)))
    traces = [
        Trace(tr("return {total:.1f}", total=total), *path.T, color=0, listed=False, faint=True)
        for path, total in zip(points[0, :MOST_PATHS], returns[0, :MOST_PATHS], strict=True)
    ]
    traces.append(Trace(tr("start"), *points[0, :1, 0].T, mode="markers", color=1))
    traces.append(Trace(tr("goal"), *goals[:1].T, mode="markers", color=2, symbol="star"))
    live_chart(
        Chart(traces, "x", "y", tr("Trajectories of a policy that has learned nothing"), apart=True), "episode", 280
    )
    shown = min(MOST_PATHS, len(points[0]))
    say.caption(
        tr(
            "A goal, and {shown} trajectories of a policy that has learned nothing. Of the goal it is told "
            "nothing but rewards.",
            shown=shown,
        )
    )


def pictures_view(episodes: Episodes, shape: EpisodeShape, names: Sequence[str] = ()) -> None:
    """A row a class: what the learner is shown, then what it is asked. names: of the classes, else they are numbered."""
    n_way, k_shot, n_query = shape
    support = episodes.support_x[0].view(n_way, k_shot, *episodes.support_x.shape[2:])
    query = episodes.query_x[0].view(n_way, n_query, *episodes.query_x.shape[2:])
    shown = min(k_shot, MOST_SUPPORT), min(n_query, MOST_SHOWN - min(k_shot, MOST_SUPPORT))
    side = min(LARGEST, WIDTH // sum(shown))
    height = f"min({side}px, {100 * side / ROOM:.1f}cqi)"  # smaller in a card that is narrower than a row
    rows, dark = [], pictures.dark()
    for label in range(min(n_way, MOST_CLASSES)):
        cells = "".join(
            f'<td><img src="{pictures.strip(tiles(part[label, :count]), dark)}" style="height: {height}" '
            f'alt="{html.escape(tr("{part} examples of class {number}", part=tr(name), number=label + 1))}"></td>'
            for part, count, name in ((support, shown[0], "support"), (query, shown[1], "query"))
        )
        title = html.escape(kept_words.said(names[label])) if names else label + 1
        rows.append(f'<tr><th scope="row">{title}</th>{cells}</tr>')
    head = f"<tr><td></td><th>{html.escape(tr('support'))}</th><th>{html.escape(tr('query'))}</th></tr>"
    st.html(f'<div class="episode"><table>{head}{"".join(rows)}</table></div>')
    shape_caption(shape, MOST_CLASSES, *shown)


def texts_view(family: Texts, shape: EpisodeShape, drawn: Choice) -> None:
    """The texts of each class: what the learner is shown, then what it is asked."""
    rows = []
    for label, (name, *parts) in enumerate(family.written(drawn)[:TEXT_ROWS], 1):
        pairs = zip(parts, MOST_TEXTS, strict=True)
        cells = "".join(f"<td>{''.join(map(line_of, texts[:most]))}</td>" for texts, most in pairs)
        title = f'<th scope="rowgroup" colspan="2" dir="auto">{label} · {html.escape(shortened(name))}</th>'
        rows.append(f"<tbody><tr>{title}</tr><tr>{cells}</tr></tbody>")
    head = f"<thead><tr><th>{html.escape(tr('support'))}</th><th>{html.escape(tr('query'))}</th></tr></thead>"
    st.html(f'<div class="episode texts"><table>{head}{"".join(rows)}</table></div>')
    shape_caption(shape, TEXT_ROWS, *MOST_TEXTS)
    if remarks := family.remarks():
        say.caption(joined(remarks))


def pairs_view(family: Names, batch: Translations) -> None:
    """Names with their translations: what the learner is shown, then what it is asked."""
    (given, *_) = family.written(batch)
    lines = [
        f"<tr><td>{line_of(source)}</td><td>{line_of(own)}</td></tr>"
        for source, own in zip(given["sources"], given["expected"], strict=True)
    ]
    support = given["support"]
    parts = [part[:MOST_PAIRS] for part in (lines[:support], lines[support:])]
    rows = "".join(
        f'<tbody><tr><th scope="rowgroup" colspan="2">{html.escape(tr(title))}</th></tr>{"".join(part)}</tbody>'
        for title, part in zip(("support", "query"), parts, strict=True)
    )
    head = f"<thead><tr><th>{html.escape(tr('English'))}</th><th>{html.escape(tr(given['language']))}</th></tr></thead>"
    st.html(f'<div class="episode texts"><table>{head}{rows}</table></div>')
    hidden = tr("; not all of them are shown") if sum(map(len, parts)) < len(lines) else ""
    text = tr(
        "{support} names to learn from, {others} to translate{hidden}",
        support=support,
        others=len(lines) - support,
        hidden=hidden,
    )
    say.caption(
        tr(
            "{text}. Script: {script}. A learner is not told which language it is.",
            text=text,
            script=tr(given["script"]),
        )
    )


def line_of(text: str) -> str:
    """A text as people may have written it, in any direction and with any sign. Of a long one two lines are seen."""
    shown = html.escape(shortened(text, LONGEST_TEXT))
    return f'<p dir="auto" title="{shown}">{shown}</p>'


def shape_caption(shape: EpisodeShape, classes: int, support: int, query: int) -> None:
    """The shape of a task, of which at most so many classes are shown, and of each class so many examples."""
    n_way, k_shot, n_query = shape
    text = plural(
        "{n_way}-way {k_shot}-shot, {n} query per class", "{n_way}-way {k_shot}-shot, {n} queries per class", n_query,
        n_way=n_way, k_shot=k_shot,
    )  # fmt: skip
    hidden = n_way > classes or k_shot > support or n_query > query
    say.caption(tr("{text}; not all of them are shown.", text=text) if hidden else tr("{text}.", text=text))


def tiles(images: torch.Tensor) -> np.ndarray:
    """Pictures (n, channels, height, width) in [0, 1] as uint8."""
    return (images.clamp(0, 1) * 255).byte().numpy()
