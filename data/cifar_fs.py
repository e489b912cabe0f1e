"""CIFAR-FS: the 100 classes of CIFAR-100 as few-shot tasks (Bertinetto et al. 2019), 600 photographs each at 32×32.

Data: https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky 2009). The split of its classes is Bertinetto et al.'s.
"""

import tarfile
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from data.arrays import unpickled
from data.download import fetch
from data.errors import DataError
from data.family import OnProgress
from data.language import mark, tr
from data.standard import CHANNELS, EACH, Standard, StandardConfig

VERSION = 1  # part of the cache's key: raise it whenever the decoding changes
SIDE = 32
ARCHIVE = "cifar-100-python.tar.gz"
LARGEST = 512 * 2**20  # bytes of an entry


class CifarFSConfig(StandardConfig):
    """N-way K-shot tasks over CIFAR-100's photographs."""

    name: Literal["cifar_fs"] = "cifar_fs"
    side: ClassVar[int] = SIDE


class CifarFS(Standard):
    """The official archive, of whose pickles nothing but arrays is read: its training and test pictures together."""

    Config = CifarFSConfig
    config: CifarFSConfig
    title = "CIFAR-FS"
    summary = mark("Photographs of 100 kinds of things, 32×32 in colour: small enough for a processor.")
    licence = mark("none is stated; made for research by Krizhevsky, Nair and Hinton")
    citation = (
        "Krizhevsky 2009: Learning multiple layers of features from tiny images. "
        "Split: Bertinetto et al. 2019: Meta-learning with differentiable closed-form solvers. ICLR."
    )
    address = "https://www.cs.toronto.edu/~kriz/"
    checksum = "eb9058c3a382ffc7106e4002c42a8d85"

    @classmethod
    def missing(cls, datasets: Path) -> list[Path]:
        path = datasets / "cifar_fs" / ARCHIVE
        return [] if path.is_file() else [path]

    @classmethod
    def download(cls, datasets: Path, progress: OnProgress) -> None:
        fetch(datasets / "cifar_fs", cls.address, {ARCHIVE: cls.checksum}, progress)

    def key(self) -> str:
        stat = (self.datasets / "cifar_fs" / ARCHIVE).stat()
        return f"{zlib.crc32(repr((VERSION, stat.st_size, stat.st_mtime_ns)).encode()):08x}"

    def pictures_of(self, name: str) -> np.ndarray:
        images, labels, names = self.archive
        chosen = np.flatnonzero(labels == names.index(name)) if name in names else []
        if len(chosen) != EACH:
            raise self.damaged(
                tr("it has {n} pictures of the class {name} instead of {each}", n=len(chosen), name=name, each=EACH)
            )
        return images[chosen]

    @cached_property
    def archive(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """uint8 (60000, 3, 32, 32), the number of each one's class, and the classes' names. Raises DataError."""
        path = self.datasets / "cifar_fs" / ARCHIVE
        try:
            with tarfile.open(path, "r:gz") as archive:
                train, test, meta = (self._read(archive, name) for name in ("train", "test", "meta"))
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise self.damaged(str(error)) from error
        try:
            images = np.concatenate([part[b"data"] for part in (train, test)])
            labels = np.concatenate([np.asarray(part[b"fine_labels"], np.int64) for part in (train, test)])
            names = [name.decode() for name in meta[b"fine_label_names"]]
            return images.astype(np.uint8, copy=False).reshape(-1, CHANNELS, SIDE, SIDE), labels, names
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.damaged(tr("it does not hold what CIFAR-100 holds")) from error

    def _read(self, archive: tarfile.TarFile, name: str) -> Any:
        path = self.datasets / "cifar_fs" / ARCHIVE
        try:
            entry = archive.getmember(f"cifar-100-python/{name}")
        except KeyError:
            raise self.damaged(tr("it lacks cifar-100-python/{name}", name=name)) from None
        if not entry.isfile() or entry.size > LARGEST:
            raise self.damaged(tr("cifar-100-python/{name} is no file of a size that CIFAR-100 has", name=name))
        return unpickled(archive.extractfile(entry), path, "bytes", self.remedy)

    def damaged(self, what: str) -> DataError:
        path = self.datasets / "cifar_fs" / ARCHIVE
        return DataError(tr("{path} cannot be used: {reason}.", path=path, reason=what), self.remedy, str(path))

    @property
    def remedy(self) -> str:
        return tr("Delete it and download CIFAR-FS again, or put {file} there.", file=self.address + ARCHIVE)
