"""A data set of a person's own pictures as it lies on disk: one file of pixels, and one that says what they are. Free of torch.

A folder ``pictures/NAME`` holds ``set.json``, which names the file of pixels: uint8 (pictures, channels, side, side), one class
after another. What is written anew is written beside it, and is there once ``set.json`` is put in the old one's place; whoever
is reading the old pixels meanwhile keeps them.
"""

import json
import os
import random
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np

from data.errors import DataError, InputError, shortened
from data.language import mark, plural, tr
from data.places import Folders
from data.sizes import Sizes
from data.whole import beside, put

VERSION = 1
FOLDER, MANIFEST = "pictures", "set.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
SMALLEST, LARGEST = 28, 224  # pixels of a side
LEAST = 6  # classes: two for each split
FEW = 5  # classes of the usual task
SHARES = {"train": 0.64, "val": 0.16, "test": 0.2}  # of the classes, as in mini-ImageNet
How = Literal["classes", "superclasses"]
BY = mark("classes"), mark("superclasses"), mark("hand")  # how splits may have been made, beside what an import says
SAME = "shows the same as "  # begins a reason, before the name of another file


@dataclass(frozen=True)
class PictureClass:
    """count: of its pictures. split: train, val or test."""

    name: str
    count: int
    split: str

    @property
    def superclass(self) -> str:
        """The folder that the class's own lies in; empty where there is none."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class PictureSet:
    """folder: where it lies. pixels: the name of its file there. hash: of its classes and pixels, whatever it is called.

    skipped: how many files could not be used, the first of them with their reasons; repeated: pictures that are in several
    classes. by: how the splits were made, in words. source: what it was imported from. added: seconds since the epoch.
    """

    name: str
    side: int
    channels: int
    hash: str
    pixels: str
    classes: tuple[PictureClass, ...]
    by: str
    source: str
    added: float
    skipped: int = 0
    reasons: tuple[tuple[str, str], ...] = ()
    repeated: tuple[tuple[str, str], ...] = ()
    version: int = VERSION
    folder: Path = field(default=Path(), compare=False)

    @property
    def pictures(self) -> int:
        return sum(one.count for one in self.classes)

    @property
    def bytes(self) -> int:
        return self.pictures * self.channels * self.side**2

    def of(self, split: str) -> list[PictureClass]:
        return [one for one in self.classes if one.split == split]

    def sizes(self) -> dict[str, Sizes]:
        return {split: Sizes.of(one.count for one in self.of(split)) for split in SHARES}

    def images(self) -> np.ndarray:
        """All pixels, mapped from the file: read from it where they are needed, and shared by all who have them open.

        Raises DataError for a file that is gone or of another length.
        """
        path, shape = self.folder / self.pixels, (self.pictures, self.channels, self.side, self.side)
        if not path.is_file() or path.stat().st_size != self.bytes:
            raise DataError(
                tr("{path} is missing or damaged.", path=path), tr("Import {name} again.", name=self.name), "family.set"
            )
        return np.memmap(path, np.uint8, "c", shape=shape)  # "c": torch takes none that is read-only

    @property
    def by_said(self) -> str:
        """How the splits were made, in the language of whoever reads."""
        how, _, seed = self.by.partition(", seed ")
        return tr("{how}, seed {seed}", how=tr(how), seed=seed) if seed else tr(how)

    def reasons_said(self) -> list[tuple[str, str]]:
        """``reasons`` in the language of whoever reads."""
        return [(file, reason_said(reason)) for file, reason in self.reasons]

    def starts(self) -> list[int]:
        """The number of each class's first picture."""
        return list(accumulate((one.count for one in self.classes), initial=0))[:-1]


def reason_said(reason: str) -> str:
    """Why a file was left out, which is kept in English, in the language of whoever reads."""
    if reason.startswith(SAME):
        return tr("shows the same as {file}", file=reason.removeprefix(SAME))
    return tr(reason)


def roots(folders: Folders) -> list[Path]:
    """Where sets are looked for: among the data sets, and in the home where those are read-only."""
    return list(dict.fromkeys([folders.datasets / FOLDER, folders.own / FOLDER]))


def target(folders: Folders) -> Path:
    """Where a new one goes: to the other data sets if one may write there, else to the home."""
    there = folders.datasets
    while not there.exists():
        there = there.parent
    return roots(folders)[0 if os.access(there, os.W_OK | os.X_OK) else -1]


def names(folders: Folders) -> list[str]:
    """Of all sets, sorted."""
    return sorted({path.parent.name for root in roots(folders) for path in root.glob(f"*/{MANIFEST}")})


