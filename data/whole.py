"""Files that appear under their names only once they are whole. Free of torch."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def beside(folder: Path, suffix: str = ".tmp") -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in ``folder`` with its path, to be written and read; gone in the end unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=suffix)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def put(file: BinaryIO, now: Path, path: Path) -> None:
    """Let a file that is written whole take the place of ``path``, also if the machine stops at any time."""
    file.flush()
    os.fsync(file.fileno())
    now.replace(path)
