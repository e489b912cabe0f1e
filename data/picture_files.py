"""What a folder, a zip or a list holds of pictures, class by class, before any of them is read. Free of torch.

A class is a folder that pictures lie in, at whatever depth. Folders at the top that are called train, val and test say which
classes train, validate and test.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data.archive import DEEPEST, Archive, opened, short
from data.errors import DataError, shortened
from data.language import mark, tr
from data.photograph import SUFFIXES, UNREAD

MOST = 2_000_000  # pictures of a data set
LONGEST = 200  # characters of a class's name
# How folders at the top are called that say which split a class is in.
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
LAYOUT = mark("Give each class a folder of its pictures, or write a CSV file with the columns path and label.")
Skipped = tuple[str, str]  # which file, and why: in English, as it is kept


@dataclass
class Listed:
    """classes: the files of each class by its name, both sorted. splits: of classes, where folders say it.

    skipped: files that look like pictures and lie where none is read, each with the reason. others: files that are no pictures.
    """

    source: Path
    classes: dict[str, list[str]]
    splits: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    others: int = 0

    @property
    def pictures(self) -> int:
        return sum(map(len, self.classes.values()))


def listed(source: Path) -> Listed:
    """What is at ``source``: a folder, a zip, or a CSV file. Raises DataError that says what to do."""
    try:
        there = source.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise DataError(
            tr("{path} cannot be looked at: {reason}.", path=shortened(str(source)), reason=error.strerror),
            tr("Check the path."),
            "path",
        ) from error
    if source.is_dir():
        found = _sorted_out(source, *_walked(source))
    elif not there:
        raise DataError(tr("{path} does not exist.", path=source), tr("Check the path."), str(source))
    elif source.suffix.lower() in (".csv", ".tsv", ".txt"):
        found = _of_list(source)
    else:
        with opened(
            source, remedy=tr("Give a zip of one folder a class, the folder itself, or a CSV file.")
        ) as archive:
            found = _sorted_out(source, _usual(archive), [])
    if found.pictures > MOST:
        raise DataError(
            tr(
                "{source} holds {pictures:,} pictures, and {most:,} are the most.",
                source=source,
                pictures=found.pictures,
                most=MOST,
            ),
            tr("Take fewer of them."),
        )
    if not found.classes:
        message = tr("{source} holds no pictures in folders.", source=source)
        if found.skipped:
            message = tr(
                "{source} holds no picture that can be used: {file} {reason}.",
                source=source,
                file=found.skipped[0][0],
                reason=tr(found.skipped[0][1]),
            )
        raise DataError(message, tr(LAYOUT), str(source))
    return found


@contextmanager
def reading(source: Path) -> Iterator["Reader"]:
    """What gives the content of a file that was listed. Raises DataError where the source cannot be opened."""
    if source.is_dir() or (source.suffix.lower() != ".zip" and not _is_zip(source)):
        folder = source if source.is_dir() else source.parent
        yield Reader(folder, None)
    else:
        with opened(source) as archive:
            yield Reader(source, archive)


@dataclass(frozen=True)
class Reader:
    folder: Path
    archive: Archive | None

    def file(self, name: str) -> Path | bytes:
        """The file on disk, or the content of a zip's entry. Raises ValueError or OSError."""
        return self.folder / name if self.archive is None else self.archive.read(name)


