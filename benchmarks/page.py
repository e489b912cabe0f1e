"""What a visitor waits for: first paint of each page, launch to first live point, tick to paint of a live chart.

    python -m benchmarks.page [--preset sinusoid-maml]

Starts a real server with an empty home and drives a real browser. Seconds and milliseconds of this machine; nothing else
should be running on it.
"""

import os
import re
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.made import beat, live
from benchmarks.opening import PAGES, TITLE, opening
from core.runs import scheduler
from core.runs.hardware import describe
from core.runs.home import Home
from core.runs.schema import ENDED
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, Server, free_port
from tests.waiting import wait_until

POINTS, TICKS = 10_000, 20
# From Plotly.react's call to the frame after it: what the browser adds to a tick.
WATCH = """() => { window.paints = []; const react = window.Plotly.react;
  window.Plotly.react = (...all) => { const began = performance.now(); const made = react(...all);
    const painted = () => window.paints.push(performance.now() - began);
    Promise.resolve(made).then(() => requestAnimationFrame(() => setTimeout(painted)));
    return made; } }"""


def first_paints(browser: Browser, server: Server) -> None:
    """Each page in a fresh browser context, after the server is up and torch is imported."""
    for path in ("", "runs", "run", "train"):
        taken = [opening(browser, f"{server.url}/{path}", TITLE) for _ in range(5)]  # an empty store has no content
        content, title, _ = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"{path or 'home':5} first paint {content:.2f} s, its title {title:.2f} s (medians of 5)", flush=True)


def first_point(page: Page, server: Server, preset: str) -> None:
    page.goto(server.url)
    button = page.locator(f".st-key-launch-{preset} button")
    button.wait_for()
    began = time.perf_counter()
    button.click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    page.wait_for_function(PAGES["run"], timeout=60_000)
    print(f"launch to first live point, {preset}: {time.perf_counter() - began:.1f} s", flush=True)
    run, store = int(page.url.rsplit("=", 1)[1]), RunStore(server.home.database)
    scheduler.stop(store, server.home, run)
    wait_until(lambda: store.get(run).status in ENDED, timeout=60)


def tick_to_paint(page: Page, server: Server) -> None:
    """One run of POINTS points, a new one every second; this process stands in for its worker."""
    store, home = RunStore(server.home.database), server.home
    run = live(store, home, POINTS)
    over = threading.Event()

    def feed() -> None:
        i = POINTS
        while not over.wait(1.0):
            i += 1
            beat(store, run, i)

    feeder = threading.Thread(target=feed)
    feeder.start()
    page.goto(f"{server.url}/run?run={run}")
    page.wait_for_function(PAGES["run"], timeout=60_000)
    page.evaluate(WATCH)
    cpu = server.cpu_seconds()
    page.wait_for_function(f"window.paints.length >= {TICKS}", timeout=120_000)
    paints = sorted(page.evaluate("window.paints"))
    over.set()
    feeder.join()
    spent = (server.cpu_seconds() - cpu) / TICKS * 1000
    store.move(run, "finished", {"running"})
    p95 = paints[int(0.95 * (len(paints) - 1))]
    print(f"chart of {POINTS} points, update to paint: median {statistics.median(paints):.0f} ms, 95 % {p95:.0f} ms")
    print(f"server processor time per tick: {spent:.0f} ms")


def main(presets: Annotated[list[str] | None, typer.Option("--preset")] = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        datasets = Path(os.environ.get("INNERLOOP_DATASETS", root / "datasets"))
        server = Server(Home(root, datasets, f"sqlite:///{root / 'innerloop.db'}"), free_port())
        server.start()
        print(describe())
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                page.goto(f"{server.url}/train")
                page.wait_for_selector(".st-key-launch button", timeout=60_000)  # torch is imported now
                first_paints(browser, server)
                for preset in presets or ["sinusoid-maml", "omniglot-5w1s-quick"]:
                    first_point(page, server, preset)
                tick_to_paint(page, server)
        finally:
            server.stop()


if __name__ == "__main__":
    typer.run(main)
