"""Texts and labels out of a person's own file: CSV, TSV or JSON lines, and in words what of it cannot be used."""

import codecs
import io
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError, shortened
from data.language import current, mark, plural, tr

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_BYTES, MOST_ROWS = 64 * 2**20, 1_000_000
SEPARATORS = {".csv": ",;\t", ".tsv": "\t", ".tab": "\t", ".jsonl": "", ".ndjson": ""}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
EXTENSIONS = ", ".join(SEPARATORS)
QUOTED = mark("put texts with commas into quotes")


@dataclass(frozen=True)
class Table:
    """by_class: the texts of each label that has two or more, labels in alphabetical order, texts in the file's. remarks: what
    was left out, and what may be wrong, as sentences.
    """

    by_class: dict[str, list[str]]
    remarks: tuple[str, ...]


def read(path: Path, text: str, label: str) -> Table:
    """The file's table. text, label: names of its two columns. Raises DataError that says what to do.

    Read anew only when the file has changed.
    """
    try:
        stat = path.stat()
        if not path.is_file():
            raise DataError(tr("{path} is no file.", path=path), tr("Name a file."), "family.file")
        return _read(path, text, label, stat.st_size, stat.st_mtime_ns, current())
    except FileNotFoundError as error:
        remedy = tr("Put it there, or give its whole path.")
        raise DataError(tr("{path} is missing.", path=path), remedy, "family.file") from error
    except OSError as error:
        message = tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error)
        raise DataError(message, tr("Name a file that this server may read."), "family.file") from error
    except (ValueError, RecursionError, OverflowError) as error:
        reason = shortened(str(error).strip() or type(error).__name__, 200).rstrip(".")
        remedy = tr("Give a table with a line of names, or JSON lines ({extensions}), in UTF-8.", extensions=EXTENSIONS)
        raise DataError(
            tr("{path} cannot be read: {reason}.", path=path, reason=reason), remedy, "family.file"
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, text: str, label: str, size: int, changed: int, language: str) -> Table:  # noqa: ARG001 - of another time
    # is another, and so are remarks in another language
    rows, remark = rows_of(path, text, label)
    return sorted_out(rows, [remark] if remark else [])


def rows_of(path: Path, text: str, label: str) -> tuple[list[tuple[str, str]], str]:
    """Text and label of each row, and a sentence where the encoding was guessed. Raises ValueError and OSError."""
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            tr("it has {size:,.0f} MiB, and {most} are the most", size=size / 2**20, most=MOST_BYTES // 2**20)
        )
    suffix = path.suffix.lower()
    if suffix not in SEPARATORS:
        raise ValueError(tr("its name ends with none of {extensions}", extensions=EXTENSIONS))
    content, remark = decoded(path.read_bytes())
    rows = (
        table_rows(content, SEPARATORS[suffix], text, label) if SEPARATORS[suffix] else json_rows(content, text, label)
    )
    return rows, remark


def decoded(content: bytes) -> tuple[str, str]:
    """The text, and a sentence where its encoding had to be guessed. Raises ValueError for what is no text."""
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        found, remark = content.decode(encoding), ""
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise
        try:
            encoding, found = "cp1252", content.decode("cp1252")
        except UnicodeDecodeError:  # five of its bytes are no letter
            encoding, found = "latin-1", content.decode("latin-1")
        remark = tr(
            "The file is not UTF-8 and was read as {encoding}; save it as UTF-8 if letters look wrong.",
            encoding=encoding,
        )
    if "\0" in found:
        raise ValueError(tr("it holds zero bytes, as no text does"))
    return found, remark


def table_rows(content: str, separators: str, text: str, label: str) -> list[tuple[str, str]]:
    """Text and label of each row. separators: of which that is taken which finds both columns. Raises ValueError."""
    names: list[str] = []
    for separator in separators:
        head = parsed(content, separator, 0)
        if {text, label} <= set(head.columns):
            table = parsed(content, separator, MOST_ROWS + 1)
            limited(len(table))
            return list(zip(table[text], table[label], strict=True))
        names = names or list(head.columns)
    raise absent(text, label, names)


