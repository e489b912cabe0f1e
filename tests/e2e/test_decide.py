"""From seeds of two recipes to a verdict, to more tasks that it rests on, and to a report of it that is read offline."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.config.presets import preset
from core.launch import from_preset, launch
from core.runs.schema import ENDED
from core.runs.store import RunStore
from tests.e2e.serving import Server
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser-training")
SMALL = (
    "model.widths=[8]", "training.iterations=2", "training.evaluate_every=2", "training.early_validations=0",
    "evaluation.episodes=20", "evaluation.val_episodes=20", "evaluation.inner_steps=1", "evaluation.n_query=10",
)  # fmt: skip


def trained(server: Server, store: RunStore, inner_lr: float) -> str:
    """Two seeds of a recipe, trained by workers → the name of their group."""
    config = from_preset(preset("sinusoid-maml"), [*SMALL, f"algorithm.inner_lr={inner_lr}"])
    runs = launch(store, server.home, config, f"rate {inner_lr}", seeds=2)
    wait_until(lambda: all(store.get(run.id).status in ENDED for run in runs), timeout=120, every=SELDOM)
    assert [store.get(run.id).status for run in runs] == ["finished"] * 2
    return runs[0].group


def test_seeds_get_a_verdict_more_tasks_and_a_report(
    server: Server, store: RunStore, page: Page, tmp_path: Path
) -> None:
    groups = [trained(server, store, rate) for rate in (0.0001, 0.1)]
    page.goto(f"{server.url}/compare?groups={groups[0]}&groups={groups[1]}")
    expect(page.locator(".st-key-card-compare-loss .host[data-points]")).to_be_visible()
    expect(page.locator(".st-key-card-compare-loss")).to_contain_text("its band ± one standard deviation over them")
    verdict = page.locator(".st-key-card-compare-verdict")
    expect(verdict).to_contain_text("Undecided")
    expect(verdict).to_contain_text("on 20 shared tasks")

    ask = verdict.get_by_role("button", name=re.compile(r"Evaluate \d+ more tasks"))
    more = int(re.search(r"\d+", ask.inner_text().replace("\u202f", ""))[0])
    ask.click()
    expect(verdict).to_contain_text(re.compile(rf"on {20 + more} shared tasks"), timeout=120_000)

    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    page.context.set_offline(True)
    try:
        page.goto(file.as_uri())
        expect(page.locator(".chart .main-svg").first).to_be_visible()
        expect(page.locator(".verdict")).to_contain_text(f"on {20 + more} shared tasks")
    finally:
        page.context.set_offline(False)
