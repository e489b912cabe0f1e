"""The process that waits with torch and the engine imported, and forks each worker: ``python -m core.warm``.

To import them takes a worker seconds; to be forked with them takes it hundredths of one. What is forked is what a plain process
would be: nobody's child, in a session of its own, with the environment and the log of its launch, and its device still unopened.
Nothing of a person's own is imported here, so that a network that was edited counts at once.

It ends when nobody has asked for it for a while, when the code or the installation has changed, when a launch comes from
other surroundings than its own, and with its home.
"""

import argparse
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from core.runs import sigterm
from core.runs.detached import identify
from core.runs.fingerprint import fingerprint
from core.runs.home import PROJECT
from core.runs.meeting import GO, ORDER, Place, listening, note, receive, same_user, send

TICK = 10.0  # seconds between two looks whether it is time to end
REST = 5.0  # seconds within which threads that have ended are gone
GENTLY = 10  # niceness while importing: the page that is just being opened, or a worker, comes first


def gently() -> None:
    """Give way to others, in this thread alone: nobody is forked from it."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), GENTLY)


def load() -> None:
    """Import what a worker begins with."""
    for name in ("torch", "core.cli.app", "core.worker"):
        importlib.import_module(name)
    from core.algorithms.base import algorithms
    from core.models.base import models
    from data.registry import families

    for registry in (families, algorithms, models):
        registry()


def unsafe() -> str:
    """Why this process must not be forked; "" where it may.

    A fork has the forking thread alone: a lock that another one holds stays locked, and a pool of threads stays without any. And
    a GPU's driver does not work in the fork of a process that has opened it.
    """
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        return f"it has {threads} threads"
    opened = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    return "a GPU is open" if any(name.startswith("/dev/nvidia") for name in opened) else ""


def settled() -> str:
    """``unsafe``, once what was imported and this process's own threads have had their time to come to rest.

    OpenBLAS ends its pool of threads before a fork, and starts it anew where it is needed: so one is made for nothing. And a
    thread that was joined is still on its way out.
    """
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    deadline = time.monotonic() + REST
    while (reason := unsafe()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return reason


@dataclass
class Warm:
    """lock: the open file that says that this home has its warm process. idle: seconds."""

    place: Place
    lock: int
    idle: float
    surroundings: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def __post_init__(self) -> None:
        self.mine, self.wanted, self.touched = fingerprint(self.surroundings), time.monotonic(), 0

    def over(self) -> bool:
        """Whether nobody has asked for it for too long, the code has changed, or the home has gone."""
        try:
            if not os.path.samestat(os.fstat(self.lock), self.place.lock.stat()):
                return True
            if fingerprint(self.surroundings) != self.mine:
                return True
        except OSError:
            return True
        touched = os.fstat(self.lock).st_mtime_ns
        if touched != self.touched:
            self.touched, self.wanted = touched, time.monotonic()
        return time.monotonic() - self.wanted > self.idle

    def imported(self, load: Callable[[], None]) -> bool:
        """Import, and say whether this process may be forked then; if it may not, leave word of it."""
        with ThreadPoolExecutor(1, initializer=gently) as pool:
            pool.submit(load).result()
        if reason := settled():
            note(self.lock, unfit=self.mine)
            print(f"Workers cannot be forked here: {reason}. They are started as plain processes.", flush=True)
            return False
        gc.collect()
        gc.freeze()  # so that no fork's collector writes to, and thereby copies, what all have in common
        return True

    def serve(self) -> bool:
        """Fork until it is over: then False. True in the fork, which goes on as the process it was ordered to be.

        A launch with another fingerprint ends it too: what is in use now is another code, or other surroundings.
        """
        self.listener = listening(self.place)
        self.listener.settimeout(min(TICK, self.idle))
        while True:
            try:
                line, _ = self.listener.accept()
            except TimeoutError:
                if self.over():
                    return False
                continue
            with line:
                order = self.read(line)
                if order is None:
                    continue
                if order.get("fingerprint") != self.mine or unsafe():
                    os.close(self.lock)  # before the line is: whoever has asked starts another one
                    return False
                if self.forked(line, order):
                    return True
                self.wanted = time.monotonic()

    def read(self, line: socket.socket) -> dict[str, Any] | None:
        """An order; None for whoever has no business here or does not come to the point."""
        try:
            line.settimeout(ORDER)
            return receive(line) if same_user(line) else None
        except (OSError, ValueError):
            return None

    def forked(self, line: socket.socket, order: dict[str, Any]) -> bool:
        """Whether this is the new process: the child of a child that ends at once, and so nobody's."""
        try:
            child = os.fork()
        except OSError:  # no memory for another process: the launch will see for itself
            return False
        if child:
            os.waitpid(child, 0)
            return False
        try:
            os.close(self.lock)  # first of all: whoever has it open counts as the warm process
            if os.fork():
                os._exit(0)
            self.listener.close()
            become(line, order)
        except BaseException:
            give_up()
        return True


def become(line: socket.socket, order: dict[str, Any]) -> None:
    """Turn the fork into the process that was ordered; it ends here if nobody waits for it any more."""
    sigterm.listen()
    os.setsid()
    with Path(order["log"]).open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(PROJECT)
    importlib.invalidate_caches()  # of folders as they were when this was imported
    import numpy

    numpy.random.seed()  # Python's own generator is seeded anew by itself, torch's by each run
    sys.argv = [str(PROJECT / "core" / "__main__.py"), *order["words"]]
    rename([sys.executable, "-m", "core", *order["words"]])
    line.settimeout(None)  # whoever has asked says the word or goes: a guess which of them it is could be wrong
    send(line, identify())
    if line.recv(len(GO)) != GO:
        os._exit(0)


def rename(words: list[str]) -> None:
    """Let ``ps`` say what this process is now: whoever ends the warm process by its name must not end trainings with it.

    What it says is the memory in which the kernel put this process's own words; there is no more room than they took.
    """
    numbers = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on, see proc(5)
    start, end = int(numbers[48 - 3]), int(numbers[49 - 3])
    text = "\0".join(words).encode(errors="surrogateescape")[: end - start - 1]
    ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)


def give_up() -> NoReturn:
    """End a fork that came to nothing, without what the process that it is a copy of does at its end."""
    traceback.print_exc()
    os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Waits for workers to fork; started by the launcher.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--lock", type=int, required=True, help="Number of the open file that is locked.")
    parser.add_argument("--idle", type=float, required=True, help="Seconds after which it ends if nobody asks for it.")
    told = parser.parse_args()
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a terminal's, which this process has left
        signal.signal(ignored, signal.SIG_IGN)
    warm = Warm(Place(told.home / "warm"), told.lock, told.idle)
    note(warm.lock, handle=identify())
    if warm.imported(load) and warm.serve():
        from core.cli.app import main as command

        command()


if __name__ == "__main__":
    main()
