"""The presentation of a run in a browser: by keys and by mouse, without motion, and without its server."""

import re
import signal

import pytest
from playwright.sync_api import Page, expect

from core.runs.store import RunStore
from tests.e2e.test_accessibility import violations
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
AROUND = "[[2, 2], [innerWidth / 2, 60], [innerWidth - 3, innerHeight - 3]].map(at => document.elementFromPoint(...at))"
ALONE = f"{AROUND}.every(found => found?.closest('.stage'))"  # nothing lies over it or beside it
POINTS = "host => host.data.filter(trace => !trace.fill).reduce((sum, trace) => sum + trace.x.length, 0)"


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


def opened(page: Page, url: str, run: int) -> None:
    page.goto(f"{url}/present?run={run}")
    page.locator(".stage[data-place='0']").wait_for()


def at(page: Page, place: int, *, over: bool = True) -> None:
    page.locator(f".stage[data-place='{place}']" + ("[data-share='1']" if over else "")).wait_for()


def test_keys_go_on_and_back_and_leave_for_the_run(server, page, finished):
    page.goto(f"{server.url}/run?run={finished}")
    page.get_by_role("button", name="More").click()
    page.locator(f".st-key-present-{finished} button").first.click()
    at(page, 0)
    assert page.evaluate(ALONE)
    page.keyboard.press("Space")
    at(page, 1, over=False)
    curve = page.locator(".stage .host").first
    wait_until(lambda: curve.evaluate(POINTS) > 0, every=SELDOM)
    page.keyboard.press("ArrowRight")  # all of the curve at once
    at(page, 1)
    expect(page.locator(".said")).to_have_text("48 tasks seen")
    assert curve.evaluate(POINTS) == 6
    page.keyboard.press("ArrowRight")
    at(page, 2)  # by itself
    expect(page.locator(".said")).to_contain_text("80.00 ± 1.00 %")
    page.keyboard.press("ArrowLeft")
    at(page, 1)
    page.keyboard.press("+")
    expect(page.locator(".speed")).to_have_text("Speed 2×")
    page.keyboard.press("f")
    wait_until(lambda: page.evaluate("document.fullscreenElement?.className.includes('stage')"), every=SELDOM)
    page.keyboard.press("f")
    wait_until(lambda: page.evaluate("document.fullscreenElement === null"), every=SELDOM)
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(rf"/run\?run={finished}$"))
    page.keyboard.press("ArrowRight")  # nobody listens any more
    assert not page.locator(".stage").count()


def test_a_mouse_does_as_well_and_axe_finds_nothing(server, page, finished):
    opened(page, server.url, finished)
    expect(page.get_by_role("button", name="Back one scene")).to_be_disabled()
    for _ in range(2):
        page.get_by_role("button", name="Go on").click()
    at(page, 1)
    assert violations(page) == []
    page.get_by_role("button", name="Back Esc").click()
    page.wait_for_url(re.compile(r"/run\?run="))


def test_without_motion_a_curve_is_there_at_once(server, page, finished):
    page.emulate_media(reduced_motion="reduce")
    opened(page, server.url, finished)
    page.keyboard.press("ArrowRight")
    assert page.locator(".stage").evaluate("stage => [stage.dataset.place, stage.dataset.share]") == ["1", "1"]


def test_it_goes_on_without_its_server(server, page, finished):
    assert RunStore(server.home.database).get(finished).status == "finished"
    opened(page, server.url, finished)
    server.stop(signal.SIGKILL)
    try:
        page.get_by_text("Connection error").wait_for(state="attached")
        page.get_by_role("button", name="Go on").click()  # closes the message that lies unseen behind it
        page.get_by_role("button", name="Go on").click()
        expect(page.locator(".place")).to_have_text("2 of 5")
        page.keyboard.press("End")
        expect(page.locator(".said")).to_have_text("80.00 ± 1.00 %")
        assert page.evaluate(ALONE)
    finally:
        server.start()
