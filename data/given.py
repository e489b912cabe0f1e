"""What a person gives a trained learner from files: labelled examples to adapt to, and what is asked afterwards."""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from data.errors import DataError, InputError, shortened
from data.language import tr
from data.table import MOST_BYTES, decoded

MOST_CLASSES, MOST_EXAMPLES = 200, 2_000  # of a support set
MOST_QUERIES = 10_000
LARGEST = 1e30  # of a number
STDIN = "-"


@dataclass(frozen=True)
class Given:
    """A support set of one's own. inputs: (n, *input). targets: class indices (n,) int64, values (n, 1), or integers (n, length)
    of translations.

    classes: their names, by index; empty where tasks have no classes. remarks: what was left out or may be wrong, as sentences.
    """

    inputs: Tensor
    targets: Tensor
    classes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Queries:
    """What is asked. inputs: (n, *input). names: of each a file, a text or a number. remarks: as of ``Given``."""

    inputs: Tensor
    names: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def nothing_to_give(title: str) -> InputError:
    return InputError(
        tr("{title} takes no examples out of files.", title=tr(title)),
        tr("Choose a run on pictures, texts, names or curves."),
        "support",
    )


def check_classes(source: Path | str, by_class: Mapping[str, Sequence[object]], remedy: str) -> None:
    """Whether they make a support set. remedy: how a further class is given. Raises DataError."""
    classes, examples = len(by_class), sum(map(len, by_class.values()))
    if classes < 2:
        text = tr("{source} has no class, and a task takes two or more.", source=source)
        if by_class:
            text = tr(
                "{source} has the one class {name}, and a task takes two or more.",
                source=source,
                name=shortened(next(iter(by_class)), 60),
            )
        raise DataError(text, remedy, "support")
    if classes > MOST_CLASSES or examples > MOST_EXAMPLES:
        text = tr(
            "{source} has {examples:,} examples of {classes:,} classes, and a task takes {most_examples:,} of "
            "{most_classes} at most.",
            source=source,
            examples=examples,
            classes=classes,
            most_examples=MOST_EXAMPLES,
            most_classes=MOST_CLASSES,
        )
        raise DataError(text, tr("Give fewer: a few of each class are what a learner was trained on."), "support")


def check_queries(count: int) -> None:
    """Raises InputError for none, or for more than are answered at once."""
    if not count:
        raise InputError(tr("There is nothing to answer for."), tr("Name at least one query."), "query")
    if count > MOST_QUERIES:
        text = tr("{count:,} queries are asked, and {most:,} are the most at once.", count=count, most=MOST_QUERIES)
        raise InputError(text, tr("Ask in several calls."), "query")


@contextmanager
def readable(file: Path | str, remedy: str, path: str) -> Iterator[None]:
    """Turns what reading a file raises into a DataError. path: of the error, ``support`` or ``query``."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(tr("{path} does not exist.", path=file), tr("Check the path."), path) from error
    except IsADirectoryError as error:
        raise DataError(tr("{file} is a folder.", file=file), tr("Name the files in it."), path) from error
    except OSError as error:
        raise DataError(
            tr("{path} cannot be read: {reason}.", path=file, reason=error.strerror or error), remedy, path
        ) from error
    except (ValueError, RecursionError, OverflowError) as error:
        reason = shortened(str(error).strip() or type(error).__name__, 200).rstrip(".")
        raise DataError(tr("{path} cannot be read: {reason}.", path=file, reason=reason), remedy, path) from error


def text_of(file: Path | str) -> tuple[str, list[str]]:
    """A file's text, or what stdin brings for ``-``, and a remark where its encoding was guessed. Raises ValueError, OSError."""
    if str(file) == STDIN:
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with Path(file).open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(tr("it has more than the {most} MiB that are the most", most=MOST_BYTES // 2**20))
    text, remark = decoded(content)
    return text, [remark] if remark else []


def lines_of(file: Path | str) -> tuple[list[str], list[str]]:
    """Its lines that hold something, and remarks. Raises ValueError, also where there are none, and OSError."""
    text, remarks = text_of(file)
    found = [line for line in (" ".join(one.split()) for one in text.splitlines()) if line]
    if not found:
        raise ValueError(tr("it is empty"))
    return found, remarks


def lines_asked(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is asked in files of one query a line, and remarks. Raises DataError."""
    found, remarks = [], []
    for file in files:
        with readable(file, tr("Give a file of text with one query a line, in UTF-8."), "query"):
            lines, said = lines_of(file)
        found, remarks = found + lines, remarks + said
    return found, remarks


def numbers_of(file: Path | str, names: Sequence[str]) -> list[list[float]]:
    """Rows of as many finite numbers as there are names, behind a line of titles or none. Raises ValueError, OSError."""
    lines, _ = lines_of(file)
    separator = max(",;\t ", key=lines[-1].count)
    rows, found = list(csv.reader(lines, delimiter=separator)), []
    for place, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row if cell.strip()]
        values = [number for number in map(_number, cells) if number is not None]
        if place == 1 and not values and len(rows) > 1:  # titles
            continue
        if len(values) != len(names) or len(cells) != len(names):
            raise ValueError(
                tr(
                    "its line {place}, “{line}”, is not {names} in numbers",
                    place=place,
                    line=shortened(lines[place - 1], 40),
                    names=tr(" and ").join(names),
                )
            )
        found.append(values)
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < LARGEST else None  # not a number is not smaller