def _is_zip(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(2) == b"PK"


def _usual(archive: Archive) -> list[str]:
    """A zip's files without what an operating system adds."""
    return [name for name in archive.names if not _hidden(name)]


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _walked(root: Path) -> tuple[list[str], list[Skipped]]:
    """A folder's files by their path in it, and links, which are not followed: they may lead out of it or in a circle."""
    names, skipped = [], []
    for folder, inner, files in os.walk(root):
        here = Path(folder).relative_to(root)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if len(here.parts) >= DEEPEST and inner:
            raise DataError(
                tr("{folder} lies more than {most} folders deep.", folder=root / here, most=DEEPEST),
                tr("Give a folder that is closer to them."),
            )
        skipped += [
            ((here / name).as_posix(), mark("is a link to a folder"))
            for name in inner
            if (root / here / name).is_symlink()
        ]
        for name in files:
            path = (here / name).as_posix()
            if (root / path).is_symlink():
                skipped.append((path, mark("is a link")))
            elif not name.startswith("."):
                names.append(path)
        if len(names) > 2 * MOST:
            raise DataError(
                tr("{folder} holds more than {most:,} files.", folder=root, most=2 * MOST),
                tr("Give the folder that holds the classes."),
            )
    return names, skipped


def _sorted_out(source: Path, names: list[str], skipped: list[Skipped]) -> Listed:
    """Names of files to classes: the folders they lie in, without those that all of them share."""
    pictures, others = [], 0
    for name in sorted(names):
        if PurePosixPath(name).suffix.lower() in SUFFIXES:
            pictures.append(name)
        elif PurePosixPath(name).suffix.lower() in UNREAD:
            skipped.append((name, mark("is of a kind that is not read; save it as JPEG")))
        else:
            others += 1
    folders = {PurePosixPath(name).parent for name in pictures}
    shared = _shared(folders)
    classes: dict[str, list[str]] = {}
    places: dict[str, set[str]] = {}
    by_folder = {folder: PurePosixPath(*folder.parts[shared:]) for folder in folders}
    said = all(folder.parts and folder.parts[0].lower() in SPLIT_FOLDERS for folder in by_folder.values())
    for name in pictures:
        folder = by_folder[PurePosixPath(name).parent]
        split = SPLIT_FOLDERS[folder.parts[0].lower()] if said and folders else ""
        label = PurePosixPath(*folder.parts[1:]) if said else folder
        if not label.parts:
            skipped.append((name, mark("lies in no class's folder")))
            continue
        classes.setdefault(_label(str(label)), []).append(name)
        places.setdefault(_label(str(label)), set()).add(split)
    # The same classes in train and test, as for an ordinary classifier, are whole classes here.
    apart = said and all(len(place) == 1 for place in places.values())
    splits = {label: next(iter(place)) for label, place in places.items()} if apart else {}
    return Listed(source, dict(sorted(classes.items())), splits, skipped, others)


def _shared(folders: set[PurePosixPath]) -> int:
    """How many folders, one in another, hold all the classes: a zip often has one at its top. Not the classes' own."""
    count = 0
    while folders and len({folder.parts[: count + 1] for folder in folders}) == 1:
        if any(len(folder.parts) <= count + 1 for folder in folders):
            break
        count += 1
    return count


def _label(text: str) -> str:
    """A class's name as it is kept: printable, and no longer than anyone reads."""
    printable = text.encode("utf-8", "backslashreplace").decode()
    if not printable.isprintable():
        printable = printable.encode("unicode_escape").decode("ascii")
    return shortened(printable, LONGEST)


def _of_list(source: Path) -> Listed:
    """A CSV file of paths, below its own folder, and labels, with a line of titles or without."""
    rows = _rows(source)
    if rows and not _is_picture(rows[0][1][0]):
        rows = rows[1:]  # titles
    classes: dict[str, list[str]] = {}
    found = Listed(source, classes)
    for line, row in rows:
        if len(row) < 2 or not row[1].strip():
            raise DataError(
                tr("Line {line} of {source} has no label.", line=line, source=source),
                tr("Write path,label in each line, or delete it."),
                str(source),
            )
        path, label = PurePosixPath(row[0].strip().replace("\\", "/")), _label(row[1].strip())
        if path.is_absolute() or ".." in path.parts or ":" in str(path):
            message = tr(
                "Line {line} of {source} names {path}, which is not below the list's own folder.",
                line=line,
                source=source,
                path=short(str(path)),
            )
            raise DataError(
                message, tr("Put the list beside the pictures and write their paths from there."), str(source)
            )
        if (source.parent / path).is_symlink():
            found.skipped.append((str(path), mark("is a link")))
        elif not (source.parent / path).is_file():
            found.skipped.append((str(path), mark("does not exist")))
        else:
            classes.setdefault(label, []).append(str(path))
    for label, count in ((label, Counter(files)) for label, files in classes.items()):
        classes[label] = sorted(count)
    found.classes = dict(sorted(classes.items()))
    return found


def _is_picture(name: str) -> bool:
    return PurePosixPath(name.strip()).suffix.lower() in (*SUFFIXES, *UNREAD)


def _rows(source: Path) -> list[tuple[int, list[str]]]:
    """The file's rows with the numbers of their lines, without empty ones. Raises DataError."""
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = tr(
            "{source} is not written in UTF-8: line {line} has the byte 0x{byte:02x}.",
            source=source,
            line=line,
            byte=error.object[error.start],
        )
        raise DataError(message, tr("Save it as UTF-8, in a spreadsheet “CSV UTF-8”."), str(source)) from None
    except OSError as error:
        raise DataError(
            tr("{path} cannot be read: {reason}.", path=source, reason=error.strerror),
            tr("Allow reading it."),
            str(source),
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(
            tr("{source} is no CSV file: {error}.", source=source, error=error),
            tr("Write path,label in each line."),
            str(source),
        ) from error
