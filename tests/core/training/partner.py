"""A second process of a team in float64: takes steps beside the test that started it, and says nothing.

python -m tests.core.training.partner FOLDER STEPS 'LEARNER [ASSIGNMENT …]' …
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from core.training.parallel import meet
from core.training.step import Stepper
from tests.core.learners import on_made_up_tasks
from tests.core.tiny import tiny

PROCESSES, RATE = 2, 0.1


class Partner:
    """One of two (Partners)."""

    processes = PROCESSES

    def __init__(self, rank: int):
        self.rank = rank

    def begin(self, iteration: int, rate: float, progress: float) -> None:
        """The others count for themselves."""

    def add_up(self, tensor: Tensor) -> None:
        dist.all_reduce(tensor)


def stepper(name: str, *assignments: str, partner: Partner | None = None) -> Stepper:
    """A learner in float64 on made-up tasks; the same at every call."""
    learner, config = on_made_up_tasks(name, *assignments), tiny("conv4", f"algorithm={name}", *assignments)
    # Adam would make steps of rounding errors where a gradient is 0, as that of a bias before BatchNorm.
    optimizer = torch.optim.SGD(learner.parameters(), lr=RATE)
    return Stepper(config, learner, optimizer, torch.Generator().manual_seed(5), partner)


def main(folder: str, steps: str, *learners: str) -> None:
    torch.set_num_threads(1)
    meet(Path(folder), 1, ["cpu"] * PROCESSES)
    for learner in learners:
        ours = stepper(*learner.split(), partner=Partner(1))
        for i in range(int(steps)):
            ours.take(i, RATE, i / int(steps))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
