"""A person's own pictures: few-shot tasks from a data set that was imported, see ``import_pictures``."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from data import picture_set
from data.augment import AugmentedConfig
from data.cache import mapped
from data.config import setting
from data.errors import DataError
from data.family import Split
from data.language import mark, tr
from data.photograph import as_grey, resized
from data.picture_set import LARGEST, SMALLEST, PictureSet
from data.pictures import Pictures, Pool
from data.places import Folders, OnProgress
from data.sizes import Sizes
from data.spec import InputSpec

CHUNK = 256  # pictures made smaller at a time


class OwnPicturesConfig(AugmentedConfig):
    """N-way K-shot tasks over a data set of one's own."""

    name: Literal["pictures"] = "pictures"
    set: str = setting("", "Data set")
    """Which of your own data sets, by the name under which it was imported."""
    side: int = setting(84, "Side of a picture", unit="pixels", ge=SMALLEST, le=LARGEST, step=28)
    """Height and width that the network sees: as the pictures were imported, or less."""
    colour: bool = setting(True, "In colour")
    """Off: in shades of grey, in one channel instead of three."""

    @property
    def picture_spec(self) -> InputSpec:
        return InputSpec((3 if self.colour else 1, self.side, self.side))


class OwnPictures(Pictures):
    """One of the sets of a person's own, as it was imported or smaller; then kept so in the cache."""

    Config = OwnPicturesConfig
    config: OwnPicturesConfig
    title = mark("Own pictures")
    summary = mark("Photographs or drawings of your own, imported from a folder, a zip or a list.")
    group = "imported"
    chooser = "set"
    licence = mark("your own pictures: you know it")

    @classmethod
    def offered(cls, folders: Folders) -> dict[str, dict[str, Any]]:
        found = {}
        for name in picture_set.names(folders):
            with suppress(DataError):  # one that cannot be read: said to whoever asks for it by name
                one = picture_set.find(name, folders)
                found[name] = {"set": name, "side": one.side, "colour": one.channels == 3}
        return found

    @classmethod
    def places(cls, config: OwnPicturesConfig, folders: Folders) -> list[Path]:
        return [picture_set.find(config.set, folders).folder]

    @classmethod
    def sizes(cls, config: OwnPicturesConfig, folders: Folders | None) -> Mapping[Split, Sizes] | None:
        if folders is None:
            return None
        found = picture_set.find(config.set, folders)
        if config.side > found.side:
            text = tr(
                "side = {side} exceeds the {most} pixels that {name} was imported with; lower it to {most}.",
                side=config.side,
                most=found.side,
                name=found.name,
            )
            raise DataError(text, tr("Or import {name} again, larger.", name=found.name), "family.side")
        return found.sizes()

    def content(self) -> str:
        one = picture_set.find(self.config.set, Folders(self.datasets, self.cache))
        splits = [[each.name, each.split] for each in one.classes]
        return hashlib.sha256(json.dumps([one.hash, splits]).encode()).hexdigest()

    def load(self, split: Split, progress: OnProgress) -> Pool:
        one = picture_set.find(self.config.set, Folders(self.datasets, self.cache))
        places = zip(one.classes, one.starts(), strict=True)
        chosen = [(each.count, start) for each, start in places if each.split == split]
        counts, starts = map(torch.tensor, zip(*chosen, strict=True))
        return Pool(self.images(one, progress), counts, starts)

    def fingerprint(self, split: Split) -> str:
        """Without reading the pictures, which may be more than memory holds."""
        one, classes = picture_set.find(self.config.set, Folders(self.datasets, self.cache)), self.pictures(split)
        where = classes.starts.tolist(), classes.counts.tolist()
        return repr((one.hash, self.config.side, self.config.colour, where))

    def names(self, split: Split) -> list[str]:
        return [one.name for one in picture_set.find(self.config.set, Folders(self.datasets, self.cache)).of(split)]

    def images(self, one: PictureSet, progress: OnProgress) -> Tensor:
        """All of a set's pictures as the network is to see them: uint8 (pictures, channels, side, side), mapped from a file."""
        side, grey = self.config.side, not self.config.colour
        pixels, channels = one.images(), 1 if grey else one.channels
        if (side, channels) == (one.side, one.channels):
            images = torch.from_numpy(pixels)
        else:

            def make(start: int) -> np.ndarray:
                part = pixels[start : start + CHUNK]
                part = as_grey(part) if grey and one.channels == 3 else part
                return part if side == one.side else resized(part, side)

            path = self.cache / f"pictures-{one.hash[:16]}-{side}-{channels}.pixels"
            images = mapped(path, (len(pixels), channels, side, side), CHUNK, make, progress, one.name)
        # A grey picture as three equal channels takes no more memory.
        return images.expand(-1, 1 if grey else 3, -1, -1)
