"""A person's own pictures into a data set: found, made square and small by several processes, and put in place at once.

Until it is whole a set lies beside the one that it may replace; whatever ends the import, what was there before stays. Free of
torch.
"""

import fcntl
import hashlib
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data import picture_set
from data.archive import MIB
from data.errors import DataError, InputError, shortened
from data.language import ENGLISH, mark, plural, speaking, tr
from data.photograph import as_grey, photograph
from data.picture_files import Listed, Reader, Skipped, listed, reading
from data.picture_set import LARGEST, LEAST, NAME, SHARES, SMALLEST, How, PictureClass, PictureSet, reason_said
from data.places import Folders, OnProgress
from data.whole import beside, put

CHUNK = 32  # pictures that a process is given at a time
FEW = 64  # pictures that are quicker read here than by processes that have to be started
MOST_REASONS = 200  # files that a set says it left out; all of them are counted
SPARE = 64 * MIB  # bytes that are left free on the disk


@dataclass(frozen=True)
class Wanted:
    """What is to become of the pictures. side: pixels. grey: in one channel; None for that where all of them are grey.

    splits: the split of each class, where a person says it; else drawn from the seed by ``how``, unless folders say it.
    """

    side: int = 84
    grey: bool | None = None
    seed: int = 0
    how: How = "classes"
    splits: Mapping[str, str] | None = None


def import_pictures(
    name: str,
    source: Path,
    folders: Folders,
    wanted: Wanted | None = None,
    *,
    called: str = "",
    replace: bool = False,
    processes: int | None = None,
    progress: OnProgress = lambda *_: None,
) -> PictureSet:
    """A new data set. called: what its source is said to be, by default where it lies. replace: a set of this name.

    The same pictures in the same classes give the same hash, wherever they come from. Raises DataError and InputError;
    ``progress`` may raise to put an end to it.
    """
    wanted = wanted or Wanted()
    check(name, wanted)
    known = picture_set.find(name, folders) if name in picture_set.names(folders) else None
    progress(0.0, tr("Looking for pictures"))
    found = listed(source)
    check_classes(found, wanted)
    folder = (known.folder.parent if known else picture_set.target(folders)) / name
    with _alone(folder), _part(folder, found.pictures * 3 * wanted.side**2) as (file, part):
        made = Made(found, wanted, file, progress)
        made.read(processes or min(8, os.cpu_count() or 1))
        new = made.described(name, folder, called or str(source))
        if known and known.hash != new.hash and not replace:
            text = tr("There is a data set called {name} already, of other pictures.", name=name)
            raise InputError(text, tr("Choose another name, or have it replaced (--replace)."), "name")
        if known and known.hash == new.hash and not replace:
            if wanted.splits is None:
                return known  # with the splits that it was given since
            return picture_set.resplit(known, {one.name: one.split for one in new.classes}, new.by)
        put(file, part, folder / new.pixels)
        picture_set.write(new)
        for old in folder.glob("*.pixels"):
            if old.name != new.pixels:
                old.unlink()
    return picture_set.find(name, folders)


def check(name: str, wanted: Wanted) -> None:
    if not NAME.fullmatch(name):
        text = tr("'{name}' cannot be the name of a data set.", name=shortened(name))
        raise InputError(
            text, tr("Use up to 60 letters, digits, dots, dashes and underscores, a letter or digit first."), "name"
        )
    if not SMALLEST <= wanted.side <= LARGEST:
        text = tr("Pictures of {side} pixels a side are not made.", side=wanted.side)
        raise InputError(text, tr("Choose {smallest} to {largest}.", smallest=SMALLEST, largest=LARGEST), "side")


def check_classes(found: Listed, wanted: Wanted) -> None:
    """Whether there are enough classes for three splits. Raises DataError before any picture is read."""
    if len(found.classes) < LEAST:
        count = len(found.classes)
        text = plural(
            "{source} has one class, and a data set needs {least} or more: two to train, to validate and to test each.",
            "{source} has {n} classes, and a data set needs {least} or more: two to train, to validate and to test each.",
            count,
            source=found.source,
            least=LEAST,
        )
        raise DataError(text, tr("Add folders of other classes."), "path")
    _splits(list(found.classes), found, wanted)


