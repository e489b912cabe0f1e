"""What one server does for all its sessions: it has a process wait that forks the next worker, while pages are opened."""

import threading
from collections.abc import Iterator

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


@pytest.fixture(autouse=True)
def timers(no_warm_up: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real thing; what has not come to pass by the end of a test never does."""
    del no_warm_up  # first that, then this
    started: list[threading.Timer] = []

    def noted() -> None:
        started.append(warm_up())

    monkeypatch.setattr(session, "warm_up", noted)
    yield
    for timer in started:
        timer.cancel()
        timer.join()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The homes whose warm process was asked for."""
    homes: list[Home] = []
    monkeypatch.setattr(warm, "prepare", lambda home: homes.append(home) or True)
    return homes


def test_the_first_page_asks_for_it_once(home: Home, asked: list[Home], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE", 0.0)
    monkeypatch.setattr(session, "HEAVY", ())
    for _visitor in range(2):
        visit()
    wait_until(lambda: asked)
    assert asked == [home]


def test_pages_that_are_opened_later_say_that_it_is_still_wanted(
    home: Home, asked: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GRACE", 1e6)
    visit()
    assert asked == []
    monkeypatch.setattr(session, "STAY", 0.0)
    visit()
    wait_until(lambda: asked == [home])
    monkeypatch.setattr(session, "STAY", 1e6)
    visit()
    assert asked == [home]
