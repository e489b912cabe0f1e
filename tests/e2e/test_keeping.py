"""A search and a deletion in a browser: what is typed is found, what is deleted comes back by one click."""

import pytest
from playwright.sync_api import Page, expect

from core.runs.run_lists import RunFilter
from core.runs.store import RunStore

pytestmark = pytest.mark.xdist_group("browser-training")


def test_a_search_is_in_the_address(page: Page, server, finished: int) -> None:
    page.goto(f"{server.url}/runs")
    search = page.get_by_label("Search", exact=True)
    search.fill(f"run:{finished} score>0.5 is:good")
    search.press("Enter")
    expect(page.get_by_text("is:good is left out")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/runs?q=run%3A{finished}+score%3E0.5+is%3Agood")
    search.fill("score>99")
    search.press("Enter")
    expect(page.get_by_text("No run matches")).to_be_visible()


def test_a_deleted_run_comes_back_by_undo(page: Page, server, finished: int) -> None:
    store = RunStore(server.home.database)
    page.goto(f"{server.url}/runs?q=run:{finished}")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    expect(page.get_by_text("Click a name to open a run")).to_be_visible()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 54)  # the first row's tick
    page.locator(".st-key-delete-runs button").click()
    page.locator(".st-key-delete-confirm button").click()
    expect(page.locator(".st-key-undo-bar")).to_contain_text(f"Run #{finished}")
    assert store.count(RunFilter(f"is:deleted run:{finished}")) == 1
    page.locator(".st-key-undo-delete button").click()
    expect(page.get_by_text("is back")).to_be_visible()
    assert store.get(finished).deleted is None
    store.archive([finished])
    page.locator(".st-key-show-archived button").click()
    expect(page.get_by_label("Search", exact=True)).to_have_value(f"run:{finished} is:archived")
    store.archive([finished], on=False)
