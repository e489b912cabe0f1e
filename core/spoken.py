"""What scripts and HTML of components say, in the visitor's language.

A script writes ``tr('Point {number} added.', {number})`` and HTML ``{{Inner steps}}``. The text is replaced before a browser gets
it: a browser knows one language alone, and another language makes another component.
"""

import html
import json
import re

from data.language import tr

IN_SCRIPT = re.compile(r"\btr\('((?:[^'\\]|\\.)*)'")
IN_HTML = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
# Puts values into a text, as str.format does.
FILL = "const tr = (text, values = {}) => text.replace(/\\{(\\w+)\\}/g, (_, name) => values[name]);\n"


def script(source: str) -> str:
    """A component's JavaScript in the current language."""
    return FILL + IN_SCRIPT.sub(lambda found: f"tr({json.dumps(tr(_unescaped(found[1])))}", source)


def markup(source: str) -> str:
    """A component's HTML in the current language."""
    return IN_HTML.sub(lambda found: html.escape(tr(one_line(found[1]))), source)


def texts(source: str, file_type: str) -> list[str]:
    """All that a file says, for the translators. file_type: ``.js`` or ``.html``."""
    if file_type == ".js":
        return [_unescaped(found[1]) for found in IN_SCRIPT.finditer(source)]
    return [one_line(found[1]) for found in IN_HTML.finditer(source)]


def one_line(text: str) -> str:
    return " ".join(text.split())


def _unescaped(literal: str) -> str:
    return literal.replace("\\'", "'")
