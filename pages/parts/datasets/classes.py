"""The classes of a data set, each with some of its examples."""

import html
import math

import streamlit as st

from core.datasets import DataSet, SplitFacts
from data import kept_words
from data.family import SPLIT_TITLES
from data.language import tr
from data.pictures import Pictures
from data.texts import Texts
from pages.parts import pictures, readable, say, session, theme
from pages.parts.train.episode_view import line_of, opened

ROWS, EACH, TEXTS = 12, 8, 2  # classes on a page; examples of each, of texts
HEIGHT = f"min(40px, {64 / EACH:g}cqi)"  # on the screen; smaller where the card is narrow


def classes_card(one: DataSet, facts: list[SplitFacts]) -> None:
    """Of one split, a page of them at a time."""
    with theme.card("set-classes", tr("Classes")):
        family = opened(one.config, session.home())
        titles = {each.split: f"{tr(SPLIT_TITLES[each.split])} · {readable.count(each.classes)}" for each in facts}
        split_column, page_column = st.columns([3, 1], vertical_alignment="bottom")
        split = split_column.segmented_control(
            tr("Split"),
            list(titles),
            default=facts[0].split,
            format_func=titles.get,
            key="classes-split",
            required=True,
        )
        count = next(each.classes for each in facts if each.split == split)
        pages = max(1, math.ceil(count / ROWS))
        page = page_column.number_input(
            say.plain(tr("Page of {pages}", pages=pages)), 1, pages, key=f"classes-page-{one.name}-{split}"
        )
        if isinstance(family, Pictures):
            rows = picture_rows(family, split, (int(page) - 1) * ROWS)
        elif isinstance(family, Texts):
            rows = text_rows(family, split, (int(page) - 1) * ROWS)
        else:
            rows = []
        if rows:
            st.html(f'<div class="episode classes"><table>{"".join(rows)}</table></div>')


def picture_rows(family: Pictures, split: str, first: int) -> list[str]:
    rows = []
    for name, count, images in family.examples(split, first, ROWS, EACH):
        source = pictures.strip(images, pictures.dark())
        strip = (
            f'<img src="{source}" style="height: {HEIGHT}" alt="{html.escape(tr("Examples of {name}", name=name))}">'
        )
        rows.append(row(name, count, strip))
    return rows


def text_rows(family: Texts, split: str, first: int) -> list[str]:
    by_class = list(family.by_class(split).items())[first : first + ROWS]
    return [row(name, len(texts), "".join(map(line_of, texts[:TEXTS]))) for name, texts in by_class]


def row(name: str, count: int, examples: str) -> str:
    """examples: as HTML."""
    said = f'{html.escape(kept_words.said(name))}<br><span class="quiet">{readable.count(count)}</span>'
    return f'<tr><th scope="row">{said}</th><td>{examples}</td></tr>'
