"""A worker that trains nothing: claims its run, beats its heart, obeys, and moves the queue on as it ends.

The run's config says how it behaves: {"ticks": n} ends by itself after n heartbeats; {"deaf": true} ignores what is
wanted and SIGTERM, and is silent.
"""

import os
import signal
import sys
import time
from pathlib import Path

from core.runs.home import Home
from core.runs.launchers import LocalLauncher
from core.runs.scheduler import reconcile
from core.runs.schema import Run
from core.runs.store import RunStore


class OneProcessor(LocalLauncher):
    """A machine without GPUs."""

    def slots(self) -> list[str]:
        return ["cpu"]


def command(run: Run, _home: Home) -> list[str]:
    return [sys.executable, str(Path(__file__)), str(run.id)]


def train(store: RunStore, id: int) -> str:
    """Beat until told to stop or done; returns the status to end in."""
    ticks = store.get(id).config.get("ticks", 10**9)
    for tick in range(ticks):
        if store.heartbeat(id, iteration=tick) == "stop":
            return "stopped"
        time.sleep(0.02)
    return "finished"


def main(id: int) -> None:
    home = Home.find()
    store = RunStore(home.database, home.root)
    if not store.move(id, "running", only_from={"starting"}):
        sys.exit(f"run {id} is not mine to train")
    print(f"allocator {os.environ.get('MALLOC_TOP_PAD_')}, cwd {Path.cwd()}")
    if store.get(id).config.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        store.heartbeat(id, phase="deaf")
        while True:
            signal.pause()
    store.move(id, train(store, id), only_from={"running"})
    reconcile(store, home, OneProcessor(home, command))


if __name__ == "__main__":
    main(int(sys.argv[1]))
