"""Text from people and programs appears as it was typed: nothing of it is read as Markdown, HTML or an icon."""

import ast
from collections.abc import Iterator

import pytest

from core.runs.home import PROJECT
from core.runs.lineage import differences
from pages.parts import say

HOSTILE = (
    "__init__ ![x](http://evil.invalid/x.png) <img src=x onerror=alert(1)> $x^2$ :material/home: [a](javascript:b) "
    "| t | :smile: -> `c` *d* http://evil.invalid/y\n\n# heading"
)
# Streamlit's functions that read Markdown, and the arguments they read it in.
TEXT = {"error", "info", "warning", "success", "caption", "title", "header", "subheader", "markdown", "write", "badge"}
TEXT |= {"toast", "spinner", "button", "download_button", "toggle", "checkbox", "text_input", "text_area", "pills"}
TEXT |= {"selectbox", "multiselect", "segmented_control", "number_input", "expander", "page_link", "metric", "progress"}
READ = {"label", "body", "text", "help"}
SECOND = {"page_link": None, "progress": 1}  # where the text is not the first argument


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("plain name 5", "plain name 5"),
        ("__init__", r"\_\_init\_\_"),
        ("![x](y)", r"\!\[x\]\(y\)"),
        ("<b> & $x$", r"\<b\> \& \$x\$"),
        ("a\n\n# b", r"a \# b"),
        (":red[z]", f"\\:{say.JOINER}red\\[z\\]"),
        ("loss: 3", r"loss\: 3"),
    ],
)
def test_plain_escapes_all_that_would_be_read(text, markdown):
    assert say.plain(text) == markdown


def test_lines_keep_lines_and_nothing_else():
    assert say.lines("one\n\n    two") == "one  \ntwo"


def test_a_marked_sentence_is_an_icon_and_plain_text():
    assert say.marked("*a* :red[z]", "help", "gray") == f":gray[:material/help:] \\*a\\* \\:{say.JOINER}red\\[z\\]"


def shown_raw(source: str) -> Iterator[str]:
    """The calls in which a text that is not typed in the source reaches Markdown past ``say``."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in TEXT:
            continue
        if isinstance(call.func.value, ast.Name) and call.func.value.id in ("say", "charts"):
            continue
        place = SECOND.get(call.func.attr, 0)
        texts = [call.args[place]] if place is not None and len(call.args) > place else []
        texts += [keyword.value for keyword in call.keywords if keyword.arg in READ]
        if not all(map(typed, texts)):
            yield f"line {call.lineno}: {ast.unparse(call)[:80]}"


def typed(text: ast.expr) -> bool:
    """Whether a text stands in the source, or comes from ``say``."""
    if isinstance(text, ast.IfExp):
        return typed(text.body) and typed(text.orelse)
    if isinstance(text, ast.Call) and isinstance(text.func, ast.Name):  # translated: what is put into it would be raw
        counted = text.func.id == "plural" and len(text.args) == 3
        return (text.func.id == "tr" and not text.keywords and typed(text.args[0])) or (counted and not text.keywords)
    if isinstance(text, ast.Call):
        return isinstance(text.func, ast.Attribute) and ast.unparse(text.func).startswith("say.")
    return isinstance(text, ast.Constant) or (isinstance(text, ast.Name) and text.id.isupper())


@pytest.mark.parametrize("file", sorted((PROJECT / "pages").rglob("*.py")), ids=lambda file: file.stem)
def test_pages_pass_variable_text_through_say(file):
    if file.name != "say.py":
        assert list(shown_raw(file.read_text())) == []


@pytest.mark.parametrize(
    "call",
    [
        "st.error(str(e))",
        "place.caption(f'{a}')",
        "st.button(x)",
        "st.toggle('a', help=b)",
        "st.info(tr('{a}', a=a))",
        "st.info(tr(a))",
    ],
)
def test_raw_text_is_found(call):
    assert list(shown_raw(call))


def test_hostile_text_is_shown_as_typed_on_every_page(app, said, store, make_run):
    failed = make_run(
        "doodles-5w1s", "failed", error=HOSTILE, remedy=HOSTILE, group=HOSTILE, note=HOSTILE, device=HOSTILE
    )
    store.rename(failed.id, HOSTILE)
    waiting = make_run("sinusoid-maml", "queued")
    make_run("doodles-5w1s", "running", name=HOSTILE)
    for page in (
        app(),
        app("run", run=failed.id),
        app("run", run=waiting.id),
        app("runs"),
        app("train", **{"from": failed.id}),
    ):
        said(page)
        assert all(
            "![x](" not in element.value
            for kind in ("markdown", "caption", "error", "info", "title", "toast")
            for element in page.get(kind)
        )
        assert not [link for link in page.get("page_link") if "![x](" in link.proto.label]
    assert differences([{"a": HOSTILE}, {"a": ""}]) == {"a": [HOSTILE, ""]}
