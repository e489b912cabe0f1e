"""What a frozen network makes of a split's examples, computed once and kept in the cache; of pictures see ``extractor``, of texts
``encoder``.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from data.cache import mapped
from data.errors import ModelError
from data.language import tr
from data.places import OnProgress

CHUNK = 64  # examples that go through it at once


def features(
    cache: Path, key: str, shape: tuple[int, int], compute: Callable[[slice], Tensor], progress: OnProgress
) -> Tensor:
    """float32 of this shape (examples, size), mapped from a file of the cache folder; ``compute`` gives those of some examples.

    key: another one wherever the examples or the network are others.
    """
    path = cache / f"features-{hashlib.sha256(key.encode()).hexdigest()[:20]}.floats"

    def make(start: int) -> np.ndarray:
        return compute(slice(start, start + CHUNK)).cpu().numpy()

    return mapped(path, shape, CHUNK, make, progress, tr("features"), np.float32)


def unchanged(now: str, before: str, at: str) -> None:
    """Raises ModelError where the network is not the one that the other splits went through. at: the setting that names it."""
    if now != before:
        text = tr("The frozen network was changed while it was in use.")
        raise ModelError(text, tr("Start anew with the one that is there now."), at)


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - read anew once it has changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
