"""Processes that outlive whoever starts them: what they are given, and how one is found again."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from core.runs.home import PROJECT, Home

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux only

# glibc gives large blocks back to the kernel at every free, and the page faults cost half the time of a conv step.
# It reads these when a process starts, so they cannot be set from inside the worker.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(2**40),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(512 * 2**20),
}

# A process of its own that starts the one that is wanted and exits at once: that one is then nobody's child, so it neither
# dies with the server nor stays behind as its zombie.
_SPAWN = """
import subprocess, sys
log, kept, *command = sys.argv[1:]
kept = [int(number) for number in kept.split()]
with open(log, "ab") as log:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=kept)
print(process.pid)
"""

Handle = dict[str, Any]  # plain JSON: how its launcher finds a process again; nobody else looks into it


def spawn(command: Sequence[str], home: Home, log: Path, kept: Sequence[int] = ()) -> int:
    """Start a process in the project's folder, with its output at the end of ``log``; returns its pid.

    kept: open files that it inherits under their numbers. Raises OSError with the reason.
    """
    whole = [sys.executable, "-S", "-c", _SPAWN, str(log), " ".join(map(str, kept)), *command]
    surroundings = {"cwd": PROJECT, "env": environment(home), "stdin": subprocess.DEVNULL, "pass_fds": kept}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        spawned = subprocess.run(whole, **surroundings, capture_output=True, text=True)
    except ValueError as error:  # an environment or a path with a null byte
        raise OSError(str(error)) from error
    if spawned.returncode:
        raise OSError((spawned.stderr.strip().splitlines() or ["no reason given"])[-1])
    return int(spawned.stdout)


def identify(pid: int | None = None) -> Handle:
    """The handle of a process of this machine, by default of this one. psutil.NoSuchProcess if there is none.

    A pid alone may be used again. ``created`` is in seconds since boot on Linux, where the time of day at which a process
    began moves when the clock is set: every worker would seem dead once a laptop's clock is corrected.
    """
    process = psutil.Process(pid)
    linux = BOOT_ID.exists()
    created = process.create_time() - (psutil.boot_time() if linux else 0.0)
    return {"pid": process.pid, "created": created, "boot_id": BOOT_ID.read_text().strip() if linux else ""}


def found(handle: Handle) -> psutil.Process | None:
    """The process of that handle, or None if it is gone, dead but not collected, or another one under the same pid."""
    if handle.get("pid") is None or handle.get("created") is None:
        return None
    try:
        now, process = identify(handle["pid"]), psutil.Process(handle["pid"])
        same = now["boot_id"] == handle["boot_id"] and abs(now["created"] - handle["created"]) < 0.05
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def environment(home: Home) -> dict[str, str]:
    """What such a process is given: it finds the project whatever the working directory, and the home."""
    search = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    path = dict.fromkeys(folder for part in search for folder in part.split(os.pathsep) if folder)
    own = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(path)}
    # Number the GPUs as the driver does, and thus as the slots are: CUDA by itself puts the fastest first.
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    allocator = ALLOCATOR if sys.platform == "linux" else {}
    # It runs in the project's folder, so what is relative to ours would be lost.
    nets = [str(Path(folder).absolute()) for folder in os.environ.get("INNERLOOP_PATH", "").split(os.pathsep) if folder]
    paths = {"INNERLOOP_PATH": os.pathsep.join(nets)} if nets else {}
    return order | os.environ | allocator | own | paths | home.environment()