def _splits(classes: list[str], found: Listed, wanted: Wanted) -> tuple[dict[str, str], str]:
    """Each class's split, and how that came about."""
    if wanted.splits is not None:
        unknown = set(wanted.splits) - set(found.classes)
        if lacking := [name for name in classes if wanted.splits.get(name) not in SHARES]:
            text = tr("The list of splits does not say train, val or test for the class {name}.", name=lacking[0])
            if unknown:
                some = ", ".join(sorted(unknown)[:3])
                text = tr("{said} There are no classes {names}.", said=text, names=some)
            raise InputError(text, tr("Write a line class,split for each class."), "split")
        splits, by = {name: wanted.splits[name] for name in classes}, mark("a list")
    elif found.splits:
        splits, by = {name: found.splits[name] for name in classes}, mark("the folders train, val and test")
    else:
        splits, by = picture_set.divided(classes, wanted.seed, wanted.how), f"{wanted.how}, seed {wanted.seed}"
    picture_set.check_splits(PictureClass(name, 0, split) for name, split in splits.items())
    return splits, by


class Made:
    """A set in the making. file: where its pixels are written, in three channels until it is known that all are grey."""

    def __init__(self, found: Listed, wanted: Wanted, file: BinaryIO, progress: OnProgress):
        self.found, self.wanted, self.file, self.progress = found, wanted, file, progress
        self.counts, self.grey = dict.fromkeys(found.classes, 0), True
        self.channels = 3
        self.skipped: list[Skipped] = list(found.skipped)
        self.of: dict[bytes, tuple[str, str]] = {}  # digest of pixels → class and file that they were met in first
        self.repeated: list[tuple[str, str]] = []
        self.digest = hashlib.sha256()

    def read(self, processes: int) -> None:
        """All pictures, in order. Raises DataError where the disk is full or a process was ended."""
        jobs = [(label, name) for label, names in self.found.classes.items() for name in names]
        chunks = [[name for _, name in jobs[i : i + CHUNK]] for i in range(0, len(jobs), CHUNK)]
        start, done = time.monotonic(), 0
        try:
            for results in _results(self.found.source, chunks, self.wanted.side, processes if len(jobs) > FEW else 1):
                for result in results:
                    self._take(*jobs[done], result)
                    done += 1
                left = (time.monotonic() - start) / done * (len(jobs) - done)
                self.progress(
                    0.99 * done / len(jobs),
                    tr("{n:,} of {total:,} pictures, {time} left", n=done, total=len(jobs), time=_said(left)),
                )
            if self.wanted.grey or (self.wanted.grey is None and self.grey):
                self._to_grey()
        except BrokenProcessPool as error:
            text = tr("A process that read pictures was ended, most likely for want of memory.")
            raise DataError(text, tr("Close other programs, or take the largest pictures out.")) from error

    def _take(self, label: str, name: str, result: "tuple[np.ndarray, bool] | str") -> None:
        if isinstance(result, str):
            self.skipped.append((name, result))
            return
        pixels, grey = result
        content = pixels.tobytes()
        digest = hashlib.sha256(content).digest()
        first_label, first = self.of.setdefault(digest, (label, name))
        if (first_label, first) != (label, name):
            if first_label == label:  # as a query beside itself as support it would be no question
                self.skipped.append((name, f"{picture_set.SAME}{first}"))
                return
            self.repeated.append((name, first))
        self.digest.update(label.encode() + b"\0" + digest)
        self.counts[label] += 1
        self.grey = self.grey and grey
        self.file.write(content)

    def _to_grey(self) -> None:
        """In place, a part at a time: what is written is a third of what was read before."""
        size, total = 3 * self.wanted.side**2, sum(self.counts.values())
        for start in range(0, total, CHUNK):
            count = min(CHUNK, total - start)
            self.file.seek(start * size)
            images = np.frombuffer(self.file.read(count * size), np.uint8).reshape(count, 3, -1, 1)
            self.file.seek(start * size // 3)
            self.file.write(as_grey(images).tobytes())
        self.file.truncate(total * size // 3)
        self.channels = 1

    def described(self, name: str, folder: Path, source: str) -> PictureSet:
        """Raises DataError where too few classes are left."""
        counts = {label: count for label, count in self.counts.items() if count}
        if len(counts) < LEAST:
            first = f"{self.skipped[0][0]}: {reason_said(self.skipped[0][1])}" if self.skipped else ""
            text = tr("Only {n} classes have a picture that can be read ({first}).", n=len(counts), first=first)
            raise DataError(
                text, tr("A data set needs {least} or more; see to the files that were skipped.", least=LEAST), "path"
            )
        splits, by = _splits(list(counts), self.found, self.wanted)
        self.digest.update(f"{self.wanted.side} {self.channels}".encode())
        hash_ = self.digest.hexdigest()
        classes = tuple(PictureClass(label, count, splits[label]) for label, count in counts.items())
        said = {"skipped": len(self.skipped), "reasons": tuple(self.skipped[:MOST_REASONS])}
        said["repeated"] = tuple(self.repeated[:MOST_REASONS])
        pixels = f"{hash_[:16]}.pixels"
        return PictureSet(
            name,
            self.wanted.side,
            self.channels,
            hash_,
            pixels,
            classes,
            by,
            source,
            time.time(),
            **said,
            folder=folder,
        )


# Where it is written


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one import at a time writes to a set's folder; what imports that were killed have left there is cleared away.

    Raises DataError for a folder that cannot be written to, InputError where another import is at it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder.parent)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        if not _locked(lock):
            raise InputError(
                tr("{name} is just being imported.", name=folder.name),
                tr("Wait for it, or choose another name."),
                "name",
            )
        yield
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()
        os.close(lock)


def _clear(root: Path) -> None:
    """Delete the unfinished files of imports that are no more: their locks are free."""
    for part in root.glob("*/.*.part"):
        lock = os.open(part.parent, os.O_RDONLY)
        if _locked(lock):
            part.unlink(missing_ok=True)
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _part(folder: Path, needed: int) -> Iterator[tuple[BinaryIO, Path]]:
    """A file beside the set for its pixels, gone at the end unless it was renamed. needed: bytes, at most.

    Raises DataError where there is no room for them.
    """
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        text = tr(
            "These pictures take up to {needed:,.0f} MiB, and {folder} has {free:,.0f} free.",
            needed=needed / MIB,
            folder=folder,
            free=max(0, free - SPARE) / MIB,
        )
        raise DataError(text, tr("Free some space, or choose a smaller side."), str(folder))
    try:
        with beside(folder, ".part") as part:
            yield part
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> DataError:
    text = tr("{folder} cannot be written to: {reason}.", folder=folder, reason=error.strerror or error)
    return DataError(
        text, tr("Free some space, or set INNERLOOP_DATASETS to a folder that you may write to."), str(folder)
    )


def _said(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


# Reading by several processes


def _results(source: Path, chunks: list[list[str]], side: int, processes: int) -> Iterator[list]:
    if processes == 1:
        with reading(source) as reader:
            for chunk in chunks:
                yield [_small(reader, name, side) for name in chunk]
        return
    # Processes of their own from the start: whoever imports may have threads, with which a fork would not be safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin, (source, side)) as pool:
        try:
            waiting = []
            for chunk in chunks:  # no more at once than keeps all of them busy
                waiting.append(pool.submit(_chunk, chunk))
                if len(waiting) > 4 * processes:
                    yield waiting.pop(0).result()
            for each in waiting:
                yield each.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_reader: Reader
_side: int
_kept: list = []


def _begin(source: Path, side: int) -> None:
    """In each process: open the source, and end with whoever imports."""
    global _reader, _side
    context = reading(source)
    _reader, _side = context.__enter__(), side
    _kept.append(context)
    parent = multiprocessing.parent_process()

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _chunk(names: list[str]) -> list["tuple[np.ndarray, bool] | str"]:
    return [_small(_reader, name, _side) for name in names]


def _small(reader: Reader, name: str, side: int) -> "tuple[np.ndarray, bool] | str":
    """A picture's pixels and whether it is grey, or why it cannot be used."""
    try:
        with speaking(ENGLISH):  # in which reasons are kept
            return photograph(reader.file(name), side)
    except (ValueError, OSError) as error:
        return str(error)
