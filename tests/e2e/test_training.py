"""The main flow as a visitor lives it: choose, launch, watch, lose the server, find the run again, stop it."""

import re
import signal

import pytest
from playwright.sync_api import Locator, Page, expect

from core.runs.schema import ENDED
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser-training")


def fill(page: Page, card: str, label: str, value: int | float) -> None:
    field = page.locator(f".st-key-card-{card}").get_by_role(
        "textbox", name=re.compile(f"^{label}")
    )  # a unit may follow
    field.fill(str(value))
    field.press("Tab")


def status(page: Page, word: str) -> Locator:
    """The run's own status chip, beside its name."""
    return page.locator("[data-testid=stMain] .stMarkdownBadge", has_text=word).first


def chart_points(page: Page, card: str) -> int:
    host = page.locator(f".st-key-card-{card} .host[data-points]")
    return int(host.first.get_attribute("data-points")) if host.count() else 0


def wait_for_points(page: Page, card: str, more_than: int = 0) -> int:
    wait_until(lambda: chart_points(page, card) > more_than, timeout=60, every=SELDOM)
    return chart_points(page, card)


def test_choose_launch_watch_and_read_the_final_test(server, store, page):
    page.goto(f"{server.url}/train?preset=sinusoid-maml")
    fill(page, "training", "Iterations", 600)
    fill(page, "evaluation", "Test episodes", 100)
    launch = page.locator(".st-key-launch button")
    expect(launch).to_be_enabled()
    launch.click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    wait_for_points(page, "loss")
    expect(status(page, "finished")).to_be_visible(timeout=90_000)
    run = store.runs()[0]
    assert run.config["training"]["iterations"] == 600
    assert run.test["episodes"] == 100
    expect(page.locator(".st-key-card-test")).to_contain_text(f"{run.test['mean']:.4g}")
    wait_for_points(page, "adaptation")


def test_a_bad_setting_is_said_at_its_field_and_cannot_be_launched(server, page):
    page.goto(f"{server.url}/train?preset=doodles-5w1s")
    expect(page.locator(".st-key-launch button")).to_be_enabled()
    fill(page, "family", "Queries", 30)
    expect(page.get_by_text("lower “Queries” to 19 or less")).to_be_visible()
    expect(page.locator(".st-key-launch button")).to_be_disabled()
    queries = page.locator(".st-key-card-family").get_by_role("textbox", name=re.compile("^Queries"))
    expect(queries).to_have_value("30")


def test_a_run_survives_reload_and_the_death_of_the_server_and_stops_on_request(server, store, page):
    page.goto(server.url)
    page.locator(".st-key-launch-sinusoid-maml button").click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    address, id = page.url, int(page.url.rsplit("=", 1)[1])
    points = wait_for_points(page, "loss")
    page.reload()
    wait_for_points(page, "loss", more_than=points)

    server.stop(signal.SIGKILL)
    before = store.get(id).iteration
    wait_until(lambda: store.get(id).iteration > before, timeout=30, every=SELDOM)
    server.start()
    page.goto(address)
    expect(status(page, "running")).to_be_visible()
    wait_for_points(page, "loss", more_than=points)

    page.locator(f".st-key-stop-{id} button").click()
    expect(status(page, "stopped")).to_be_visible(timeout=60_000)
    assert store.get(id).status in ENDED
    expect(page.locator(f".st-key-resume-{id} button")).to_be_visible()


@pytest.mark.usefixtures("store")
def test_zoom_and_hidden_traces_survive_live_updates(server, page):
    page.goto(server.url)
    page.locator(".st-key-launch-sinusoid-maml button").click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    id = int(page.url.rsplit("=", 1)[1])
    wait_for_points(page, "loss", more_than=4)
    chart = page.locator(".st-key-card-loss .host")
    shown = chart.evaluate("host => host._fullLayout.yaxis.range")
    chart.locator(".legendtoggle").first.click()
    wait_until(lambda: chart.evaluate("host => host._fullData[0].visible") == "legendonly", every=SELDOM)
    plot = chart.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(plot["x"] + 20, plot["y"] + 20)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2, steps=5)
    page.mouse.up()
    wait_until(lambda: chart.evaluate("host => host._fullLayout.yaxis.range") != shown, every=SELDOM)
    zoomed = chart.evaluate("host => host._fullLayout.yaxis.range")
    points = chart_points(page, "loss")
    wait_for_points(page, "loss", more_than=points + 2)
    assert chart.evaluate("host => host._fullLayout.yaxis.range") == zoomed
    assert chart.evaluate("host => host._fullData[0].visible") == "legendonly"
    page.locator(f".st-key-stop-{id} button").click()
    expect(status(page, "stopped")).to_be_visible(timeout=60_000)


def test_every_page_opens_at_its_top(server, page):
    """Calls are counted: whether a browser keeps the place of the page before depends on how fast the next one comes."""
    page.add_init_script(
        "window.ups = 0; const scroll = Element.prototype.scrollTo; Element.prototype.scrollTo = function (...to) "
        "{if (this.dataset.testid === 'stMain') window.ups += 1; return scroll.apply(this, to)}"
    )
    page.goto(server.url)
    for opened, title in enumerate(("Innerloop", "Train", "Runs", "Innerloop")):
        if opened:
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=title.replace("Innerloop", "Home")).click()
        expect(page.locator("h1").get_by_text(title, exact=True)).to_be_visible()
        wait_until(lambda opened=opened: page.evaluate("window.ups") == opened + 1, every=SELDOM)
