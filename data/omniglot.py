"""Omniglot: 1623 handwritten characters of 50 alphabets, each drawn by 20 people (Lake et al. 2015).

Data: https://github.com/brendenlake/omniglot, MIT licence. The drawings are 105×105 bits; Finn et al. 2017 and those after
them use 28×28. Their script asks PIL for a Lanczos filter, which PIL silently replaces by nearest-neighbour for one-bit
pictures; here they become grey first, as torchvision's readers do, so that thin strokes stay whole.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from data.archive import MIB, Limits, opened, short
from data.cache import Cached, cached
from data.characters import SIDE, Characters, CharactersConfig
from data.config import setting
from data.download import fetch
from data.errors import DataError
from data.family import SPLITS, OnProgress, Split
from data.language import mark, tr
from data.pictures import Pool
from data.places import Folders
from data.sizes import Sizes

VERSION = 1  # part of the cache's key: raise it whenever the decoding changes
DRAWERS = 20
CHARACTERS = {"images_background.zip": 964, "images_evaluation.zip": 659}  # in 30 and 20 alphabets
ALPHABETS = {"images_background.zip": 30, "images_evaluation.zip": 20}
BACKGROUND, TOTAL = 964, 1623
# Background alphabets that Vinyals et al. 2016 validate on: 172 characters.
VALIDATION = ("Armenian", "Bengali", "Early_Aramaic", "Hebrew", "Mkhedruli_(Georgian)")
SIZES: dict[str, dict[Split, int]] = {
    "vinyals": {"train": 1028, "val": 172, "test": 423},
    "finn": {"train": 1100, "val": 100, "test": 423},
    "official": {"train": 792, "val": 172, "test": 659},
}
LIMITS = Limits(entries=100_000, entry=MIB, total=256 * MIB, pixels=1_000_000)  # the real drawings have 11,025 pixels


class OmniglotConfig(CharactersConfig):
    """N-way K-shot tasks over Omniglot's characters."""

    name: Literal["omniglot"] = "omniglot"
    split: Literal["vinyals", "finn", "official"] = setting("vinyals", "Split")
    """Which characters train, validate and test: vinyals (1028 / 172 / 423, used by ProtoNet), finn (1100 / 100 / 423
    at random, used by MAML) or official (background alphabets against evaluation alphabets).
    """
    rotations: bool = setting(True, "Rotations as new classes")
    """Turn each character by 90°, 180° and 270° into three more, as the papers do."""
    split_seed: int = setting(0, "Seed of the finn split", ge=0, le=2**31 - 1, advanced=True)
    """Draws the finn split; the others ignore it."""

    def classes(self, split: Split) -> int:
        return SIZES[self.split][split] * (4 if self.rotations else 1)