def find(name: str, folders: Folders) -> PictureSet:
    """Raises DataError with the way out where there is none of this name, or where what is there cannot be read."""
    add = tr("Import one with `python -m core datasets add NAME PATH`, or on the page Data sets.")
    if not name:
        raise DataError(tr("No data set of your own is chosen."), _there_are(folders) or add, "family.set")
    for root in roots(folders) if NAME.fullmatch(name) else ():
        path = root / name / MANIFEST
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    text = tr("There is no data set of your own called {name}.", name=shortened(name))
    raise DataError(text, _there_are(folders) or add, "family.set")


def _there_are(folders: Folders) -> str:
    there = names(folders)
    return tr("There are {names}.", names=", ".join(there[:20])) if there else ""


@lru_cache(maxsize=64)  # asked for at every keystroke in the form
def _read(path: Path, changed: int) -> PictureSet:  # noqa: ARG001 - read anew once it has changed
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["version"] != VERSION:
            raise DataError(
                tr("{path} is of another version of Innerloop.", path=path),
                tr("Import the pictures again."),
                "family.set",
            )
        values["classes"] = tuple(PictureClass(*row) for row in values["classes"])
        values |= {name: tuple(map(tuple, values[name])) for name in ("reasons", "repeated")}
        return PictureSet(**values, folder=path.parent)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            tr("{path} cannot be read ({reason}).", path=path, reason=error),
            tr("Import the pictures again."),
            "family.set",
        ) from error


def write(one: PictureSet) -> PictureSet:
    """Put its manifest in the place of what was there; the set is then the new one."""
    values = asdict(one)
    del values["folder"]
    values["classes"] = [[each.name, each.count, each.split] for each in one.classes]
    with beside(one.folder) as (file, name):
        file.write(json.dumps(values, indent=1).encode())
        put(file, name, one.folder / MANIFEST)
    return one


def remove(name: str, folders: Folders) -> None:
    """Take a set away for good. Raises DataError where there is none, or where it may not be deleted."""
    one = find(name, folders)
    try:
        (one.folder / MANIFEST).unlink()  # from here on it is no set any more, whatever may happen
        shutil.rmtree(one.folder)
    except OSError as error:
        message = tr("{folder} cannot be deleted: {reason}.", folder=one.folder, reason=error.strerror)
        raise DataError(message, tr("Allow writing there, or delete it by hand."), str(one.folder)) from error


# Splits


def divided(classes: Iterable[str], seed: int, how: How) -> dict[str, str]:
    """Each class's split, drawn from the seed. By super-classes, all classes of one are in the same split.

    Raises DataError where there are too few of them.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(classes):
        groups.setdefault(name.rpartition("/")[0] if how == "superclasses" else name, []).append(name)
    if how == "superclasses" and len(groups) < len(SHARES):
        text = plural(
            "The classes lie in {n} folder, and three splits need three.",
            "The classes lie in {n} folders, and three splits need three.",
            len(groups),
        )
        raise DataError(text, tr("Split by classes instead."), "split")
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    total = sum(map(len, groups.values()))
    if how == "classes":
        return _by_number(order, total)
    # The largest groups first, each to the split that lacks most of its share.
    order.sort(key=lambda group: -len(groups[group]))
    wanted = {split: share * total for split, share in SHARES.items()}
    found: dict[str, str] = {}
    empty = list(SHARES)
    for i, group in enumerate(order):
        open_ = empty if len(order) - i <= len(empty) else list(SHARES)
        split = max(open_, key=lambda split: wanted[split])
        wanted[split] -= len(groups[group])
        empty = [one for one in empty if one != split]
        found |= dict.fromkeys(groups[group], split)
    return found


def _by_number(order: list[str], total: int) -> dict[str, str]:
    """By their shares, but of few classes as many to validate and to test as a task of FEW takes."""
    counts = {split: max(min(FEW, total // 3), round(SHARES[split] * total)) for split in ("val", "test")}
    bounds = counts["val"], counts["val"] + counts["test"]
    return {name: "val" if i < bounds[0] else "test" if i < bounds[1] else "train" for i, name in enumerate(order)}


def resplit(one: PictureSet, splits: Mapping[str, str], by: str) -> PictureSet:
    """The set with its classes divided anew. Raises InputError where a class is not named or a split would have too few."""
    lacking = [each.name for each in one.classes if splits.get(each.name) not in SHARES]
    if lacking:
        text = tr("{name} is given no split.", name=shortened(lacking[0]))
        raise InputError(text, tr("Give each class train, val or test."), "split")
    classes = tuple(replace(each, split=splits[each.name]) for each in one.classes)
    check_splits(classes)
    return write(replace(one, classes=classes, by=by))


def check_splits(classes: Iterable[PictureClass]) -> None:
    counts = dict.fromkeys(SHARES, 0)
    for each in classes:
        counts[each.split] += 1
    for split, count in counts.items():
        if count < 2:
            text = tr("No classes would be in {split}, and a task tells two apart at least.", split=split)
            if count:
                text = tr("1 class would be in {split}, and a task tells two apart at least.", split=split)
            raise InputError(text, tr("Give {split} two classes or more.", split=split), "split")
