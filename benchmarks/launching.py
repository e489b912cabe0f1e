"""What a click on Launch is answered by, and when: the first point of the loss curve, and the first score on validation."""

import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as TooLate

from core.config.checks import parse
from core.config.presets import preset
from core.runs import scheduler
from core.runs.home import PROJECT, Home
from core.runs.schema import ENDED
from core.runs.store import RunStore
from data.pictures import Pictures
from data.registry import families
from tests.e2e.serving import Server, free_port
from tests.waiting import wait_until

PATIENCE = 300.0  # seconds; a launch that takes longer to show something is said to have shown nothing
DRAWN = "[...document.querySelectorAll('.st-key-card-{} .host[data-points]')].some(host => host.dataset.points > 0)"
POINT = DRAWN.format("loss")
# A point in the chart, or the figure that says where the best was reached.
SCORE = (
    f"{DRAWN.format('validation')} || [...document.querySelectorAll('section.figure')].some("
    "figure => figure.ariaLabel.startsWith('Best validation') && figure.textContent.includes('at iteration'))"
)


@dataclass(frozen=True)
class Answered:
    """Seconds from the click to the first live point and to the first validation score; None for none in PATIENCE."""

    point: float | None
    score: float | None


def usable(name: str, datasets: Path) -> bool:
    """Whether a preset's data are here."""
    return not families()[preset(name).config["family"]["name"]].missing(datasets)


def primed(names: Sequence[str], home: Home) -> None:
    """Have pictures decoded and drawn into the home's cache, which only the first run of all would have to wait for."""
    for name in names:
        config = parse(preset(name).config).family
        family = families()[config.name](config, datasets=home.datasets, cache=home.cache)
        if isinstance(family, Pictures):
            for split in ("train", "val"):
                family.pool(split)


def new_home(root: Path, like: Home) -> Home:
    """Another home that has the cache of one, and no runs."""
    root.mkdir()
    shutil.copytree(like.cache, root / "cache", dirs_exist_ok=True) if like.cache.exists() else None
    return Home(root, like.datasets, f"sqlite:///{root / 'innerloop.db'}")


@contextmanager
def served(home: Home) -> Iterator[Server]:
    """A server on a free port. With it ends what it started and would have outlived it: a process that waits for runs."""
    server = Server(home, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()
        command = [sys.executable, "-m", "core", "--home", str(home.root), "stop", "--all"]
        subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)  # nothing to stop is fine


def launch(page: Page, server: Server, name: str) -> Answered:
    """Launch a preset from the Home page, wait for both answers, and stop the run."""
    page.goto(server.url)
    button = page.locator(f".st-key-launch-{name} button")
    button.wait_for(timeout=1000 * PATIENCE)
    began = time.perf_counter()
    button.click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"), timeout=1000 * PATIENCE)
    # In the order in which they come, so that neither hides how early the other was.
    seen: dict[str, float | None] = {}
    either = f"(({POINT}) && 'point') || (({SCORE}) && 'score')"
    first = appeared(page, either)
    if first is not None:
        seen[first] = time.perf_counter() - began
        other, expression = ("score", SCORE) if first == "point" else ("point", POINT)
        seen[other] = time.perf_counter() - began if appeared(page, expression) else None
    run, store = int(page.url.rsplit("=", 1)[1]), RunStore(server.home.database)
    scheduler.stop(store, server.home, run)
    wait_until(lambda: store.get(run).status in ENDED, timeout=120)
    return Answered(seen.get("point"), seen.get("score"))


def appeared(page: Page, expression: str) -> str | None:
    """What an expression of JavaScript gives as soon as that is true, asked at every frame; None if it never was."""
    try:
        return str(page.wait_for_function(expression, timeout=1000 * PATIENCE).json_value())
    except TooLate:
        return None


@contextmanager
def visiting(browser: Browser) -> Iterator[Page]:
    """A page in a fresh browser context."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        yield context.new_page()
    finally:
        context.close()


def cold(browser: Browser, like: Home, folder: Path, name: str, times: int) -> list[Answered]:
    """The first launch after the server's start, each time with a server, a home and a browser context of its own."""
    found = []
    for i in range(times):
        with served(new_home(folder / f"{name}-{i}", like)) as server, visiting(browser) as page:
            found.append(launch(page, server, name))
    return found


def warm(browser: Browser, server: Server, name: str, times: int) -> list[Answered]:
    """Launches on a server that has torch imported and has launched before, one after the other."""
    with visiting(browser) as page:
        return [launch(page, server, name) for _ in range(times + 1)][1:]  # the first is the one before


def in_words(answers: Sequence[Answered]) -> str:
    """Medians, the whole range behind them, and how often nothing came."""
    said = []
    for title, times in (
        ("first live point", [one.point for one in answers]),
        ("first validation score", [one.score for one in answers]),
    ):
        there = [seconds for seconds in times if seconds is not None]
        late = f", {len(times) - len(there)} not within {PATIENCE:.0f} s" if len(there) < len(times) else ""
        shown = f"{statistics.median(there):.1f} s ({min(there):.1f} to {max(there):.1f})" if there else "never"
        said.append(f"{title} {shown}{late}")
    return ", ".join(said)
