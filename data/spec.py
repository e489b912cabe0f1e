"""What one input of a task looks like. Models, try-outs and programs of one's own ask this and guess nothing."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class InputSpec:
    """shape: of one input, without batch axes: (1,), (1, 28, 28), (32,) for a text of 32 tokens.

    dtype: ``float``, or ``integer`` for indices. vocabulary: how many indices there are, [0, vocabulary), for integers.
    padding: the index that stands for nothing, None if there is none; if there is one, the inputs of a batch may all be cut
    along their first axis behind the longest of them. written: an input is a text beside what of its answer was written before
    each place, (length, 2), and of each place an answer says what comes there: (length, outputs).
    """

    shape: tuple[int, ...]
    dtype: Literal["float", "integer"] = "float"
    vocabulary: int | None = None
    padding: int | None = None
    written: bool = False

    def __post_init__(self) -> None:
        if self.dtype == "integer" and not self.vocabulary:
            raise ValueError("InputSpec: integers need a vocabulary")

    @property
    def torch_dtype(self) -> torch.dtype:
        return torch.float32 if self.dtype == "float" else torch.int64

    def noise(self, *leading: int, generator: torch.Generator | None = None) -> Tensor:
        """Made-up inputs (*leading, *shape): uniform in [0, 1), or uniform indices."""
        if self.dtype == "float":
            return torch.rand(*leading, *self.shape, generator=generator)
        return torch.randint(self.vocabulary, (*leading, *self.shape), generator=generator)

    def zeros(self, *leading: int) -> Tensor:
        """Inputs (*leading, *shape) of nothing but 0 (or padding), for finding out shapes."""
        return torch.full((*leading, *self.shape), self.padding or 0, dtype=self.torch_dtype)
