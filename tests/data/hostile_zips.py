"""Zips that were made to harm or are broken, each a small file. As a program: opens those it is named, one after another."""

import io
import resource
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from data.archive import opened
from data.errors import DataError

GIB = 2**30


def zeros(size: int) -> bytes:
    """A raw deflate stream of so many zero bytes, put together from one piece of 1 MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size // 2**20) + packer.flush()


def write(path: Path, packed: bytes, size: int, *, name: bytes = b"a.png", packing: int = 8, flags: int = 0) -> None:
    """A zip of one entry whose headers say whatever is wanted. size: unpacked, as stated."""
    common = struct.pack("<HHHHHIIIH", 20, flags, packing, 0, 33, 0, len(packed), size, len(name))
    local = b"PK\3\4" + common + struct.pack("<H", 0) + name + packed
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHHII", 0, 0, 0, 0, 0, 0) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)


def entry(
    path: Path, name: str, content: bytes = b"x", mode: int = stat.S_IFREG, packing: int = zipfile.ZIP_DEFLATED
) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, packing
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, content)


def png(width: int, height: int) -> bytes:
    """A white one-bit picture: 1 kB for each million pixels, or less."""
    file = io.BytesIO()
    Image.new("1", (width, height), 1).save(file, "PNG")
    return file.getvalue()


def header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds nothing."""
    content = png(1, 1)
    said = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + said + struct.pack(">I", zlib.crc32(said)) + content[33:]


def many(path: Path) -> None:
    """More entries than anybody draws: all of them one and the same."""
    name = b"a"
    one = b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name
    count = 250_000
    at = len(local)
    # More than 65,535 need the 64-bit end.
    end = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, count * len(one), at)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, at + count * len(one), 1)
    last = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(local + one * count + end + locator + last)


def long_list(path: Path) -> None:
    """Says that its list of entries takes 3 GiB, and has them as a hole in the file."""
    with path.open("wb") as file:
        file.seek(3 * GIB)
        file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 3 * GIB, 0, 0))


def cut(path: Path) -> None:
    entry(path, "a.png", png(100, 100))
    path.write_bytes(path.read_bytes()[:-30])


# What each is called, how it is made, and what is said of it
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "3 GB": (lambda path: write(path, zeros(3 * GIB), 3 * GIB), "unpacks to 3,072 MiB, and 64 MiB are the most"),
    "3 GB, said to be 1 kB": (lambda path: write(path, zeros(3 * GIB), 1000), "CRC-32"),
    "60 MB from 60 kB": (lambda path: write(path, zeros(60 * 2**20), 60 * 2**20), "more than 200 times its size"),
    "bzip2": (lambda path: entry(path, "a.png", bytes(2**20), packing=zipfile.ZIP_BZIP2), "packed in a way"),
    "lzma": (lambda path: entry(path, "a.png", bytes(2**20), packing=zipfile.ZIP_LZMA), "packed in a way"),
    "many entries": (many, "it has 250,000 entries, and 200,000 are the most"),
    "a long list": (long_list, "its list of entries takes more than 32 MiB"),
    "encrypted": (lambda path: write(path, b"x" * 20, 8, flags=1), "is encrypted"),
    "upwards": (lambda path: entry(path, "a/../../b.png"), "a place outside"),
    "upwards, from Windows": (lambda path: entry(path, "a\\..\\..\\b.png"), "a place outside"),
    "absolute": (lambda path: entry(path, "/etc/b.png"), "a place outside"),
    "a drive": (lambda path: entry(path, "C:/b.png"), "a place outside"),
    "deep": (lambda path: entry(path, "a/" * 300 + "b.png"), "lies 301 folders deep, and 16 are the most"),
    "a link": (lambda path: entry(path, "a.png", b"/etc/passwd", stat.S_IFLNK | 0o777), "its entry a.png is a link"),
    "cut": (cut, "not a zip file"),
    "empty": (lambda path: path.write_bytes(b""), "not a zip file"),
    "a bomb for PIL": (lambda path: entry(path, "a.png", header(60_000, 60_000)), "more than the 50,000,000 pixels"),
    "a warning of PIL": (lambda path: entry(path, "a.png", png(10_000, 10_000)), "10000 × 10000 pixels, and 50,000,000"),
    "a large picture": (lambda path: entry(path, "a.png", png(8000, 8000)), "8000 × 8000 pixels, and 50,000,000"),
    "a cut picture": (lambda path: entry(path, "a.png", png(100, 100)[:60]), "a.png: "),
    "no picture": (lambda path: entry(path, "a.png", b"<svg>"), "a.png: this is no picture (PNG or JPEG)"),
}  # fmt: skip


def read(path: Path) -> None:
    """Unpack every picture in a zip."""
    with opened(path) as archive:
        for name in archive.names:
            archive.picture(name)


if __name__ == "__main__":
    read(Path(sys.argv[1]))  # a good one: whatever has to be imported is
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for hostile in sys.argv[2:]:
        try:
            read(Path(hostile))
        except DataError:
            print(hostile)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, "kB")
