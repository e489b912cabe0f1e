"""Names and errors that hold markup: a browser shows them as typed, and asks no other host for anything."""

import html
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
    ":material/home: :red[z] [a](javascript:b) | t | :smile: -> -- `c` *d* www.evil.invalid a@evil.invalid http://evil.invalid/z "
    "https://evil.invalid :material/delete: $x$ *a*"
)


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


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
    page.locator(".st-key-compare-runs button").click()
    page.locator(".st-key-seeds label").click()
    legend = page.locator(".st-key-card-compare-loss .legendtext").first
    expect(legend).to_be_visible()
    names = page.locator(".st-key-card-compare-loss .host").first.evaluate(
        "host => host._fullData.map(one => one.name)"
    )
    assert legend.text_content() == "maml"
    assert any(TEXT in html.unescape(name) for name in names)
    assert len(runs) == 2
    assert asked == []


NAME = "https://evil.invalid :material/delete: $x$ *a* www.evil.invalid <b>b</b> `c`"
READ_AS_MARKUP = "a[href*=evil], img[src*=evil], .katex, main em, main b, [data-testid=stMarkdownContainer] code"


@pytest.fixture(scope="module")
def named(server: Server, runs: list[int]) -> int:
    """The newest run, with a name that fits into a field."""
    del runs
    store = RunStore(server.home.database)
    config = RunConfig.model_validate(preset("sinusoid-maml").config).model_dump(mode="json")
    run = store.create(config, NAME, folder_root=server.home.runs_folder, datasets=server.home.datasets, group=NAME)
    store.move(run.id, "failed", {"queued"}, error=NAME, remedy=NAME, note=NAME)
    return run.id


@pytest.mark.parametrize(
    ("address", "buttons", "place"),
    [
        ("", (), "[data-testid=stPageLink]"),
        ("run?run={}", (), "h1"),
        ("run?run={}", ("again-{}",), "[role=dialog]"),
        ("train?from={}", (), "[data-testid=stToast]"),
        ("runs", ("tick", "delete-runs"), "[role=dialog]"),
        ("runs", ("tick", "edit-run"), "[role=dialog]"),
    ],
)
def test_no_page_reads_markup_into_a_name(server, page, named, asked, address, buttons, place):
    page.goto(f"{server.url}/{address.format(named)}")
    for button in buttons:
        if button == "tick":
            page.locator("[data-testid=stDataFrame] canvas").first.click(position={"x": 18, "y": 54}, force=True)
        else:
            page.locator(f".st-key-{button.format(named)} button").first.click()
    shows = page.locator(place).filter(has_text="evil.invalid").first
    if "edit-run" in buttons:
        expect(page.locator(place).get_by_role("textbox", name="Name")).to_have_value(NAME)
    else:
        expect(shows).to_be_visible()
        assert NAME in shows.inner_text().replace(JOINER, "")
    marked = page.locator(READ_AS_MARKUP).evaluate_all("found => found.map(one => one.outerHTML)")
    assert [
        one for one in marked if "evil" in one or one.startswith(("<em", "<b>b", "<code>c")) or "katex" in one
    ] == []
    assert asked == []
