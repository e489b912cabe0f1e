"""What one server does for all its sessions: it has a process wait that forks the next worker, while pages are opened."""

import ast
import threading

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import warm
from core.runs.home import PROJECT, Home
from pages.parts import session
from pages.parts.session import warm_up
from tests.waiting import wait_until


def visit() -> None:
    """Open the first page."""
    test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    assert not test.exception


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The homes whose warm process was asked for."""
    homes: list[Home] = []
    monkeypatch.setattr(warm, "prepare", lambda home: homes.append(home) or True)
    return homes


def test_the_first_page_asks_for_it_once(home: Home, asked: list[Home], monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []
    monkeypatch.setattr(session, "warm_up", lambda: begun.append(warm_up()))
    for name, value in {"GRACE": 0.0, "LATER": 0.0, "HEAVY": ()}.items():
        monkeypatch.setattr(session, name, value)
    for _visitor in range(2):
        visit()
    begun[0].join()
    assert asked == [home]


@pytest.mark.usefixtures("home")
def test_a_page_is_not_parsed_beside_torch_which_parses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.11.8 Python spoils both where two threads do (its issue 106905)."""
    parsed: list[object] = []
    parse = ast.parse
    monkeypatch.setattr(
        ast, "parse", lambda source, *rest, **named: parsed.append(source) or parse(source, *rest, **named)
    )
    visit()
    assert not {(PROJECT / name).read_text() for name in ("app.py", "pages/home.py")} & {*map(str, parsed)}


def test_pages_that_are_opened_later_say_that_it_is_still_wanted(
    home: Home, asked: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit()
    assert asked == []
    monkeypatch.setattr(session, "STAY", 0.0)
    visit()
    wait_until(lambda: asked == [home])
    monkeypatch.setattr(session, "STAY", 1e6)
    visit()
    assert asked == [home]
