"""Nothing jumps while a run is watched: what comes and goes has its place kept."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_training import fill, status, wait_for_points

pytestmark = pytest.mark.xdist_group("browser-training")
MOST = 0.02  # of a single layout shift: share of the window that moves times how far
SHIFTS = """window.shifts = [];
new PerformanceObserver(list => list.getEntries().filter(one => !one.hadRecentInput).forEach(one => window.shifts.push({
  value: one.value, moved: one.sources.map(s => [s.node?.className, s.previousRect.y, s.currentRect.y, s.currentRect.height]),
}))).observe({type: 'layout-shift', buffered: true})"""


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("inner_lr", [0.01, 1e-7])  # with the second something stands out on the way
def test_the_page_of_a_live_run_stands_still_from_launch_to_end(server, page, inner_lr):
    page.add_init_script(SHIFTS)
    page.goto(f"{server.url}/train?preset=sinusoid-maml")
    fill(page, "training", "Iterations", 600)
    fill(page, "evaluation", "Test episodes", 100)
    fill(page, "evaluation", "Validation episodes", 400)
    fill(page, "algorithm", "Inner learning rate", inner_lr)
    expect(page.locator(".st-key-launch button")).to_be_enabled()
    page.locator(".st-key-launch button").click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    page.evaluate("window.shifts.length = 0")  # those of the page before
    wait_for_points(page, "loss")
    expect(status(page, "finished")).to_be_visible(timeout=90_000)
    wait_for_points(page, "adaptation")
    expect(page.locator(".st-key-card-stands-out")).to_have_count(int(inner_lr < 0.01))
    assert [one for one in page.evaluate("window.shifts") if one["value"] > MOST] == []
