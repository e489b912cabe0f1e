"""The language that a visitor chooses, in a browser: kept for the next visit, and told to screen readers."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server

pytestmark = pytest.mark.xdist_group("browser")


def test_a_language_is_kept_for_the_next_visit(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_text("Start with a preset")).to_be_visible()
    page.locator(".st-key-language-zh button").click()
    expect(page.get_by_text("从预设开始")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.goto(f"{server.url}/playground")
    expect(page.get_by_role("heading", name="试验场")).to_be_visible()
    expect(page.get_by_text("这是哪个符号？")).to_be_visible()  # said by a component
    page.locator(".st-key-language-en button").click()
    expect(page.get_by_text("Which sign is this?")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
