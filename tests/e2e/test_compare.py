"""From the list of runs to a comparison that goes on while one of them trains."""

import re

import pytest
from playwright.sync_api import Page

from core.config.presets import preset
from core.config.run import RunConfig
from core.runs.launchers import identify
from core.runs.schema import Run
from core.runs.store import RunStore
from tests.e2e.conftest import SIZE
from tests.e2e.serving import Server
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
LOSS = ".st-key-card-compare-loss .host[data-points]"
TRACES = "host => host._fullData.map(trace => [trace.name, trace.showlegend, trace.visible])"


def make(server: Server, store: RunStore, seed: int) -> Run:
    """A run that trains, as far as the server can see; its worker is this process."""
    config = RunConfig.model_validate({**preset("sinusoid-maml").config, "seed": seed}).model_dump(mode="json")
    places = {"folder_root": server.home.runs_folder, "datasets": server.home.datasets, "host": server.home.host}
    run = store.create(config, f"compared {seed}", "compared", **places)
    store.move(run.id, "running", {"queued"}, handle=identify(), slot="cpu")
    measure(store, run, range(1, 40))
    return run


def measure(store: RunStore, run: Run, iterations: range) -> None:
    store.add_metrics(run.id, [(i, i / 10, "train/query_loss", 1 / i) for i in iterations])


def traces(page: Page) -> list[list]:
    chart = page.locator(LOSS)
    return chart.first.evaluate(TRACES) if chart.count() else []


def names(page: Page) -> set[str]:
    return {name for name, *_ in traces(page)}


def points(page: Page) -> int:
    return int(page.locator(LOSS).first.get_attribute("data-points"))


def test_chosen_runs_are_compared_and_what_is_hidden_stays_so(server, store, page):
    runs = [make(server, store, seed) for seed in (0, 1)]
    try:
        page.goto(f"{server.url}/runs")
        table = page.locator("[data-testid=stDataFrame]").first

        def searched() -> bool:
            """Two rows below the titles; what is typed while the page is being put up is lost."""
            if (table.bounding_box() or SIZE)["height"] < 125:
                return True
            page.get_by_role("textbox", name="Search").fill("compared")
            page.get_by_role("textbox", name="Search").press("Enter")
            return False

        wait_until(searched, timeout=60, every=3.0)
        compare = page.locator(".st-key-compare-runs button")

        def ticked() -> bool:
            """All rows; a click that comes while the table is being put up is lost."""
            if not compare.is_enabled():
                table.locator("canvas").first.click(position={"x": 18, "y": 18}, force=True)
            return compare.is_enabled()

        wait_until(ticked, timeout=60, every=3.0)
        compare.click()
        page.wait_for_url(re.compile(f"compare.runs={runs[0].id}(%2C|,){runs[1].id}"))
        wait_until(lambda: len(traces(page)) == 2, timeout=60, every=SELDOM)  # the mean and its band

        page.locator(".st-key-seeds label").click()
        wait_until(lambda: {f"#{run.id} {run.name}" for run in runs} <= names(page), timeout=60, every=SELDOM)
        page.locator(LOSS).first.locator(".legendtoggle").first.click()
        wait_until(lambda: {visible for *_, visible in traces(page)} == {"legendonly"}, every=SELDOM)
        before = points(page)
        measure(store, runs[0], range(40, 60))
        wait_until(lambda: points(page) > before, timeout=60, every=SELDOM)
        assert {visible for *_, visible in traces(page)} == {"legendonly"}

        page.get_by_test_id("stMultiSelect").locator("input").press("Backspace")  # takes the last one out
        page.wait_for_url(re.compile(f"runs={runs[0].id}(&|$)"))
        page.go_back()
        page.wait_for_url(re.compile(f"runs={runs[0].id}(%2C|,){runs[1].id}"))
        wait_until(lambda: {f"#{run.id} {run.name}" for run in runs} <= names(page), timeout=60, every=SELDOM)
    finally:
        for run in runs:
            store.move(run.id, "finished", {"running"})
