"""How long a visitor waits for a page: first paint, its title, and what they came for."""

import json

from playwright.sync_api import Browser

# What there is on each page once its content is drawn: the run's name, a cell of the table, a curve, the button.
PAGES = {
    "": "document.querySelector('.st-key-card-recent a')",
    "runs": "document.querySelector('[data-testid=stDataFrame] canvas [role=gridcell]')",
    "run": "[...document.querySelectorAll('.host[data-points]')].some(host => host.dataset.points > 0)",
    "train": "document.querySelector('.st-key-launch button')",
}
TITLE = "document.querySelector('[data-testid=stMain] h1')"
# When each of them was on the screen, in milliseconds since the address was opened, by the page's own clock.
WATCH = """([title, content]) => { window.seen = {}; const wanted = {title, content};
  const watch = () => { for (const name in wanted) if (!(name in window.seen) && eval(wanted[name]))
      { window.seen[name] = 0; requestAnimationFrame(() => setTimeout(() => window.seen[name] = performance.now())) }
    if (!(window.seen.title && window.seen.content)) requestAnimationFrame(watch) };
  requestAnimationFrame(watch) }"""
PAINT = "performance.getEntriesByName('first-contentful-paint')"


def opening(browser: Browser, url: str, content: str) -> tuple[float, float, float]:
    """Seconds to the first paint, the title and the content (an expression of JavaScript), in a fresh browser context."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(f"({WATCH})({json.dumps([TITLE, content])})")
    page.goto(url, wait_until="commit")
    page.wait_for_function(f"window.seen?.title && window.seen.content && {PAINT}.length", timeout=120_000)
    times = page.evaluate(f"[{PAINT}[0].startTime, window.seen.title, window.seen.content]")
    context.close()
    return tuple(time / 1000 for time in times)
