"""A stand-in for the CUDA graph, for tests on a processor."""

from collections.abc import Callable, Sequence

from torch import Tensor

from core.training.graphed import Step


def again(step: Step) -> tuple[Callable[[], None], Sequence[Tensor]]:
    """What a CUDA graph does, on a processor: the same operations on the same memory, whenever it is asked to."""
    answers = [one.clone() for one in step()]

    def replay() -> None:
        for held, new in zip(answers, step(), strict=True):
            held.copy_(new)

    return replay, answers
