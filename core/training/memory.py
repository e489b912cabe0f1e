"""The device's memory: how much of it a computation takes, and what to do once it is full."""

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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

    What an operation needs for itself while it runs is not seen. known: tensors that were there before, also when they come
    by in another guise.
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
