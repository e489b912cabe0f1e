"""What families of drawn characters share: a pool of images that episodes and flat batches are gathered from."""

from abc import abstractmethod
from pathlib import Path

import torch
from torch import Tensor

from data.errors import DataError
from data.family import ClassificationConfig, Episodes, EpisodeShape, OnProgress, Split, TaskFamily
from data.spec import InputSpec

SIDE = 28  # pixels


class CharactersConfig(ClassificationConfig):
    """What every family of characters has beside the shape of its tasks."""

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((1, SIDE, SIDE))


class Characters(TaskFamily):
    """N-way K-shot classification of 28×28 characters, white ink on black, in [0, 1].

    A split's images are loaded when they are first asked for and then stay on the device as uint8: 32,460 of them take
    25 MB, and a batch becomes float only once it is gathered.
    """

    kind = "classification"
    config: CharactersConfig

    def __init__(
        self,
        config: CharactersConfig,
        *,
        datasets: Path,
        cache: Path,
        device: torch.device | str = "cpu",
        progress: OnProgress | None = None,
    ):
        super().__init__(config, datasets=datasets, cache=cache, device=device, progress=progress)
        self._pools: dict[Split, Tensor] = {}

    @abstractmethod
    def load(self, split: Split, progress: OnProgress) -> Tensor:
        """The images of a split, uint8 (classes, examples, 28, 28), white ink on black, on any device.

        Raises DataError where a data set is missing or damaged.
        """

    def pool(self, split: Split) -> Tensor:
        """The images of a split, uint8 (classes, examples, 28, 28), on the device."""
        if split not in self._pools:
            self._pools[split] = self.load(split, self.progress).to(self.device)
        return self._pools[split]

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        """Draw tasks whose classes are distinct and whose support and query examples are distinct.

        Raises DataError where the shape asks for more classes or examples than the split has.
        """
        for field, problem in self.config.problems(shape, split):
            raise DataError(problem, path=f"family.{field}")
        pool = self.pool(split)
        n_way, k_shot, n_query = shape
        where = generator.device
        # The places of the largest of uniform numbers are a sample without replacement, in random order.
        classes = torch.rand(tasks, pool.shape[0], generator=generator, device=where).topk(n_way).indices
        order = torch.rand(tasks, n_way, pool.shape[1], generator=generator, device=where)
        examples = order.topk(k_shot + n_query).indices  # (tasks, n_way, k_shot + n_query)
        images = pool[classes[..., None].to(self.device), examples.to(self.device)]
        support, query = images.split((k_shot, n_query), dim=2)  # (tasks, n_way, k_shot or n_query, 28, 28)
        labels = torch.arange(n_way, device=self.device).expand(tasks, n_way)
        return Episodes(
            as_input(support.flatten(1, 2)),  # (tasks, n_way * k_shot, 1, 28, 28)
            labels.repeat_interleave(k_shot, dim=1),
            as_input(query.flatten(1, 2)),
            labels.repeat_interleave(n_query, dim=1),
        )

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pool = self.pool(split)
        classes = torch.randint(pool.shape[0], (batch_size,), generator=generator, device=generator.device)
        examples = torch.randint(pool.shape[1], (batch_size,), generator=generator, device=generator.device)
        classes = classes.to(self.device)
        return as_input(pool[classes, examples.to(self.device)]), classes


def as_input(images: Tensor) -> Tensor:
    """uint8 (..., 28, 28) → float32 (..., 1, 28, 28) in [0, 1]."""
    return images.unsqueeze(-3).float().div_(255)
