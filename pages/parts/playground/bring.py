"""Playground, ``?mode=bring&of=texts&run=3``: a visitor's own pictures, texts or translations, a few, and others to be told."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.config.presets import preset
from core.library import Answers
from core.playground.fitting import pictured, translated, written
from data.errors import InnerloopError
from data.language import mark, tr
from data.photograph import SUFFIXES
from pages.parts import say, theme
from pages.parts.playground import translate
from pages.parts.playground.players import Candidate, candidates, choice, learner, nobody
from pages.parts.prospects import prospect

TITLE, ICON = mark("Bring your own"), ":material/upload_file:"
OF = "of"  # of the address
PICTURES, TRANSLATIONS = "photographs", "translations"
FEWEST, FIRST, MOST = 2, 3, 10  # classes
MOST_TEXT = 4000  # characters of a field
LARGEST = 20  # MiB of a picture
SHOWN = 5  # classes of an answer, the likeliest


@dataclass(frozen=True)
class Kind:
    """What may be brought. title: for people. preset: that trains a learner for it. families: whose learners do."""

    title: str
    preset: str
    families: Callable[[], tuple[str, ...]]


KINDS = {
    PICTURES: Kind(mark("Pictures"), "doodles-5w1s", pictured),
    "texts": Kind(mark("Texts"), "intents-5w1s-protonet", written),
    TRANSLATIONS: Kind(mark("Translations"), "names-maml", translated),
}
EXAMPLES = {  # what a visitor sees at first, so that it works at once
    "book a table": "can you reserve a table for two tonight\nis there a free table at eight",
    "weather": "will it rain tomorrow\nhow warm is it outside",
    "play music": "put on some jazz\nplay the next song",
}
ASKED = "do I need an umbrella today\na table for six on friday please"


def play() -> None:
    kind = asked_for()
    there = candidates(KINDS[kind].families())
    if not there:
        return nothing(KINDS[kind])
    with theme.card("bring-learners"):
        chosen = choice(there, f"bring-{kind}")
    if kind == TRANSLATIONS:
        return translate.play(chosen)
    return st.fragment(brought)(kind, chosen)


def asked_for() -> str:
    st.session_state["bring-of"] = found = of if (of := st.query_params.get(OF, "")) in KINDS else next(iter(KINDS))
    st.segmented_control(
        tr("What is brought"),
        list(KINDS),
        default=found,
        key="bring-of",
        format_func=lambda one: tr(KINDS[one].title),
        label_visibility="collapsed",
        required=True,
        on_change=lambda: st.query_params.from_dict({"mode": "bring", OF: st.session_state["bring-of"]}),
    )
    return found


def nothing(kind: Kind) -> None:
    one = preset(kind.preset)
    text, help = prospect(one, [])
    with theme.card("bring-learners"):
        nobody(
            tr("No learner of {kind} yet", kind=tr(kind.title).lower()),
            tr("The preset {title} trains one. {text}", title=tr(one.title), text=text).strip(),
            one,
            help,
        )


def brought(kind: str, chosen: Sequence[Candidate]) -> None:
    """The classes, what is asked, and what is answered. Streamlit runs this alone at each change."""
    given, asked = st.columns([1.6, 1], gap="medium")
    with given, theme.card("bring-classes", tr("A few examples of each class")):
        ways = st.slider(tr("Classes"), FEWEST, MOST, FIRST, key="bring-ways")
        support = pictures_of(ways) if kind == PICTURES else texts_of(ways)
    with asked, theme.card("bring-queries", tr("What is this?")):
        queries = asked_pictures() if kind == PICTURES else asked_texts()
        if len(support) < FEWEST:
            say.caption(tr("Give examples of two classes at least."))
        elif not queries:
            say.caption(tr("Then something to ask about."))
        else:
            for one in chosen:
                answered(one, support, queries)


def pictures_of(ways: int) -> dict[str, dict[str, bytes]]:
    """By class, of those that have any, by the name of the file."""
    found = {}
    for number, column in enumerate(rows_of(ways)):
        with column:
            name = named(number, tr("class {number}", number=number + 1))
            files = st.file_uploader(
                say.plain(tr("Pictures of {name}", name=name)),
                type=list(SUFFIXES),
                accept_multiple_files=True,
                max_upload_size=LARGEST,
                key=f"bring-pictures-{number}",
                label_visibility="collapsed",
            )
            if files:
                found[name] = {f"{place}: {file.name}": file.getvalue() for place, file in enumerate(files, 1)}
    return found


def asked_pictures() -> dict[str, bytes]:
    files = st.file_uploader(
        tr("Pictures to tell"),
        type=list(SUFFIXES),
        accept_multiple_files=True,
        max_upload_size=LARGEST,
        key="bring-asked",
    )
    found = {file.name: file.getvalue() for file in files or []}
    if st.toggle(tr("With the camera"), key="bring-camera"):
        taken = st.camera_input(tr("A photograph"), key="bring-taken", label_visibility="collapsed")
        if taken is not None:
            found["camera"] = taken.getvalue()
    return found


def texts_of(ways: int) -> dict[str, list[str]]:
    found, first = {}, list(EXAMPLES.items())
    for number, column in enumerate(rows_of(ways)):
        with column:
            title, text = first[number] if number < len(first) else (tr("class {number}", number=number + 1), "")
            name = named(number, title)
            lines = st.text_area(
                say.plain(tr("Examples of {name}, one a line", name=name)),
                text,
                max_chars=MOST_TEXT,
                key=f"bring-texts-{number}",
            )
            if examples := [line for line in map(str.strip, lines.splitlines()) if line]:
                found[name] = examples
    return found


def asked_texts() -> list[str]:
    lines = st.text_area(tr("Texts to tell, one a line"), ASKED, max_chars=MOST_TEXT, key="bring-asked-texts")
    return [line for line in map(str.strip, lines.splitlines()) if line]


def rows_of(ways: int) -> list[Any]:
    """A place for each class, two in a row."""
    return [column for _ in range(0, ways, 2) for column in st.columns(2)][:ways]


def named(number: int, first: str) -> str:
    """What a class is called; its number keeps two of one name apart."""
    name = st.text_input(
        say.plain(tr("Class {number}", number=number + 1)), first, max_chars=60, key=f"bring-name-{number}"
    ).strip()
    taken = {st.session_state.get(f"bring-name-{other}", "") for other in range(number)}
    return f"{name} ({number + 1})" if not name or name in taken else name


def answered(one: Candidate, support: Mapping[str, Any], queries: Any) -> None:
    """What a learner says of each query, or why it does not."""
    try:
        found = learner(one, None)
        task = found.shown(found.family.shown(support))
        said = task.said_of(task.learner.family.queried(queries))
    except InnerloopError as error:
        say.warning(f"{one.title}: {error}")
        return
    say.heading(one.short)
    st.html(bars(said))
    for remark in said.remarks:
        say.caption(remark)


def bars(said: Answers) -> str:
    """Each query with its likeliest classes."""
    rows = []
    for name, shares in zip(said.names, said.values.tolist(), strict=True):
        ranked = sorted(zip(shares, said.classes, strict=True), reverse=True)[:SHOWN]
        lines = "".join(
            f'<span>{html.escape(label)}</span><i style="--share: {share:.4f}"></i><b>{100 * share:.0f} %</b>'
            for share, label in ranked
        )
        rows.append(f"<dt>{html.escape(name)}</dt><dd>{lines}</dd>")
    return f'<dl class="told">{"".join(rows)}</dl>'
