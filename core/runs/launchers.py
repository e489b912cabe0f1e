"""Starting, finding and ending worker processes."""

import sys
from collections.abc import Callable
from typing import Protocol

import psutil

from core.errors import RunError
from core.runs import detached, hardware, warm
from core.runs.artifacts import LocalArtifacts
from core.runs.detached import ALLOCATOR, Handle, identify
from core.runs.home import Home
from core.runs.schema import Run

__all__ = [
    "ALLOCATOR",
    "Handle",
    "Launcher",
    "LocalLauncher",
    "identify",
    "launcher_of",
    "worker_command",
    "worker_words",
]


class Launcher(Protocol):
    """What the scheduler needs to know of the place where workers run. It is asked outside of any transaction."""

    host: str  # the name under which this launcher's runs are filed; others' runs are left alone

    def slots(self) -> list[str]:
        """Where runs can train, best first: see ``Room`` for how many at a time."""

    def cores(self) -> int:
        """Of the processor that is the slot ``cpu``."""

    def start(self, run: Run, home: Home, slot: str, *others: Run) -> Handle:
        """Start a worker for the run's present attempt; RunError if it cannot be started. others: that it trains as well."""

    def stop(self, handle: Handle) -> None:
        """End the worker and what it started, whether it wants to or not."""

    def alive(self, handle: Handle) -> bool:
        """Whether the worker exists."""

    def here(self) -> Handle:
        """The handle of the worker that asks: the same as ``start`` gives to whoever launched it."""


def launcher_of(home: Home) -> Launcher:
    """Where this home's workers run: the one place that chooses."""
    return LocalLauncher(home)


def worker_words(run: Run, home: Home, *others: Run) -> list[str]:
    """What ``python -m core`` is told to train runs in one process, once: a later attempt is another worker's."""
    more = [word for other in others for word in ("--with", f"{other.id}:{other.attempt}")]
    return ["--home", str(home.root), "worker", str(run.id), "--attempt", str(run.attempt), *more]


def worker_command(run: Run, home: Home, *others: Run) -> list[str]:
    """The command that trains them as a process of its own."""
    return [sys.executable, "-m", "core", *worker_words(run, home, *others)]


class LocalLauncher:
    """Workers as detached processes of this machine; output goes to the run's log.

    command: makes the command from a run, the home and other runs. grace: seconds between the request to end and the kill.
    """

    def __init__(self, home: Home, command: Callable[..., list[str]] = worker_command, grace: float = 3.0):
        self.host, self._command, self._grace = home.host, command, grace

    def slots(self) -> list[str]:
        return hardware.slots()

    def cores(self) -> int:
        return hardware.cores()

    def start(self, run: Run, home: Home, slot: str, *others: Run) -> Handle:
        """Forked by the home's warm process where there is one, else a plain one, and a warm one begins to wait for the next."""
        log, forkable = LocalArtifacts(home.root / run.folder).log_file, self._command is worker_command
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            if forkable and (handle := warm.fork(home, worker_words(run, home, *others), log)):
                return handle
            pid = detached.spawn(self._command(run, home, *others), home, log)
        except OSError as error:
            raise _not_started(run, str(error)) from error
        if forkable:
            warm.prepare(home)
        try:
            return identify(pid)
        except psutil.NoSuchProcess:  # it ended before one could look; the next reconcile finds nobody there
            return {"pid": pid, "created": None, "boot_id": ""}

    def alive(self, handle: Handle) -> bool:
        return detached.found(handle) is not None

    def here(self) -> Handle:
        return identify()

    def stop(self, handle: Handle) -> None:
        process = detached.found(handle)
        if process is None:
            return
        try:
            family = [*process.children(recursive=True), process]
        except psutil.NoSuchProcess:
            return  # ended by itself just now
        _signal(family, psutil.Process.terminate)
        _, stubborn = psutil.wait_procs(family, timeout=self._grace)
        _signal(stubborn, psutil.Process.kill)
        psutil.wait_procs(stubborn, timeout=self._grace)


def _not_started(run: Run, reason: str) -> RunError:
    message = f"The worker of run {run.id} cannot be started: {reason}."
    return RunError(message, "Check the home folder's space and permissions, then resume the run.")


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue  # ended by itself, which is what was wanted
