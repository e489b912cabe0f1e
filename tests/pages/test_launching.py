"""Launching from a page: once a wish, and by another process as long as the server has not imported torch."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from core import elsewhere
from core.runs import warm
from pages.parts import launching
from tests.pages.conftest import as_read


class Ended:
    """A process that has ended. pid: of none."""

    pid = 2**22 + 1

    def wait(self, timeout: float | None = None) -> int:
        return 3


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As if this process had not imported torch and a warm one waited; what is asked of that one."""
    asked: list[str] = []
    monkeypatch.setattr(launching, "imported", lambda: False)
    monkeypatch.setattr(warm, "prepare", lambda _: asked.append("to be there"))
    monkeypatch.setattr(warm, "awaited", lambda _: True)
    return asked


def test_home_launches_a_preset_once_however_often_it_is_clicked_in_a_moment(app, store, monkeypatch):
    monkeypatch.setattr(launching, "AGAIN", 1000.0)
    page = app()
    for _ in range(2):
        page.button("launch-sinusoid-maml").click().run()
        page.switch_page("pages/home.py").run()
    assert len(store.runs()) == 1
    page.button("launch-doodles-5w1s").click().run()
    assert len(store.runs()) == 2, "another wish is another launch"


def test_a_server_without_torch_has_the_process_that_waits_launch(app, store, started, without_torch, monkeypatch):
    def start(function: str, folder: Path, _: Mapping[str, str]) -> elsewhere.Process:
        without_torch.append(function)
        elsewhere.answer(function, folder)
        return Ended()

    monkeypatch.setattr(launching, "forked", lambda _: start)
    page = app()
    page.button("launch-doodles-5w1s").click().run()
    (run,) = store.runs()
    assert (run.name, run.config["family"]["name"], started) == ("doodles-5w1s", "doodles", [run.id])
    assert page.title[0].value == "doodles\\-5w1s"
    assert without_torch == ["to be there", "core.launch:launch_here"]


@pytest.mark.usefixtures("without_torch")
def test_a_preset_whose_files_are_missing_leads_to_where_they_are_fetched(app, store, monkeypatch):
    """Also where the process that waits finds that out."""

    def start(function: str, folder: Path, _: Mapping[str, str]) -> elsewhere.Process:
        elsewhere.answer(function, folder)
        return Ended()

    monkeypatch.setattr(launching, "forked", lambda _: start)
    page = app()
    page.button("launch-omniglot-5w1s-quick").click().run()
    assert page.title[0].value == "Data sets"
    assert page.query_params["set"] == "omniglot"
    assert page.button("download-family")
    assert as_read(page.toast[0].value) == "Omniglot needs 2 files that are not here yet."
    assert store.runs() == []


@pytest.mark.usefixtures("without_torch")
def test_a_process_that_dies_launching_is_said(app, said, store, monkeypatch):
    monkeypatch.setattr(launching, "forked", lambda _: lambda *_: Ended())
    page = app()
    page.button("launch-doodles-5w1s").click().run()
    text = said(page)
    assert "It is not known whether this was launched. The process ended with code 3." in text
    assert "Look whether the run is in the list" in text
    assert store.runs() == []


@pytest.mark.usefixtures("without_torch")
def test_without_such_a_process_the_server_launches(app, store, monkeypatch):
    monkeypatch.setattr(warm, "awaited", lambda _: False)
    monkeypatch.setattr(launching, "forked", lambda _: pytest.fail("there is none"))
    app().button("launch-doodles-5w1s").click().run()
    assert len(store.runs()) == 1
