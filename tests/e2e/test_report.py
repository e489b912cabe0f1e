"""A report in a browser without any connection: it draws its charts, asks nobody for anything, and shows names as typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config.presets import preset
from core.config.run import RunConfig
from core.handover.report import report
from core.runs.home import Home
from core.runs.store import RunStore

pytestmark = pytest.mark.xdist_group("browser")
TEXT = "</script><img src=http://evil.invalid/x onerror=alert(1)> <b>b</b> {{ 7 * 7 }}"


@pytest.fixture
def offline(visitor, page: Page) -> Iterator[Page]:
    visitor.set_offline(True)
    yield page
    visitor.set_offline(False)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    home = Home(tmp_path, tmp_path, f"sqlite:///{tmp_path}/innerloop.db")
    store, runs = RunStore(home.database), []
    config = RunConfig.model_validate(preset("sinusoid-maml").config).model_dump(mode="json")
    for seed in (0, 1):
        run = store.create(config | {"seed": seed}, TEXT, folder_root=home.runs_folder, datasets=home.datasets)
        store.add_metrics(run.id, [(i, i / 10, "train/query_loss", 1 / i) for i in (1, 2, 3)])
        store.add_evaluation(run.id, 3, "val", "score", 0.5, 0.1, episodes=3)
        runs.append(store.get(run.id))
    file = tmp_path / "report.html"
    file.write_text(report(runs, store, notes=TEXT), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_whole_without_a_connection(offline: Page, written: Path, scheme: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("console", lambda message: said.append(message.text))
    offline.emulate_media(color_scheme=scheme)
    offline.goto(written.as_uri())
    expect(offline.locator(".chart .main-svg").first).to_be_visible()
    assert (
        offline.locator(".chart .scatterlayer .trace").count() == 9
    )  # in both two seeds, their mean and its band; a star
    assert offline.locator("img, b >> text=/^b$/").count() == 0
    assert TEXT in offline.locator(".notes").inner_text()
    assert f"#1 {TEXT}" in offline.locator("body").inner_text()
    assert asked == [written.as_uri()]
    assert said == []
