"""Pictures from zips that anybody may have packed: looked through before anything is unpacked, and read in pieces.

Whatever is wrong with one, hostile or only damaged, is a DataError of one sentence, and costs no more memory than the
limits allow.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from data.errors import DataError
from data.language import tr

MIB = 2**20
DIRECTORY = 32 * MIB  # bytes of a zip's list of entries, which zipfile reads whole; 300,000 entries of usual names
PIECE = 2**16  # bytes unpacked at a time
SHORT = 60  # characters of an entry's name that an error repeats
DEEPEST = 16  # folders within folders
SMALL = MIB  # bytes; what is no larger may be packed as tightly as it likes
# Bzip2 and LZMA unpack a piece without asking how much comes out of it.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile and PIL raise over damaged content: a bad directory or checksum, a cut or broken stream, no picture.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, SyntaxError, NotImplementedError,
    RuntimeError, OverflowError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """entries: how many. entry, total: bytes of one and of all, unpacked. ratio: unpacked to packed size of an entry.
    pixels: of a picture.
    """

    entries: int = 200_000
    entry: int = 64 * MIB
    total: int = 16 * 1024 * MIB
    ratio: float = 200.0
    pixels: int = 50_000_000


@contextmanager
def opened(path: Path, limits: Limits | None = None, remedy: str = "") -> Iterator["Archive"]:
    """The archive at ``path``, looked through. Raises DataError, also for what the body meets in it (ValueError, OSError).

    remedy: what to do if it cannot be used.
    """
    try:
        with _Bounded(io.FileIO(path)) as file, zipfile.ZipFile(file) as zipped:
            yield Archive(zipped, limits or Limits())
    except PermissionError as error:
        raise DataError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror), tr("Allow reading it."), str(path)
        ) from error
    except DAMAGED as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise DataError(
            tr("{path} cannot be used: {reason}.", path=path, reason=reason), remedy or tr("Pack it anew."), str(path)
        ) from error


class Archive:
    """A zip whose entries are all within the limits. Raises ValueError where one is not."""

    def __init__(self, zipped: zipfile.ZipFile, limits: Limits):
        self.zipped, self.limits = zipped, limits
        entries = zipped.infolist()
        if len(entries) > limits.entries:
            raise ValueError(tr("it has {n:,} entries, and {most:,} are the most", n=len(entries), most=limits.entries))
        for entry in entries:
            if problem := self.problem(entry):
                raise ValueError(tr("its entry {name} {problem}", name=short(entry.filename), problem=problem))
        self.names = [entry.filename for entry in entries if not entry.is_dir()]
        if len(set(self.names)) < len(self.names):
            raise ValueError(tr("it has two entries of one name"))
        total = sum(entry.file_size for entry in entries)
        if total > limits.total:
            raise ValueError(
                tr("it unpacks to {size}, and {most} are the most", size=_size(total), most=_size(limits.total))
            )

    def problem(self, entry: zipfile.ZipInfo) -> str:
        """Why an entry is not to be read, as the end of a sentence; empty if it may be."""
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if stat.S_ISLNK(entry.external_attr >> 16):
            return tr("is a link")
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
            return tr("names a place outside of the archive")
        if len(parts) > DEEPEST:
            return tr("lies {n} folders deep, and {most} are the most", n=len(parts), most=DEEPEST)
        if entry.flag_bits & 1:
            return tr("is encrypted")
        if entry.compress_type not in PACKINGS:
            return tr("is packed in a way that is not read; pack it as an ordinary zip")
        if entry.file_size > self.limits.entry:
            return tr(
                "unpacks to {size}, and {most} are the most", size=_size(entry.file_size), most=_size(self.limits.entry)
            )
        if entry.file_size > max(SMALL, self.limits.ratio * entry.compress_size):
            return tr("unpacks to more than {ratio:g} times its size", ratio=self.limits.ratio)
        return ""

    def read(self, name: str) -> bytes:
        """An entry's content, unpacked piece by piece: what the list of entries says of its size may be a lie."""
        pieces, size = [], 0
        with self.zipped.open(name) as entry:
            while piece := entry.read(PIECE):
                size += len(piece)
                if size > self.limits.entry:
                    raise ValueError(
                        tr("{name} unpacks to more than {size}", name=short(name), size=_size(self.limits.entry))
                    )
                pieces.append(piece)
        return b"".join(pieces)

    def picture(self, name: str, formats: tuple[str, ...] = ("PNG", "JPEG")) -> Image.Image:
        """The picture in an entry, loaded. Raises ValueError that names it."""
        try:
            return decode(self.read(name), formats, self.limits.pixels)
        except DAMAGED as error:
            raise ValueError(f"{short(name)}: {error}") from error


def decode(content: bytes, formats: tuple[str, ...] = ("PNG", "JPEG"), most: int = Limits.pixels) -> Image.Image:
    """A picture of one of these formats, loaded. Raises ValueError or OSError; one of too many pixels is never unpacked."""
    try:
        picture = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError as error:
        raise ValueError(tr("this is no picture ({formats})", formats=tr(" or ").join(formats))) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(tr("the picture has more than the {most:,} pixels that are the most", most=most)) from error
    if picture.width * picture.height > most:
        raise ValueError(
            tr(
                "the picture has {width} × {height} pixels, and {most:,} are the most",
                width=picture.width,
                height=picture.height,
                most=most,
            )
        )
    picture.load()
    return picture


class _Bounded(io.BufferedReader):
    """A file that nothing reads in one piece beyond DIRECTORY: zipfile believes the file about how long its list is."""

    def read(self, size: int | None = -1) -> bytes:
        everything = size is None or size < 0
        content = super().read(DIRECTORY + 1 if everything else min(size, DIRECTORY + 1))
        if len(content) > DIRECTORY:
            raise ValueError(tr("its list of entries takes more than {size}", size=_size(DIRECTORY)))
        return content


def short(name: str) -> str:
    """An entry's name as an error repeats it: printable, and not a page long."""
    printable = name.encode("unicode_escape").decode("ascii") if not name.isprintable() else name
    return printable if len(printable) <= SHORT else f"{printable[: SHORT - 1]}…"


def _size(count: int) -> str:
    return f"{count / MIB:,.0f} MiB"
