"""The script that draws all charts, by itself in a browser: curves that come and go, and a drawing that went wrong."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.charts import Chart, Trace
from core.plotted import JS, encode

pytestmark = pytest.mark.xdist_group("browser")
PLOTLY = Path(find_spec("plotly").submodule_search_locations[0]) / "package_data" / "plotly.min.js"
NAMES = ["validation at 312", "maml, best #1", "</script> \"'\\ 数 .a:b/c"]


@pytest.fixture
def draw(page: Page) -> Callable[[list[str]], None]:
    """Draws one curve of each name into the same place, and waits until that is done."""
    page.set_content("<div id=place><div class=host></div></div>")
    page.add_script_tag(path=PLOTLY)
    page.add_script_tag(content=JS.replace("export default function", "const draw = function"))

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
