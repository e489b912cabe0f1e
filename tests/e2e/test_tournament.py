"""From the choice of learners to the answer in words, in a browser that is closed in between."""

import re

import pytest
from playwright.sync_api import expect

from core.tournament.record import tournament
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("browser-training")


def test_a_tournament_is_started_goes_on_alone_and_is_answered(server, store, page, visitor):
    page.goto(f"{server.url}/tournament")
    choice = page.get_by_role("combobox", name="Tasks and network")
    choice.click()
    choice.fill("sinusoid-maml")
    page.get_by_role("option", name=re.compile("^sinusoid-maml ")).click()
    expect(page.get_by_text("ProtoNet is for classification, and sinusoid is regression.")).to_be_visible()
    expect(page.get_by_role("checkbox", name="ProtoNet")).to_be_disabled()
    page.get_by_text("Equal tasks", exact=True).click()
    tasks = page.get_by_role("spinbutton", name="Tasks each")
    tasks.fill("64")
    tasks.press("Enter")
    seeds = page.get_by_role("spinbutton", name="Seeds")
    seeds.fill("1")
    seeds.press("Enter")
    expect(page.get_by_text("2 learners × 1 = 2")).to_be_visible()
    page.get_by_role("button", name="Start the tournament").click()
    expect(page.get_by_text("MAML, Pretrain + fine-tune × 1 seed, 64 tasks each")).to_be_visible()
    number = int(re.search(r"id=(\d+)", page.url)[1])
    page.goto("about:blank")  # as if the browser were closed
    wait_until(lambda: tournament(store, number).state == "finished", timeout=180)
    again = visitor.new_page()
    again.goto(f"{server.url}/tournament?id={number}")
    answer = again.locator(".st-key-card-tournament-answer")
    expect(answer).to_contain_text(re.compile("Which scores best.*(better than|No difference was found between)", re.S))
    expect(again.locator(".st-key-card-compare-verdict")).to_contain_text("shared tasks")
    again.close()
