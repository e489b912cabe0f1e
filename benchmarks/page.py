"""What a visitor waits for: first paint of each page, launch to first live point and first score, tick to paint of a live chart.

    python -m benchmarks.page [--preset sinusoid-maml] [--times 5] [--busy 0]

Starts real servers with empty homes and drives a real browser. Seconds and milliseconds of this machine; nothing else should be
running on it, unless --busy N asks for N processes that never rest. First paints are set against those of a Streamlit app of one
line, served in the same run under the same config. A launch is measured as the first one after the server's start, with a
new server and a new home each time, and on a server that has launched before; pictures are decoded and drawn beforehand. Data
sets are looked for in INNERLOOP_DATASETS; a preset whose data are not there is left out.
"""

import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import launching
from benchmarks.busy import busy as beside
from benchmarks.made import beat, live
from benchmarks.opening import PAGES, TITLE, opening
from core.runs.hardware import describe
from core.runs.home import Home
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, Server, free_port

POINTS, TICKS = 10_000, 20
PRESETS = ("sinusoid-maml", "doodles-5w1s", "omniglot-5w1s-quick")
EMPTY = 'import streamlit as st; st.title("Empty")\n'
# From Plotly.react's call to the frame after it: what the browser adds to a tick.
WATCH = """() => { window.paints = []; const react = window.Plotly.react;
  window.Plotly.react = (...all) => { const began = performance.now(); const made = react(...all);
    const painted = () => window.paints.push(performance.now() - began);
    Promise.resolve(made).then(() => requestAnimationFrame(() => setTimeout(painted)));
    return made; } }"""


def first_paints(browser: Browser, server: Server, folder: Path, times: int) -> None:
    """Each page and the empty app by turns, in fresh browser contexts, after the server is up and torch is imported."""
    script = folder / "empty.py"
    script.write_text(EMPTY)
    empty = Server(server.home, free_port(), script)
    empty.start()
    addresses = {"empty app": empty.url} | {path or "home": f"{server.url}/{path}" for path in PAGES}
    taken: dict[str, list[tuple[float, ...]]] = {name: [] for name in addresses}
    try:
        for _ in range(times):
            for name, url in addresses.items():
                taken[name].append(opening(browser, url, TITLE))  # an empty store has no content
    finally:
        empty.stop()
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in taken.items()}
    floor = medians["empty app"]
    for name, (paint, title, _) in medians.items():
        apart = f" ({paint - floor[0]:+.2f} and {title - floor[1]:+.2f} s)" if name != "empty app" else ""
        print(f"{name:9} first paint {paint:.2f} s, its title {title:.2f} s{apart}", flush=True)


def launches(browser: Browser, server: Server, folder: Path, names: Sequence[str], times: int) -> None:
    for name in names:
        if not launching.usable(name, server.home.datasets):
            print(f"launch, {name}: left out, its data are not in {server.home.datasets}")
            continue
        first = launching.cold(browser, server.home, folder, name, times)
        print(f"launch, {name}, first after the server's start: {launching.in_words(first)}", flush=True)
        later = launching.warm(browser, server, name, times)
        print(f"launch, {name}, on a server that has launched: {launching.in_words(later)}", flush=True)


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


def main(
    presets: Annotated[list[str] | None, typer.Option("--preset", help="May be given more than once.")] = None,
    times: Annotated[int, typer.Option(min=1, help="How often each is measured; medians are printed.")] = 5,
    busy: Annotated[int, typer.Option(min=0, help="So many processes that never rest, meanwhile.")] = 0,
) -> None:
    names = presets or PRESETS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "home"
        root.mkdir()
        datasets = Path(os.environ.get("INNERLOOP_DATASETS", root / "datasets")).absolute()
        home = Home(root, datasets, f"sqlite:///{root / 'innerloop.db'}")
        # All of them: the Train page shows a task of Omniglot where that is here, whatever is launched.
        launching.primed([name for name in {*names, *PRESETS} if launching.usable(name, datasets)], home)
        print(f"{describe()}, medians of {times}" + (f", beside {busy} busy processes" if busy else ""), flush=True)
        with launching.served(home) as server, beside(busy), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            with launching.visiting(browser) as page:
                page.goto(f"{server.url}/train")
                page.wait_for_selector(
                    ".st-key-launch button", timeout=1000 * launching.PATIENCE
                )  # torch is imported now
            first_paints(browser, server, folder, times)
            launches(browser, server, folder, names, times)
            with launching.visiting(browser) as page:
                tick_to_paint(page, server)


if __name__ == "__main__":
    typer.run(main)
