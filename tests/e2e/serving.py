"""A real server for the browser tests and the README's pictures."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from core.runs.home import Home
from tests.waiting import wait_until

PROJECT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a test picture, and may be used
    "--use-fake-ui-for-media-stream",
]


@dataclass
class Server:
    """``streamlit run app.py`` on a free port, which can be killed and started again. variables: of its environment."""

    home: Home
    port: int
    script: Path = PROJECT / "app.py"
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", str(self.script), "--server.port", str(self.port)]
        log = (self.home.root / "server.log").open("ab")
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | self.home.environment() | self.variables,
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

    def cpu_seconds(self) -> float:
        """Processor time the server has used so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(timeout=30)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
