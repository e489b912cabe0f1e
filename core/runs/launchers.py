"""Starting, finding and ending worker processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from core.errors import RunError
from core.runs import hardware
from core.runs.artifacts import LocalArtifacts
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


Handle = dict[str, Any]  # plain JSON: how its launcher finds a worker again; nobody else looks into it


class Launcher(Protocol):
    """What the scheduler needs to know of the place where workers run. It is asked outside of any transaction."""

    host: str  # the name under which this launcher's runs are filed; others' runs are left alone

    def slots(self) -> list[str]:
        """The places for one run each, best first."""

    def start(self, run: Run, home: Home, slot: str) -> Handle:
        """Start a worker for the run's present attempt; RunError if it cannot be started."""

    def stop(self, handle: Handle) -> None:
        """End the worker and what it started, whether it wants to or not."""

    def alive(self, handle: Handle) -> bool:
        """Whether the worker exists."""


def identify(pid: int | None = None) -> Handle:
    """The handle of a process of this machine, by default of this one. psutil.NoSuchProcess if there is none.

    A pid alone may be used again. ``created`` is in seconds since boot on Linux, where the time of day at which a process
    began moves when the clock is set: every worker would seem dead once a laptop's clock is corrected.
    """
    process = psutil.Process(pid)
    linux = BOOT_ID.exists()
    created = process.create_time() - (psutil.boot_time() if linux else 0.0)
    return {"pid": process.pid, "created": created, "boot_id": BOOT_ID.read_text().strip() if linux else ""}


def worker_command(run: Run, home: Home) -> list[str]:
    """The command that trains one run, once: a later attempt is another worker's."""
    own = ["worker", str(run.id), "--attempt", str(run.attempt)]
    return [sys.executable, "-m", "core", "--home", str(home.root), *own]


class LocalLauncher:
    """Workers as detached processes of this machine; output goes to the run's log.

    command: makes the command from run and home. grace: seconds between the request to end and the kill.
    """

    def __init__(self, home: Home, command: Callable[[Run, Home], list[str]] = worker_command, grace: float = 3.0):
        self.host, self._command, self._grace = home.host, command, grace

    def slots(self) -> list[str]:
        return hardware.slots()

    def start(self, run: Run, home: Home, slot: str) -> Handle:
        log = LocalArtifacts(home.root / run.folder).log_file
        command = [sys.executable, "-S", "-c", _SPAWN, str(log), *self._command(run, home)]
        surroundings = {"cwd": PROJECT, "env": _environment(home), "stdin": subprocess.DEVNULL}
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            spawned = subprocess.run(command, **surroundings, capture_output=True, text=True)
        except (OSError, ValueError) as error:  # an environment or a path with a null byte
            raise _not_started(run, str(error)) from error
        if spawned.returncode:
            raise _not_started(run, (spawned.stderr.strip().splitlines() or ["no reason given"])[-1])
        try:
            return identify(int(spawned.stdout))
        except psutil.NoSuchProcess:  # it ended before one could look; the next reconcile finds nobody there
            return {"pid": int(spawned.stdout), "created": None, "boot_id": ""}

    def alive(self, handle: Handle) -> bool:
        return self._process(handle) is not None

    def stop(self, handle: Handle) -> None:
        process = self._process(handle)
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

    def _process(self, handle: Handle) -> psutil.Process | None:
        """The worker's own process, or None if it is gone, dead but not collected, or another one under the same pid."""
        if handle.get("pid") is None or handle.get("created") is None:
            return None
        try:
            found, process = identify(handle["pid"]), psutil.Process(handle["pid"])
            same = found["boot_id"] == handle["boot_id"] and abs(found["created"] - handle["created"]) < 0.05
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _not_started(run: Run, reason: str) -> RunError:
    message = f"The worker of run {run.id} cannot be started: {reason}."
    return RunError(message, "Check the home folder's space and permissions, then resume the run.")


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
