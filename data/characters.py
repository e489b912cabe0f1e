"""What families of drawn characters share: grey pictures of 28×28 pixels."""

from data.extractor import ExtractedConfig
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
