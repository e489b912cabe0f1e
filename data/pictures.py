"""What families of pictures share: a split's pictures in one place, as a network takes them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data import frozen
from data.augment import AugmentedConfig, augmented
from data.batch import Episodes
from data.examples import ByClass, Examples
from data.extractor import AT, Extractor
from data.family import SPLITS, EpisodeShape, Split
from data.given import Given, Queries, check_classes, check_queries, readable
from data.language import mark, tr
from data.photograph import as_grey, photograph
from data.picture_files import listed, reading
from data.view import plain

LOOKED_AT = 48  # pixels of a picture's longer side, at most, where a task is looked at
TAKE_OUT = mark("Take it out, or save it anew as PNG or JPEG.")


@dataclass(frozen=True)
class Pool(Examples):
    """A split's pictures, class by class.

    images: uint8 (pictures, channels, height, width), or what a frozen network makes of them, float32 (pictures, size). counts:
    int64 (classes,), how many of them each class has. starts: the number of each class's first, where there are others between
    them; else one class comes after another.
    """

    images: Tensor
    counts: Tensor
    starts: Tensor | None = None

    def __post_init__(self) -> None:
        if self.starts is None:
            object.__setattr__(self, "starts", self.counts.cumsum(0) - self.counts)

    @classmethod
    def even(cls, images: Tensor) -> "Pool":
        """Classes of equally many pictures: uint8 (classes, examples, [channels,] height, width), grey without channels."""
        classes, examples = images.shape[:2]
        if images.ndim == 4:
            images = images.unsqueeze(2)
        return cls(images.flatten(0, 1), torch.full((classes,), examples, device=images.device))

    @cached_property
    def places(self) -> Tensor:
        """The numbers of all that are some class's, class by class: int64 (total,)."""
        classes = zip(self.starts.tolist(), self.counts.tolist(), strict=True)
        return torch.cat([torch.arange(start, start + count) for start, count in classes])

    def of(self, numbers: Tensor) -> Tensor:
        """The pictures of these numbers: (...) → (..., channels, height, width).

        ``images[numbers]`` would copy byte by byte on a processor: an eighth as fast where pictures are of 84×84 in colour.
        """
        return self.images.index_select(0, numbers.flatten()).unflatten(0, numbers.shape)

    def to(self, device: torch.device) -> "Pool":
        """On another device without the pictures that are no class's."""
        if device == self.images.device:
            return self
        classes = zip(self.starts.tolist(), self.counts.tolist(), strict=True)
        images = torch.cat([self.images[start : start + count] for start, count in classes])
        return Pool(images.to(device), self.counts.to(device))


