"""The language in which people are addressed: English, as the source has it, or that of a file in ``locale``.

``tr`` and ``plural`` translate where a sentence is made. ``mark`` is for texts that are made before anybody reads them, such as
a class's title or a constant: it marks them for the translators, and whoever shows them calls ``tr``.

What is kept or read by programs (stores, logs, tables, the command line) stays English; pages say which language their
visitor reads, see ``follow``.
"""

import gettext
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh": "中文"}  # by its code, in its own words
T = TypeVar("T")
FULL_WIDTH = ("。", "！", "？", "；", "：")
FILES = Path(__file__).parents[1] / "locale"

_chosen: ContextVar[str] = ContextVar("language", default="")
_reader: Callable[[], str] = lambda: ENGLISH  # noqa: E731


def follow(reader: Callable[[], str]) -> None:
    """Ask ``reader`` from now on which language is read where a text is made: the code of one of LANGUAGES."""
    global _reader
    _reader = reader


def current() -> str:
    """The code of the language in which ``tr`` answers here. What is cached and holds sentences has it in its key."""
    return _chosen.get() or _reader()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Translate into ``language`` in this thread meanwhile, whatever its visitor reads."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def carried(make: Callable[[], T]) -> Callable[[], T]:
    """The same in the language that is current now, where another thread calls it, which has no visitor."""
    code = current()

    def made() -> T:
        with speaking(code):
            return make()

    return made


def joined(sentences: Iterable[str]) -> str:
    """One after the other; behind a full-width stop there is no space."""
    found = ""
    for one in filter(None, sentences):
        found += one if not found or found.endswith(FULL_WIDTH) else f" {one}"
    return found


def tr(text: str, /, **values: Any) -> str:
    """The text in the current language, with ``{name}`` replaced by the value of that name, as by ``str.format``.

    Without values nothing is replaced. A text that has no translation is given back as it is.
    """
    if isinstance(text, Marked):
        return tr(
            text.template, **{name: tr(one) if isinstance(one, str) else one for name, one in text.values.items()}
        )
    found = _catalogue(current()).gettext(text) if text else text  # gettext's own entry of "" is the file's header
    return found.format(**values) if values else found


def plural(one: str, many: str, n: int, /, **values: Any) -> str:
    """``one`` if n is 1, otherwise ``many``, or what the current language has instead; ``{n}`` is replaced as well."""
    return _catalogue(current()).ngettext(one, many, n).format(**{"n": n} | values)


class Marked(str):
    """A text in English that remembers what it was made of."""

    template: str
    values: dict[str, Any]


def mark(text: str, /, **values: Any) -> str:
    """The text in English with its values, which is translated where it is shown; so are those of its values that are marked."""
    if not values:
        return text
    made = Marked(text.format(**values))
    made.template, made.values = text, values
    return made


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    # Babel takes a moment to import, and only those who do not read English wait for it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with (FILES / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
