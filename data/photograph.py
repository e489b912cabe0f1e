"""Any picture a person may have, as a square of one size: photographs of phones, scans, drawings. Free of torch."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from data.archive import DAMAGED
from data.language import tr

# What is taken for a picture by its name. The last ones are pictures that nobody here can read, and that is said of them.
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
UNREAD = (".heic", ".heif", ".avif", ".raw", ".dng", ".cr2", ".nef")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST = 50_000_000  # pixels; of a JPEG, which is decoded at an eighth of its size, as many as PIL opens: 178,956,970
WHITE = (255, 255, 255, 255)


def photograph(file: Path | bytes, side: int, *, stretched: bool = False) -> tuple[np.ndarray, bool]:
    """The largest square in the picture's middle, upright, in RGB: uint8 (3, side, side); and whether it is a grey picture.

    Of an animation its first picture, what is transparent on white. stretched: all of the picture instead of its middle. Raises
    ValueError, which says why it cannot be read.
    """
    Image.init()  # WebP and TIFF are not among the formats that PIL knows from the beginning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of many pixels, which are counted below
            with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=FORMATS) as picture:
                return _square(picture, side, stretched)
    except UnidentifiedImageError:
        raise ValueError(tr("it is no picture of a kind that is read (JPEG, PNG, WebP, GIF, BMP, TIFF)")) from None
    except Image.DecompressionBombError:
        raise ValueError(tr("it has more pixels than are read")) from None
    except (*DAMAGED, MemoryError) as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else type(error).__name__) from None


def _square(picture: Image.Image, side: int, stretched: bool) -> tuple[np.ndarray, bool]:
    if picture.format not in ("JPEG", "MPO") and picture.width * picture.height > MOST:
        raise ValueError(
            tr(
                "it has {width} × {height} pixels, and {most:,} are the most",
                width=picture.width,
                height=picture.height,
                most=MOST,
            )
        )
    picture.draft(
        None, (2 * side, 2 * side)
    )  # a JPEG is decoded at a half, a quarter or an eighth, but no smaller than this
    ImageOps.exif_transpose(picture, in_place=True)
    grey = picture.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
    plain = _eight_bits(picture)
    edge = min(plain.size)
    left, top = (plain.width - edge) // 2, (plain.height - edge) // 2
    box = None if stretched else (left, top, left + edge, top + edge)
    small = plain.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    if small.mode in ("RGBA", "LA"):
        small = small.convert("RGBA")
        small = Image.alpha_composite(Image.new("RGBA", small.size, WHITE), small)
    return np.ascontiguousarray(np.asarray(small.convert("RGB")).transpose(2, 0, 1)), grey


def _eight_bits(picture: Image.Image) -> Image.Image:
    """The picture in a mode that can be made smaller smoothly: L, LA, RGB, RGBA, CMYK."""
    if picture.mode.startswith("I"):  # 16 bits, which PIL itself would cut off at 255
        values = np.asarray(picture).astype(np.float64)
        white = 255 if picture.mode == "I" and values.max() <= 255 else 65535
        return Image.fromarray((values * (255 / white)).clip(0, 255).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError(tr("it holds real numbers; save it with 8 or 16 bits"))
    if picture.has_transparency_data and picture.mode not in ("RGBA", "LA"):
        return picture.convert("RGBA")
    if picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def as_grey(images: np.ndarray) -> np.ndarray:
    """RGB to luminance as PIL weighs it: uint8 (n, 3, height, width) → (n, 1, height, width)."""
    red, green, blue = (images[:, [channel]].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Squares of another size: uint8 (n, channels, height, width) → (n, channels, side, side)."""
    found = np.empty((*images.shape[:2], side, side), np.uint8)
    for number, channels in enumerate(images):
        for channel, plane in enumerate(channels):
            small = Image.fromarray(plane).resize((side, side), Image.Resampling.LANCZOS)
            found[number, channel] = np.asarray(small)
    return found
