"""The log of a run: what a worker does, a line for people each, on its standard output. Free of torch."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

OURS = ("core", "data")  # who says more than warnings
_OWN: ContextVar[TextIO | None] = ContextVar("log", default=None)  # where this thread's lines go; None: standard output


class Lines(logging.Formatter):
    """``12:03:44  what happened``, in local time, below a line with the date where an attempt or a day begins."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s  %(message)s", "%H:%M:%S")
        self.day = ""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if record.levelno == logging.WARNING:
            record.message = f"warning: {record.message.rstrip()}"
        line, before = super().formatMessage(record), self.day
        self.day = time.strftime("%Y-%m-%d, %Z", time.localtime(record.created))
        return line if self.day == before else f"{self.day}\n{line}"


@contextmanager
def written(level: int = logging.INFO) -> Iterator[None]:
    """What is logged inside, and Python's own warnings, go to standard output; of other libraries only what is a warning.

    level: ``logging.ERROR`` for a process that does what another one has said already.
    """
    handler, root = _handler(sys.stdout, None, level), logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(True)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        logging.captureWarnings(False)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)


@contextmanager
def apart(stream: TextIO) -> Iterator[None]:
    """What is logged in this thread goes there instead: a run that shares its process has a log of its own all the same."""
    handler, root = _handler(stream, stream, logging.INFO), logging.getLogger()
    before = _OWN.set(stream)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _OWN.reset(before)


def _handler(stream: TextIO, own: TextIO | None, level: int) -> logging.Handler:
    """own: whose lines it takes, see ``_OWN``."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines())
    handler.setLevel(level)
    handler.addFilter(lambda _: _OWN.get() is own)
    return handler
