"""What the standard sets of colour pictures share: a hundred classes of 600 pictures, in splits that everybody uses."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.augment import AugmentedConfig
from data.cache import mapped
from data.errors import DataError
from data.family import SPLITS, Split
from data.language import tr
from data.pictures import Pictures, Pool
from data.places import Folders, OnProgress
from data.sizes import Sizes
from data.spec import InputSpec

EACH = 600  # pictures of a class
CHANNELS = 3


class StandardConfig(AugmentedConfig):
    """What every standard set's config has; its size and splits are everybody's."""

    side: ClassVar[int]

    @property
    def picture_spec(self) -> InputSpec:
        return InputSpec((CHANNELS, self.side, self.side))


class Standard(Pictures):
    """100 classes, 64 to train, 16 to validate and 20 to test, decoded once into a file of the cache folder."""

    config: StandardConfig
    group = "downloaded"

    @classmethod
    def splits(cls) -> Mapping[Split, list[str]]:
        """The classes of each split, in the order of the lists that were published."""
        return _splits(cls.Config.model_fields["name"].default)

    @classmethod
    def sizes(cls, config: StandardConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return {split: Sizes.even(len(cls.splits()[split]), EACH) for split in SPLITS}

    def names(self, split: Split) -> list[str]:
        return self.splits()[split]

    @abstractmethod
    def pictures_of(self, name: str) -> np.ndarray:
        """A class's pictures, uint8 (600, 3, side, side). Raises DataError for files that are damaged."""

    @abstractmethod
    def key(self) -> str:
        """What the decoded pictures are kept by: another one where the files are others."""

    def fingerprint(self, split: Split) -> str:
        return f"{self.config.name}-{self.key()}-{split}"

    def load(self, split: Split, progress: OnProgress) -> Pool:
        if missing := self.missing(self.datasets):
            raise DataError(tr("{path} is missing.", path=missing[0]), tr(self.by_hand), str(missing[0]))
        names = [name for each in SPLITS for name in self.splits()[each]]
        side, of = self.config.side, f"{self.config.name}-{self.key()}.pixels"
        shape = (len(names) * EACH, CHANNELS, side, side)
        images = mapped(
            self.cache / of, shape, EACH, lambda start: self.pictures_of(names[start // EACH]), progress, self.title
        )
        first = names.index(self.splits()[split][0])
        return Pool.even(images.unflatten(0, (len(names), EACH))[first : first + len(self.splits()[split])])


@cache
def _splits(name: str) -> Mapping[Split, list[str]]:
    return json.loads((Path(__file__).parent / "splits" / f"{name}.json").read_text())
