"""Brings ``locale/*.po`` up to date with the source: ``make messages``, after texts were added or changed.

Collected are the texts in calls of ``tr``, ``plural`` and ``mark``, in templates too; of each ``setting`` of a config its
title, unit, what empty means, and the docstring below it, which is its help. What a translator has still to do is then counted.
"""

import ast
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jinja2
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import extract_from_ast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import spoken  # noqa: E402

FOLDERS = ("core", "data", "pages")


def messages(source: str) -> Iterator[tuple[int, str | tuple[str, str]]]:
    """The line and the text of each message in a module's source; of a plural, the singular as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
            if node.func.id in ("tr", "mark") and isinstance(texts[0], str):
                yield node.lineno, texts[0]
            if node.func.id == "plural":
                yield node.lineno, (texts[0], texts[1])
            if node.func.id == "setting":
                named = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
                told = [*texts[1:2], named.get("title"), named.get("unit"), named.get("empty")]
                yield from ((node.lineno, text) for text in told if text)
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                if _is_setting(field) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                    yield below.lineno, " ".join(below.value.value.split())


def messages_of_template(source: str) -> Iterator[tuple[int, str | tuple[str, str]]]:
    """The same of one of Jinja's templates."""
    for line, _, texts in extract_from_ast(jinja2.Environment().parse(source), ("tr", "plural"), babel_style=False):
        if texts:
            yield line, texts if len(texts) > 1 else texts[0]


def messages_of_component(source: str, ending: str) -> Iterator[tuple[int, str]]:
    """The same of a component's script or HTML."""
    for text in spoken.texts(source, ending):
        yield 0, text


def _is_setting(node: ast.stmt) -> bool:
    called = node.value if isinstance(node, ast.AnnAssign) else None
    return isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "setting"


def collected() -> Catalog:
    """All messages of the source, without translations, by the file in which they stand."""
    found = Catalog(fuzzy=False)
    read = [(ROOT / "app.py", messages)]
    read += [(file, messages) for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    read += [(file, messages_of_template) for file in (ROOT / "core").rglob("*.html")]
    components = {"*.js": FOLDERS, "*.html": ("pages",)}
    read += [
        (file, partial(messages_of_component, ending=file.suffix))
        for ending, folders in components.items()
        for folder in folders
        for file in (ROOT / folder).rglob(ending)
    ]
    for file, texts in sorted(read, key=lambda one: one[0]):
        for _, text in texts(file.read_text(encoding="utf-8")):
            found.add(text, locations=[(str(file.relative_to(ROOT)), None)])
    return found


def translated(file: Path) -> Catalog:
    with file.open("rb") as opened:
        return read_po(opened, locale=file.stem)


def main() -> None:
    source = collected()
    for file in sorted((ROOT / "locale").glob("*.po")):
        catalogue = translated(file)
        catalogue.update(source, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with file.open("wb") as opened:
            write_po(opened, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=False)
        left = [message.id for message in catalogue if message.id and not any(_strings(message.string))]
        print(f"{file.name}: {len(catalogue)} texts, {len(left)} to be translated")
        for text in left if "--missing" in sys.argv else []:
            print(f"  {text!r}")


def _strings(string: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string or ()


if __name__ == "__main__":
    main()