class Pictures(ByClass):
    """N-way K-shot classification of pictures, as float32 in [0, 1], or of what a frozen network makes of them.

    They stay on the device as uint8: a batch becomes float only once it is gathered. Where there is a frozen network, its
    features are there instead. The tasks that a seed draws are the same either way, and so is their hash, which is of pictures.
    """

    looks_like = "pictures"

    @property
    def extracts(self) -> bool:
        """Whether a frozen network reads the pictures, and learners its features."""
        return bool(self.config.frozen_network)

    def pool(self, split: Split) -> Pool:
        if self.extracts and split not in self._pools:
            self._pools[split] = self.features(split).to(self.device)
        return super().pool(split)

    def pictures(self, split: Split) -> Pool:
        """A split's pictures themselves. Where learners are given features they stay where they were loaded."""
        if not self.extracts:
            return self.pool(split)
        if split not in self._pictures:
            self._pictures[split] = self.load(split, self.progress)
        return self._pictures[split]

    @cached_property
    def _pictures(self) -> dict[Split, Pool]:
        return {}

    @cached_property
    def made_with(self) -> str:
        return Extractor(self.config, self.datasets).key() if self.extracts else ""

    def features(self, split: Split) -> Pool:
        """What the frozen network makes of each picture of a split, out of the cache; the first time it is computed.

        Raises ModelError where it does not work, and where it is not the one that the other splits were read with.
        """
        pictures, extractor = self.pictures(split), Extractor(self.config, self.datasets, self.device)
        frozen.unchanged(extractor.key(), self.made_with, AT)

        def compute(some: slice) -> Tensor:
            return extractor(as_input(pictures.of(pictures.places[some])))

        key, shape = f"{self.fingerprint(split)} {self.made_with}", (pictures.total, *self.input_spec.shape)
        return Pool(frozen.features(self.cache, key, shape, compute, self.progress), pictures.counts)

    def extracted(self, images: Tensor) -> Tensor:
        """Any pictures (n, channels, height, width) in [0, 1] as learners are given them: float32 (n, size)."""
        return self._extractor(images.float())

    @cached_property
    def _extractor(self) -> Extractor:
        return Extractor(self.config, self.datasets, self.device)

    def fingerprint(self, split: Split) -> str:
        """Another one wherever a split has other pictures, or other classes of them."""
        pictures = self.pictures(split)
        digest = hashlib.sha256(repr((pictures.counts.tolist(), pictures.images.shape)).encode())
        digest.update(pictures.images.contiguous().numpy())
        return digest.hexdigest()

    def stand_in(self) -> int:
        """One picture of noise in the place of each, so that any number of them takes no memory."""
        noise = torch.randint(256, (1, *self.input_spec.shape), generator=torch.Generator().manual_seed(0))
        noise = (noise.float() if self.extracts else noise.byte()).to(self.device)
        for split in SPLITS:
            counts = self.counted(split)
            self._pools[split] = Pool(noise.expand(int(counts.sum()), *noise.shape[1:]), counts)
        return sum(len(one.images) * one.images[0].numel() * noise.element_size() for one in self._pools.values())

    def inputs(self, pool: Pool, parts: tuple[Tensor, ...]) -> list[Tensor]:
        return [pool.of(numbers) if self.extracts else as_input(pool.of(numbers)) for numbers in parts]

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        episodes = super().sample(split, shape, tasks, generator)
        if not self.augments(split):
            return episodes
        support_x, query_x = (augmented(x, self.config, generator) for x in (episodes.support_x, episodes.query_x))
        return replace(episodes, support_x=support_x, query_x=query_x)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, classes = super().sample_flat(split, batch_size, generator)
        return (augmented(x, self.config, generator) if self.augments(split) else x), classes

    def augments(self, split: Split) -> bool:
        """Whether the pictures of a split are changed at random as they are drawn: those of training, where that is wanted."""
        return split == "train" and isinstance(self.config, AugmentedConfig) and self.config.augments

    def examples(self, split: Split, first: int, count: int, each: int) -> list[tuple[str, int, np.ndarray]]:
        """Classes of a split from the ``first`` on: name, number of pictures, and up to ``each`` of them to look at."""
        pool, names = self.pictures(split), self.names(split)
        found = []
        for number in range(first, min(first + count, len(pool.counts))):
            start, there = int(pool.starts[number]), int(pool.counts[number])
            chosen = torch.arange(start, start + min(each, there), device=pool.images.device)
            found.append((names[number], there, small(as_input(pool.of(chosen)))))
        return found

    def given(self, source: Path) -> Given:
        """Of a folder, zip or list with a folder or label a class, as a data set is imported."""
        found = listed(source)
        check_classes(source, found.classes, tr("Put the pictures of each class into a folder of its own."))
        remarks = [
            tr("{file} {reason}, and was left out.", file=file, reason=tr(reason)) for file, reason in found.skipped
        ]
        with reading(source) as reader:
            return replace(self._shown(found.classes, reader.file), remarks=tuple(remarks))

    def shown(self, by_class: Mapping[str, Mapping[str, bytes]]) -> Given:
        """A support set of pictures in memory, by class and by the name of their file. Raises as ``given`` does."""
        check_classes(tr("What was given"), by_class, tr("Give pictures of another class."))
        content = {(label, name): file for label, files in by_class.items() for name, file in files.items()}
        names = {label: [(label, name) for name in files] for label, files in by_class.items()}
        return self._shown(names, content.__getitem__)

    def _shown(self, by_class: Mapping[str, Sequence[Any]], content: Callable[[Any], Path | bytes]) -> Given:
        files = [(label, name) for label, names in enumerate(by_class.values()) for name in names]
        images = []
        for number, (_, name) in enumerate(files):
            self.progress(number / len(files), tr("Reading pictures"))
            with readable(name if isinstance(name, str) else name[-1], tr(TAKE_OUT), "support"):
                images.append(self.as_drawn(content(name)))
        labels = torch.tensor([label for label, _ in files], device=self.device)
        return Given(self._stacked(images), labels, tuple(by_class))

    def given_queries(self, files: Sequence[str]) -> Queries:
        check_queries(len(files))
        for file in files:
            with readable(file, tr(TAKE_OUT), "query"):
                Path(file).open("rb").close()  # of no file or a folder it says more than a reader of pictures
        return self.queried({file: Path(file) for file in files})

    def queried(self, files: Mapping[str, Path | bytes]) -> Queries:
        """What is asked with pictures, by the names of their files. Raises as ``given`` does."""
        check_queries(len(files))
        images = []
        for number, (name, file) in enumerate(files.items()):
            self.progress(number / len(files), tr("Reading pictures"))
            with readable(name, tr(TAKE_OUT), "query"):
                images.append(self.as_drawn(file))
        return Queries(self._stacked(images), tuple(files))

    def as_drawn(self, file: Path | bytes) -> np.ndarray:
        """A person's picture as those of the family are, uint8 (channels, height, width). Raises ValueError and OSError."""
        channels, side, _ = self.config.picture_spec.shape
        image, _ = photograph(file, side)
        return as_grey(image[None])[0] if channels == 1 else image

    def _stacked(self, images: Sequence[np.ndarray]) -> Tensor:
        return as_input(torch.from_numpy(np.stack(images)).to(self.device))

    def looks(self, split: Split, numbers: Tensor) -> np.ndarray:
        return small(as_input(self.seen(split, numbers)))

    def pictured(self, split: Split, classes: Sequence[int]) -> np.ndarray:
        pictures = self.pictures(split)
        chosen = torch.tensor(list(classes), dtype=torch.int64, device=pictures.starts.device)
        return small(as_input(pictures.of(pictures.starts[chosen])))

    def hashed_inputs(self, split: Split, numbers: Tensor) -> Tensor:
        """Made float on the processor: a device's own division may round otherwise."""
        return as_input(self.seen(split, numbers).cpu())

    def seen(self, split: Split, numbers: Tensor) -> Tensor:
        """The pictures themselves that these numbers of the pool stand for: features are numbered class by class."""
        pictures = self.pictures(split)
        return pictures.of(pictures.places[numbers.cpu()] if self.extracts else numbers)


def as_input(images: Tensor) -> Tensor:
    """uint8 → float32 in [0, 1], the same bits on every device.

    CUDA multiplies by the reciprocal where it divides by a number that the processor holds, which rounds otherwise.
    """
    return images.float().div_(torch.full((), 255.0, device=images.device))


def small(inputs: Tensor) -> np.ndarray:
    """float (n, channels, height, width) in [0, 1] → uint8, large ones with fewer pixels."""
    factor = -(-max(inputs.shape[2:]) // LOOKED_AT)
    return plain((F.avg_pool2d(inputs, factor) if factor > 1 else inputs).mul(255).round().byte())
