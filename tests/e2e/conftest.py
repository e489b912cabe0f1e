"""A real server and a real browser. Each test module has a home of its own; the data sets are ../shared/datasets if there."""

import shutil
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.runs import warm
from core.runs.home import Home
from core.runs.scheduler import stop
from core.runs.schema import ACTIVE
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, PROJECT, Server, free_port
from tests.waiting import wait_until

SHARED = PROJECT.parent / "shared" / "datasets"
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pictures: Home) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("home")
    (root / "cache").symlink_to(pictures.cache)
    datasets = SHARED if SHARED.exists() else root / "datasets"
    home = Home(root, datasets, f"sqlite:///{root / 'innerloop.db'}")
    running = Server(home, free_port(), variables={warm.SWITCH: "on"})  # as with its users
    running.start()
    yield running
    running.stop(signal.SIGKILL)
    warm.end(home)
    store = RunStore(home.database)
    for run in store.runs(status={"queued"} | ACTIVE):  # no worker outlives its test
        stop(store, home, run.id)
    wait_until(lambda: not store.runs(status=ACTIVE), timeout=60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=FLAGS)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visitor. A page that logs an error to the console fails its test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    opened = context.new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    context.close()
    assert opened.errors == []
