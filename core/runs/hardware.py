"""What this machine can train on, and how busy it is. Needs no torch: pages ask for it before torch is loaded."""

import math
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import psutil
import pynvml

from data.language import mark, tr

CPU = "cpu"  # the slot that runs may share, see ``Room``
ALL_GPUS = "cuda:all"  # the slot of a run that is divided among all visible GPUs
SOON = 0.05  # seconds between two questions in which there is no processor time to count
CONTAINER = Path("/sys/fs/cgroup/memory.max")  # Linux
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # likewise: microseconds of processor time, and within how many of them


@dataclass(frozen=True)
class Gpu:
    """A GPU that CUDA_VISIBLE_DEVICES lets us see. index: as in ``cuda:<index>``. memory_total: bytes."""

    index: int
    name: str
    memory_total: int


def gpus() -> list[Gpu]:
    """The visible NVIDIA GPUs in torch's order; none without a driver. The bus order is meant, see the launcher."""
    found = []
    for index, handle in enumerate(_handles()):
        memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        found.append(Gpu(index, _ask(pynvml.nvmlDeviceGetName, handle) or "NVIDIA GPU", memory.total if memory else 0))
    return found


def slots() -> list[str]:
    """Where runs can train: ``cuda:<i>`` for each GPU and ``mps`` on Apple Silicon one at a time, ``cpu`` see ``Room``."""
    return [*(f"cuda:{gpu.index}" for gpu in gpus()), *(["mps"] if _apple_silicon() else []), CPU]


def fitting(device: str, slots: list[str]) -> list[str]:
    """The slots on which a run with this device setting may train; empty if this machine has none.

    device: ``auto`` takes the best kind there is, ``cuda`` any GPU, ``cuda:all`` all of them as one slot, ``cuda:<i>``, ``mps``
    and ``cpu`` what they say.
    """
    if device == ALL_GPUS:
        return [ALL_GPUS] if members(ALL_GPUS, slots) else []
    if device == "auto":
        kinds = [[slot for slot in slots if slot.startswith(kind)] for kind in ("cuda", "mps", "cpu")]
        return next((kind for kind in kinds if kind), [])
    return [slot for slot in slots if slot == device or slot.partition(":")[0] == device]


def members(slot: str, slots: Sequence[str]) -> list[str]:
    """The slots that a run on this one takes: all GPUs are several."""
    return [one for one in slots if one.startswith("cuda:")] if slot == ALL_GPUS else [slot]


def stacks(slot: str) -> bool:
    """Whether runs that differ in their seed alone are faster here in one process, which takes their steps as one.

    On a GPU a small step costs its calls, and is one place. On a processor it costs its arithmetic (three seeds as one took 2.7
    times as long as one of them), and a core for each is faster.
    """
    return slot.startswith("cuda:") and slot != ALL_GPUS


def device_problem(device: str) -> tuple[str, str]:
    """Why this device setting cannot be had here, and what to do about it; two empty strings when it can."""
    known = device in ("auto", "cpu", "mps", "cuda", ALL_GPUS) or (
        device.startswith("cuda:") and device[5:].isdecimal()
    )
    if not known:
        return tr("There is no device '{device}'.", device=device), tr(
            "Use auto, cpu, mps, cuda, cuda:all or cuda:0, cuda:1 …"
        )
    available = slots()
    if fitting(device, available):
        return "", ""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    hidden = device.startswith("cuda") and visible is not None
    why = tr(" CUDA_VISIBLE_DEVICES is '{visible}', which hides others.", visible=visible) if hidden else ""
    return tr(
        "The device {device} does not exist here; there is {available}.{why}",
        device=device,
        available=", ".join(available),
        why=why,
    ), tr("Use auto or cpu.")


def describe() -> str:
    """One line for people: the GPUs by name, else the processor with its cores."""
    names = [gpu.name for gpu in gpus()]
    if names:
        return " + ".join(f"{names.count(name)} × {name}".removeprefix("1 × ") for name in dict.fromkeys(names))
    return cpu()


def cpu() -> str:
    """The processor for people."""
    return mark("{processor} · {n} cores", processor="Apple Silicon" if _apple_silicon() else "CPU", n=cores())


