"""Images that took time to draw or decode, and features that took time to compute, kept in one file each, so that the next
start is quick.
"""

import logging
import math
import os
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from data.errors import DataError
from data.in_turn import in_turn
from data.language import tr
from data.places import OnProgress
from data.whole import beside, put

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cached:
    """images: uint8 (classes, examples, side, side). names: one a class, or none."""

    images: Tensor
    names: tuple[str, ...] = ()


def cached(
    path: Path, shape: tuple[int, ...], make: Callable[[OnProgress], Cached], progress: OnProgress = lambda *_: None
) -> Cached:
    """What ``path`` holds, if it is whole and of this shape; else what ``make`` returns, kept there for the next time.

    Of several processes that need it at once (a page, and the workers that it started) one makes it and the others wait, with
    its progress. A folder that cannot be written to costs the next start some time and nothing else, so that is logged, not
    raised.
    """
    before, found = _version(path), read(path, shape)
    if found is not None:
        return found
    with in_turn(path.with_name(f".{path.stem}.lock"), progress) as tell:
        if _version(path) != before and (found := read(path, shape)) is not None:
            return found  # made meanwhile
        made = make(tell)
        try:
            write(path, made)
        except (OSError, RuntimeError, SafetensorError) as error:  # safetensors reports a full disk as one of its own
            log.warning("%s could not be kept in the cache (%s); it will be made again next time.", path, error)
    return made


def _version(path: Path) -> tuple[int, int] | None:
    """Another one after each ``write``; None where there is no file."""
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else None


def read(path: Path, shape: tuple[int, ...]) -> Cached | None:
    """The file's content, or None if it is absent, damaged or of another shape."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            images, metadata = file.get_tensor("images"), file.metadata()
        whole = images.dtype == torch.uint8 and tuple(images.shape) == shape
        if whole and checksum(images) == metadata["crc32"]:
            return Cached(images, tuple(metadata["names"].split("\n")) if metadata["names"] else ())
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        log.warning("%s cannot be read (%s) and is made again.", path, error)
        return None
    log.warning("%s is damaged and is made again.", path)
    return None


def write(path: Path, value: Cached) -> None:
    """Write beside and rename, so that a reader sees the whole file or none, also when two processes write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    os.close(handle)
    beside = Path(name)
    try:
        metadata = {"crc32": checksum(value.images), "names": "\n".join(value.names)}
        save_file({"images": value.images.contiguous()}, beside, metadata=metadata)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def checksum(images: Tensor) -> str:
    return f"{zlib.crc32(images.contiguous().numpy()):08x}"


def mapped(
    path: Path,
    shape: tuple[int, ...],
    chunk: int,
    make: Callable[[int], np.ndarray],
    progress: OnProgress = lambda *_: None,
    title: str = "",
    kind: type[np.generic] = np.uint8,
) -> Tensor:
    """Numbers of this kind and shape, mapped from the file at ``path``, so that it may be larger than memory.

    Where there is none it is made, ``chunk`` rows at a time: ``make`` gives those from a row on. A file appears under its name
    only once it is whole, and of several processes that need it at once one makes it. title: of what that is. Raises DataError
    where it cannot be written: there may be no memory for it.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    if not _whole(path, size):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with in_turn(path.with_name(f".{path.stem}.lock"), progress) as tell:
                if not _whole(path, size):
                    said = tr("Preparing {title}", title=title)
                    _make(path, shape[0], chunk, make, lambda row: tell(row / shape[0], said))
        except OSError as error:
            text = tr("{path} could not be written ({reason}).", path=path, reason=error.strerror or error)
            raise DataError(text, tr("Free some space in the home folder."), str(path)) from error
    return torch.from_numpy(np.memmap(path, kind, "c", shape=shape))  # "c": torch takes none that is read-only


def _whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _make(path: Path, rows: int, chunk: int, make: Callable[[int], np.ndarray], tell: Callable[[int], None]) -> None:
    with beside(path.parent) as (file, name):
        for row in range(0, rows, chunk):
            file.write(np.ascontiguousarray(make(row)))
            tell(row)
        put(file, name, path)
