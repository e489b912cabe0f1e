"""While timers run, leaving a page shows the other one, whole and alive, and no click is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.runs.home import Home
from tests.e2e.serving import Server, free_port

pytestmark = pytest.mark.xdist_group("browser-training")
TIMES = 5  # without the guard nearly each of them fails


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("hasty")
    home = Home(root, root / "datasets", f"sqlite:///{root / 'innerloop.db'}")
    server = Server(home, free_port(), Path(__file__).with_name("hasty_app.py"))
    server.start()
    yield server
    server.stop()


def stands(page: Page) -> None:
    """The second page is there, and its ticks still arrive."""
    expect(page.get_by_role("heading", name="Second")).to_be_visible()
    clock = page.get_by_text("at ", exact=False)
    for _ in range(3):
        expect(clock).not_to_have_text(clock.inner_text())
    expect(page.get_by_role("heading", name="Second")).to_be_visible()


def test_a_page_that_another_one_switched_to(hasty: Server, page: Page) -> None:
    for _ in range(TIMES):
        page.goto(hasty.url)
        page.get_by_role("button", name="Launch").click()
        stands(page)


def test_a_page_that_was_clicked_in_the_navigation(hasty: Server, page: Page) -> None:
    page.goto(hasty.url)
    for _ in range(TIMES):
        page.get_by_role("link", name="Second").click()
        stands(page)
        page.get_by_role("link", name="First").click()
        expect(page.get_by_role("heading", name="First")).to_be_visible()


def test_a_click_that_a_tick_would_draw_over_counts(hasty: Server, page: Page) -> None:
    """Of a tick that has the page drawn anew each time."""
    page.goto(f"{hasty.url}/third")
    for clicks in range(1, 2 * TIMES + 1):
        page.get_by_role("button", name="Count").click()
        expect(page.get_by_text(f"counted {clicks}")).to_be_visible()


def test_back_from_a_page_that_is_drawn_anew_just_then(hasty: Server, page: Page) -> None:
    """Its script draws nothing more before it ends, long after the other page has begun."""
    page.goto(f"{hasty.url}/second")
    page.get_by_role("link", name="Third").click()
    for _ in range(TIMES):
        expect(page.get_by_text("counted 0")).to_be_visible()
        page.go_back()
        stands(page)
        page.go_forward()


def test_the_address_gone_back_to_stays_until_somebody_acts(hasty: Server, page: Page) -> None:
    page.goto(f"{hasty.url}/second")
    page.get_by_role("link", name="Third").click()
    expect(page.get_by_text("counted 0")).to_be_visible()
    page.go_back()
    stands(page)
    page.evaluate("history.pushState({}, '', '/third')")  # as Streamlit does where that page's messages come late
    assert page.url == f"{hasty.url}/second"
    assert page.evaluate("navigation.entries().at(-1).url") == f"{hasty.url}/third"  # the way forward again
    page.get_by_role("link", name="First").click()
    page.wait_for_url(f"{hasty.url}/")
