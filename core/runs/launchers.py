"""Starting, finding and ending worker processes."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from core.errors import RunError
from core.runs.home import PROJECT, Home
from core.runs.schema import Run

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux only

# glibc gives large blocks back to the kernel at every free, and the page faults cost half the time of a conv step.
# It reads these when a process starts, so they cannot be set from inside the worker.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(2**40),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(512 * 2**20),
}

# A process of its own that starts the worker and exits at once: the worker is then nobody's child, so it neither dies
# with the server nor stays behind as its zombie.
_SPAWN = """
import subprocess, sys
with open(sys.argv[1], "ab") as log:
    worker = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
print(worker.pid)
"""


@dataclass(frozen=True)
class Handle:
    """Which process it is: a pid alone may be used again. created: see ``identify``."""

    pid: int
    created: float | None
    boot_id: str
    host: str


class Launcher(Protocol):
    """What the scheduler needs to know of the place where workers run."""

    host: str  # the name under which this launcher's runs are filed; others' runs are left alone

    def start(self, run_id: int, home: Home, slot: str) -> Handle:
        """Start a worker; RunError if it cannot be started."""

    def stop(self, run: Run) -> None:
        """End the worker and what it started, whether it wants to or not."""

    def alive(self, run: Run) -> bool | None:
        """Whether the run's worker exists; None if that cannot be told from here."""


def identify(pid: int | None = None) -> Handle:
    """The handle of a process of this machine, by default of this one. psutil.NoSuchProcess if there is none.

    ``created`` is in seconds since boot on Linux, where the time of day at which a process began moves when the clock
    is set: every worker would seem dead once a laptop's clock is corrected.
    """
    process = psutil.Process(pid)
    linux = BOOT_ID.exists()
    created = process.create_time() - (psutil.boot_time() if linux else 0.0)
    return Handle(process.pid, created, BOOT_ID.read_text().strip() if linux else "", platform.node())


def worker_command(run_id: int, home: Home) -> list[str]:
    """The command that trains one run."""
    return [sys.executable, "-m", "core", "--home", str(home.root), "worker", str(run_id)]


class LocalLauncher:
    """Workers as detached processes of this machine; output goes to ``worker.log`` in the run's folder.

    command: makes the command from run and home. grace: seconds between the request to end and the kill.
    """

    def __init__(self, command: Callable[[int, Home], list[str]] = worker_command, grace: float = 3.0):
        self.host, self._command, self._grace = platform.node(), command, grace

    def start(self, run_id: int, home: Home, slot: str) -> Handle:
        folder = home.run_folder(run_id)
        command = [sys.executable, "-S", "-c", _SPAWN, str(folder / "worker.log"), *self._command(run_id, home)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            spawned = subprocess.run(
                command, cwd=PROJECT, env=_environment(home), capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            message = f"The worker of run {run_id} cannot be started: {error}."
            raise RunError(message, "Check the home folder's space and permissions, then resume the run.") from error
        if spawned.returncode:
            reason = (spawned.stderr.strip().splitlines() or ["no reason given"])[-1]
            message = f"The worker of run {run_id} cannot be started: {reason}."
            raise RunError(message, "Check the home folder's space and permissions, then resume the run.")
        try:
            return identify(int(spawned.stdout))
        except psutil.NoSuchProcess:  # it ended before one could look; the next reconcile finds nobody there
            return Handle(int(spawned.stdout), None, "", self.host)

    def alive(self, run: Run) -> bool | None:
        if run.host != self.host:
            return None
        return self._process(run) is not None

    def stop(self, run: Run) -> None:
        process = self._process(run)
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

    def _process(self, run: Run) -> psutil.Process | None:
        """The run's own process, or None if it is gone, dead but not collected, or another one under the same pid."""
        if run.pid is None or run.pid_created is None or run.host != self.host:
            return None
        try:
            found, process = identify(run.pid), psutil.Process(run.pid)
            same = found.boot_id == run.boot_id and abs(found.created - run.pid_created) < 0.05
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue  # ended by itself, which is what was wanted


def _environment(home: Home) -> dict[str, str]:
    """The worker finds the project whatever the working directory, and the home."""
    search = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, search))}
    # Number the GPUs as the driver does, and thus as the slots are: CUDA by itself puts the fastest first.
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    allocator = ALLOCATOR if sys.platform == "linux" else {}
    # The worker runs in the project's folder, so what is relative to ours would be lost.
    nets = [str(Path(folder).absolute()) for folder in os.environ.get("INNERLOOP_PATH", "").split(os.pathsep) if folder]
    paths = {"INNERLOOP_PATH": os.pathsep.join(nets)} if nets else {}
    return order | os.environ | allocator | own | paths | home.environment()
