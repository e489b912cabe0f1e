"""Visitors try learners out with a real mouse."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("browser")


def test_a_game_is_played_to_its_end_and_its_result_kept(server, page):
    page.goto(f"{server.url}/playground?mode=versus&ways=5&seed=3")
    candidates, next_ = page.locator(".game .candidates button"), page.locator(".game .next")
    for number in range(1, 21):
        expect(page.locator(".game .where")).to_have_text(f"Question {number} of 20")
        candidates.nth(number % 5).click()
        expect(page.locator(".game .said")).to_have_text(re.compile(r"^(Right|No), in \d+\.\d s\."))
        expect(page.locator(".game .candidates .right")).to_have_count(1)
        if number < 20:
            next_.click()
    expect(page.locator(".scores tr").nth(1)).to_contain_text(re.compile(r"You\s*\d+ of 20\s*\d+ % \(\d+ to \d+\)"))
    right = page.locator(".game .course .yes").count()
    expect(page.locator(".scores tr").nth(1)).to_contain_text(f"{right} of 20")
    with page.expect_download() as download:
        page.get_by_role("button", name="Keep the result as a picture").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_game_goes_by_the_keyboard(server, page):
    page.goto(f"{server.url}/playground?mode=versus&ways=5&seed=3")
    page.locator(".game .candidates button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".game .next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".game .where")).to_have_text("Question 2 of 20")
    expect(page.locator(".game .candidates button").first).to_be_focused()
