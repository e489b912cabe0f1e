"""Several threads that parse at once: none is let in while another one is."""

import ast
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.home import PROJECT
from pages.parts import parsing, session


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_one_thread_parses_at_a_time() -> None:
    inside: list[int] = []

    def parse(source: str) -> ast.AST:
        inside.append(1)
        for line in source.splitlines():
            line.split()
        at_once.append(len(inside))
        inside.pop()
        return ast.Module([], [])

    at_once: list[int] = []
    source = (PROJECT / "core" / "training" / "trainer.py").read_text()
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(parsing.alone(parse), [source] * 100))
    assert at_once == [1] * 100


def test_where_python_needs_it_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, changed in (((3, 11, 7), True), ((3, 11, 8), False)):
        with monkeypatch.context() as patch:
            patch.setattr(ast, "parse", before := ast.parse)
            patch.setattr(sys, "version_info", version)
            parsing.one_at_a_time.__wrapped__()
            assert (ast.parse is not before) is changed


@pytest.mark.usefixtures("home")
def test_the_app_sees_to_it_before_torch_is_imported_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(parsing, "one_at_a_time", lambda: done.append("parsing"))
    monkeypatch.setattr(session, "warm_up", lambda: done.append("torch"))
    assert not AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run().exception
    assert done == ["parsing", "torch"]
