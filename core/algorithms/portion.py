"""Which tasks of a meta-batch are computed at once and by which process, and how what they give is put together again."""

from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StepReport:
    """Means over one meta-batch, detached, on the device: reading them there would wait for it.

    support_loss: on the support set before adaptation. query_loss, query_score: on the query set after it. For a
    learner without episodes support_loss is None, and the others are those of the ordinary batch. query_score is None where
    scoring takes too long for every step.
    """

    query_loss: Tensor
    query_score: Tensor | None
    support_loss: Tensor | None = None


@dataclass(frozen=True)
class Portion:
    """What one process computes of each meta-batch: the ``rank``-th of ``processes`` runs of tasks, ``at_once`` at a time.

    rank: from 0. at_once: None for all.
    """

    rank: int = 0
    processes: int = 1
    at_once: int | None = None

    def parts(self, tasks: int) -> list[tuple[slice, float]]:
        """Its tasks in equal parts, each with its share of the meta-batch. tasks: no fewer than there are processes."""
        start, end = (rank * tasks // self.processes for rank in (self.rank, self.rank + 1))
        mine = end - start
        count = -(-mine // (self.at_once or mine))
        edges = [start + i * mine // count for i in range(count + 1)]
        return [(slice(first, last), (last - first) / tasks) for first, last in pairwise(edges)]


WHOLE = Portion()


class Averages:
    """The moving averages that a learner keeps in buffers. Every part of a meta-batch starts from the same ones.

    A mean over tasks moves them as far as the parts' means do on average, weighted by their shares. Those that nothing moves
    stay what they are to the last bit.
    """

    def __init__(self, learner: nn.Module):
        self.buffers = [buffer for buffer in learner.buffers() if buffer.is_floating_point()]
        self.before = [buffer.clone() for buffer in self.buffers]
        self.moves = [torch.zeros_like(buffer) for buffer in self.buffers]

    @torch.no_grad()
    def take(self, share: float) -> None:
        """Note how far a part has moved them, and put them back for the next one."""
        for buffer, before, move in zip(self.buffers, self.before, self.moves, strict=True):
            move.add_(buffer - before, alpha=share)
            buffer.copy_(before)

    @torch.no_grad()
    def put(self, total: float = 1.0) -> None:
        """Move them as the parts did together. total: of the parts' shares."""
        for buffer, move in zip(self.buffers, self.moves, strict=True):
            buffer.add_(move, alpha=1 / total)


def summed(reports: list[tuple[StepReport, float]]) -> StepReport:
    """The parts' means times their shares: the whole meta-batch's means where the shares add up to 1."""
    if len(reports) == 1 and reports[0][1] == 1.0:
        return reports[0][0]

    def total(name: str) -> Tensor | None:
        values = [(getattr(report, name), share) for report, share in reports]
        return None if values[0][0] is None else sum(value * share for value, share in values)

    return StepReport(**{field.name: total(field.name) for field in fields(StepReport)})
