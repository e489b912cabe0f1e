"""The way to a home's warm process, which has torch and the engine imported and forks workers: see ``core/warm.py``.

It saves time and nothing else. Whatever is wrong with it (not there, still importing, hung, of other code) the worker is started
as a plain process, so it may be killed at any moment. At most one lives in a home: it holds a lock that goes with its life.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from core.runs.detached import Handle, environment, found, spawn
from core.runs.fingerprint import fingerprint
from core.runs.home import Home
from core.runs.meeting import GO, Place, line_to, noted, peer_pid, receive, send, taken

SWITCH = "INNERLOOP_WARM"  # "off": workers are always started as plain processes
MODULE = "core.warm"  # what it runs; nothing here imports it
PATIENCE = 20.0  # seconds for which one that is still importing is worth waiting for
LOOK = 0.05  # between two looks whether it is there
IDLE = 20 * 60.0  # seconds after which one that nobody asks for ends


def place(home: Home) -> Place:
    return Place(home.root / "warm")


def possible() -> bool:
    """Whether workers may be forked here. Elsewhere than on Linux the system's own libraries do not survive it."""
    return sys.platform == "linux" and os.environ.get(SWITCH, "").lower() != "off"


def listens(home: Home) -> bool:
    """Whether the home's warm process is there and takes orders."""
    try:
        with line_to(place(home)):
            return True
    except OSError:
        return False


def coming(home: Home) -> bool:
    """Whether the home's warm process is still importing: in some seconds it will be there."""
    here = place(home)
    if not possible() or not here.lock.exists():
        return False
    try:
        lock = here.open_lock()
        try:
            return not taken(lock) and not listens(home)
        finally:
            os.close(lock)
    except OSError:
        return False


def awaited(home: Home, patience: float = PATIENCE) -> bool:
    """Whether the home's warm process takes orders, after one that is still importing was given so many seconds."""
    deadline = time.monotonic() + patience
    while not listens(home) and coming(home) and time.monotonic() < deadline:
        time.sleep(LOOK)
    return possible() and listens(home)


def fork(home: Home, words: list[str], log: Path) -> Handle | None:
    """A process as of ``python -m core`` with these words, forked by the home's warm one. None where that cannot be had.

    Then nothing was started: what is forked does not begin before it has heard that its handle has arrived here.
    """
    if not possible():
        return None
    surroundings = environment(home)
    try:
        order = {"fingerprint": fingerprint(surroundings), "words": words, "environment": surroundings, "log": str(log)}
        with line_to(place(home)) as line:
            try:
                send(line, order)
                handle = receive(line)
                line.sendall(GO)
            except TimeoutError:
                if (pid := peer_pid(line)) > 0:
                    os.kill(pid, signal.SIGKILL)  # or every launch would wait for it
                return None
    except (OSError, ValueError):  # nobody listens, or it has died or refused
        return None
    return handle


def prepare(home: Home) -> bool:
    """Start the home's warm process, or tell the one it has that it is wanted; whether one was started.

    It imports for seconds, at a low priority, while whoever asked goes on.
    """
    if not possible():
        return False
    here = place(home)
    try:
        lock = here.open_lock()
        try:
            if not taken(lock):
                os.utime(lock)
                return False
            unfit = noted(lock).get("unfit")
            if unfit and unfit == fingerprint(environment(home)):
                return False  # it has found out before that it cannot fork safely here
            here.log.unlink(missing_ok=True)
            # It inherits the lock, which is thus held without a gap.
            words = ["--home", str(home.root), "--lock", str(lock), "--idle", str(IDLE)]
            spawn([sys.executable, "-m", MODULE, *words], home, here.log, [lock])
        finally:
            os.close(lock)
    except (OSError, ValueError):  # no space, no rights, no memory for another process, torch half imported
        return False
    return True


def end(home: Home, patience: float = 5.0) -> bool:
    """End the home's warm process, also one that is still importing; whether there was one. Its workers go on."""
    here, deadline, there = place(home), time.monotonic() + patience, False
    while here.lock.exists() and time.monotonic() < deadline:
        lock = here.open_lock()
        try:
            if taken(lock):
                return there
            there = True
            process = found(noted(lock).get("handle") or {})  # none as long as it has only just begun
            if process is not None:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        finally:
            os.close(lock)
        time.sleep(0.02)
    return there
