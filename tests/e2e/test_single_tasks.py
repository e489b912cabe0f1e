"""The inner loop in sight: one task while the run trains, and the worst ones after its test."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_training import fill, status, wait_for_points

pytestmark = pytest.mark.xdist_group("browser-training")


@pytest.mark.usefixtures("store")
def test_a_task_is_watched_while_the_run_trains_and_the_worst_are_looked_at_in_the_end(server, page):
    page.goto(f"{server.url}/train?preset=sinusoid-maml")
    fill(page, "training", "Iterations", 600)
    fill(page, "evaluation", "Test episodes", 100)
    expect(page.locator(".st-key-launch button")).to_be_enabled()
    page.locator(".st-key-launch button").click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    wait_for_points(page, "one-task")  # at the first validation
    expect(status(page, "finished")).to_be_visible(timeout=90_000)

    one, hard = page.locator(".st-key-card-one-task"), page.locator(".st-key-card-hard-tasks")
    scored = one.get_by_text("before adapting,")
    before = scored.inner_text()
    one.get_by_role("slider").press("Home")
    expect(scored).not_to_have_text(before)
    one.get_by_role("radio", name="task 3").click()
    expect(one.get_by_role("radio", name="task 3")).to_be_checked()

    wait_for_points(page, "hard-tasks")
    expect(hard.get_by_text(re.compile(r"task \d+ · "))).to_have_count(10)
    shown = hard.get_by_text("before adapting,").inner_text()
    hard.get_by_text(re.compile(r"task \d+ · ")).nth(4).click()
    expect(hard.get_by_text("before adapting,")).not_to_have_text(shown)
