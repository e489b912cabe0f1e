"""How a worker is asked to end by its machine, from its first moment on: before torch is there, which takes seconds."""

import signal
from types import FrameType

_asked: list[int] = []


def listen() -> None:
    """From now on SIGTERM is a wish, see ``asked``; the terminal that started this process may go without it."""
    signal.signal(signal.SIGTERM, _note)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)


def _note(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)


def asked() -> bool:
    """Whether the machine is shutting down or somebody ends this process: it stops with a checkpoint at the next beat."""
    return bool(_asked)


def forget() -> None:
    """As if nobody had asked."""
    _asked.clear()
