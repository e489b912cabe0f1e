"""Signs drawn in a browser with a mouse and with a finger, and what the learners that come along make of them."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_accessibility import violations
from tests.e2e.test_layout import FAULTS
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
CROSS = [[(0.15, 0.15), (0.85, 0.85)], [(0.85, 0.15), (0.15, 0.85)]]
RING = [[(0.5, 0.1), (0.8, 0.3), (0.85, 0.6), (0.6, 0.88), (0.3, 0.85), (0.12, 0.55), (0.2, 0.25), (0.5, 0.1)]]


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


def opened(page: Page, url: str, address: str = "") -> None:
    page.goto(f"{url}/playground?mode=draw{address}")
    page.locator(".pads[data-answered='0']").wait_for()


def spot(page: Page, pad: str, place: tuple[float, float]) -> tuple[float, float]:
    """Of a place on a pad, in [0, 1] of its side, where it is in the window."""
    box = page.locator(f".pads [data-pad='{pad}'] > svg").bounding_box()
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def by_mouse(page: Page, pad: str, strokes: list[list[tuple[float, float]]]) -> None:
    for stroke in strokes:
        page.mouse.move(*spot(page, pad, stroke[0]))
        page.mouse.down()
        for place in stroke[1:]:
            page.mouse.move(*spot(page, pad, place), steps=8)
        page.mouse.up()


def by_finger(page: Page, pad: str, strokes: list[list[tuple[float, float]]]) -> None:
    browser = page.context.new_cdp_session(page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        points = [dict(zip("xy", spot(page, pad, place), strict=True)) for place in places]
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in strokes:
        send("touchStart", stroke[0])
        for before, place in pairwise(stroke):
            for part in range(1, 9):
                send("touchMove", tuple(a + (b - a) * part / 8 for a, b in zip(before, place, strict=True)))
        send("touchEnd")


def settled(page: Page) -> None:
    """The last stroke is answered."""
    idle = "root => !root.sheet.asking.underWay && !root.sheet.asking.waiting"
    wait_until(lambda: page.locator(".pads").evaluate(idle), every=SELDOM)


def said(page: Page) -> str:
    """The sign that ProtoNet, the first of the two, takes it for."""
    return page.locator(".pads .learner").first.locator(".verdict .letter").inner_text()


@pytest.mark.parametrize("draw", [by_mouse, by_finger])
def test_a_sign_that_is_drawn_is_known_when_it_is_drawn_again(draw, server, page):
    opened(page, server.url)
    for pad, sign in (("1-0", CROSS), ("3-0", RING)):
        draw(page, pad, sign)
    for letter, sign in (("B", CROSS), ("D", RING)):
        page.locator(".pads [data-pad=query] > svg").focus()
        page.keyboard.press("Delete")
        draw(page, "query", [[(0.1 + 0.7 * x, 0.25 + 0.7 * y) for x, y in stroke] for stroke in sign])
        settled(page)
        assert said(page) == letter
    expect(page.locator(".pads > .said")).to_contain_text("ProtoNet: D")


def test_a_pad_is_emptied_and_filled_again_by_keys(server, page):
    opened(page, server.url)
    pad = page.locator(".pads [data-pad='0-0'] > svg")
    pad.focus()
    page.keyboard.press("Delete")
    expect(pad).to_have_attribute("aria-label", "Sign A: empty")
    expect(page.locator(".pads .learner").first.locator(".bars li")).to_have_count(4)
    page.keyboard.press("Control+z")
    expect(pad).to_have_attribute("aria-label", re.compile("Sign A: drawn with"))
    expect(page.locator(".pads .learner").first.locator(".bars li")).to_have_count(5)


def test_the_drawings_can_be_taken_along(server, page):
    opened(page, server.url, "&ways=3&shots=2")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Keep as a picture").click()
    assert taken.value.suggested_filename == "innerloop-drawings.png" and taken.value.path().stat().st_size > 1000


def test_the_inner_step_is_chosen_without_asking_the_server(server, page):
    opened(page, server.url)
    shares, slider, told = (
        page.locator(".pads .learner").nth(1).locator(".bars"),
        ".pads .slide input",
        ".pads .slide output",
    )
    before = shares.inner_text()
    expect(page.locator(told)).to_have_text("3 of 3")
    page.locator(slider).press("Home")
    expect(page.locator(told)).to_have_text("0 of 3")
    assert shares.inner_text() != before
    page.locator(slider).press("End")
    assert shares.inner_text() == before
    assert page.locator(".pads").get_attribute("data-answered") == "0"


def test_a_stroke_stays_on_its_pad_and_more_signs_leave_it_there(server, page):
    opened(page, server.url, "&ways=2")
    by_mouse(page, "0-0", [[(0.5, 0.5), (2.0, 3.0)]])
    settled(page)
    ink = page.locator(".pads [data-pad='0-0'] > svg path")
    line = ink.get_attribute("d")
    assert max(map(float, re.findall(r"[\d.]+", line))) == 1000
    page.locator(".st-key-draw-ways input").press("ArrowRight")
    expect(page.locator(".pads .sign")).to_have_count(3)
    page.wait_for_url(re.compile("ways=3"))
    expect(page.locator(".pads .learner").first.locator(".bars li")).to_have_count(3)
    assert ink.get_attribute("d") == line
    page.get_by_role("button", name="Other signs").click()
    page.wait_for_url(re.compile(r"task=\d+"))
    expect(ink).not_to_have_attribute("d", line)


@pytest.mark.parametrize("shots", [1, 5])
def test_the_answer_is_seen_beside_the_sign_in_question(shots, server, page):
    """However many pads there are, and however far they are scrolled."""
    opened(page, server.url, f"&ways=5&shots={shots}")
    seen = page.locator(".pads .verdicts" if shots > 1 else ".pads .learner .verdict").get_by_text("%").first
    expect(seen).to_be_in_viewport()
    if shots > 1:
        page.locator(".pads [data-pad='4-4']").scroll_into_view_if_needed()
        expect(seen).to_be_in_viewport()
        expect(page.locator(".pads [data-pad=query] > svg")).to_be_in_viewport()


def test_ten_signs_have_ten_colours(server, page):
    opened(page, server.url, "&ways=10")
    colors = "all => all.map(one => getComputedStyle(one).borderTopColor)"
    assert len(set(page.locator(".pads .learner").first.locator(".bars .letter").evaluate_all(colors))) == 10


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_stands_out_on_a_narrow_screen_and_nothing_is_amiss_for_readers(theme, server, page):
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, server.url, f"&ways=10&shots=2&embed_options={theme}_theme")
    wait_until(lambda: not page.evaluate(FAULTS), every=SELDOM)
    assert violations(page) == []
