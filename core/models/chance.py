"""torch's own random numbers, of which all threads of a process draw the same ones."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

_TURN = threading.RLock()


@contextmanager
def aside(devices: Sequence[torch.device] = (), seed: int | None = None) -> Iterator[None]:
    """What is drawn inside is as if it had not been, on the processor and on these GPUs, and by one thread at a time.

    seed: begin there.
    """
    with _TURN, torch.random.fork_rng(devices=list(devices)):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def begin(seed: int) -> None:
    """From here on everybody draws from this seed."""
    with _TURN:
        torch.manual_seed(seed)
