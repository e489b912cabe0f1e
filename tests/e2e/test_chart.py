"""The script that draws all charts, by itself in a browser: curves that come and go, and a drawing that went wrong."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core import spoken
from core.charts import Chart, Moment, Trace
from core.plotted import SCRIPT, encode

pytestmark = pytest.mark.xdist_group("browser")
PLOTLY = Path(find_spec("plotly").submodule_search_locations[0]) / "package_data" / "plotly.min.js"
NAMES = ["validation at 312", "maml, best #1", "</script> \"'\\ 数 .a:b/c"]


@pytest.fixture
def draw(page: Page) -> Callable[[list[str]], None]:
    """Draws one curve of each name into the same place, and waits until that is done."""
    page.set_content("<div id=place><div class=host></div></div>")
    page.add_script_tag(path=PLOTLY)
    page.add_script_tag(content=spoken.script(SCRIPT).replace("export default function", "const draw = function"))

    def drawn(names: list[str], **changes: object) -> None:
        x = np.arange(3.0)
        traces = [Trace(name, x, x, np.ones(3), low=x - 1, high=x + 1) for name in names]
        data = encode(Chart(traces, "x", "y", "a chart"), 300) | changes
        page.evaluate("data => draw({data, parentElement: document.getElementById('place')})", data)

    return drawn


def test_a_curve_may_give_way_to_one_of_another_name(page: Page, draw: Callable) -> None:
    for name in NAMES:
        draw(["start", name])
        expect(page.locator(".legendtext").nth(1)).to_have_text(name)
    draw(NAMES)
    expect(page.locator(".legendtext")).to_have_text(NAMES)


def test_a_drawing_that_went_wrong_is_said_and_the_next_one_is_drawn(page: Page, draw: Callable) -> None:
    draw(["start", NAMES[0]])
    expect(page.locator(".legendtext")).to_have_count(2)
    draw(["start"], x_title=None)
    expect(page.locator(".host")).to_contain_text("The chart cannot be drawn")
    assert len(page.errors) == 1
    page.errors.clear()
    draw(["start", NAMES[1]])
    expect(page.locator(".legendtext")).to_have_text(["start", NAMES[1]])
    expect(page.locator(".host")).not_to_contain_text("cannot be drawn")


def learning(ends: list[float]) -> Chart:
    """A curve that ended ever higher, by its iteration."""
    x = np.arange(2.0)
    still = [Trace("untrained", x, x * 0.0, faint=True)]
    moments = [Moment(10 * i, f"iteration {10 * i}", Trace(f"at {10 * i}", x, x * end)) for i, end in enumerate(ends)]
    return Chart(still, "step", "score", "Score after each step", moments=tuple(moments))


SHOWN = "host => host.data.at(-1).y[1]"
AXIS = "host => host._fullLayout.yaxis.range"


def test_the_slider_shows_the_curve_of_an_iteration_and_new_data_leave_it_there(page: Page, draw: Callable) -> None:
    def sent(ends: list[float]) -> None:
        draw([], **encode(learning(ends), 300))

    sent([0, 1, 2, 3])
    host, slider, said = page.locator(".host"), page.get_by_role("slider"), page.locator(".moments output")
    expect(said).to_have_text("iteration 30")
    assert host.evaluate(SHOWN) == 3
    axis = host.evaluate(AXIS)
    slider.focus()
    slider.press("Home")
    assert host.evaluate(SHOWN) == 0
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "iteration 10")
    assert (host.evaluate(SHOWN), host.evaluate(AXIS)) == (1, axis)
    host.evaluate("host => Plotly.restyle(host, {visible: 'legendonly'}, [0])")
    sent([0, 1, 2, 3, 5])
    expect(slider).to_have_attribute("max", "4")
    expect(said).to_have_text("iteration 10")
    assert host.evaluate(SHOWN) == 1
    assert host.evaluate(AXIS)[1] > axis[1], "the axis has room for what came"
    slider.press("End")
    sent([0, 1, 2, 3, 5, 6])
    expect(said).to_have_text("iteration 50")  # at its end it follows the newest
    assert host.evaluate(SHOWN) == 6
    draw(["start"])
    expect(page.locator(".moments")).to_have_count(0)


def test_it_plays_from_the_start_to_the_newest_once_it_is_asked_to(page: Page, draw: Callable) -> None:
    page.clock.install()
    draw([], **encode(learning([0, 1, 2, 3]), 300))
    host, button = page.locator(".host"), page.locator(".moments button")
    expect(button).to_have_accessible_name("Play how the adaptation curve changed")
    page.clock.run_for(5000)
    assert host.evaluate(SHOWN) == 3, "nothing plays by itself"
    button.press("Enter")
    expect(button).to_have_text("Pause")
    assert host.evaluate(SHOWN) == 0
    page.clock.run_for(600)
    assert host.evaluate(SHOWN) == 1
    draw([], **encode(learning([0, 1, 2, 3, 4]), 300))
    page.clock.run_for(600)
    assert host.evaluate(SHOWN) == 2, "it goes on through new data"
    button.press("Enter")
    expect(button).to_have_text("Play")
    page.clock.run_for(5000)
    assert host.evaluate(SHOWN) == 2
    button.press("Enter")
    page.clock.run_for(5000)
    assert host.evaluate(SHOWN) == 4
    expect(button).to_have_text("Play")


def test_tens_of_thousands_are_written_out(page: Page, draw: Callable) -> None:
    x = np.arange(3.0)
    draw([], **encode(Chart([Trace("rate", x, x * 6000)], "x", "y", "a chart"), 300))
    expect(page.locator(".ytick text", has_text="10\u202f000")).to_be_visible()
