"""The one way in which tests wait for another process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SELDOM = 0.25  # seconds between two questions to a browser, which would answer instead of drawing


def wait_until(question: Callable[[], T], timeout: float = 30.0, every: float = 0.02) -> T:
    """Ask until the answer is true, and return it; fails after ``timeout`` seconds. every: seconds between two questions."""
    deadline = time.monotonic() + timeout
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still {answer!r} after {timeout} s"
        time.sleep(every)
    return answer
