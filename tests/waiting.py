"""The one way in which tests wait for another process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(question: Callable[[], T], timeout: float = 30.0) -> T:
    """Ask until the answer is true, and return it; fails after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout} s"
        time.sleep(0.02)
    return answer
