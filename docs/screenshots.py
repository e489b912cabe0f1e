"""Takes the README's pictures: a real server, a real run, a real browser.

    python -m docs.screenshots [--preset omniglot-5w1s-quick] [--home .innerloop]

Launches the preset from the Home page, waits for its end, and photographs Run, Runs, Train, Home, of the runs named Compare, and
Learn and the playground, which need none, in both themes at 1440×900.
"""

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page, expect, sync_playwright

from core.runs.home import Home
from core.runs.schema import ENDED
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, Server, free_port
from tests.waiting import wait_until

PICTURES = Path(__file__).parent
HOUR = 3600.0


def launched(page: Page, server: Server, preset: str) -> int:
    """Launch from the Home page, as a visitor would, and wait for the end; the run's number."""
    page.goto(server.url)
    page.locator(f".st-key-launch-{preset} button").click()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    run, store = int(page.url.rsplit("=", 1)[1]), RunStore(server.home.database)
    wait_until(lambda: store.get(run).status in ENDED, timeout=HOUR)
    return run


def photograph(page: Page, server: Server, path: str, name: str, theme: str) -> None:
    """One page in one theme, once its charts are drawn."""
    joined = "&" if "?" in path else "?"
    page.goto(f"{server.url}/{path}{joined}embed_options={theme}_theme")
    expect(page.locator("[data-testid=stMain] h1").first).to_be_visible()
    if path.startswith("compare"):
        expect(page.locator(".st-key-card-compare-validation .host[data-points]")).to_be_visible()
    if path.startswith("run?"):
        expect(page.locator(".st-key-card-adaptation .host[data-points]")).to_be_visible()
    if path.startswith("playground"):
        expect(page.locator(".pads article li").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # fonts and the sparkline canvas have no event of their own
    page.screenshot(path=PICTURES / f"{name}-{theme}.png")


def main(
    preset: Annotated[str, typer.Option()] = "omniglot-5w1s-quick",
    home: Annotated[Path | None, typer.Option()] = None,
    run: Annotated[int | None, typer.Option(help="Photograph this run instead of launching one.")] = None,
    compared: Annotated[
        str, typer.Option(help="Numbers of the runs to compare, as 1,2,3; by default that run alone.")
    ] = "",
    only: Annotated[list[str] | None, typer.Option(help="Only these pictures, as learn; repeatable.")] = None,
) -> None:
    server = Server(Home.find(home), free_port())
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            paths = {"learn": "learn?section=steps", "playground": "playground?mode=draw"}
            if not only or not {*only} <= paths.keys():
                shown = run or launched(page, server, preset)
                paths |= {"home": "", "train": f"train?preset={preset}", "run": f"run?run={shown}", "runs": "runs"}
                paths["compare"] = f"compare?runs={compared or shown}"
            for theme in ("dark", "light"):
                for name in only or paths:
                    photograph(page, server, paths[name], name, theme)
    finally:
        server.stop()


if __name__ == "__main__":
    typer.run(main)
