"""What a process has taken in for good by the time it runs Python: two with the same fingerprint would be made alike.

A worker that is forked cannot take these in anew. The rest of its environment it can, and is given.
"""

import hashlib
import importlib.util
import os
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.runs.home import PROJECT

# Beginnings of the variables that the interpreter, the C library, torch and the libraries under it read as they are loaded.
EARLY = (
    "PYTHON",
    "LD_",
    "MALLOC_",
    "GLIBC_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "BLIS_",
    "DNNL_",
    "ONEDNN_",
)
EARLY += ("TORCH", "PYTORCH", "ATEN_", "CUDA_", "NVIDIA_", "NCCL_")
LATE = ("_CACHE_DIR",)  # ends of those among them that are read when they are needed, and set by torch itself
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU)
ROOMS = ("mnt", "net", "pid", "user")  # a container's: a home that two of them share must not mix them up


def fingerprint(environment: Mapping[str, str]) -> str:
    """Of a process that is started here and now with this environment. Linux only. Raises OSError."""
    early = sorted(
        f"{name}={value}" for name, value in environment.items() if name.startswith(EARLY) and not name.endswith(LATE)
    )
    parts = [sys.executable, sys.version, *early, *_code(), *_place()]
    return hashlib.sha256("\n".join(map(str, parts)).encode(errors="surrogateescape")).hexdigest()


def _code() -> Iterator[str]:
    """The project's modules and the installed torch; the folder beside it changes when any package comes or goes."""
    torch = importlib.util.find_spec("torch")
    installed = [Path(torch.origin).with_name("version.py"), Path(torch.origin).parents[1]] if torch else []
    for path in [*_modules(PROJECT / "core"), *_modules(PROJECT / "data"), *installed]:
        stat = path.stat()
        yield f"{path} {stat.st_mtime_ns} {stat.st_size}"


def _modules(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(place, name) for name in sorted(files) if name.endswith(".py"))


def _place() -> Iterator[object]:
    """What a process has from whoever starts it: processors, limits, rights, and the container or service it lives in."""
    yield sorted(os.sched_getaffinity(0))
    yield os.getpriority(os.PRIO_PROCESS, 0)
    yield [resource.getrlimit(limit) for limit in LIMITS]
    yield (os.getresuid(), os.getresgid(), sorted(os.getgroups()))
    yield next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Umask"))
    yield [(Path("/proc/self/ns") / room).readlink() for room in ROOMS]
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kind, path = line.split(":", 2)
        # What systemd ends together. A person's terminals each have a scope of their own and may serve each other.
        if kind in ("", "name=systemd") and not path.startswith("/user.slice/"):
            yield path
