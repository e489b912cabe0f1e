"""A real server and a real browser. Each test module has a home of its own; the data sets are ../shared/datasets if there."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.home import Home
from core.scheduler import stop
from core.schema import ACTIVE
from core.store import RunStore
from tests.waiting import wait_until

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared" / "datasets"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


expect.set_options(timeout=30_000)


@dataclass
class Server:
    """``streamlit run app.py`` on a free port, which can be killed and started again."""

    home: Home
    port: int
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        log = (self.home.root / "server.log").open("ab")
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | self.home.environment(),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        wait_until(self.healthy, timeout=60)

    def healthy(self) -> bool:
        try:
            return urlopen(f"{self.url}/_stcore/health", timeout=2).status == 200
        except (URLError, OSError):
            return False

    def end(self, with_signal: int) -> None:
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(timeout=30)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("home")
    datasets = SHARED if SHARED.exists() else root / "datasets"
    home = Home(root, datasets, f"sqlite:///{root / 'innerloop.db'}")
    running = Server(home, free_port())
    running.start()
    yield running
    running.end(signal.SIGKILL)
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
    context.set_default_timeout(30_000)
    opened = context.new_page()
    opened.errors = []
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    context.close()
    assert opened.errors == []
