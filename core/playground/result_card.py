"""A picture of a game's result, to keep."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.playground.versus import Score
from data.language import ENGLISH, speaking, tr

WIDTH, MARGIN, LINE = 1000, 56, 64  # pixels
PAPER, INK, QUIET, BAR, RANGE = "#ffffff", "#0f1523", "#5b6475", "#3b55d9", "#c9d1f6"
BAR_LEFT, BAR_WIDTH = 400, 300


@dataclass(frozen=True)
class Row:
    """Somebody's score."""

    name: str
    score: Score

    @property
    def words(self) -> str:
        """``17 of 20``."""
        return tr("{right} of {total}", right=self.score.right, total=self.score.of)


def share(score: Score) -> str:
    """In per cent with its 95 % interval: ``85 % (64 to 95)``."""
    percent = {"share": 100 * score.share, "low": 100 * score.low, "high": 100 * score.high}
    return tr("{share:.0f} % ({low:.0f} to {high:.0f})", **percent)


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 0.1 else f"{1000 * value:.0f} ms"


@speaking(ENGLISH)  # the font has no other letters
def result_card(title: str, below: str, rows: Sequence[Row], asked: Sequence[np.ndarray]) -> bytes:
    """As PNG, in English.

    below: a line under the title. asked: some of the pictures that were asked for, uint8 (channels, height, width).
    """
    height = MARGIN + 120 + LINE * len(rows) + 150
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    large, usual, small = (ImageFont.load_default(size) for size in (40, 26, 20))
    pen.text((MARGIN, MARGIN - 10), title, INK, large)
    pen.text((MARGIN, MARGIN + 48), below, QUIET, small)
    for number, row in enumerate(rows):
        top = MARGIN + 110 + LINE * number
        pen.text((MARGIN, top), row.name[:24], INK, usual)
        _bar(pen, row.score, top + 8)
        pen.text((BAR_LEFT + BAR_WIDTH + 24, top - 4), f"{row.words}, {seconds(row.score.seconds)} each", INK, small)
        pen.text((BAR_LEFT + BAR_WIDTH + 24, top + 20), f"{share(row.score)}", QUIET, small)
    _pictures(sheet, asked, height - 116)
    pen.text((MARGIN, height - 40), "Innerloop. The range is the 95 % interval of the share (Wilson).", QUIET, small)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _bar(pen: ImageDraw.ImageDraw, score: Score, top: int) -> None:
    """The share as a line, its interval behind."""
    low, at, high = (BAR_LEFT + BAR_WIDTH * value for value in (score.low, score.share, score.high))
    pen.rectangle((BAR_LEFT, top + 8, BAR_LEFT + BAR_WIDTH, top + 12), "#eef1f5")
    pen.rectangle((low, top + 4, high, top + 16), RANGE)
    pen.rectangle((at - 3, top - 2, at + 3, top + 22), BAR)


def _pictures(sheet: Image.Image, asked: Sequence[np.ndarray], top: int) -> None:
    side, gap = 56, 12
    for number, picture in enumerate(asked[: (WIDTH - 2 * MARGIN) // (side + gap)]):
        pixels = 255 - picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
        tile = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(tile, (MARGIN + number * (side + gap), top))
