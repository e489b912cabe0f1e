"""mini-ImageNet: 100 classes of ImageNet with 600 photographs each, at 84×84 (Vinyals et al. 2016).

The split is that of Ravi and Larochelle 2017, which everybody uses: 64 classes to train, 16 to validate, 20 to test. ImageNet may
not be passed on, so the photographs have to be brought.
"""

import csv
import hashlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from data.arrays import unpickled
from data.errors import DataError
from data.family import SPLITS, OnProgress
from data.language import mark, tr
from data.photograph import SUFFIXES, photograph
from data.standard import EACH, Standard, StandardConfig

VERSION = 1  # part of the cache's key: raise it whenever the decoding changes
SIDE = 84
PICKLES = tuple(f"mini-imagenet-cache-{split}.pkl" for split in SPLITS)
LISTS = tuple(f"{split}.csv" for split in SPLITS)
CLASS = re.compile(r"n\d{8}")  # a class of WordNet


class MiniImageNetConfig(StandardConfig):
    """N-way K-shot tasks over mini-ImageNet's photographs."""

    name: Literal["mini_imagenet"] = "mini_imagenet"
    side: ClassVar[int] = SIDE


class MiniImageNet(Standard):
    """Photographs in one of three layouts: a folder a class; ``images`` beside the lists of Ravi and Larochelle; the three
    pickles that are passed around, of which nothing but arrays is read.
    """

    Config = MiniImageNetConfig
    config: MiniImageNetConfig
    title = "mini-ImageNet"
    summary = mark(
        "Photographs of 100 kinds of things, 84×84 in colour: the usual benchmark; its files have to be brought."
    )
    licence = mark("ImageNet's: for research, not to be passed on")
    citation = (
        "Vinyals et al. 2016: Matching networks for one shot learning. NeurIPS. "
        "Split: Ravi and Larochelle 2017: Optimization as a model for few-shot learning. ICLR."
    )
    by_hand = mark(
        "ImageNet may not be passed on: get mini-ImageNet under its licence and put it into the folder "
        "mini_imagenet of the data sets, as 100 folders of 600 pictures called n01532829 and so on, as "
        "images/ beside train.csv, val.csv and test.csv, or as mini-imagenet-cache-train.pkl, -val.pkl and "
        "-test.pkl."
    )

    @classmethod
    def missing(cls, datasets: Path) -> list[Path]:
        folder = datasets / "mini_imagenet"
        return [] if _has(folder, PICKLES) or _has(folder, (*LISTS, "images")) or _folders(folder) else [folder]

    @classmethod
    def download(cls, datasets: Path, progress: OnProgress) -> None:  # noqa: ARG003
        raise DataError(
            tr("mini-ImageNet cannot be downloaded for you."), tr(cls.by_hand), str(datasets / "mini_imagenet")
        )

    @property
    def folder(self) -> Path:
        return self.datasets / "mini_imagenet"

    def key(self) -> str:
        files = [self.folder / name for name in (*PICKLES, *LISTS)] + list(_folders(self.folder).values())
        stats = [(str(file.name), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
        return hashlib.sha256(repr((VERSION, stats)).encode()).hexdigest()[:12]

    def pictures_of(self, name: str) -> np.ndarray:
        if _has(self.folder, PICKLES):
            return self._of_pickle(name)
        files = self.files[name]
        if len(files) != EACH:
            text = tr(
                "The class {name} of mini-ImageNet has {n} pictures in {folder} instead of {each}.",
                name=name,
                n=len(files),
                folder=self.folder,
                each=EACH,
            )
            raise DataError(text, tr(self.by_hand), str(self.folder))
        return np.stack([_picture(file) for file in files])

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The photographs of each class, sorted."""
        if _has(self.folder, (*LISTS, "images")):
            found: dict[str, list[Path]] = {}
            for file, label in _listed(self.folder):
                found.setdefault(label, []).append(file)
        else:
            found = {
                name: [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES]
                for name, folder in _folders(self.folder).items()
            }
        lacking = [name for names in self.splits().values() for name in names if name not in found]
        if lacking:
            text = tr(
                "{folder} lacks {n} classes of mini-ImageNet, {name} among them.",
                folder=self.folder,
                n=len(lacking),
                name=lacking[0],
            )
            raise DataError(text, tr(self.by_hand), str(self.folder))
        return found

    def _of_pickle(self, name: str) -> np.ndarray:
        path, images, by_class = self._pickle(next(split for split in SPLITS if name in self.splits()[split]))
        rows = by_class.get(name)
        fits = (
            isinstance(rows, list)
            and len(rows) == EACH
            and all(isinstance(i, int) and 0 <= i < len(images) for i in rows)
        )
        if not fits:
            raise DataError(
                tr("{path} has no {each} pictures of the class {name}.", path=path, each=EACH, name=name),
                tr(self.by_hand),
                str(path),
            )
        return images[rows].transpose(0, 3, 1, 2)

    def _pickle(self, split: str) -> tuple[Path, np.ndarray, dict]:
        """A split's pickle: its path, uint8 (pictures, 84, 84, 3), and the pictures' numbers by class. The latest one is kept."""
        if self._kept is None or self._kept[0] != split:
            path = self.folder / f"mini-imagenet-cache-{split}.pkl"
            with path.open("rb") as file:
                value = unpickled(file, path, "latin1", tr(self.by_hand))
            images = value.get("image_data") if isinstance(value, dict) else None
            by_class = value.get("class_dict") if isinstance(value, dict) else None
            whole = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape[1:] == (SIDE, SIDE, 3)
            if not whole or not isinstance(by_class, dict):
                raise DataError(tr("{path} is no pickle of mini-ImageNet.", path=path), tr(self.by_hand), str(path))
            self._kept = split, (path, images, by_class)
        return self._kept[1]

    _kept: tuple[str, tuple[Path, np.ndarray, dict]] | None = None


def _has(folder: Path, names: tuple[str, ...]) -> bool:
    return all((folder / name).exists() for name in names)


def _folders(root: Path) -> dict[str, Path]:
    """Folders called as classes, by their names, at most two below the root (train/n01532829)."""
    found = {}
    for folder in [root, *_inner(root)]:
        found |= {path.name: path for path in _inner(folder) if CLASS.fullmatch(path.name)}
    return found


def _inner(folder: Path) -> list[Path]:
    return sorted(Path(entry) for entry in os.scandir(folder) if entry.is_dir()) if folder.is_dir() else []


def _listed(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files and classes of the three lists. Raises DataError for a name that leads out of ``images``."""
    for name in LISTS:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                filename, label = row.get("filename"), row.get("label")
                if not filename or not label or Path(filename).name != filename:
                    text = tr("{file} has a line without a file's name and a class.", file=folder / name)
                    raise DataError(text, tr("Get the lists anew."), str(folder / name))
                yield folder / "images" / filename, label


def _picture(file: Path) -> np.ndarray:
    """Stretched to 84×84, as the papers do. Raises DataError."""
    try:
        return photograph(file, SIDE, stretched=True)[0]
    except ValueError as error:
        raise DataError(
            tr("{path} cannot be read: {reason}.", path=file, reason=error), tr("Get that picture anew."), str(file)
        ) from error
