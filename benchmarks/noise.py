"""Pictures of noise, as costly as real ones of their size, with nothing to download."""

from typing import Literal

import torch

from data.family import SPLITS, ClassificationConfig, OnProgress, Split
from data.pictures import Pictures, Pool
from data.places import Folders
from data.sizes import Sizes
from data.spec import InputSpec

CLASSES, EXAMPLES = 100, 20  # of each split


class NoiseConfig(ClassificationConfig):
    """N-way K-shot tasks over pictures of noise of any size."""

    name: Literal["noise"] = "noise"
    input_shape: tuple[int, int, int] = (1, 28, 28)

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec(self.input_shape)


class Noise(Pictures):
    """Outside ``data/``, so that no form offers it."""

    Config = NoiseConfig
    config: NoiseConfig
    title = "Noise"
    summary = "Pictures drawn at random, for measuring."

    @classmethod
    def sizes(cls, config: NoiseConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return {split: Sizes.even(CLASSES, EXAMPLES) for split in SPLITS}

    def load(self, split: Split, progress: OnProgress) -> Pool:
        generator = torch.Generator().manual_seed(SPLITS.index(split))
        shape = (CLASSES * EXAMPLES, *self.config.input_shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return Pool(images, torch.full((CLASSES,), EXAMPLES))
