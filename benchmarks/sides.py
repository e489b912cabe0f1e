"""Sides that take turns, each in a process of its own: one a contender and a way of setting memory and threads.

glibc reads its settings when a process starts, and what a process has used it keeps. So each setting has a nursery, which
starts with it and imports everything once; it forks a fresh process for each side of each workload, which does what the parent
says, one side at a time. Needs fork, and an allocator that reads its settings from the environment: Linux.
"""

import importlib
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, Literal

import numpy as np
import psutil
import torch

from benchmarks.contenders import work
from benchmarks.roofline import Roofline, roofline
from benchmarks.work import NotHere, Work
from benchmarks.workloads import Opened, Workload, opened
from core.runs.launchers import ALLOCATOR
from core.training.build import threads
from core.training.device import open_device
from data.places import Folders

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
        try:
            self._connection.send((command, argument))
            what, value = self._connection.recv()
        except (EOFError, ConnectionError):
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


class Nursery:
    """A process with one setting that has everything imported and forks the sides."""

    def __init__(self, setting: Setting):
        self._connection, theirs = Pipe()
        environment = {key: value for key, value in os.environ.items() if key not in ALLOCATOR} | SETTINGS[setting]
        command = [sys.executable, "-m", "benchmarks.sides", str(theirs.fileno())]
        self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()

    @contextmanager
    def side(self, order: Order) -> Iterator[Side]:
        """A fresh process for one side, which ends with the context."""
        ours, theirs = Pipe()
        with closing(ours):
            send_handle(self._connection, theirs.fileno(), self._process.pid)
            theirs.close()
            yield Side(ours, order)

    def close(self) -> None:
        self._connection.close()
        self._process.wait(timeout=30)


@contextmanager
def nurseries(settings: Iterable[Setting] = SETTINGS) -> Iterator[dict[Setting, Nursery]]:
    with ExitStack() as ending:
        yield {setting: ending.enter_context(closing(Nursery(setting))) for setting in settings}


# What some side needs beyond what this module imports: peers, if they are installed, and what torch counts operations with.
ALSO = ("torch._dynamo", "higher", "torchopt")


def nursery(parent: Connection) -> None:
    """Fork a side for every connection that the parent hands over, until it hangs up."""
    for name in ALSO:
        with suppress(Exception):  # the side that needs it will say what was wrong
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # sides that end are nobody's zombies
    while True:
        try:
            handle = recv_handle(parent)
        except EOFError:
            return
        if not os.fork():
            try:
                parent.close()
                with Connection(handle) as connection:
                    play(connection)
            finally:
                os._exit(0)  # whatever happened, the loop around this is the nursery's; the parent hears of the end
        os.close(handle)  # else a side that dies would not be heard of


if __name__ == "__main__":
    nursery(Connection(int(sys.argv[1])))
    os._exit(0)  # to take apart all that was imported would take seconds
