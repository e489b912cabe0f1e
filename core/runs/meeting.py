"""Where a home's warm process and those who need it meet: its folder, its lock, and messages over a socket.

Messages are lines of JSON. Nobody but the user of the home takes part: the folder is theirs, and both ends ask the kernel who
the other one is.
"""

import fcntl
import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Seconds within which a warm process answers, or else counts as hung: some hundredths, or as long as it imports what comes later.
ANSWER = 5.0
ORDER = 0.3  # seconds within which whoever has connected says what it wants: others wait meanwhile
LONGEST = 2**21  # bytes of a message; an environment seldom has a hundred thousand
GO = b"go\n"
_CREDENTIALS = "3i"  # pid, uid and gid


@dataclass(frozen=True)
class Place:
    """The folder of a home's warm process."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by the warm process for as long as it lives; touched by whoever wants it to stay."""
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        return self.folder / "warm.log"

    @contextmanager
    def address(self) -> Iterator[str]:
        """Where the socket is, however deep the home lies: an address has room for 107 bytes."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{folder}/socket"
        finally:
            os.close(folder)

    def open_lock(self) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def taken(lock: int) -> bool:
    """Take the lock; False if somebody has it. It goes when the last process that has inherited it closes or ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def note(lock: int, **what: Any) -> None:
    """Leave word in the lock's file, in place of what was there: for its holder alone."""
    text = json.dumps(what).encode()
    os.ftruncate(lock, 0)
    os.pwrite(lock, text, 0)


def noted(lock: int) -> dict[str, Any]:
    """What the present or last holder has left word of; nothing where it is just writing."""
    try:
        found = json.loads(os.pread(lock, LONGEST, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def listening(place: Place) -> socket.socket:
    """The warm process's end. What a dead one has left there is swept away: the lock says that there is no living one."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with place.address() as address:
            Path(address).unlink(missing_ok=True)
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(32)
    return listener


@contextmanager
def line_to(place: Place) -> Iterator[socket.socket]:
    """Speak to the warm process. Raises OSError where none listens, or another user's does."""
    with socket.socket(socket.AF_UNIX) as line, place.address() as address:
        line.settimeout(ANSWER)
        line.connect(address)
        if not same_user(line):
            raise PermissionError(f"The process that listens in {place.folder} is another user's")
        yield line


def same_user(line: socket.socket) -> bool:
    return _peer(line)[1] == os.geteuid()


def peer_pid(line: socket.socket) -> int:
    """The process at the other end; 0 where it is in a container that we do not see."""
    return _peer(line)[0]


def _peer(line: socket.socket) -> tuple[int, int, int]:
    size = struct.calcsize(_CREDENTIALS)
    return struct.unpack(_CREDENTIALS, line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))


def send(line: socket.socket, message: dict[str, Any]) -> None:
    line.sendall(json.dumps(message).encode() + b"\n")


def receive(line: socket.socket) -> dict[str, Any]:
    """The next message. Raises OSError if the other end has gone or keeps silent, ValueError if it is none."""
    text = b""
    while not text.endswith(b"\n"):
        if len(text) > LONGEST:
            raise ValueError("The message is too long")
        part = line.recv(2**16)
        if not part:
            raise ConnectionResetError("The other end has gone")
        text += part
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("The message is no object")
    return message