class Omniglot(Characters):
    """The two zips of the data-set folder, decoded once into one file of the cache folder.

    A class is a character, or with ``rotations`` a character at one of four angles; they follow each other by angle, so
    that class 4 i + r is the split's character i turned r times by 90° counter-clockwise.
    """

    Config = OmniglotConfig
    config: OmniglotConfig
    title = "Omniglot"
    summary = mark("Handwritten characters of 50 alphabets, each drawn by 20 people.")
    group = "downloaded"
    licence = "MIT, Brenden Lake"
    citation = (
        "Lake, Salakhutdinov and Tenenbaum 2015: Human-level concept learning through probabilistic program induction. "
        "Science 350."
    )
    address = "https://github.com/brendenlake/omniglot/raw/master/python/"
    checksums: ClassVar[dict[str, str]] = {
        "images_background.zip": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation.zip": "6b91aef0f799c5bb55b94e3f2daec811",
    }
    _characters: Cached | None = None

    @classmethod
    def sizes(cls, config: OmniglotConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return {split: Sizes.even(config.classes(split), DRAWERS) for split in SPLITS}

    @classmethod
    def missing(cls, datasets: Path) -> list[Path]:
        return [path for path in zips(datasets) if not path.is_file()]

    @classmethod
    def download(cls, datasets: Path, progress: OnProgress) -> None:
        wanted = {path.name: cls.checksums[path.name] for path in cls.missing(datasets)}
        fetch(datasets / "omniglot", cls.address, wanted, progress)

    def load(self, split: Split, progress: OnProgress) -> Pool:
        images = self.characters(progress).images[self.split_indices(split)]
        if not self.config.rotations:
            return Pool.even(images)
        turned = torch.stack([images.rot90(turns, (2, 3)) for turns in range(4)], 1)
        return Pool.even(turned.flatten(0, 1))  # of (characters * 4, 20, 28, 28)

    def names(self, split: Split) -> list[str]:
        """The classes' names, ``Alphabet/characterNN/rotDDD``, as in the published lists."""
        names = self.characters(self.progress).names
        angles = (0, 90, 180, 270) if self.config.rotations else (0,)
        return [f"{names[i]}/rot{angle:03}" for i in self.split_indices(split).tolist() for angle in angles]

    def characters(self, progress: OnProgress) -> Cached:
        """All characters, uint8 (1623, 20, 28, 28): the sorted background ones, then the sorted evaluation ones."""
        if self._characters is None:
            if missing := self.missing(self.datasets):
                raise DataError(tr("{path} is missing.", path=missing[0]), self.remedy(), str(missing[0]))
            stats = [path.stat() for path in zips(self.datasets)]
            key = json.dumps([VERSION, *((stat.st_size, stat.st_mtime_ns) for stat in stats)])
            path = self.cache / f"omniglot-{hashlib.sha256(key.encode()).hexdigest()[:12]}.safetensors"
            self._characters = cached(path, (TOTAL, DRAWERS, SIDE, SIDE), self.decode, progress)
        return self._characters

    def decode(self, progress: OnProgress) -> Cached:
        parts = []
        for path in zips(self.datasets):
            done = sum(len(part.names) for part in parts)

            def report(characters: int, done: int = done) -> None:
                progress((done + characters) / TOTAL, tr("Decoding Omniglot"))

            parts.append(decode_zip(path, report, tr("Delete it. {remedy}", remedy=self.remedy())))
        images = torch.cat([part.images for part in parts])
        return Cached(images, tuple(name for part in parts for name in part.names))

    def remedy(self) -> str:
        files = tr(" and ").join(self.address + name for name in self.checksums)
        return tr(
            "Download {title} from the Train page, or put {files} into {folder}.",
            title=self.title,
            files=files,
            folder=self.datasets / "omniglot",
        )

    def split_indices(self, split: Split) -> Tensor:
        """Which characters belong to a split, int64 (characters of the split,), in [0, 1623)."""
        sizes = SIZES[self.config.split]
        if self.config.split == "finn":
            order = torch.randperm(TOTAL, generator=torch.Generator().manual_seed(self.config.split_seed))
            return dict(zip(sizes, order.split(list(sizes.values())), strict=True))[split]
        # The names are sorted, so that the first 236 evaluation characters are simply the next 236.
        trained = BACKGROUND + (236 if self.config.split == "vinyals" else 0)
        names = self.characters(self.progress).names
        validation = torch.tensor([name.split("/")[0] in VALIDATION for name in names])
        test = torch.arange(TOTAL) >= trained
        chosen = {"train": ~validation & ~test, "val": validation, "test": test}[split]
        return chosen.nonzero().flatten()


def zips(datasets: Path) -> list[Path]:
    return [datasets / "omniglot" / name for name in CHARACTERS]


def decode_zip(path: Path, report: Callable[[int], None], remedy: str = "") -> Cached:
    """Every character of an archive in order of its name, uint8 (characters, 20, 28, 28).

    Raises DataError, which says what is wrong with it.
    """
    with opened(path, LIMITS, remedy) as archive:
        by_character: dict[str, list[str]] = {}
        for drawing in sorted(name for name in archive.names if is_drawing(name)):
            by_character.setdefault("/".join(drawing.split("/")[-3:-1]), []).append(drawing)
        check(path.name, by_character)
        images = np.empty((len(by_character), DRAWERS, SIDE, SIDE), np.uint8)
        for i, character in enumerate(by_character.values()):
            for j, drawing in enumerate(character):
                images[i, j] = shrink(archive.picture(drawing, ("PNG",)))
            report(i + 1)
    return Cached(torch.from_numpy(images), tuple(by_character))


def is_drawing(name: str) -> bool:
    """Whether it is ``…/Alphabet/characterNN/NNNN_NN.png``, and not what an operating system adds to archives."""
    return name.endswith(".png") and name.count("/") >= 2 and "__MACOSX" not in name


def check(archive: str, by_character: dict[str, list[str]]) -> None:
    """Compare an archive's content with what the official one holds. Raises ValueError."""
    alphabets = {name.split("/")[0] for name in by_character}
    found, wanted = (len(alphabets), len(by_character)), (ALPHABETS[archive], CHARACTERS[archive])
    if found != wanted:
        raise ValueError(
            tr(
                "it holds {alphabets} alphabets and {characters} characters instead of {wanted_alphabets} and "
                "{wanted_characters}",
                alphabets=found[0],
                characters=found[1],
                wanted_alphabets=wanted[0],
                wanted_characters=wanted[1],
            )
        )
    for name, drawings in by_character.items():
        if len(drawings) != DRAWERS:
            raise ValueError(
                tr("{name} has {n} drawings instead of {wanted}", name=short(name), n=len(drawings), wanted=DRAWERS)
            )


def shrink(drawing: Image.Image) -> np.ndarray:
    """A drawing, black on white → uint8 (28, 28), white on black."""
    return 255 - np.asarray(drawing.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS))
