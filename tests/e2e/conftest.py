"""A real server and a real browser. The data sets are ../shared/datasets if there.

The modules are in two groups, ``browser`` and ``browser-training``, whose tests launch runs. Each has a server and a browser of
its own, so that one of the suite's two processes can work through each.
"""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from core.config.checks import parse
from core.config.facts import facts_of
from core.config.presets import preset
from core.runs import warm
from core.runs.home import Home
from core.runs.scheduler import stop
from core.runs.schema import ACTIVE
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, PROJECT, Server, free_port
from tests.pages.conftest import measure
from tests.pages.looks import evaluated, five_classes, validated
from tests.waiting import wait_until

SHARED = PROJECT.parent / "shared" / "datasets"
SIZE = {"width": 1440, "height": 900}
expect.set_options(timeout=60_000)


@contextmanager
def served(root: Path, pictures: Home) -> Iterator[Server]:
    (root / "cache").symlink_to(pictures.cache)
    datasets = SHARED if SHARED.exists() else root / "datasets"
    home = Home(root, datasets, f"sqlite:///{root / 'innerloop.db'}")
    running = Server(home, free_port(), variables={warm.SWITCH: "on"})  # as with its users
    running.start()
    yield running
    running.stop(signal.SIGKILL)
    warm.end(home)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, pictures: Home) -> Iterator[Server]:
    """One for all modules, whose home holds the runs of those before."""
    with served(tmp_path_factory.mktemp("home"), pictures) as running:
        yield running


@pytest.fixture(scope="module")
def new_server(tmp_path_factory: pytest.TempPathFactory, pictures: Home) -> Iterator[Server]:
    """One for a module, to which the runs of others must not come."""
    with served(tmp_path_factory.mktemp("home"), pictures) as running:
        yield running


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[RunStore]:
    """The server's. No worker outlives its module."""
    store = RunStore(server.home.database)
    yield store
    for run in store.runs(status={"queued"} | ACTIVE):
        stop(store, server.home, run.id)
    wait_until(lambda: not store.runs(status=ACTIVE), timeout=60)


@pytest.fixture(scope="session")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser that keeps what it has compiled of Streamlit's scripts from page to page, as anybody's does."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"), executable_path=found, args=FLAGS, viewport=SIZE
        )
        context.set_default_timeout(60_000)
        yield context
        context.close()


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    """A new tab. A page that logs an error to the console fails its test."""
    opened = visitor.new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    opened.close()
    assert opened.errors == []


@pytest.fixture(scope="module")
def finished(server: Server) -> int:
    """The number of a finished run with curves, validations, a test, and tasks to look at."""
    store, config = RunStore(server.home.database), parse(preset("doodles-5w1s").config)
    places = {"folder_root": server.home.runs_folder, "datasets": server.home.datasets}
    name = "a run that somebody gave a long name"
    run = store.create(config.model_dump(mode="json"), name, **places, facts=facts_of(config).as_json())
    store.move(run.id, "starting", {"queued"}, started=run.created, host="elsewhere")
    measure(store, run)
    validated(server.home, run, five_classes(), five_classes())
    words = {"class": "Atemayar_Qelisayer/character07/rot090", "of": 15}
    pairs = [words | {"taken_for": "Angelic/character19/rot270", "count": 7}] * 10
    confusion = {"pairs": pairs, "classes": [words | {"right": 3}] * 10, "looks": {}, "matrix": None}
    evaluated(store, server.home, store.get(run.id), np.linspace(0.2, 1.0, 40), five_classes(), confusion=confusion)
    store.move(run.id, "finished", {"starting"})
    return run.id