def memory_of(slot: str) -> int:
    """Bytes that a slot has in all: a GPU's own, else the machine's, or as many of them as a container may take."""
    if slot.startswith("cuda"):
        index = int(slot.partition(":")[2] or 0)
        return next((gpu.memory_total for gpu in gpus() if gpu.index == index), 0)
    total = psutil.virtual_memory().total
    try:
        return min(total, int(CONTAINER.read_text()))
    except (OSError, ValueError):  # no container, or "max"
        return total


def load(slot: str, pid: int, *others: int) -> dict[str, Any]:
    """How busy a worker is and, if its slot is a GPU, that GPU; empty if the process is gone. others: that work for it.

    cpu_percent: 100 is one core; counted from the call before, so 0 at the first. memory: resident bytes. gpu_percent,
    gpu_memory and gpu_memory_total (bytes): of the whole GPU, None where the driver does not say; of several GPUs the mean
    and the sums.
    """
    try:
        busy = _watched(pid).look()
    except psutil.NoSuchProcess:
        return {}
    for other in others:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            busy = {key: value + busy[key] for key, value in _watched(other).look().items()}
    return busy | (_gpu_load(members(slot, slots())) if slot.startswith("cuda") else {})


def _gpu_load(taken: list[str]) -> dict[str, Any]:
    handles, indices = list(_handles()), [int(slot.partition(":")[2] or 0) for slot in taken]
    there = [handles[index] for index in indices if index < len(handles)]
    if not there:
        return {}
    rates = [rates.gpu for handle in there if (rates := _ask(pynvml.nvmlDeviceGetUtilizationRates, handle))]
    memory = [memory for handle in there if (memory := _ask(pynvml.nvmlDeviceGetMemoryInfo, handle))]
    return {
        "gpu_percent": round(sum(rates) / len(rates)) if rates else None,
        "gpu_memory": sum(one.used for one in memory) if memory else None,
        "gpu_memory_total": sum(one.total for one in memory) if memory else None,
    }


class Watched:
    """A process, which remembers since when to count its processor time. Several threads may ask."""

    def __init__(self, pid: int):
        self.process, self.asked, self.percent, self.turn = psutil.Process(pid), -math.inf, 0.0, threading.Lock()

    def look(self) -> dict[str, Any]:
        with self.turn:
            memory, now = self.process.memory_info().rss, time.perf_counter()
            if now - self.asked >= SOON:
                self.asked, self.percent = now, self.process.cpu_percent()
            return {"cpu_percent": self.percent, "memory": memory}


_watched = lru_cache(maxsize=16)(Watched)


def _apple_silicon() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def cores() -> int:
    """The processor cores we may use, which in a container are fewer than there are. At least 1."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, QUOTA.read_text().split())
        return max(1, min(ours, round(quota / period)))
    except (OSError, ValueError):  # no container, or "max"
        return ours


@cache
def _driver() -> bool:
    """Whether NVIDIA's management library answers; opened once and kept for the life of the process."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True


def _ask(question: Any, *arguments: Any) -> Any:
    """The driver's answer, or None where this GPU does not support the question (a part of one has no load)."""
    try:
        return question(*arguments)
    except pynvml.NVMLError:
        return None


def _handles() -> Iterator[Any]:
    """The driver's handles of the visible GPUs.

    As in CUDA, CUDA_VISIBLE_DEVICES lists numbers or (beginnings of) UUIDs; the first that names no GPU ends the list.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "" or not _driver():
        return
    count = _ask(pynvml.nvmlDeviceGetCount) or 0
    everything = [handle for i in range(count) if (handle := _ask(pynvml.nvmlDeviceGetHandleByIndex, i)) is not None]
    if visible is None:
        yield from everything
        return
    for name in visible.split(","):
        handle = _named(name.strip(), everything)
        if handle is None:
            return
        yield handle


def _named(name: str, handles: list[Any]) -> Any:
    if name.isdecimal():
        return handles[int(name)] if int(name) < len(handles) else None
    if name.startswith("MIG-"):
        return _ask(pynvml.nvmlDeviceGetHandleByUUID, name)
    named = [handle for handle in handles if name.startswith("GPU-") and _uuid(handle).startswith(name)]
    return named[0] if len(named) == 1 else None


def _uuid(handle: Any) -> str:
    return _ask(pynvml.nvmlDeviceGetUUID, handle) or ""
