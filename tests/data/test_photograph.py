"""Whatever kind of picture a person has becomes a square in RGB that shows the same; what is none says why."""

import io

import numpy as np
import pytest
from PIL import Image

from data.photograph import as_grey, photograph, resized
from tests.data.hostile_zips import header
from tests.data.photographs import content, pixels

SIDE = 32
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def center(image: np.ndarray) -> tuple[int, ...]:
    return tuple(image[:, SIDE // 2, SIDE // 2].tolist())


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    image, grey = photograph(content(1), SIDE)
    assert np.array_equal(image, pixels(1).transpose(2, 0, 1))
    assert not grey


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright_however_the_camera_was_held(orientation: int) -> None:
    """Each of the EXIF standard's orientations, undone by numpy: by hand, from its table."""
    stored = pixels(2)
    upright = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1), 7: np.rot90(stored, 2).transpose(1, 0, 2), 8: np.rot90(stored),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, _ = photograph(saved(Image.fromarray(stored), exif=exif), SIDE)
    assert np.array_equal(image, upright.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("picture", "shown", "grey"),
    [
        (Image.new("L", (50, 40), 90), (90, 90, 90), True),
        (Image.new("1", (50, 40), 1), WHITE, True),
        (Image.fromarray(np.full((40, 50), 0x8000, np.uint16)), (127, 127, 127), True),
        (Image.new("RGBA", (40, 40), (255, 0, 0, 0)), WHITE, False),
        (Image.new("RGBA", (40, 40), (255, 0, 0, 255)), RED, False),
        (Image.new("LA", (40, 40), (0, 0)), WHITE, True),
        (Image.new("RGB", (40, 40), RED).quantize(4), RED, False),
        (Image.new("RGB", (1, 1), RED), RED, False),
        (Image.new("RGB", (3000, 2), RED), RED, False),
    ],
    ids=["grey", "one bit", "16 bits", "transparent", "opaque", "grey, transparent", "palette", "one pixel", "a line"],
)
def test_every_kind_of_png_is_read(picture: Image.Image, shown: tuple[int, ...], grey: bool) -> None:
    image, found = photograph(saved(picture), SIDE)
    assert image.shape == (3, SIDE, SIDE)
    assert center(image) == shown
    assert found is grey


def test_a_palette_with_a_transparent_color_lies_on_white() -> None:
    picture = Image.new("P", (40, 40), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    assert center(photograph(saved(picture, transparency=0), SIDE)[0]) == WHITE


def test_colors_of_print_become_those_of_a_screen() -> None:
    image, _ = photograph(saved(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"), SIDE)
    assert np.abs(np.subtract(center(image), RED)).max() < 5


def test_of_an_animation_the_first_picture_counts() -> None:
    first, second = Image.new("RGB", (40, 40), RED), Image.new("RGB", (40, 40), BLACK)
    for kind in ("GIF", "WEBP"):
        file = saved(first, kind, save_all=True, append_images=[second], lossless=True)
        assert np.abs(np.subtract(center(photograph(file, SIDE)[0]), RED)).max() < 5


def test_a_large_photograph_is_decoded_small_and_shows_its_middle() -> None:
    picture = Image.new("RGB", (1600, 400), BLACK)
    picture.paste(RED, (600, 0, 1000, 400))
    image, _ = photograph(saved(picture, "JPEG"), SIDE)
    assert image[0].min() > 230, "the square in the middle, and nothing else"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "no picture of a kind that is read"),
        (b"hello", "no picture of a kind that is read"),
        (content(1, "JPEG", 200)[:1500], "truncated"),
        (header(9000, 9000), "9000 × 9000 pixels, and 50,000,000 are the most"),
        (header(60000, 60000), "more pixels than are read"),
        (saved(Image.new("F", (40, 40)), "TIFF"), "holds real numbers; save it with 8 or 16 bits"),
    ],
    ids=["empty", "text", "cut off", "many pixels", "far too many", "real numbers"],
)
def test_what_cannot_be_read_says_why(file: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        photograph(file, SIDE)


def test_grey_is_weighed_as_pil_does_and_smaller_ones_are_smoothed() -> None:
    image = pixels(3)
    grey = as_grey(image.transpose(2, 0, 1)[None])
    assert np.abs(grey[0, 0].astype(int) - np.asarray(Image.fromarray(image).convert("L"))).max() <= 1
    small = np.asarray(Image.fromarray(image[..., 0]).resize((28, 28), Image.Resampling.LANCZOS))
    assert np.array_equal(resized(image.transpose(2, 0, 1)[None], 28)[0, 0], small)
