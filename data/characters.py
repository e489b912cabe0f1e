"""What families of drawn characters share: grey pictures of 28×28 pixels."""

from pathlib import Path

import numpy as np

from data.extractor import ExtractedConfig
from data.photograph import as_grey, photograph
from data.pictures import Pictures
from data.spec import InputSpec

SIDE = 28  # pixels


class CharactersConfig(ExtractedConfig):
    """What every family of characters has beside the shape of its tasks."""

    @property
    def picture_spec(self) -> InputSpec:
        return InputSpec((1, SIDE, SIDE))


class Characters(Pictures):
    """N-way K-shot classification of 28×28 characters, white ink on black, in [0, 1]; 32,460 of them take 25 MB."""

    config: CharactersConfig

    def as_drawn(self, file: Path | bytes) -> np.ndarray:
        """All of a drawing, black on white or white on black, as ``ink`` on black."""
        image, _ = photograph(file, SIDE, stretched=True)
        return ink(as_grey(image[None])[0])


def ink(grey: np.ndarray) -> np.ndarray:
    """How far each pixel is from the paper, which the picture's border shows: uint8 (1, 28, 28), and white on black after it."""
    border = np.concatenate([grey[0, [0, -1]].ravel(), grey[0, :, [0, -1]].ravel()])
    paper, values = int(np.median(border)), grey.astype(np.int16)
    return (paper - values if paper > 127 else values - paper).clip(0).astype(np.uint8)
