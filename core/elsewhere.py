"""Asking another process: for work that may hang, exit, take hold of memory or keep the cores from whoever asks.

The question and the answer are JSON files in a folder of their own. Whatever becomes of the process, it is ended together
with all that it has started.
"""

import contextlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

from core.runs import warm
from core.runs.detached import Handle, environment, found
from core.runs.home import PROJECT, Home
from data import language
from data.errors import InnerloopError
from data.language import tr

QUESTION, ANSWER, LOG = "question.json", "answer.json", "log"
LOOK = 0.02  # seconds between two looks whether a process that is nobody's child has ended
LONGEST_LOG = 2**16  # characters of it that are passed on, the last ones
GRACE = 5  # seconds after which a process ends by itself whose asker has died


class Refused(InnerloopError):
    """The process came to its end, and what it was asked cannot be had: the error it raised, in its own words."""


class Unanswered(Exception):
    """The process ended without an answer, or was ended."""


class TookTooLong(Unanswered):
    """It did not come to an end in time."""


class Cancelled(Unanswered):
    """Whoever asked does not want to know any more."""


class Died(Unanswered):
    """It ended by itself. how: ``with code 3``, ``by signal 11 (SIGSEGV)``; ``early`` where that is not known."""

    def __init__(self, code: int | None):
        if code is None:
            self.how = tr("early")
        else:
            number = -code
            self.how = (
                tr("with code {code}", code=code)
                if code >= 0
                else tr("by signal {number} ({name})", number=number, name=signal.Signals(number).name)
            )
        super().__init__(tr("The process ended {how}.", how=self.how))


class Process(Protocol):
    """A process at the head of a group of its own."""

    pid: int

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, negative for a signal's; None where it is nobody's child. Raises subprocess.TimeoutExpired."""


# Starts ``answer`` for a function and a folder, with these variables beside our own.
Start = Callable[[str, Path, Mapping[str, str]], Process]


def spawned(function: str, folder: Path, variables: Mapping[str, str]) -> Process:
    """A fresh interpreter."""
    return subprocess.Popen(
        [sys.executable, "-m", "core.elsewhere", function, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=2,  # what a network prints is none of our answer; with tracebacks it goes to the log
        env={**os.environ, **variables, "PYTHONPATH": _search_path()},
        start_new_session=True,
    )


class Forked:
    """A process that the home's warm one has forked, which has torch and the engine imported."""

    def __init__(self, handle: Handle):
        self.pid, self._handle = handle["pid"], handle

    def wait(self, timeout: float | None = None) -> None:
        """Look from time to time: as nobody's child it stays a zombie until the system finds time for it."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while found(self._handle) is not None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("core answer", timeout)
            time.sleep(LOOK)


def forked(home: Home) -> Start:
    """Starts what a worker of this home would be: forked by its warm process, or a fresh interpreter where it has none."""

    def start(function: str, folder: Path, variables: Mapping[str, str]) -> Process:
        words = ["answer", function, str(folder)]
        given = variables.items() <= environment(home).items()  # what a fork is given
        if given and (handle := warm.fork(home, words, folder / LOG)):
            return Forked(handle)
        return spawned(function, folder, variables)

    return start


def _search_path() -> str:
    return os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])


class Question:
    """One call of a function in a process of its own. It may be answered once; any thread may cancel it meanwhile.

    function: ``package.module:name``; takes ``asked`` and returns the answer, both plain JSON. seconds: the most it may take,
    the start of the process included. variables: of its environment, beside ours. start: how its process is made.

    It speaks the language in which the question was put.
    """

    def __init__(
        self,
        function: str,
        asked: Any,
        seconds: float,
        variables: Mapping[str, str] | None = None,
        start: Start = spawned,
    ):
        self.function, self.asked, self.seconds = function, asked, seconds
        self.variables, self.start, self.language = variables or {}, start, language.current()
        self._lock, self._cancelled, self._process = threading.Lock(), False, None

    def answer(self) -> Any:
        """Wait for the answer. Raises Refused, TookTooLong, Died or Cancelled."""
        with tempfile.TemporaryDirectory(prefix="innerloop-") as name:
            folder = Path(name)
            whole = {"asked": self.asked, "seconds": self.seconds, "language": self.language}
            (folder / QUESTION).write_text(json.dumps(whole))
            code = self._run(folder)
            if (folder / LOG).exists():  # a process that has our own standard error writes there by itself
                sys.stderr.write((folder / LOG).read_text(errors="replace")[-LONGEST_LOG:])
            if self._cancelled:
                raise Cancelled
            if not (folder / ANSWER).exists():
                raise Died(code)
            said: dict[str, Any] = json.loads((folder / ANSWER).read_text())
        if "error" in said:
            raise Refused(**said["error"])
        return said["answer"]

    def cancel(self) -> None:
        """End the process, or see to it that none is started."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                _kill(self._process)

    def _run(self, folder: Path) -> int | None:
        """The process from its start to its end; its exit code, as far as it is known."""
        with self._lock:
            if self._cancelled:
                raise Cancelled
            self._process = self.start(self.function, folder, self.variables)
        process = self._process
        try:
            return process.wait(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            raise TookTooLong(tr("It did not come to an end within {seconds:.0f} s.", seconds=self.seconds)) from None
        finally:
            with self._lock:  # from now on its number may be another's
                _kill(process)
                process.wait()
                self._process = None


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it and all that it started have ended by themselves
        os.killpg(process.pid, signal.SIGKILL)


def answer(function: str, folder: Path) -> None:
    """Call the function with the question that lies in the folder, and leave its answer, or an error's parts, beside it."""
    question = json.loads((folder / QUESTION).read_text())
    module, _, name = function.partition(":")
    try:
        with language.speaking(question.get("language", language.ENGLISH)):
            said = {"answer": getattr(importlib.import_module(module), name)(question["asked"])}
    except InnerloopError as error:
        said = {"error": {"message": error.message, "remedy": error.remedy, "path": error.path}}
        if error.__cause__ is not None:
            sys.excepthook(type(error), error, error.__traceback__)
    unfinished = (folder / ANSWER).with_suffix(".part")
    unfinished.write_text(json.dumps(said))
    unfinished.rename(folder / ANSWER)


def end_in_time(folder: Path) -> None:
    """Have this process end by itself if it outlives the time that its question has, for whoever asked may have died."""
    seconds = json.loads((folder / QUESTION).read_text())["seconds"]
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds) + GRACE)


def main(function: str, folder: Path) -> NoReturn:
    """All that such a process does. It ends without taking apart what it has imported, which takes longer than most answers."""
    end_in_time(folder)
    answer(function, folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
