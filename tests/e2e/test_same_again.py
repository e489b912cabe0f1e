"""From a curve to the next question: a run's variant launched from its page, and both curves seen live."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from core.config.presets import preset
from core.launch import from_preset, launch
from core.runs import scheduler
from core.runs.schema import ENDED
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser-training")
SHORT = (
    "training.iterations=20", "training.evaluate_every=10", "training.early_validations=0",
    "evaluation.episodes=20", "evaluation.val_episodes=20",
)  # fmt: skip
CURVES = "host => (host._fullData || []).map(trace => [trace.name, trace.x.length])"


def curves(page: Page) -> dict[str, int]:
    """The names of the loss chart's curves and how many points each has."""
    host = page.locator(".st-key-card-loss .host[data-points]")
    return dict(host.first.evaluate(CURVES)) if host.count() else {}


def number(page: Page) -> int:
    return int(re.search(r"run=(\d+)", page.url)[1])


def typed(field: Locator, text: str, taken: Locator) -> None:
    """Type into a field of a run that is under way, once more where the page is drawn anew just then and what was typed goes."""
    for _ in range(3):
        field.fill(text)
        field.press("Tab")
        with suppress(AssertionError):
            return expect(taken).to_be_visible(timeout=10_000)
    return expect(taken).to_be_visible()


def test_a_double_click_launches_one_run_and_its_variant_trains_beside_it_in_the_same_chart(server, store, page):
    before = len(store.runs())
    page.goto(server.url)
    page.locator(".st-key-launch-sinusoid-maml button").dblclick()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    first = number(page)
    wait_until(lambda: sum(curves(page).values()) > 2, timeout=60, every=SELDOM)
    assert len(store.runs()) == before + 1

    page.get_by_role("button", name="Same again with …").click()
    dialog = page.get_by_role("dialog")
    rate = dialog.get_by_role("textbox", name=re.compile("^Inner learning rate"))
    expect(rate).to_have_value("0.01")
    expect(dialog.get_by_text("Change a setting")).to_be_visible()  # all of the dialog is there
    typed(rate, "0.02", dialog.get_by_text("inner_lr 0.02"))
    dialog.locator(".st-key-launch-variant button").dblclick()
    page.wait_for_url(lambda url: f"run={first + 1}" in url)
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name=f"like #{first} but inner_lr 0.02")).to_be_visible()

    def both() -> bool:
        now = curves(page)
        return now.get(f"#{first} sinusoid-maml", 0) > 1 and now.get("query, after adapting", 0) > 1

    wait_until(both, timeout=60, every=SELDOM)
    assert [(run.id, run.parent) for run in store.runs()][: -before or None] == [(first + 1, first), (first, None)]
    assert store.get(first).status == "running", "a small network leaves cores to others"
    page.locator(f".st-key-beside-{first + 1}-{first} label").click()
    page.wait_for_url(re.compile("beside=none"))
    wait_until(lambda: f"#{first} sinusoid-maml" not in curves(page), every=SELDOM)
    page.locator(f".st-key-stop-{first + 1} button").click()
    wait_until(lambda: store.get(first + 1).status in ENDED, timeout=60, every=SELDOM)
    scheduler.stop(store, server.home, first)


def test_a_double_click_in_train_launches_one_run(server, store, page):
    before = len(store.runs())
    page.goto(f"{server.url}/train?preset=sinusoid-maml")
    launch = page.locator(".st-key-launch button")
    expect(launch).to_be_enabled()
    launch.dblclick()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    wait_until(lambda: len(curves(page)) > 0, timeout=60, every=SELDOM)
    assert len(store.runs()) == before + 1


def test_a_finished_run_goes_on_from_its_checkpoint_under_another_setting(server, store, page):
    config = from_preset(preset("sinusoid-maml"), SHORT)
    (parent,) = launch(store, server.home, config, "short")
    wait_until(lambda: store.get(parent.id).status in ENDED, timeout=60, every=SELDOM)
    page.goto(f"{server.url}/run?run={parent.id}")
    page.locator(f".st-key-more-{parent.id} button").first.click()
    page.get_by_role("button", name="Continue with …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("From the checkpoint at iteration 20")).to_be_visible()
    expect(dialog.get_by_role("textbox", name=re.compile("^Iterations"))).to_have_value("40")
    rate = dialog.get_by_role("textbox", name=re.compile("^Meta learning rate"))
    rate.fill("1e-4")
    rate.press("Tab")
    expect(dialog.get_by_text("meta_lr 0.0001")).to_be_visible()
    dialog.locator(".st-key-launch-variant button").click()
    page.wait_for_url(lambda url: f"run={parent.id + 1}" in url)
    expect(page.get_by_role("link", name=re.compile(f"continues #{parent.id} from iteration 20"))).to_be_visible()
    wait_until(lambda: store.get(parent.id + 1).status in ENDED, timeout=60, every=SELDOM)
    fork = store.get(parent.id + 1)
    assert (fork.status, fork.iteration, fork.parent) == ("finished", 40, parent.id)
