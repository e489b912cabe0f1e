"""What only a browser shows of the form and of the table: what it does to what is typed, its keys, and its way back."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.config.presets import preset
from core.config.run import RunConfig
from core.runs.store import RunStore
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser-training")


def field(page: Page, label: str):
    return page.locator(".st-key-card-training").get_by_role("textbox", name=re.compile(f"^{label}"))


def test_numbers_are_taken_as_people_write_them_or_refused(server, page):
    page.goto(f"{server.url}/train?preset=doodles-5w1s")
    launch, iterations = page.locator(".st-key-launch button"), field(page, "Iterations")
    expect(launch).to_be_enabled()
    iterations.fill("1e3")
    iterations.press("Tab")
    expect(iterations).to_have_value("1000")
    expect(page.locator(".st-key-card-launch")).to_contain_text(re.compile("1.000 iterations of 16 tasks"))
    iterations.fill("10k")
    iterations.press("Tab")
    expect(page.get_by_text("“Iterations” = '10k' is not a whole number.")).to_be_visible()
    expect(iterations).to_have_value("10k")
    expect(launch).to_be_disabled()
    name = page.get_by_role("textbox", name="Name")
    name.fill("x" * 500)
    name.press("Tab")
    expect(page.get_by_text("The run's name has 500 characters.")).to_be_visible()


@pytest.mark.usefixtures("store")  # which ends what is launched
def test_back_from_a_launched_run_lands_on_the_form_as_it_was(server, page):
    page.goto(f"{server.url}/train?preset=sinusoid-maml")
    iterations = field(page, "Iterations")
    expect(iterations).to_have_value("70000")
    iterations.fill("321")
    iterations.press("Tab")
    expect(page.locator(".st-key-card-launch")).to_contain_text("321 iterations")
    launch = page.locator(".st-key-launch button")
    expect(launch).to_be_enabled()
    launch.click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    expect(page.locator(".st-key-run-actions")).to_be_visible()
    page.go_back()
    expect(page.locator("h1").get_by_text("Train", exact=True)).to_be_visible()
    assert page.url == f"{server.url}/train"
    expect(field(page, "Iterations")).to_have_value("321")


@pytest.fixture
def listed(server) -> list[int]:
    """Three runs that have ended, in a store to which nothing else happens."""
    store, ids = RunStore(server.home.database), []
    config = RunConfig.model_validate(preset("sinusoid-maml").config).model_dump(mode="json")
    for number in range(3):
        run = store.create(
            config, f"listed {number}", folder_root=server.home.runs_folder, datasets=server.home.datasets
        )
        store.move(run.id, "failed", {"queued"})
        ids.append(run.id)
    return ids


def tick(page: Page, row: int) -> None:
    """A click at the box of a row of the table, the newest run at 0."""
    page.locator("[data-testid=stDataFrame] canvas").first.click(
        position={"x": 18, "y": 36 * (row + 1) + 18}, force=True
    )


def test_a_tick_right_after_a_dialog_counts(server, page, listed):
    page.goto(f"{server.url}/runs")
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible()
    tick(page, 0)
    edit = page.locator(".st-key-edit-run button")
    for closed_by in ("Cancel", "Save", "Close", "Escape", "Close"):
        expect(edit).to_be_enabled()
        edit.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Save")).to_be_visible()
        if closed_by == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.get_by_role("button", name=closed_by).click()
        expect(dialog).to_have_count(0)
        tick(page, 1)
        expect(page.get_by_text("What differs")).to_be_visible(timeout=8_000)
        tick(page, 1)
        expect(page.get_by_text("What differs")).to_have_count(0, timeout=8_000)
    assert listed


def test_the_space_bar_ticks_a_row(server, page, listed):
    page.goto(f"{server.url}/runs")
    canvas = page.locator("[data-testid=stDataFrame] canvas").first
    expect(canvas).to_be_visible()
    canvas.click(position={"x": 320, "y": 36 + 18}, force=True)
    page.keyboard.press("Space")
    expect(page.locator(".st-key-edit-run button")).to_be_enabled()
    expect(page.locator(".gdg-clip-region")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_text("What differs")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_text("What differs")).to_have_count(0)
    wait_until(lambda: page.locator(".gdg-clip-region").count() == 0, every=SELDOM)
    assert listed
