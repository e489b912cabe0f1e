"""Pages as axe-core and a keyboard find them, in both themes."""

from contextlib import suppress

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.test_layout import PAGES, THERE
from tests.waiting import SELDOM, wait_until

pytestmark = pytest.mark.xdist_group("browser")
STREAMLITS_OWN = {"list", "listitem", "svg-img-alt", "presentation-role-conflict"}  # its navigation, icons and upload
ACTIONS = "button, a[href], [role=radio], [role=switch], input[type=checkbox]"
# Of a group of radio buttons one is reached by Tab, the others by the arrow keys; a list opens by them as well, and the
# backspace key takes a chip out of it.
OUT_OF_REACH = f"""main => [...main.querySelectorAll('{ACTIONS}')]
  .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex < 0 && !one.matches('[aria-haspopup=listbox]')
    && !one.closest('[role=radiogroup], [role=toolbar], [role=grid], [aria-hidden=true]')
    && !one.closest('[data-testid=stNumberInput], [data-testid=stMultiSelect]'))
  .map(one => one.outerHTML.slice(0, 200))"""
SEEN = """() => {
  const here = document.activeElement, drawn = [here, here.closest('label'), here.parentElement].filter(Boolean);
  return {
    kind: here.closest('[class*=st-key-choose-]') ? 'pill' : here.tagName.toLowerCase(),
    visible: drawn.map(one => getComputedStyle(one))
      .some(one => one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) >= 2),
    html: here.outerHTML.slice(0, 200),
  };
}"""


def opened(page: Page, url: str, name: str, run: int, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(f"{url}/{PAGES[name].format(run)}")
    expect(page.locator(THERE[name]).first).to_be_visible()


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds; by all its rules unless some are named."""
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"]} | only).response["violations"]
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
        if one["id"] not in STREAMLITS_OWN
    ]


def left(page: Page, *rules: str) -> list[str]:
    """The same, once the page has come to rest: what is drawn anew is faint meanwhile."""
    found: list[str] = []

    def clean() -> bool:
        found[:] = violations(page, *rules)
        return not found

    with suppress(AssertionError):  # which would not say what is left
        wait_until(clean, timeout=30, every=SELDOM)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(server, page, finished, name):
    """In dark as well, where nothing but colours is another."""
    opened(page, server.url, name, finished, "light")
    expect(page.locator("[data-testid=stSpinner]")).to_have_count(0)
    assert left(page) == []
    assert page.get_by_test_id("stMain").evaluate(OUT_OF_REACH) == []
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).colorScheme") == "dark")
    assert left(page, "color-contrast", "link-in-text-block") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_a_run_offers(server, page, finished, theme):
    opened(page, server.url, "run", finished, theme)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Rename, note").click()
    expect(page.get_by_role("dialog").get_by_role("textbox", name="Note")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_keyboard_is_seen_wherever_it_is(server, page, finished, theme):
    """Tab goes through buttons, links and pills, each of them with an outline."""
    kinds = set()
    for name, wanted in (("train", {"pill", "button"}), ("home", {"a", "button"})):
        opened(page, server.url, name, finished, theme)
        for _ in range(40):
            page.keyboard.press("Tab")
            seen = page.evaluate(SEEN)
            if seen["kind"] in {"a", "button", "pill"}:
                # The theme's rules may come after the page's first parts.
                wait_until(lambda: page.evaluate(SEEN)["visible"], every=SELDOM)
                kinds.add(seen["kind"])
            if wanted <= kinds:
                break
    assert kinds == {"a", "button", "pill"}
