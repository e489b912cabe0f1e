"""The device's memory: how much of it a computation takes, and what to do once it is full."""

import resource
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CLEAR = Path("/proc/self/clear_refs")  # Linux: a 5 lets the mark of the highest resident memory start anew
SIGNS = (  # of a full memory, as allocators and libraries say it in errors of other types
    "DefaultCPUAllocator: can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
REMEDY = (
    "Lower training.tasks_at_once, which changes no number, or training.meta_batch_size, family.n_query or "
    "algorithm.inner_steps; set algorithm.recompute or algorithm.first_order; or use a smaller network or another device."
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is used up; REMEDY is what helps then."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(sign in str(error) for sign in SIGNS)


class Peak(TorchDispatchMode):
    """While it is on, ``bytes`` is the most that tensors made meanwhile have held at once, on all devices together.

    What an operation needs for itself while it runs is not seen, nor what other threads make. known: tensors that were there
    before, also when they come by in another guise.
    """

    def __init__(self, known: list[Tensor] | None = None):
        super().__init__()
        self.bytes = self._held = 0
        self._alive: dict[int, Any] = {tensor.untyped_storage()._cdata: None for tensor in known or []}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while it is on. To say so, torch would import its compiler: a second and 80 MB."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.layout is torch.strided:  # others have no storage of their own
                self._see(leaf.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return
        self._alive[key] = weakref.ref(storage, lambda _: self._forget(key, size))
        self._held += size
        self.bytes = max(self.bytes, self._held)

    def _forget(self, key: int, size: int) -> None:
        del self._alive[key]
        self._held -= size


class HighWater:
    """The most memory that is taken while something is done: of this process, or on a GPU of its tensors. highest: bytes."""

    def __init__(self, device: torch.device):
        self.device, self.highest = device, 0

    def free(self) -> int:
        """Bytes that can still be had."""
        if self.device.type == "cuda":
            return torch.cuda.mem_get_info(self.device)[0]
        return psutil.virtual_memory().available

    @contextmanager
    def rising(self) -> Iterator["Rise"]:
        """Note how far it rises, times what is said meanwhile of how much larger the real thing is."""
        rise, before = Rise(), self._now()
        self._lower()
        yield rise
        self.highest = max(self.highest, before + int((self._mark() - before) * rise.times))

    def _now(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        return psutil.Process().memory_info().rss

    def _lower(self) -> None:
        """Let the mark start from where we are. Where the system has no such thing, it is that of the whole process."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif CLEAR.exists():
            with suppress(OSError):
                CLEAR.write_text("5")

    def _mark(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass
class Rise:
    """times: how much larger the real thing is than what was done."""

    times: float = 1.0
