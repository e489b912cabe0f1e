"""A warm process without torch and the command line; its forks train nothing: they say what they are, and wait if told to.

What it imports is decided by files in the home: as long as ``hold`` is there it is still importing, and ``thread`` makes it start
a thread that stays. ``hold-later`` and ``thread-later`` do so to what it imports in a quiet moment; it leaves ``later`` then.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import numpy

from core import warm
from core.runs import sigterm

HOME = Path(sys.argv[2])


def load() -> None:
    while (HOME / "hold").exists():
        time.sleep(0.02)
    if (HOME / "thread").exists():
        threading.Thread(target=signal.pause, daemon=True).start()


def command() -> None:
    said = {
        "words": sys.argv[1:],
        "pid": os.getpid(),
        "cwd": str(Path.cwd()),
        "environment": dict(os.environ),
        "files": sorted(int(file.name) for file in Path("/proc/self/fd").iterdir() if file.exists()),
        "random": [random.random(), numpy.random.rand()],
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "ignored": [signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGHUP)],
    }
    os.write(1, f"{json.dumps(said)}\n".encode())  # in one piece: others write to the same log
    while "wait" in sys.argv and not sigterm.asked():
        time.sleep(0.02)
    sys.exit("asked to end" if sigterm.asked() else 0)


warm.load, warm.TICK, warm.REST = load, 0.5, 0.5
app = sys.modules["core.cli.app"] = ModuleType("core.cli.app")  # the real one would take most of a second to import
app.main = command
if __name__ == "__main__":
    warm.main()
