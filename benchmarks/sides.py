"""Sides that take turns, each in a process of its own: one a contender and a way of setting memory and threads.

glibc reads its settings when a process starts, and what a process has used it keeps. So each setting has a nursery, which
starts with it and imports everything once; it forks a fresh process for each side of each workload, which does what the parent
says, one side at a time. Needs fork, and an allocator that reads its settings from the environment: Linux.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch

from benchmarks.contenders import NotHere, Work, work
from benchmarks.roofline import Roofline, roofline
from benchmarks.workloads import Opened, Workload, opened
from core.runs.launchers import ALLOCATOR
from core.training.build import threads
from core.training.device import open_device
from data.folders import Folders

Setting = Literal["as installed", "as a worker"]
# as installed: the allocator's own settings and torch's number of threads. as a worker: what the launcher and the trainer set.
SETTINGS: dict[Setting, dict[str, str]] = {"as installed": {}, "as a worker": ALLOCATOR}


@dataclass(frozen=True)
class Order:
    """What a side is to be: a contender at a workload. dtype: see ``workloads.opened``."""

    workload: Workload
    contender: str
    setting: Setting
    device: str
    folders: Folders
    dtype: torch.dtype = torch.float32


class Player:
    """The side's own end, in the forked process."""

    def __init__(self, order: Order):
        self.device, self.before = open_device(order.device), psutil.Process().memory_info().rss
        self.opened: Opened = opened(order.workload, self.device, order.folders, order.dtype)
        if order.setting == "as a worker" and self.device.type == "cpu" and self.opened.learner:
            torch.set_num_threads(threads(self.opened.learner))
        self.work: Work = work(order.contender, self.opened)

    def answer(self) -> dict[str, np.ndarray]:
        """Do it once, which warms up, and tell what came out."""
        self.work.do()
        return self.work.answer()

    def seconds(self) -> float:
        """Seconds that one repeat takes."""
        began, repeats = time.perf_counter(), self.opened.workload.repeats
        for _ in range(repeats):
            self.work.do()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return (time.perf_counter() - began) / repeats

    def peak(self) -> int:
        """Bytes: the most that was resident so far beyond what the process began with; on a GPU what torch held there."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before

    def roofline(self) -> Roofline:
        return roofline(self.opened)


def play(connection: Connection) -> None:
    """Serve one parent until it hangs up. Replies are (what, value); what: ok, not here or failed."""
    player = None
    while True:
        try:
            command, argument = connection.recv()
        except EOFError:
            return
        try:
            if command == "become":
                player = Player(argument)
                connection.send(("ok", None))
            else:
                connection.send(("ok", getattr(player, command)()))
        except NotHere as reason:
            connection.send(("not here", str(reason)))
        except Exception:
            connection.send(("failed", traceback.format_exc()))


class Side:
    """The parent's end of one side. Raises NotHere where it cannot do its workload, RuntimeError where it broke down."""

    def __init__(self, connection: Connection, order: Order):
        self.order, self._connection = order, connection
        self._ask("become", order)

    def _ask(self, command: str, argument: Any = None) -> Any:
        self._connection.send((command, argument))
        try:
            what, value = self._connection.recv()
        except (EOFError, ConnectionResetError):
            what, value = "failed", "its process ended, perhaps for want of memory"
        if what == "not here":
            raise NotHere(value)
        if what == "failed":
            raise RuntimeError(f"{self.order.contender} at {self.order.workload.name}: {value}")
        return value

    def answer(self) -> dict[str, np.ndarray]:
        return self._ask("answer")

    def seconds(self) -> float:
        return self._ask("seconds")

    def peak(self) -> int:
        return self._ask("peak")

    def roofline(self) -> Roofline:
        return self._ask("roofline")

    def close(self) -> None:
        self._connection.close()


class Nursery:
    """A process with one setting that has everything imported and forks the sides."""

    def __init__(self, address: str, setting: Setting):
        Path(address).unlink(missing_ok=True)
        self._listener = Listener(address, "AF_UNIX")
        environment = {key: value for key, value in os.environ.items() if key not in ALLOCATOR}
        command = [sys.executable, "-m", "benchmarks.sides", address]
        self._process = subprocess.Popen(command, env=environment | SETTINGS[setting])
        self._connection = self._listener.accept()

    @contextmanager
    def side(self, order: Order) -> Iterator[Side]:
        self._connection.send("fork")
        with closing(self._listener.accept()) as connection:
            yield Side(connection, order)

    def close(self) -> None:
        self._connection.close()
        self._listener.close()
        self._process.wait(timeout=30)


@contextmanager
def nurseries(settings: Iterable[Setting] = SETTINGS) -> Iterator[dict[Setting, Nursery]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_ones:
        found = {}
        for setting in settings:
            found[setting] = open_ones.enter_context(closing(Nursery(f"{folder}/{len(found)}", setting)))
        yield found


def nursery(address: str) -> None:
    """Fork a side whenever the parent asks for one, until it hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # sides that end are nobody's zombies
    with Client(address, "AF_UNIX") as parent:
        while True:
            try:
                parent.recv()
            except EOFError:
                return
            if not os.fork():
                parent.close()
                with Client(address, "AF_UNIX") as connection:
                    play(connection)
                os._exit(0)


if __name__ == "__main__":
    nursery(sys.argv[1])
