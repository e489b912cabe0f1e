"""What several processes are about to make at once is made by one of them, while the others wait for it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.places import OnProgress

PATIENCE = 30.0  # seconds without progress after which whoever has the turn is no longer waited for
POLL = 0.05  # seconds between two looks
LONGEST = 1000  # bytes of the note that says how far it is


@contextmanager
def in_turn(path: Path, progress: OnProgress) -> Iterator[OnProgress]:
    """Wait for one's turn at ``path``, a file made for that; a process that ends, however it ends, gives up its turn.

    What is yielded is to be told the progress: ``progress`` hears it, and so does that of everybody who waits. It may raise.

    A turn saves work and protects nothing: one goes on without it where files cannot be locked, where whoever has it hangs, and
    where it was given up after a failure and two who waited have found different files.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield progress
        return
    ours = False
    try:
        ours = _waited(lock, progress)

        def tell(fraction: float, text: str) -> None:
            if ours:
                _note(lock, fraction, text)
            progress(fraction, text)

        yield tell
    finally:
        if ours:
            path.unlink(missing_ok=True)
        os.close(lock)


def _waited(lock: int, progress: OnProgress) -> bool:
    """Whether it is our turn now; False where it cannot be had."""
    last, since = b"", time.monotonic()
    while not (ours := _taken(lock)):
        if ours is None or time.monotonic() - since > PATIENCE:
            return False
        note = os.pread(lock, LONGEST, 0)
        if note != last:
            last, since = note, time.monotonic()
        with suppress(ValueError):  # it is just being written
            fraction, text = json.loads(note)
            progress(fraction, text)
        time.sleep(POLL)
    return True


def _taken(lock: int) -> bool | None:
    """None where this file system has no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    _note(lock, 0.0, "")
    return True


def _note(lock: int, fraction: float, text: str) -> None:
    with suppress(OSError):  # a full disk: those who wait see no progress
        note = json.dumps([fraction, text]).encode()
        os.pwrite(lock, note, 0)
        os.ftruncate(lock, len(note))
