"""Frozen episodes: tasks drawn once from a seed, kept as little as says which they are, the same for every run and device."""

import hashlib
import math
from collections.abc import Iterator

import torch

from core.algorithms.replicas import Tick
from core.config.run import RunConfig
from data.batch import Episodes, TaskBatch
from data.family import Drawn, Split, TaskFamily

BLOCK = 25  # tasks drawn at a time; fixed, because how a generator is read is part of what it yields


class FrozenEpisodes:
    """Tasks of one split, in blocks of BLOCK as they were drawn. How many of them are computed at once is another matter."""

    def __init__(self, family: TaskFamily, blocks: list[Drawn]):
        self.family, self.blocks = family, blocks
        self.tasks = sum(block.tasks for block in blocks)
        self._sha256: str | None = None

    def first_block(self) -> "FrozenEpisodes":
        return FrozenEpisodes(self.family, self.blocks[:1])

    def first_task(self) -> TaskBatch:
        return self.family.episodes(self.blocks[0][:1])

    def task(self, place: int) -> Drawn:
        """One of them alone."""
        within = place % BLOCK
        return self.blocks[place // BLOCK][within : within + 1]

    def chunks(self, most: int = BLOCK) -> Iterator[TaskBatch]:
        """The tasks on the family's device in their order, at most so many at once: several whole blocks where that many are
        asked for and tasks are made of tensors, else parts of a block of equal size.
        """
        if most >= 2 * BLOCK:
            yield from self._joined(most // BLOCK)
            return
        for block in self.blocks:
            size = math.ceil(block.tasks / math.ceil(block.tasks / most))
            for start in range(0, block.tasks, size):
                yield self.family.episodes(block[start : start + size])

    def _joined(self, most: int) -> Iterator[TaskBatch]:
        """At most so many blocks at once."""
        size = math.ceil(len(self.blocks) / math.ceil(len(self.blocks) / most))
        for start in range(0, len(self.blocks), size):
            parts = [self.family.episodes(block) for block in self.blocks[start : start + size]]
            # Texts are as long as the longest of their block, which need not be as long as another's.
            if all(
                isinstance(part, Episodes) and part.query_x.shape[2:] == parts[0].query_x.shape[2:] for part in parts
            ):
                yield parts[0].beside(*parts[1:])
            else:
                yield from parts

    def sha256(self, tick: Tick = lambda _: None) -> str:
        """Of the tasks' numbers as the processor has them (see ``TaskFamily.hashed``), block by block; taken once.

        The same on every device, and the same as in version 0.1 on a processor. On a GPU 0.1 took the pictures as the GPU had
        made them float, which may differ in the last bit.
        """
        if self._sha256 is None:
            digest = hashlib.sha256()
            for block in self.blocks:
                for piece in self.family.hashed(block):
                    digest.update(piece.contiguous().numpy())
                tick(0.0)
            self._sha256 = digest.hexdigest()
        return self._sha256


def frozen_episodes(
    config: RunConfig, family: TaskFamily, split: Split, episodes: int, tick: Tick = lambda _: None
) -> FrozenEpisodes:
    """Tasks that depend on the evaluation's seed, its shape, the split and the family's config alone.

    Drawn by a CPU generator, so that every run on every device is asked the same questions; the first ``n`` tasks of a
    longer evaluation are those of a shorter one.
    """
    generator = torch.Generator().manual_seed(episode_seed(config.evaluation.seed, split))
    blocks = []
    for start in range(0, episodes, BLOCK):
        block = family.draw(split, config.test_shape, BLOCK, generator)
        blocks.append(block[: episodes - start])
        tick(0.0)
    return FrozenEpisodes(family, blocks)


def episode_seed(seed: int, split: Split) -> int:
    """A seed apart from those of training and of the other splits.

    Numbers counted up from 0 would meet: a family whose splits differ by their generator alone would then test on the very
    tasks that a run with that seed trains on.
    """
    return int.from_bytes(hashlib.sha256(f"episodes/{split}/{seed}".encode()).digest()[:4], "big")
