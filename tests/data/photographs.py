"""Pictures of one's own for tests: small, and each unlike all others."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(number: int, side: int = 32, channels: int = 3) -> np.ndarray:
    """Smooth noise, uint8 (side, side, channels), another one for each number."""
    noise = np.random.default_rng(number).integers(0, 256, (4, 4, channels), np.uint8)
    planes = [Image.fromarray(noise[..., i]).resize((side, side), Image.Resampling.BICUBIC) for i in range(channels)]
    return np.stack([np.asarray(plane) for plane in planes], -1)


def content(number: int, kind: str = "PNG", side: int = 32) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(number, side)).save(file, kind)
    return file.getvalue()


def album(root: Path, counts: Mapping[str, int], first: int = 0) -> Path:
    """A folder a class with so many pictures."""
    number = first
    for label, count in counts.items():
        (root / label).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (root / label / f"{i:03}.png").write_bytes(content(number))
            number += 1
    return root


def zipped(folder: Path, path: Path, top: str = "") -> Path:
    """The folder's files in a zip, in a folder of their own if it is named."""
    with zipfile.ZipFile(path, "w") as file:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                file.write(each, f"{top}{each.relative_to(folder)}")
    return path


EIGHT = {f"class{i}": 3 + i for i in range(8)}  # 3 to 10 pictures
