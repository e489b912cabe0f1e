"""A process that computes its portion of each meta-batch for the process that has the run: ``parallel.Team`` starts it.

It reads orders from standard input, one JSON object a line, and ends as soon as that closes, in whatever it is at.
"""

import json
import logging
import os
import queue
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from core.training.log import written

log = logging.getLogger(__name__)


def main(folder: Path) -> None:
    """folder: where the processes of the run meet."""
    for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # the leader decides: it may want to save a checkpoint first
    news = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a network prints is no news
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(folder, orders), daemon=True).start()
    with written(logging.ERROR):  # the leader says the rest
        follow(folder, orders, news)


def follow(folder: Path, orders: queue.SimpleQueue, news: IO[str]) -> None:
    try:
        from core.training.following import Following  # torch takes seconds, in which one may already be told to end

        following = Following(folder, orders.get())
        print(json.dumps({"ready": True}), file=news)
        following.meet()
        while True:
            following.step(**orders.get())
    except Exception as error:
        log.exception("A process that shares the work fails.")
        tell(error, news)
        os._exit(1)  # no destructor waits for the others


def listen(folder: Path, orders: queue.SimpleQueue) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    shutil.rmtree(folder, ignore_errors=True)  # the leader may have had no time for it
    os._exit(0)


def tell(error: Exception, news: IO[str]) -> None:
    """What a person has to know of an error, for the leader to say."""
    from core.training.memory import REMEDY, out_of_memory
    from data.errors import InnerloopError

    last = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
    if isinstance(error, InnerloopError):
        said = {"error": error.message, "remedy": error.remedy}
    else:
        said = {"error": last, "remedy": REMEDY if out_of_memory(error) else "The whole traceback is in the log below."}
    print(json.dumps(said), file=news)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
