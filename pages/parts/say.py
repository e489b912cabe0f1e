"""What pages say, as plain text: the one place that escapes it for Streamlit, which reads Markdown nearly everywhere.

Names, notes, errors and devices come from people and programs. Passed raw they turn bold, become links, or have the
viewer's browser fetch a picture from elsewhere. So pages say variable text through here alone; a test reads their source.
"""

import html
import re
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from data.errors import InnerloopError
from data.language import joined

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # all that CommonMark lets a backslash escape
# Streamlit replaces these after Markdown is read, so that no backslash helps: :material/home:, :smile:, arrows and
# dashes, addresses. A word joiner, which has no width, keeps them apart.
REPLACED = re.compile(r":(?=[\w+/-])|(?<=[<-])-|(?<=-)>|(?<=www)\.|(?<=\w)@", re.IGNORECASE)
SPACE = re.compile(r"[ \t\r\n\f\v]+")  # not the narrow one in numbers
JOINER = "\u2060"


def plain(text: object) -> str:
    """Text as Markdown that shows it as it was typed, on one line: for labels, names of columns, tooltips."""
    return PUNCTUATION.sub(r"\\\1", REPLACED.sub(_apart, SPACE.sub(" ", str(text)).strip()))


def _apart(found: re.Match) -> str:
    return f"{found[0]}{JOINER}" if found[0] == ":" else f"{JOINER}{found[0]}"


def lines(text: object) -> str:
    """Likewise, with the text's own lines kept."""
    return "  \n".join(plain(line) for line in str(text).splitlines() if line.strip())


def named(name: object, remark: object = "") -> str:
    """A label with a name that stands out and a remark that does not."""
    return f"**{plain(name)}**" + (f" :gray[{plain(remark)}]" if remark else "")


def marked(text: object, icon: str, color: str) -> str:
    """A sentence with an icon before it, in one of Streamlit's colours."""
    return f":{color}[:material/{icon}:] {plain(text)}"


def first_upper(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]


def cell(text: str) -> str:
    """Text for a column of buttons, where one in brackets is taken for a list and a leading :material/…: for an icon."""
    return f"{JOINER}{text}" if text.lstrip()[:1] in ("[", ":") else text


def error(text: object, details: object = "") -> None:
    """details: follow a text that then stands out."""
    st.error(f"**{plain(text)}** {lines(details)}" if details else lines(text), icon=":material/error:")


def problem(error_: InnerloopError) -> None:
    """What is wrong and what to do about it."""
    error(joined((error_.message, error_.remedy)))


def wrong(text: str) -> None:
    """What is wrong at a field, below it; nothing where nothing is."""
    if text:
        st.html(f'<div class="field-error" role="alert">{html.escape(text)}</div>')


def info(text: object, icon: str = "info") -> None:
    st.info(lines(text), icon=f":material/{icon}:")


def status(text: object, icon: str) -> None:
    """One quiet line that says how something stands."""
    st.caption(f":material/{icon}: {plain(text)}")


def warning(text: object, icon: str = "warning") -> None:
    st.warning(lines(text), icon=f":material/{icon}:")


def prose(text: str) -> None:
    """Markdown as it is, with its links and formulas: of texts that stand in this program's source, and of no others."""
    st.markdown(text)


def caption(text: object, place: DeltaGenerator | None = None, help: object = "") -> None:
    (place or st).caption(lines(text), help=plain(help) or None)


def title(text: object) -> None:
    st.title(plain(text), anchor=False, width="content")


def heading(text: object, place: DeltaGenerator | None = None) -> None:
    """A card's small heading, the second level below the page's title; theme.css makes it small."""
    (place or st).markdown(f"## {plain(text)}")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Texts in any direction."""
    titles = "".join(f"<th>{html.escape(title)}</th>" for title in head)
    cells = [[f'<td dir="auto">{html.escape(str(cell))}</td>' for cell in row] for row in rows]
    lines_ = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    st.html(f'<div class="wide" tabindex="0"><table class="of-task"><tr>{titles}</tr>{lines_}</table></div>')


def name(text: object, remark: object = "") -> None:
    st.markdown(named(text, remark))


def listed(text: object, remark: object = "") -> None:
    """One line of a list."""
    st.markdown(f"- {named(text, remark)}")


def badge(text: object, color: str, icon: str) -> None:
    st.badge(plain(text), color=color, icon=f":material/{icon}:")


def toast(text: object, icon: str) -> None:
    st.toast(plain(text), icon=f":material/{icon}:")
