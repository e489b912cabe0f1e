"""Points that are dragged with a mouse, a finger and the keyboard, and the curves that follow."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.core.tiny import finished as trained
from tests.e2e.test_accessibility import violations
from tests.e2e.test_layout import FAULTS
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
NUMBERS = re.compile(r"x (−?[\d.]+), y (−?[\d.]+)\.")


@pytest.fixture(scope="module")
def runs(server, store) -> str:
    """Two learners of sinusoids, a policy, and what the address says of the first two."""
    for assignments in (("sinusoid",), ("sinusoid", "algorithm=cnp"), ("navigation",)):
        run, result = trained(server.home, *assignments)
        store.update(run.id, best={"iteration": 4, "metric": "mse", "mean": result.mean, "ci95": 0.1})
    return f"{run.id - 2},{run.id - 1}"


@pytest.fixture
def board(server, page, runs) -> Locator:
    page.goto(f"{server.url}/playground?mode=drag&run={runs}&task=26")
    found = page.locator(".board")
    expect(found.locator("figure path.after")).to_have_count(2)
    expect(page.locator(".host[data-points]")).to_have_count(1)  # CNP has no map
    return found


def at(board: Locator, index: int) -> tuple[float, float]:
    """Where a point is, by what a screen reader says of it."""
    words = board.locator(".point").nth(index).get_attribute("aria-label")
    return tuple(float(number.replace("−", "-")) for number in NUMBERS.search(words).groups())


def middle(board: Locator, index: int) -> tuple[float, float]:
    box = board.locator(".point .dot").nth(index).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def curves(board: Locator) -> list[str]:
    return board.locator("figure path.after").evaluate_all("all => all.map(one => one.getAttribute('d'))")


def answered(board: Locator) -> int:
    return int(board.get_attribute("data-answered"))


def test_a_point_follows_the_mouse_and_the_curves_follow_the_point(board: Locator, page: Page) -> None:
    before, start, told = curves(board), at(board, 0), page.locator(".st-key-card-surface-0 p").first.inner_text()
    x, y = middle(board, 0)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=8)
    expect(board).not_to_have_attribute("data-answered", "0")
    held = answered(board)
    page.mouse.move(x - 120, y + 50, steps=8)
    page.mouse.up()
    expect(page.locator(".st-key-card-surface-0 p").first).to_contain_text(
        "Error on the points"
    )  # they left the true function
    assert told != page.locator(".st-key-card-surface-0 p").first.inner_text()
    assert answered(board) > held and all(now != then for now, then in zip(curves(board), before, strict=True))
    assert at(board, 0)[0] < start[0] and at(board, 0)[1] < start[1]


def test_a_finger_drags_a_point_taps_one_in_and_taps_it_away_again(board: Locator, page: Page) -> None:
    client, (x, y) = page.context.new_cdp_session(page), middle(board, 0)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        client.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": one, "y": two} for one, two in points]}
        )

    before, start = curves(board), at(board, 0)
    touch("touchStart", (x, y))
    for step in range(1, 9):
        touch("touchMove", (x + 8 * step, y - 6 * step))
    touch("touchEnd")
    expect(board).not_to_have_attribute("data-answered", "0")
    expect(board.locator("figure path.after").first).not_to_have_attribute("d", before[0])
    assert at(board, 0)[0] > start[0] and at(board, 0)[1] > start[1]

    plot = board.locator("figure > svg").bounding_box()
    empty = plot["x"] + plot["width"] * 0.55, plot["y"] + plot["height"] * 0.12
    touch("touchStart", empty)
    touch("touchEnd")
    expect(board.locator(".point")).to_have_count(6)
    there = middle(board, 5)

    def tapped_away() -> bool:
        """Two taps that a busy machine lets too much time pass between are two single ones, and change nothing."""
        for _ in range(2):
            touch("touchStart", there)
            touch("touchEnd")
        return board.locator(".point").count() == 5

    wait_until(tapped_away, every=0.5)


def test_clicks_and_keys_add_move_and_remove_points(board: Locator, page: Page) -> None:
    plot, points = board.locator("figure > svg").bounding_box(), board.locator(".point")
    page.mouse.dblclick(plot["x"] + plot["width"] * 0.55, plot["y"] + plot["height"] * 0.12)
    expect(points).to_have_count(6)
    page.mouse.click(*middle(board, 5), button="right")
    expect(points).to_have_count(5)
    page.mouse.dblclick(*middle(board, 4))
    expect(points).to_have_count(4)

    board.get_by_role("button", name="Add a point").click()
    expect(points.nth(4)).to_be_focused()
    x, y = at(board, 4)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    assert at(board, 4) == pytest.approx((x + 0.5, y + 0.1), abs=0.02)
    for left in (4, 3, 2, 1):
        page.keyboard.press("Delete")
        expect(points).to_have_count(left)
    page.keyboard.press("Delete")
    expect(board.locator(".said")).to_contain_text("One point has to stay")
    expect(points).to_have_count(1)


def test_the_step_is_chosen_without_asking_the_server_and_the_rate_by_asking_it(board: Locator) -> None:
    before = curves(board)
    board.locator(".step").press("End")
    expect(board.locator(".step + output")).to_have_text("after 10 steps")
    assert curves(board)[0] != before[0] and curves(board)[1] == before[1]  # CNP takes none
    assert answered(board) == 0
    board.locator(".rate").press("ArrowRight")
    expect(board).to_have_attribute("data-answered", "1")
    expect(board.locator(".learner").first).to_contain_text("inner rate 0.126")


def test_another_task_brings_its_own_points_and_stands_in_the_address(board: Locator, page: Page) -> None:
    before = at(board, 0)
    page.get_by_role("button", name="Draw a task").click()
    expect(page).to_have_url(re.compile(r"run=[\d%C,]+&task=(?!26$)\d+"))
    wait_until(lambda: at(board, 0) != before)
    expect(board.locator(".learner").first).to_contain_text("on the true function")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(board: Locator, page: Page, theme: str) -> None:
    page.goto(f"{page.url}&embed_options={theme}_theme")
    expect(page.locator(".host[data-points]")).to_have_count(1)
    board.get_by_role("checkbox", name="Side by side").check()
    expect(board.locator("figure")).to_have_count(2)
    wait_until(lambda: not violations(page), timeout=30, every=SELDOM)  # what is drawn anew is faint meanwhile


def test_nothing_is_cut_off_on_a_phone(server, page, runs) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/playground?mode=drag&run={runs}")
    expect(page.locator(".host[data-points]")).to_have_count(1)
    wait_until(lambda: not page.evaluate(FAULTS), timeout=30, every=SELDOM)


def test_a_goal_is_put_where_somebody_clicks(server, page, runs) -> None:
    page.goto(f"{server.url}/playground?mode=steer&run={int(runs.partition(',')[0]) + 2}")
    steer = page.locator(".steer")
    goals = steer.locator(".goal")
    expect(goals).to_have_count(2)  # before adapting, and after the one update
    before = steer.locator("path.path").evaluate_all("all => all.map(one => one.getAttribute('d'))")
    plane = steer.locator("svg").last.bounding_box()
    page.mouse.click(plane["x"] + plane["width"] / 4, plane["y"] + plane["height"] * 0.75)
    expect(goals.first).to_have_attribute("aria-label", re.compile("Goal at −0.35, −0.35"))
    expect(steer).to_have_attribute("data-answered", "1")
    after = steer.locator("path.path").evaluate_all("all => all.map(one => one.getAttribute('d'))")
    half = len(before) // 2
    assert after[:half] == before[:half] and after[half:] != before[half:]