def parsed(content: str, separator: str, rows: int) -> "DataFrame":
    """So many rows of a table, at most, as they are written. Raises ValueError, also for a row longer than the first line."""
    import pandas as pd  # here: it takes a second, which every worker would wait for

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(content), sep=separator, nrows=rows, dtype=str, keep_default_na=False, index_col=False
            )
    except pd.errors.EmptyDataError:
        raise ValueError(tr("it is empty")) from None
    except pd.errors.ParserWarning:
        raise ValueError(tr("its rows are longer than its line of names; {quoted}", quoted=tr(QUOTED))) from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{str(error).strip().rpartition('C error: ')[2]}; {tr(QUOTED)}") from error


def json_rows(content: str, text: str, label: str) -> list[tuple[str, str]]:
    """Text and label of each line, an object of JSON; a number is taken as it is written. Raises ValueError."""
    rows = []
    for number, line in enumerate(filter(str.strip, content.split("\n")), 1):
        limited(number)
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(tr("its line {number} is no JSON ({reason})", number=number, reason=error.msg)) from error
        if not isinstance(row, dict):
            raise ValueError(tr("its line {number} is no object with names", number=number))
        if not {text, label} <= row.keys():
            raise absent(text, label, list(row))
        rows.append((_plain(row[text]), _plain(row[label])))
    if not rows:
        raise ValueError(tr("it is empty"))
    return rows


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def absent(text: str, label: str, names: Sequence[str]) -> ValueError:
    missing = tr(" and ").join(repr(shortened(name, 40)) for name in dict.fromkeys((text, label)) if name not in names)
    known = ", ".join(repr(shortened(name, 40)) for name in names[:8]) + (" …" if len(names) > 8 else "")
    if not known:
        return ValueError(tr("it has no column {missing}, only nothing", missing=missing))
    return ValueError(tr("it has no column {missing}, only {known}", missing=missing, known=known))


def limited(rows: int) -> None:
    if rows > MOST_ROWS:
        raise ValueError(tr("it has more than {most:,} rows", most=MOST_ROWS))


def sorted_out(rows: Sequence[tuple[str, str]], remarks: list[str]) -> Table:
    """Rows by class, without those that would teach something wrong: no text, no label, one text twice or under two labels."""
    whole = [(" ".join(text.split()), " ".join(label.split())) for text, label in rows]
    used = Counter((text, label) for text, label in whole if text and label)
    labels: dict[str, list[str]] = defaultdict(list)  # of each text
    for text, label in used:
        labels[text].append(label)
    clashing = [text for text, found in labels.items() if len(found) > 1]
    by_class: dict[str, list[str]] = {label: [] for label in sorted({label for _, label in used})}
    for text, found in labels.items():
        if len(found) == 1:
            by_class[found[0]].append(text)
    kept = {label: texts for label, texts in by_class.items() if len(texts) > 1}
    empty, repeated = len(whole) - used.total(), used.total() - len(used)
    return Table(kept, (*remarks, *_left_out(empty, repeated, clashing, len(by_class) - len(kept))))


def _left_out(empty: int, repeated: int, clashing: Sequence[str], alone: int) -> Iterator[str]:
    if empty:
        yield unlabelled(empty)
    if repeated:
        yield plural("{n:,} repetition of a text was left out.", "{n:,} repetitions of a text were left out.", repeated)
    if clashing:
        yield plural(
            "{n:,} text under several labels, such as “{text}”, was left out.",
            "{n:,} texts under several labels, such as “{text}”, were left out.",
            len(clashing),
            text=shortened(clashing[0], 60),
        )
    if alone:
        yield plural(
            "{n:,} class of fewer than two texts was left out.",
            "{n:,} classes of fewer than two texts were left out.",
            alone,
        )


def unlabelled(rows: int) -> str:
    return plural(
        "{n:,} row without a text or a label was left out.", "{n:,} rows without a text or a label were left out.", rows
    )
