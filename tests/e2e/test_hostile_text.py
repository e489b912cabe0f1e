"""Names and errors that hold markup: a browser shows them as typed, and asks no other host for anything."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from core.config.presets import preset
from core.config.run import RunConfig
from core.runs.store import RunStore
from pages.parts.say import JOINER
from tests.e2e.serving import Server

pytestmark = pytest.mark.xdist_group("browser")
TEXT = (
    "__init__ ![x](http://evil.invalid/x.png) <img src=http://evil.invalid/y onerror=alert(1)> $x^2$ <b>b</b> "
    ":material/home: :red[z] [a](javascript:b) | t | :smile: -> -- `c` *d* www.evil.invalid a@evil.invalid http://evil.invalid/z"
)


@pytest.fixture(scope="module")
def runs(server: Server) -> list[int]:
    store, ids = RunStore(server.home.database), []
    config = RunConfig.model_validate(preset("sinusoid-maml").config).model_dump(mode="json")
    for _ in range(2):
        run = store.create(config, TEXT, folder_root=server.home.runs_folder, datasets=server.home.datasets, group=TEXT)
        store.move(run.id, "starting", {"queued"}, started=run.created, host="elsewhere")
        store.move(run.id, "failed", {"starting"}, error=TEXT, remedy=TEXT, note=TEXT, device=TEXT)
        store.add_metrics(run.id, [(i, i / 10, "train/query_loss", 1 / i) for i in (1, 2, 3)])
        ids.append(run.id)
    return ids


@pytest.fixture
def asked(page: Page, server: Server) -> list[str]:
    """Requests that did not go to the server of the app."""
    foreign: list[str] = []
    host = urlsplit(server.url).netloc

    def requested(request: object) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).netloc != host:
            foreign.append(request.url)

    page.on("request", requested)
    return foreign


def shown(page: Page, place: str) -> str:
    return page.locator(place).first.inner_text().replace(JOINER, "")


def test_a_run_with_markup_everywhere_reads_as_typed(server, page, runs, asked):
    page.goto(f"{server.url}/run?run={runs[0]}")
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(page.locator(".st-key-card-config td").first).to_be_visible()
    for place in ("h1", "[data-testid=stAlert]", "[data-testid=stCaptionContainer]"):
        assert TEXT in shown(page, place), place
    assert asked == []


def test_home_names_it_as_typed(server, page, runs, asked):
    page.goto(server.url)
    link = page.locator("[data-testid=stPageLink]", has_text=f"#{runs[0]}")
    expect(link).to_be_visible()
    assert TEXT in link.inner_text().replace(JOINER, "")
    assert asked == []


def test_a_legend_shows_it_as_typed(server, page, runs, asked):
    page.goto(f"{server.url}/runs")
    canvas = page.locator("[data-testid=stDataFrame] canvas").first
    expect(canvas).to_be_visible()
    canvas.click(position={"x": 18, "y": 18}, force=True)  # all rows; a scroller lies over the canvas
    legend = page.locator(".st-key-card-compare-loss .legendtext").first
    expect(legend).to_be_visible()
    assert legend.text_content().endswith(TEXT)
    assert len(runs) == 2
    assert asked == []
