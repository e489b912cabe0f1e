"""The chart of the loss in a browser: its first point, the ticks of its logarithmic scale, and a zoom through all switches."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from core.charts import QUERY_LOSS, SUPPORT_LOSS
from core.config.facts import facts_of
from core.runs.store import RunStore
from tests.core.tiny import tiny
from tests.e2e.serving import Server
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
TICKS = "host => [...host.querySelectorAll('.ytick text')].map(text => text.textContent.replaceAll('\\u200b', ''))"
RANGES = "host => ['xaxis', 'yaxis'].map(axis => host._fullLayout[axis].range)"
KINDS = "host => host._fullData.map(trace => trace.opacity)"


@pytest.fixture
def opened(server: Server, store: RunStore, page: Page) -> Callable[[Sequence[float]], tuple[int, Locator]]:
    """Opens the page of a run with these losses → its number, its chart."""

    def open_(losses: Sequence[float]) -> tuple[int, Locator]:
        config, home = tiny("sinusoid"), server.home
        places = {"folder_root": home.runs_folder, "datasets": home.datasets}
        run = store.create(config.model_dump(mode="json"), "drawn", **places, facts=facts_of(config).as_json())
        store.move(run.id, "stopped", {"queued"})
        rows = [(i, 0.0, key, loss) for i, loss in enumerate(losses, 1) for key in (SUPPORT_LOSS, QUERY_LOSS)]
        store.add_metrics(run.id, rows)
        page.goto(f"{server.url}/run?run={run.id}")
        chart = page.locator(".st-key-card-loss .host[data-points]")
        chart.wait_for()
        return run.id, chart

    return open_


def test_a_single_point_is_seen(opened: Callable) -> None:
    _, chart = opened([0.5])
    assert chart.evaluate("host => host.querySelectorAll('.scatterlayer .point').length") == 2


@pytest.mark.parametrize(
    ("lowest", "highest", "ticks"),
    [
        (0.25, 0.85, ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8"]),
        (0.15, 5.1, ["0.2", "0.5", "1", "2", "5"]),
        (2e-7, 1.5, [f"10−{power}" for power in range(1, 7)] + ["1"]),
        (0.2, 9e27, [f"10{power}" for power in (5, 10, 15, 20, 25)]),
    ],
)
def test_a_logarithmic_scale_has_ticks_within_its_decades(
    opened: Callable, page: Page, lowest: float, highest: float, ticks: list[str]
) -> None:
    id, chart = opened(np.geomspace(highest, lowest, 50).tolist())
    page.locator(f".st-key-log-{id} label").first.click()
    wait_until(lambda: set(ticks) <= set(chart.evaluate(TICKS)), every=SELDOM)
    assert len(chart.evaluate(TICKS)) <= 12


def test_a_zoom_is_kept_when_the_curve_is_smoothed_and_suits_the_scale(opened: Callable, page: Page) -> None:
    id, chart = opened(np.geomspace(5.1, 0.15, 50).tolist())
    whole, plot = chart.evaluate(RANGES), chart.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(plot["x"] + 0.3 * plot["width"], plot["y"] + 0.5 * plot["height"])
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.6 * plot["width"], plot["y"] + 0.9 * plot["height"], steps=5)
    page.mouse.up()
    wait_until(lambda: chart.evaluate(RANGES) != whole, every=SELDOM)
    zoomed = chart.evaluate(RANGES)
    page.locator(f".st-key-smooth-{id} label").first.click()
    wait_until(lambda: chart.evaluate(KINDS) == [0.3, 0.3, 1, 1], every=SELDOM)
    assert chart.evaluate(RANGES) == zoomed
    chart.locator(".legendtoggle").first.click()
    shown = "host => host._fullData.map(trace => trace.visible)"
    wait_until(
        lambda: chart.evaluate(shown) == ["legendonly", True] * 2, every=SELDOM
    )  # the raw curve with its average
    page.locator(f".st-key-log-{id} label").first.click()
    wait_until(lambda: chart.evaluate("host => host._fullLayout.yaxis.type") == "log", every=SELDOM)
    (x, y), (kept, _) = chart.evaluate(RANGES), zoomed
    assert x == kept
    assert y[0] < np.log10(0.15) and y[1] > np.log10(5), "a range of the other scale would hide most of the curve"
