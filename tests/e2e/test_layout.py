"""Every page at the widths of a phone, a tablet, a laptop and a large screen: nothing is cut off, broken or covered."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")

# The tablet first: there the sidebar is open, and it stays so.
SIZES = {820: 1180, 1440: 900, 1920: 1080, 390: 844}
PAGES = {
    "home": "",
    "runs": "runs",
    "run": "run?run={}",
    "train": "train?preset=doodles-5w1s",
    "compare": "compare?runs={}",
    "datasets": "datasets?set=doodles",
    "tournament": "tournament",
    "draw": "playground?mode=draw",
    "versus": "playground?mode=versus",
    "bring": "playground?mode=bring",
    "learn": "learn?section=steps",
    "learn-mistake": "learn?section=mistake",
    "tour": "present?tour=1",
    "tour-learn": "present?tour=2",
    "tour-compare": "present?tour=3",
    "tour-verdict": "present?tour=4",
}
THERE = {
    "home": ".st-key-card-recent",
    "runs": "canvas",
    "run": ".st-key-card-test td",
    "train": ".st-key-card-episode img",
    "compare": ".st-key-card-compare-validation .host[data-points]",
    "datasets": ".st-key-card-set-classes img",
    "tournament": ".st-key-card-tournament-launch button",
    "draw": ".st-key-card-draw .signs svg, .st-key-card-draw .signs [role=img]",
    "versus": ".game .candidates button",
    "bring": ".st-key-card-bring-queries button",
    "learn": ".st-key-card-stepping .host[data-points]",
    "learn-mistake": ".st-key-launch-both button",
    "tour": ".st-key-tour-pads .learner .verdict",
    "tour-learn": ".tour[data-share='1'] .step.there",
    "tour-compare": ".tour[data-place='3'][data-share='1'] .host .main-svg",
    "tour-verdict": ".tour[data-place='4'] .scores li",
}
FAULTS = """() => {
  const found = new Set(), main = document.querySelector('[data-testid=stMain]');
  const where = node => node.closest('[class*=st-key-]')?.className.match(/st-key-\\S+/)[0] ?? node.tagName;
  if (main.scrollWidth > main.clientWidth) found.add('the page scrolls sideways');
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, box = text.parentElement;
    // A chip in a field is shortened with an ellipsis; the list below the field has it whole. So is what an upload takes.
    const aside = 'style, script, svg, canvas, code, .katex-mathml, [data-testid=stMultiSelect], [data-testid=stFileUploader]';
    if (!box.checkVisibility() || box.closest(aside)) continue;
    for (const word of text.textContent.matchAll(/[^\\s-]+/g)) {  // a line may end after a hyphen
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const parts = [...range.getClientRects()].filter(part => part.width > 0);
      if (!parts.length) continue;
      if (new Set(parts.map(part => Math.round(part.top))).size > 1) found.add(`${word[0]} is broken in ${where(box)}`);
      if (parts[0].right > innerWidth + 1) found.add(`${word[0]} is off the page in ${where(box)}`);
      for (let around = box; around !== main; around = around.parentElement) {
        const edge = around.getBoundingClientRect();
        if (getComputedStyle(around).overflowX === 'hidden' && edge.width > 1 && parts[0].right > edge.right + 1)
          found.add(`${word[0]} is cut off in ${where(box)}`);
      }
    }
  }
  for (const part of main.querySelectorAll('img, table, input, button, .host')) {
    const card = part.closest('[class*=st-key-card-]'), box = part.getBoundingClientRect();
    if (part.closest('[data-testid=stSlider], [data-testid=stMultiSelect]')) continue;  // for the keyboard, unseen
    if (card && box.width && part.checkVisibility() && box.right > card.getBoundingClientRect().right + 1)
      found.add(`${part.tagName} reaches out of ${where(part)}`);
  }
  // Not what scrolls behind an edge of its own.
  const parts = [...main.querySelectorAll('[data-testid=stElementContainer]')]
    .filter(part => part.checkVisibility() && !part.closest('.st-key-launch-bar, .st-key-card-config, .st-key-card-log'));
  const boxes = parts.map(part => part.getBoundingClientRect());
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (Math.min(across, down) > 8 && !parts[i].contains(parts[i + 1 + j]))
      found.add(`${where(parts[i])} lies over ${where(parts[i + 1 + j])}`);
  }));
  return [...found];
}"""


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": SIZES[width]})


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_window(server, page, finished, name):
    resize(page, 820)
    page.goto(f"{server.url}/{PAGES[name].format(finished)}")
    expect(page.locator(THERE[name]).first).to_be_visible()
    for width in SIZES:
        resize(page, width)
        with suppress(AssertionError):  # laying out takes a moment; what is left then is to be named
            wait_until(lambda: not page.evaluate(FAULTS), timeout=10, every=SELDOM)
        assert page.evaluate(FAULTS) == [], width


def launch_button(page: Page) -> Locator:
    return page.locator(".st-key-launch button")


def on_top(button: Locator) -> bool:
    """Whether all of it is in the window, and nothing lies over its middle."""
    return button.evaluate(
        """button => {
          const box = button.getBoundingClientRect();
          const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          return box.top >= 0 && box.bottom <= innerHeight && button.contains(there);
        }"""
    )


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1440, 900), (1440, 700), (1920, 1080)])
def test_launch_is_in_sight_wherever_the_form_is_scrolled_to(server, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}/train?preset=doodles-5w1s")
    expect(page.locator(".st-key-card-episode img").first).to_be_visible()
    for share in (0, 0.5, 1):
        page.get_by_test_id("stMain").evaluate("(main, share) => main.scrollTo(0, share * main.scrollHeight)", share)
        wait_until(lambda: on_top(launch_button(page)), timeout=10, every=SELDOM)


def test_on_a_phone_what_is_in_the_way_is_said_beside_launch(server, page):
    resize(page, 390)
    page.goto(f"{server.url}/train?preset=doodles-5w1s")
    queries = page.locator(".st-key-card-family").get_by_role("textbox", name=re.compile("^Queries"))
    queries.fill("30")
    queries.press("Tab")
    expect(page.locator(".st-key-launch-bar").get_by_text("One setting needs a change")).to_be_in_viewport(ratio=1)
    expect(launch_button(page)).to_be_disabled()
