"""A machine that has something else to do than what is measured."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Beside so many processes that never rest."""
    with ExitStack() as ending:
        for _ in range(processes):
            spinning = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
            ending.callback(spinning.wait)
            ending.callback(spinning.kill)  # callbacks run in reverse
        yield
