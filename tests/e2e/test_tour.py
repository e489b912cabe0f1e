"""The tour in a browser on an empty home: by keys from scene to scene, with a sign drawn by a mouse on the way."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.runs.store import RunStore
from tests.e2e.test_draw import by_mouse, settled

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


def at(page: Page, place: int, *, over: bool = False) -> None:
    page.locator(f".tour[data-place='{place}']" + ("[data-share='1']" if over else "")).wait_for()


def test_keys_lead_through_it_and_a_mouse_draws(server, page):
    page.goto(f"{server.url}/learn")
    page.get_by_role("link", name="Take the tour").click()
    at(page, 1, over=True)
    page.locator(".pads .learner .verdict").first.wait_for()
    assert not page.get_by_test_id("stSidebar").is_visible()
    query = page.locator(".pads [data-pad=query] > svg")
    query.focus()
    page.keyboard.press("Delete")
    by_mouse(page, "query", [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]])
    settled(page)
    expect(query).to_have_attribute("aria-label", re.compile("drawn with 2 strokes"))
    shares = page.locator(".pads .learner").last.locator(".bars li > :last-child").all_inner_texts()
    page.keyboard.press("ArrowRight")
    at(page, 2)
    page.wait_for_url(re.compile("tour=2"))
    page.keyboard.press("Space")  # all of it at once
    at(page, 2, over=True)
    last = page.locator(".tour .step").last.locator(".bar b").all_inner_texts()
    numbers = [[0 if "<" in one else 100 if ">" in one else int(one.split()[0]) for one in of] for of in (last, shares)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1), "the answer to what was drawn"
    page.keyboard.press("ArrowLeft")
    at(page, 1)
    expect(query).to_have_attribute("aria-label", re.compile("drawn with 2 strokes"))
    for place in (2, 3, 4):
        page.keyboard.press("PageDown")
        at(page, place)
        page.keyboard.press("PageDown") if place < 4 else None
        at(page, place, over=True)
    expect(page.locator(".tour h1")).to_contain_text("is better than")
    expect(page.locator(".tour .on")).to_be_disabled()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("/learn"))
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    assert not RunStore(server.home.database).runs()
